"""A compiled word list: which terms of which rules stand in a text.

A term stands where its folded form occurs, and
- a letter or digit of a script that writes spaces (Latin, Greek, Cyrillic) at its edge touches no other such character,
- the original takes at most three characters for each of the term's and holds no blank line,
- no exception of the same rule lies over it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from daachorse import CharwiseDoubleArrayAhoCorasick
from msgspec import Struct

from hanlin.policy.fold import fold, offsets
from hanlin.policy.judging import Hit

CONTEXT_CHARACTERS = 8
"""How far an edge looks past invisible characters for its neighbour."""
_STRETCH = 3
"""A match takes at most the term's length and twice that again, so that words far apart never join."""
_MOST_SPANS = 16
_INVISIBLE = frozenset({"Cf", "Mn", "Me"})
_BLANK_LINE = re.compile(r"\n\s*\n")
_SPACED_SCRIPTS_END = "\u0530"
"""Latin, Greek and Cyrillic, folded, lie below the Armenian block."""

Key = tuple[int, int, str]
"""Folded start, folded end, rule."""


class WordRule(Struct, frozen=True):
    """Terms and exceptions under one public name."""

    name: str
    reason: str
    terms: tuple[str, ...]
    exceptions: tuple[str, ...] = ()


class _Pattern(NamedTuple):
    folded: str
    rule: WordRule
    covers: tuple[tuple[int, int], ...] = ()
    """Of an exception: where terms of its rule lie in it. Empty for a term."""
    starts_word: bool = False
    ends_word: bool = False


class _Place(NamedTuple):
    """An occurrence, in characters of the original."""

    start: int
    end: int
    settled: bool
    """False while the next character may still undo it."""


class Passage:
    """A text, what stood before it, and whether more may come: what decides if a folded occurrence is one."""

    def __init__(self, text: str, before: str = "", *, last: bool = True) -> None:
        self.text, self.last = text, last
        self.offsets = offsets(text)
        self._before = before
        self._blank_lines = _BLANK_LINE.search(text) is not None

    def place(self, start: int, end: int, pattern: _Pattern) -> _Place | None:
        """Where a folded occurrence stands in the original, None if edges, length or a blank line rule it out."""
        first, past = self.offsets[start], self.offsets[end - 1] + 1
        taken, length = past - first, end - start
        if taken > _STRETCH * length or (self._blank_lines and _BLANK_LINE.search(self.text, first, past)):
            return None
        if pattern.starts_word and _spaced(self._left(first)):
            return None
        if not pattern.ends_word:
            return _Place(first, past, True)
        ahead = self.text[past : past + CONTEXT_CHARACTERS]
        neighbour = _visible(ahead)
        if _spaced(neighbour):
            return None
        return _Place(first, past, self.last or bool(neighbour) or len(ahead) == CONTEXT_CHARACTERS)

    def grows(self, start: int, longest: int) -> int | None:
        """Where the unfinished occurrence at the end starts in the original, None if it cannot come to stand."""
        first = self.offsets[start]
        if len(self.text) - first >= _STRETCH * longest or _BLANK_LINE.search(self.text, first):
            return None
        return None if _spaced(self.text[first]) and _spaced(self._left(first)) else first

    def _left(self, index: int) -> str:
        left = self.text[max(0, index - CONTEXT_CHARACTERS) : index]
        if index < CONTEXT_CHARACTERS:
            left = (self._before + left)[-CONTEXT_CHARACTERS:]
        return _visible(reversed(left))


class Verdict(NamedTuple):
    """What a passage comes to: the hit that stands whatever follows, else how much of it may leave."""

    hit: Hit | None
    free: int


class Lexicon:
    """A `Rule` made of word rules; `find` and `begins` are what a watcher asks of every piece."""

    def __init__(self, rules: Iterable[WordRule]) -> None:
        self._patterns = [pattern for rule in rules for pattern in _patterns(rule)]
        automaton = CharwiseDoubleArrayAhoCorasick([pattern.folded for pattern in self._patterns])
        self.find: Callable[[str], list[tuple[int, int, int]]] = automaton.find_overlapping
        """Every occurrence of a term or exception in folded text: start, end, pattern."""
        self._prefixes = _prefixes(pattern.folded for pattern in self._patterns)
        self._exceptions = _prefixes(pattern.folded for pattern in self._patterns if pattern.covers)
        self._ends = {prefix[-1] for prefix in self._prefixes}
        self._triples = {prefix[-3:] for prefix in self._prefixes if len(prefix) > 2}
        self._longest = max(map(len, self._prefixes), default=0)
        self.shortest = min((len(pattern.folded) for pattern in self._patterns), default=0)
        """Length of the shortest pattern; no shorter folded text holds one."""

    def judge(self, text: str) -> Hit | None:
        folded = fold(text)
        found = self.find(folded)
        return self.weigh(folded, found, Passage(text)).hit if found else None

    def begins(self, folded: str, text: str) -> bool:
        """Whether `text`, folded, may end in the beginning of a term or exception; seldom True in vain."""
        prefixes = self._prefixes
        if not text.isascii():
            if folded[-1:] not in self._ends:
                return False
        elif text.strip().isalnum():  # one word, as most pieces of English are: nothing starts inside it
            return folded in prefixes
        if folded[-1:] in prefixes and not _mid_word(text, 1):
            return True
        if folded[-2:] in prefixes and not _mid_word(text, 2):
            return True
        if folded[-3:] not in self._triples:
            return False
        lengths = range(3, min(len(folded), self._longest) + 1)
        return any(folded[-length:] in prefixes and not _mid_word(text, length) for length in lengths)

    def wait(self, folded: str, passage: Passage) -> int:
        """From where the passage must wait, when nothing was found in it."""
        return self._growing(folded, passage, self._prefixes)

    def weigh(self, folded: str, found: Sequence[tuple[int, int, int]], passage: Passage) -> Verdict:
        """Which occurrences stand, and from where the text must wait for what comes next."""
        free = exempt = len(passage.text)
        if not passage.last:
            free = self.wait(folded, passage)
            exempt = self._growing(folded, passage, self._exceptions)
        shields = self._shields(found, passage)
        standing: list[tuple[_Place, WordRule]] = []
        shielded: list[tuple[int, int]] = []
        for start, end, index in found:
            pattern = self._patterns[index]
            shield = shields.get((start, end, pattern.rule.name))
            if pattern.covers or (shield and shield.settled):
                if shield and not passage.last:
                    shielded.append((passage.offsets[start], shield.start))
                continue
            place = passage.place(start, end, pattern)
            if place and (shield or not place.settled or place.start >= exempt):
                free = min(free, place.start, shield.start if shield else place.start)
            elif place:
                standing.append((place, pattern.rule))
        # An exception is kept whole, or the rest of it would no longer protect the term when looked at again.
        for first, shield_start in sorted(shielded, reverse=True):
            free = min(free, shield_start) if first >= free else free
        return Verdict(_hit(standing), free)

    def _shields(self, found: Sequence[tuple[int, int, int]], passage: Passage) -> dict[Key, _Place]:
        """Which occurrences of terms lie under an exception, a settled one where there is one."""
        shields: dict[Key, _Place] = {}
        for start, end, index in found:
            pattern = self._patterns[index]
            place = passage.place(start, end, pattern) if pattern.covers else None
            for offset, length in pattern.covers if place else ():
                key = start + offset, start + offset + length, pattern.rule.name
                if place and (key not in shields or not shields[key].settled):
                    shields[key] = place
        return shields

    def _growing(self, folded: str, passage: Passage, prefixes: dict[str, int]) -> int:
        for length in self._lengths(folded):
            longest = prefixes.get(folded[-length:])
            start = passage.grows(len(folded) - length, longest) if longest else None
            if start is not None:
                return start
        return len(passage.text)

    def _lengths(self, folded: str) -> range:
        return range(min(len(folded), self._longest), 0, -1)


def _hit(standing: Sequence[tuple[_Place, WordRule]]) -> Hit | None:
    if not standing:
        return None
    rule = min(standing, key=lambda found: found[0].start)[1]
    spans = sorted({(place.start, place.end) for place, other in standing if other is rule})
    return Hit(rule.name, rule.reason, tuple(spans[:_MOST_SPANS]))


def _patterns(rule: WordRule) -> list[_Pattern]:
    terms = {fold(term) for term in rule.terms}
    patterns: list[tuple[str, tuple[tuple[int, int], ...]]] = [(term, ()) for term in sorted(terms)]
    exceptions = sorted({fold(exception) for exception in rule.exceptions})
    patterns += [(exception, tuple(_within(exception, terms))) for exception in exceptions]
    return [_Pattern(folded, rule, covers, _spaced(folded[0]), _spaced(folded[-1])) for folded, covers in patterns]


def _within(exception: str, terms: Iterable[str]) -> list[tuple[int, int]]:
    return [(found.start(), len(term)) for term in terms for found in re.finditer(f"(?={re.escape(term)})", exception)]


def _prefixes(patterns: Iterable[str]) -> dict[str, int]:
    """Each proper beginning of a pattern -> the length of the longest pattern that begins so."""
    longest: dict[str, int] = defaultdict(int)
    for pattern in patterns:
        for end in range(1, len(pattern)):
            longest[pattern[:end]] = max(longest[pattern[:end]], len(pattern))
    return dict(longest)


def _mid_word(text: str, length: int) -> bool:
    """Whether the last letters and digits, `length` and one before, are ASCII and touch: no term starts among them."""
    word = text.rstrip()[-length - 1 :]
    return word.isalnum() and word.isascii() and len(word) > length


def _spaced(character: str) -> bool:
    """Whether it is a letter or digit of a script that sets words apart by spaces."""
    return character.isalnum() and "" < fold(character)[:1] < _SPACED_SCRIPTS_END


def _visible(characters: Iterable[str]) -> str:
    return next((c for c in characters if unicodedata.category(c) not in _INVISIBLE), "")
