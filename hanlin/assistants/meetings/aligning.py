"""Times for the words of a corrected text, so that the audio goes on following the word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from hanlin.assistants.meetings.records import SpokenWord

_WORD = re.compile(
    r"\s*(?:[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff][\u3000-\u303f\uff00-\uff0f\uff1a-\uff20]*"
    r"|[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]+)"
)
"""A Chinese character with the punctuation behind it, or what stands between blanks; with the blank before it."""


def aligned(text: str, words: Sequence[SpokenWord], start_seconds: float, end_seconds: float) -> tuple[SpokenWord, ...]:
    """The words of `text`, with the times that the same letters had in `words`; new letters share the time between.

    `start_seconds` and `end_seconds` are the segment's, for texts without words.
    """
    old = "".join(word.text for word in words)
    edges = _edges(words) if words else [start_seconds, end_seconds]
    times = _times(text, old, edges)
    known = {word.text.strip().lower(): word.probability for word in words}
    return tuple(
        SpokenWord(
            match[0],
            round(times[match.start()], 3),
            round(max(times[match.start()], times[match.end()]), 3),
            known.get(match[0].strip().lower(), 1.0),
        )
        for match in _WORD.finditer(text)
    )


def tokens(text: str) -> Iterator[str]:
    """The words of a text, which joined are the text again but for blanks at its end."""
    return (match[0] for match in _WORD.finditer(text))


def _edges(words: Sequence[SpokenWord]) -> list[float]:
    """When each letter of the joined words begins, and when the last one ends."""
    edges: list[float] = []
    for word in words:
        count = len(word.text)
        edges += [word.start_seconds + (word.end_seconds - word.start_seconds) * n / count for n in range(count)]
    return [*edges, words[-1].end_seconds]


def _times(text: str, old: str, edges: Sequence[float]) -> list[float]:
    """The same for the letters of `text`."""
    anchors = {0: edges[0], len(text): edges[-1]}
    for block in SequenceMatcher(None, old.lower(), text.lower(), autojunk=False).get_matching_blocks():
        for step in range(block.size):
            anchors[block.b + step] = edges[block.a + step]
    places = sorted(anchors)
    times = [0.0] * (len(text) + 1)
    for left, right in pairwise(places):
        span = anchors[right] - anchors[left]
        for place in range(left, right):
            times[place] = anchors[left] + span * (place - left) / (right - left)
    times[len(text)] = edges[-1]
    return times
