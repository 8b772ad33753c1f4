"""Who says what: words are given to voices, and words of one voice are put together to segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from hanlin.assistants.meetings.cutting import HOP_SECONDS, Stretch
from hanlin.assistants.meetings.records import SpokenWord
from hanlin.types import Segment, Word

FRAMES_A_SECOND = 10
ISLAND_SECONDS = 0.5
"""A change of voice shorter than this within another's sentence is an error of the window, not a word."""
SENTENCE_SECONDS = 20.0
"""A longer segment is parted at the end of a sentence in it."""
PAUSE_SECONDS = 1.2
"""After a pause this long somebody begins anew, whatever the model thought one segment."""
_ENDS = (".", "?", "!", "。", "？", "！", "…")


class Turn(Struct, frozen=True):
    """What one voice says without a break, about a sentence."""

    voice: int
    start_seconds: float
    end_seconds: float
    text: str
    confidence: float
    words: tuple[SpokenWord, ...]


class Timeline:
    """Which voice speaks when, a tenth of a second at a time; -1 where nobody was told."""

    def __init__(self, windows: Sequence[Stretch], voices: npt.NDArray[np.int64], seconds: float) -> None:
        self._frames = np.full(int(seconds * FRAMES_A_SECOND) + 2, -1, np.int64)
        for (start, end), voice in zip(windows, voices, strict=True):
            # the middle of a window is surest; its ends stay where no other window tells
            middle, half = (start + end) / 2, HOP_SECONDS / 2
            self._fill(start, end, int(voice), over=False)
            self._fill(max(start, middle - half), min(end, middle + half), int(voice), over=True)

    def voice(self, start_seconds: float, end_seconds: float) -> int:
        """The voice with most of the time between, or the nearest one; 0 where there is none at all."""
        first, last = self._place(start_seconds), self._place(end_seconds) + 1
        counted = Counter(int(voice) for voice in self._frames[first:last] if voice >= 0)
        return counted.most_common(1)[0][0] if counted else self._nearest((first + last) // 2)

    def _fill(self, start: float, end: float, voice: int, *, over: bool) -> None:
        part = self._frames[self._place(start) : self._place(end) + 1]
        part[slice(None) if over else part < 0] = voice

    def _place(self, seconds: float) -> int:
        return min(max(int(seconds * FRAMES_A_SECOND), 0), len(self._frames) - 1)

    def _nearest(self, place: int) -> int:
        known = np.flatnonzero(self._frames >= 0)
        return int(self._frames[known[np.abs(known - place).argmin()]]) if len(known) else 0


def turns(segments: Iterable[Segment], timeline: Timeline) -> Iterator[Turn]:
    """The segments parted where the voice changes, in order of time."""
    for segment in segments:
        if not segment.text.strip():
            continue
        if not segment.words:
            voice = timeline.voice(segment.start_seconds, segment.end_seconds)
            text = segment.text.strip()
            yield Turn(voice, segment.start_seconds, segment.end_seconds, text, _certainty(segment), ())
            continue
        voices = _smooth(segment.words, [timeline.voice(w.start_seconds, w.end_seconds) for w in segment.words])
        for voice, group in groupby(zip(segment.words, voices, strict=True), key=lambda pair: pair[1]):
            for words in _sentences([word for word, _ in group]):
                yield _turn(voice, words)


def _smooth(words: Sequence[Word], voices: list[int]) -> list[int]:
    """Short islands take the voice before them, or behind the first."""
    runs = [list(group) for _, group in groupby(range(len(words)), key=lambda place: voices[place])]
    for number, run in enumerate(runs):
        length = words[run[-1]].end_seconds - words[run[0]].start_seconds
        if length >= ISLAND_SECONDS or len(runs) == 1:
            continue
        neighbour = runs[number - 1][0] if number else runs[1][0]
        for place in run:
            voices[place] = voices[neighbour]
    return voices


def _sentences(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words in parts: parted by pauses, and at the ends of sentences if together they are long."""
    held: list[Word] = []
    for word in words:
        if held and word.start_seconds - held[-1].end_seconds >= PAUSE_SECONDS:
            yield held
            held = []
        held.append(word)
        long = word.end_seconds - held[0].start_seconds >= SENTENCE_SECONDS / 2
        if long and word.text.rstrip().endswith(_ENDS) and words[-1].end_seconds - word.end_seconds > 2:
            yield held
            held = []
    if held:
        yield held


def _turn(voice: int, words: Sequence[Word]) -> Turn:
    text = "".join(word.text for word in words).strip()
    spoken = tuple(
        SpokenWord(word.text, round(word.start_seconds, 3), round(word.end_seconds, 3), round(word.probability, 3))
        for word in words
    )
    certainty = sum(word.probability for word in words) / len(words)
    return Turn(voice, words[0].start_seconds, words[-1].end_seconds, text, round(certainty, 3), spoken)


def _certainty(segment: Segment) -> float:
    return round(float(np.exp(min(0.0, segment.mean_log_probability))), 3)
