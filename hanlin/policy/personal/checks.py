"""Check digits and dates of Chinese numbers."""

from __future__ import annotations

from datetime import date

_REGIONS = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91"
_PROVINCES = frozenset(_REGIONS.split())
"""GB/T 2260, with 71 Taiwan, 81 Hong Kong, 82 Macau, 83 residents of Taiwan, 91 abroad."""
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_CREDIT_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def id_check_digit(first_17: str) -> str:
    """GB 11643, ISO 7064 MOD 11-2."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _ID_WEIGHTS, strict=True))
    return _ID_CHECKS[total % 11]


def credit_check_digit(first_17: str) -> str:
    """GB 32100. Raises ValueError for a character that the code does not have (I O S V Z)."""
    total = sum(_CREDIT_DIGITS.index(digit) * weight for digit, weight in zip(first_17, _CREDIT_WEIGHTS, strict=True))
    return _CREDIT_DIGITS[-total % 31]


def passes_luhn(digits: str) -> bool:
    """ISO/IEC 7812-1; one random number in ten passes."""
    odd = sum(map(int, digits[-1::-2]))
    return (odd + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def is_region(digits: str) -> bool:
    return digits[:2] in _PROVINCES


def is_birthday(digits: str) -> bool:
    """Whether YYYYMMDD is a day from 1900 until today."""
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return False
    return day.year >= 1900 and day <= date.today()  # noqa: DTZ011 - birthdays have no time zone
