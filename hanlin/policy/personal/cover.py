"""What stands in the place of personal data: a mask that keeps what helps a reader and gives nobody away."""

from __future__ import annotations

import re

from hanlin.policy.file import PersonalKind
from hanlin.policy.personal.kinds import level

_KEPT: dict[PersonalKind, tuple[int, int]] = {
    "id_card": (4, 4),
    "old_id_card": (4, 3),
    "residence_permit": (4, 4),
    "credit_code": (4, 4),
    "bank_card": (4, 4),
    "mobile": (3, 4),
    "landline": (0, 4),
    "passport": (1, 3),
    "travel_permit": (1, 3),
    "plate": (2, 2),
    "account": (1, 2),
    "name": (1, 0),
}
"""How many letters and digits stay at the beginning and at the end; at most two thirds of all."""
_SECRET_KEPT = 4
_AREA_ENDS = re.compile("[市区县區縣旗]")


def normalised(value: str) -> str:
    """The value without what writing it differently changes: width, case, separators."""
    return "".join(character for character in level(value).casefold() if character.isalnum() or character in "@.:")


def mask(kind: PersonalKind, value: str) -> str:
    """`138****5678`, `1101**********1234`, `z***@example.com`, `张**`; never the value itself."""
    if kind == "email":
        local, _, domain = value.rpartition("@")
        return f"{local[:1] if len(local) > 1 else ''}***@{domain}"
    if kind == "ip_address":
        parts = re.split(r"[.:]", value)
        return value[: len(parts[0])] + (".*.*.*" if "." in value else ":****")
    if kind == "secret":
        return value[:_SECRET_KEPT] * (len(value) >= 4 * _SECRET_KEPT) + "****"
    if kind == "address":
        return _address(value)
    if kind == "name":
        return (
            value[:1] + "*" * max(1, len(value) - 1) if value.isalpha() and not value.isascii() else value[:1] + "***"
        )
    return _number(kind, value)


def _number(kind: PersonalKind, value: str) -> str:
    digits = "".join(character for character in value if character.isalnum())
    if kind == "mobile" and len(level(digits)) > 11:
        digits = digits[len(digits) - 11 :]
    first, last = _KEPT[kind]
    if first + last > len(digits) * 2 // 3:
        first = last = len(digits) // 4
    return digits[:first] + "*" * (len(digits) - first - last) + digits[len(digits) - last :]


def _address(value: str) -> str:
    """The region stays down to its first city or district, the rest goes."""
    area = _AREA_ENDS.search(value)
    return value[: area.end() if area and area.end() < len(value) else 2] + "****"
