r"""Numbers made of digits: ID card, residence permit, bank card, mobile, landline.

People write them in groups ("138 1234 5678"), so a datum is one or more whole groups of a run of digits. `\b` is of no
use here: between a Han character and a digit there is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hanlin.policy.file import PersonalKind
from hanlin.policy.personal.checks import id_check_digit, is_birthday, is_region, passes_luhn
from hanlin.policy.personal.kinds import Finding, found, has_context

NUMBERS: frozenset[PersonalKind] = frozenset(
    {"id_card", "old_id_card", "residence_permit", "bank_card", "mobile", "landline"}
)
SEPARATOR = r"[ .()（）_·\u00a0\u2009\u202f\u3000\-\u2010-\u2014\u200b-\u200d\u2060\ufeff]"
_RUN = re.compile(rf"[0-9](?<![0-9][0-9])(?:{SEPARATOR}{{0,3}}[0-9]){{6,}}+")
_GROUP = re.compile("[0-9]+")
_CHECK_X = re.compile(rf"{SEPARATOR}{{0,3}}[Xx](?![A-Za-z0-9])")
_MOST_GROUPS = 6
_MOST_DIGITS = 19
_SPELT = 11
"""A mobile number may also be written digit by digit."""
_SPOKEN = re.compile(
    "[一幺](?<![零〇一二三四五六七八九幺].)[三四五六七八九][零〇一二三四五六七八九幺]{9}(?![零〇一二三四五六七八九幺])"
)
_MOBILE = re.compile("1(?:3[0-9]|4[014-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[0-9]{8}")
"""Segments given out by the MIIT, virtual operators and the Internet of things included."""
_AREA = re.compile("0(?:10|2[0-57-9]|[3-9][0-9]{2})")
_MOBILE_GROUPS = frozenset({(11,), (3, 4, 4), (3, 8), (3, 3, 5), (4, 4, 3), (4, 3, 4), (3, 5, 3), (7, 4)})
_CARD_ISSUERS = re.compile("62|4|5[1-5]|2[2-7]|3[47]|35|60|65|9[05]")
_CARD_FOURS = frozenset({(4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5)})
_ATTACHED = 0.3
"""What a letter before the number takes away: serial numbers and hashes look so."""

GROWS = (
    rf"[0-9+](?<![0-9][0-9])[0-9]{{0,19}}+(?:{SEPARATOR}{{1,3}}[0-9]{{1,19}}+){{0,11}}{SEPARATOR}{{0,3}}[Xx]?\Z",
    r"[一幺](?<![零〇一二三四五六七八九幺].)(?:[三四五六七八九][零〇一二三四五六七八九幺]{0,9})?\Z",
)
"""An end of a text in which a number may still be growing."""
STARTS = "0-9+一幺"


class Guess(NamedTuple):
    kind: PersonalKind
    score: float
    validator: str = ""


def find_numbers(text: str, start: int) -> Iterator[Finding]:
    """Every candidate that starts at `start` or later, overlapping ones too."""
    for run in _RUN.finditer(text, start):
        groups = [group.span() for group in _GROUP.finditer(text, *run.span())]
        for first in range(len(groups)):
            yield from _starting(text, groups[first : first + _SPELT])
    for match in _SPOKEN.finditer(text, start):
        yield found(text, "mobile", match.span(), 0.7)


def _starting(text: str, groups: list[tuple[int, int]]) -> Iterator[Finding]:
    start = groups[0][0]
    if text[start - 1 : start] == "." and text[start - 2 : start - 1].isdecimal() and start > 1:
        return
    digits, sizes = "", tuple[int, ...]()
    for number, (first, past) in enumerate(groups, 1):
        digits, sizes = digits + text[first:past], (*sizes, past - first)
        if len(digits) > _MOST_DIGITS:
            return
        if len(digits) < 7 or (number > _MOST_GROUPS and sizes != (1,) * _SPELT):
            continue
        yield from _ending(text, (start, past), digits, sizes)


def _ending(text: str, span: tuple[int, int], digits: str, sizes: tuple[int, ...]) -> Iterator[Finding]:
    start, past = span
    after = text[past : past + 2]
    guesses: Iterator[Guess]
    if len(digits) == 17 and (check := _CHECK_X.match(text, past)):
        guesses, past = _identity(digits + "X"), check.end()
    elif _alphanumeric(after[:1]) or (after[:1] == "." and after[1:].isdecimal() and after[1:].isascii()):
        return
    else:
        guesses = _guesses(digits, sizes)
    plus = text[start - 1 : start] == "+" and start > 0
    attached = start > 0 and _alphanumeric(text[start - 1])
    for kind, score, validator in guesses:
        sure = 0.9 if plus and kind == "mobile" and digits[:2] == "86" else score
        sure -= _ATTACHED if attached and not has_context(text, kind, start) else 0
        yield found(text, kind, (start - plus, past), sure, validator)


def _alphanumeric(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def _guesses(digits: str, sizes: tuple[int, ...]) -> Iterator[Guess]:
    length = len(digits)
    if length == 18:
        yield from _identity(digits)
    if length >= 15:
        yield from _card(digits, sizes)
    if length == 15 and is_region(digits) and is_birthday("19" + digits[6:12]):
        yield Guess("old_id_card", 0.4)
    if 11 <= length <= 15:
        yield from _mobile(digits, sizes)
    if length <= 12:
        yield from _landline(digits, sizes)


def _identity(digits: str) -> Iterator[Guess]:
    right = id_check_digit(digits[:17]) == digits[17]
    score, validator = (0.98, "gb11643") if right else (0.5, "")
    if is_region(digits) and is_birthday(digits[6:14]):
        yield Guess("id_card", score, validator)
    if digits[0] == "9" and is_region(digits[1:]) and is_birthday(digits[6:14]):
        yield Guess("residence_permit", score, validator)


def _card(digits: str, sizes: tuple[int, ...]) -> Iterator[Guess]:
    if len(set(digits)) < 2 or not _CARD_ISSUERS.match(digits) or not passes_luhn(digits):
        return
    if sizes in _CARD_FOURS or (digits.startswith("62") and len(digits) > 15 and max(sizes) > 4):
        yield Guess("bank_card", 0.8, "luhn")
    else:
        yield Guess("bank_card", 0.5, "luhn")


def _mobile(digits: str, sizes: tuple[int, ...]) -> Iterator[Guess]:
    if len(digits) == 11 and _MOBILE.fullmatch(digits):
        yield Guess("mobile", 0.8 if sizes in _MOBILE_GROUPS else 0.5)
    elif digits[:-11] in {"86", "0086", "086"} and _MOBILE.fullmatch(digits[-11:]):
        yield Guess("mobile", 0.7)


def _landline(digits: str, sizes: tuple[int, ...]) -> Iterator[Guess]:
    area = _AREA.match(digits)
    if area and len(digits) - area.end() in {7, 8} and digits[area.end()] not in "01":
        yield Guess("landline", 0.7 if sizes[0] == area.end() else 0.5)
    elif len(digits) == 10 and digits[:3] in {"400", "800"}:
        yield Guess("landline", 0.3)
    elif len(digits) == 8 and digits[0] in "2345678" and not is_birthday(digits) and sizes in {(8,), (4, 4)}:
        yield Guess("landline", 0.4)
