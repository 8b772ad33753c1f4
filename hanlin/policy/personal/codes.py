"""Numbers with letters in them: credit code, passport, travel permit, number plate."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hanlin.policy.file import PersonalKind
from hanlin.policy.personal.checks import credit_check_digit, is_region
from hanlin.policy.personal.kinds import Finding, found

CODES: frozenset[PersonalKind] = frozenset({"credit_code", "passport", "travel_permit"})
PLATES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_WORD = re.compile("[A-Z0-9](?<![A-Za-z0-9_].)[A-Z0-9]{7,17}+(?![A-Za-z0-9_])")
_PASSPORT = re.compile("[EG][0-9]{8}|E[A-HJ-NP-Z][0-9]{7}|[DSPK][0-9]{7,8}|[DSP]E[0-9]{7}|1[45][0-9]{7}")
_PERMIT = re.compile("[HM][0-9]{8}(?:[0-9]{2})?|[CWTL][0-9]{8}|C[A-Z][0-9]{7}")
_CREDIT = re.compile("[159YAN][1-9A-GN][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_PLATE = re.compile(
    f"[{PLATES}][A-HJ-NP-Z][·•. -]?(?:[0-9A-HJ-NP-Z]{{5,6}}+|[0-9A-HJ-NP-Z]{{4}}[挂学警港澳])(?![A-Za-z0-9_])"
)
_PLATE_DIGITS = 3
"""GA 36: of the last places, at most two are letters (three on new-energy plates of six)."""

CODE_GROWS = (r"[A-Z0-9](?<![A-Za-z0-9_].)[A-Z0-9]{0,17}+\Z",)
PLATE_GROWS = (rf"[{PLATES}](?:[A-HJ-NP-Z][·•. -]?[0-9A-HJ-NP-Z]{{0,6}}+)?\Z",)


def find_codes(text: str, start: int) -> Iterator[Finding]:
    """Candidates among words of capitals and digits that start at `start` or later."""
    for match in _WORD.finditer(text, start):
        word = match[0]
        if (
            len(word) == 18
            and _CREDIT.fullmatch(word)
            and is_region(word[2:])
            and credit_check_digit(word[:17]) == word[17]
        ):
            yield found(text, "credit_code", match.span(), 0.45 if word.isdecimal() else 0.95, "gb32100")
        elif _PASSPORT.fullmatch(word):
            yield found(text, "passport", match.span(), 0.45)
        if len(word) <= 11 and _PERMIT.fullmatch(word):
            yield found(text, "travel_permit", match.span(), 0.4)


def find_plates(text: str, start: int) -> Iterator[Finding]:
    for match in _PLATE.finditer(text, start):
        if sum(character.isdecimal() for character in match[0]) >= _PLATE_DIGITS:
            yield found(text, "plate", match.span(), 0.8)
