"""A text, what stood before it, and whether more may come: what decides if a folded occurrence of a term is one.

A term stands where its folded form occurs, and
- a letter or digit of a script that writes spaces (Latin, Greek, Cyrillic) at its edge touches no other such character,
- the original takes at most three characters for each that counts, and holds no blank line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hanlin.policy.decoding import Decoded, unescaped
from hanlin.policy.fold import spaced

CONTEXT_CHARACTERS = 8
"""How far an edge looks past invisible characters for its neighbour."""
STRETCH = 3
"""A match takes at most the term's length and twice that again, so that words far apart never join."""
BLANK_LINE = re.compile(r"\n\s*\n")
_INVISIBLE = frozenset({"Cf", "Mn", "Me"})


class Place(NamedTuple):
    """An occurrence, in characters of the original."""

    start: int
    end: int
    settled: bool = True
    """False while the next character may still undo it."""


class Passage:
    """`text` with its escapes read, between the characters `before` and, unless it is the `last`, what may come."""

    def __init__(self, text: str, before: str = "", *, last: bool = True, window: Decoded | None = None) -> None:
        """With a `window` (of `decodings`) its text stands for the original, and only what is encoded there counts."""
        self._window = window
        self._decoded = window or unescaped(text)
        self.text = self._decoded.text if self._decoded else text
        self.before, self.last = before, last

    def place(self, offsets: Sequence[int], start: int, end: int) -> Place | None:
        """Where a folded occurrence stands in `self.text`, None if edges, length or a blank line rule it out."""
        first, past = offsets[start], offsets[end - 1] + 1
        taken = past - first
        if self._window and not self._window.encoded(first, past):
            return None
        if taken > end - start and taken > STRETCH * len(set(offsets[start:end])):
            return None
        if "\n" in self.text[first:past] and BLANK_LINE.search(self.text, first, past):
            return None
        if spaced(self.text[first]) and spaced(left_of(first, self.text, self.before)):
            return None
        if not spaced(self.text[past - 1]):
            return Place(first, past)
        ahead = self.text[past : past + CONTEXT_CHARACTERS]
        neighbour = _visible(ahead)
        if spaced(neighbour):
            return None
        return Place(first, past, self.last or bool(neighbour) or len(ahead) == CONTEXT_CHARACTERS)

    def written(self, start: int, end: int) -> tuple[int, int]:
        """The span in the original of what stands from `start` to `end`."""
        return self._decoded.written(start, end) if self._decoded else (start, end)

    def after(self, index: int) -> int:
        """Where in the original what stands from `index` on begins."""
        return self._decoded.after(index) if self._decoded else index


def left_of(index: int, text: str, before: str) -> str:
    """The visible character before `index`, empty if there is none near."""
    if index and (near := text[index - 1]).isascii():
        return near
    left = text[max(0, index - CONTEXT_CHARACTERS) : index]
    if index < CONTEXT_CHARACTERS:
        left = (before[-CONTEXT_CHARACTERS:] + left)[-CONTEXT_CHARACTERS:]
    return _visible(reversed(left))


def _visible(characters: Iterable[str]) -> str:
    return next((c for c in characters if unicodedata.category(c) not in _INVISIBLE), "")
