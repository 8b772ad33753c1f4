"""Split characters (拆字): a character written as its left and its right part, 枪 as 木仓."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

_MOST_FREE = 4
"""Up to so many characters of a term are split in every combination; beyond, each alone and all together."""


def _parts() -> dict[str, str]:
    parts: dict[str, str] = {}
    lines = Path(__file__).with_name("split.txt").read_text(encoding="utf-8").splitlines()
    for side, shared, *pairs in (line.split() for line in lines if not line.startswith("#")):
        parts |= {pair[0]: shared + pair[1] if side == "left" else pair[1] + shared for pair in pairs}
    return parts


PARTS = _parts()
"""Character -> its left and its right part."""


def split_spellings(folded_term: str) -> set[str]:
    """The term with one, several or all of its characters split; empty if none of them can be."""
    places = [place for place, character in enumerate(folded_term) if character in PARTS]
    sizes = range(1, len(places) + 1) if len(places) <= _MOST_FREE else (1, len(places))
    return {_with_split(folded_term, chosen) for size in sizes for chosen in combinations(places, size)}


def _with_split(term: str, places: tuple[int, ...]) -> str:
    return "".join([PARTS[character] if place in places else character for place, character in enumerate(term)])
