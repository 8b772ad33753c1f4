"""A text in pieces, so that a page can mark what a rule found in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    marked: bool


def pieces(text: str, spans: Iterable[tuple[int, int]]) -> list[Piece]:
    """The whole text in order, the spans marked; spans may overlap, and what of them lies outside is left out."""
    found, place = [], 0
    for span in sorted(spans):
        start, end = max(span[0], place), min(span[1], len(text))
        if start < end:
            found += [Piece(text[place:start], False), Piece(text[start:end], True)]
            place = end
    return [piece for piece in (*found, Piece(text[place:], False)) if piece.text]


def excerpt(text: str, spans: Sequence[tuple[int, int]], characters: int = 90) -> str:
    """So much of the text, on one line, around the first span; from its beginning where there is none."""
    middle = min(spans)[0] if spans else 0
    start = max(0, min(middle - characters // 3, len(text) - characters))
    shown = " ".join(text[start : start + characters].split())
    return f"{'…' if start else ''}{shown}{'…' if start + characters < len(text) else ''}"
