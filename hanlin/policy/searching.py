"""One layer of a lexicon, searched: what occurs in a text folded, and from where its end may still become a pattern."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

from daachorse import CharwiseDoubleArrayAhoCorasick

from hanlin.policy.compiled import Layer, Prefixes
from hanlin.policy.fold import SPACED_SCRIPTS_END, fold, offsets, spaced
from hanlin.policy.passage import BLANK_LINE, CONTEXT_CHARACTERS, STRETCH, left_of
from hanlin.policy.pinyin import Pinyin

_WORD_START = re.compile(r"[^\x00-\x7f]|(?<![0-9A-Za-z])[0-9A-Za-z]")
"""Where a pattern may begin: at any character that is not ASCII (looked at more closely), or where a word begins."""

_FEWEST_TAKEN = STRETCH * 2
"""A pattern that has a beginning has two characters at least; so many characters each of its matches may take."""

Occurrence = tuple[int, int, int]
"""Folded start, folded end, number of the pattern."""


class Searched:
    """A layer: its spelling (`fold`, `offsets`), its patterns (`find`), and what may still grow to one of them."""

    def __init__(self, layer: Layer, pinyin: Pinyin | None = None) -> None:
        self.pinyin = pinyin
        self.fold: Callable[[str], str] = pinyin.fold if pinyin else fold
        self.offsets: Callable[[str], Sequence[int]] = pinyin.offsets if pinyin else offsets
        automaton = CharwiseDoubleArrayAhoCorasick.deserialize(layer.automaton)
        self.find: Callable[[str], list[Occurrence]] = automaton.find_overlapping
        self.lists = memoryview(layer.lists).cast("H")
        self.terms = memoryview(layer.terms).cast("I")
        self.weights = memoryview(layer.weights).cast("d")
        self.reach = STRETCH * (layer.prefixes.most + 1) + 2 * CONTEXT_CHARACTERS
        """So far from a character nothing bears on what stands there."""
        self.growing = Growing(layer.prefixes, self)
        self.growing_exception = Growing(layer.exceptions, self)

    def whole(self, offsets: Sequence[int], start: int, end: int, length: int) -> bool:
        """Whether an occurrence begins and ends with whole characters of the text; asked of pinyin only."""
        return self.pinyin is None or (
            (not start or offsets[start - 1] != offsets[start]) and (end == length or offsets[end] != offsets[end - 1])
        )


class Growing:
    """Which ends of texts may still become one of some patterns of a layer."""

    def __init__(self, prefixes: Prefixes, layer: Searched) -> None:
        automaton = CharwiseDoubleArrayAhoCorasick.deserialize(prefixes.automaton)
        self._find: Callable[[str], list[Occurrence]] = automaton.find_overlapping_no_suffix
        self._longest = memoryview(prefixes.longest).cast("H")
        self._most = prefixes.most
        self._reach = STRETCH * self._most
        self._limit = self._reach + CONTEXT_CHARACTERS
        self._layer = layer
        self._plain = layer.pinyin is None

    def since(self, folded: str, text: str, before: str) -> int:
        """Where in `text` the first pattern begins that what follows may complete; its length if none does."""
        size = len(text)
        if size > self._limit:  # what begins further back takes too many characters
            cut = size - self._reach
            tail = text[cut:]
            return cut + self.since(self._layer.fold(tail), tail, text[cut - CONTEXT_CHARACTERS : cut])
        end = folded[-self._most :] if len(folded) > self._most else folded
        found = self._find(end)
        if not found or found[-1][1] != len(end):
            return size
        begun = end[found[-1][0] :]
        index = self._read_off(folded, text, before, begun) if self._plain else None
        return self._search(folded, text, before) if index is None else index

    def _read_off(self, folded: str, text: str, before: str, begun: str) -> int | None:
        """The same where the text ends as it is folded, or has only marks behind: for nearly every piece of a stream.

        None where a closer look is needed.
        """
        size = len(text)
        if not text.endswith(begun):
            near = begun[0] >= SPACED_SCRIPTS_END and size < _FEWEST_TAKEN and "\n" not in text
            return len(folded) - len(begun) if near and text.startswith(folded) else None
        index = size - len(begun)
        if begun[0] >= SPACED_SCRIPTS_END:
            return index
        left = text[index - 1] if index else before[-1:]
        if not left.isascii():
            return None
        if not left.isalnum():
            return index
        return None if _WORD_START.search(text, index + 1) else size

    def _search(self, folded: str, text: str, before: str) -> int:
        """The same for every text, from its first possible beginning to the last."""
        first, size = max(0, len(folded) - self._most), len(folded)
        offsets = self._layer.offsets(text)
        while (found := self._find(folded[first:])) and first + found[-1][1] == size:
            start = first + found[-1][0]
            index, prefix = offsets[start], found[-1][2]
            if folded[start] < SPACED_SCRIPTS_END and spaced(text[index]) and spaced(left_of(index, text, before)):
                word = _WORD_START.search(text, index + 1)
                if word is None:
                    break
                first = bisect_left(offsets, word.start(), start + 1)
            elif self._may_stand(text, index, prefix) and self._layer.whole(offsets, start, size, size):
                return index
            else:
                first = start + 1
        return len(text)

    def _may_stand(self, text: str, index: int, prefix: int) -> bool:
        near = len(text) - index < STRETCH * self._longest[prefix]
        return near and not ("\n" in text and BLANK_LINE.search(text, index))
