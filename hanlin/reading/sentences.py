"""Where sentences begin and end, in zh, en, id, ms, vi and th; linear in the text's length."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 400
"""Characters. What has no full stop (Thai, lists, tables) is broken at a blank when it grows longer."""
_END = re.compile(
    r"[。！？；…]++[”’」』）)\"'》】]*+"  # the wide marks end a sentence wherever they stand
    r"|(?<![.!?\s])[.!?]++[”’\"'»)\]]*+(?=\s|\Z|[\u3000-\u9fff])"
    r"|\n++"
)
_ENGLISH = (
    "mr mrs ms dr prof sr jr st vs etc e.g i.e cf al fig figs eq no nos vol pp p ch sec approx dept inc ltd co corp "
    "u.s u.k jan feb mar apr jun jul aug sep sept oct nov dec"
)
_MALAY_AND_VIETNAMESE = "bpk sdr drs tn ny hj kpd dll dsb dst yth jl hal bhd sdn tp ths gs pgs ts"
_ABBREVIATIONS = frozenset(_ENGLISH.split() + _MALAY_AND_VIETNAMESE.split())
_LAST_WORD = re.compile(r"[\w.]{1,12}\Z")
_THAI = re.compile("[\u0e00-\u0e7f]")


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) in characters of each sentence, in order, without the blanks around; nothing else is left out."""
    found = []
    for start, end in _pieces(text):
        found += [_trimmed(text, *part) for part in _short(text, start, end)]
    return [(start, end) for start, end in found if start < end]


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for mark in _END.finditer(text):
        if not (text[mark.start()] == "." and _goes_on(text, start, mark)):
            yield start, mark.end()
            start = mark.end()
    yield start, len(text)


def _goes_on(text: str, start: int, mark: re.Match[str]) -> bool:
    """A full stop that ends no sentence: after an abbreviation, an initial, the number of a list's entry."""
    word = _LAST_WORD.search(text, max(start, mark.start() - 12), mark.start())
    if word is None or mark[0].count(".") > 1:
        return False
    if word[0].isdigit():
        return word.start() == start or text[start : word.start()].isspace()
    following = text[mark.end() : mark.end() + 2].strip()
    lower = word[0].lower()
    initial = len(word[0]) == 1 and word[0].isupper() and word[0] != "I"
    return initial or lower in _ABBREVIATIONS or (bool(following) and following[0].islower())


def _short(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    longest = LONGEST // 2 if _THAI.search(text, start, min(end, start + 50)) else LONGEST
    while end - start > longest:
        blank = text.rfind(" ", start + 1, start + longest)
        cut = blank + 1 if blank > 0 else start + longest
        yield start, cut
        start = cut
    yield start, end


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
