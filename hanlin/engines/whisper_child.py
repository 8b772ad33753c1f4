"""What runs in the child of the engine `whisper`: where to cut the sound, and what is said in one piece of it."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from hanlin import sound
from hanlin.engines.whisper_script import simplify
from hanlin.engines.whisper_tidy import drop_invented, has_loop, without_loops
from hanlin.errors import BadFile
from hanlin.types import Segment, Word

Stretch = tuple[float, float]
Piece = list[Stretch]
"""Stretches of speech in seconds of the file, heard together: what lies between them is left out."""

HEARD_SECONDS = 29.0
"""Whisper hears 30 s at once; a little is left for the joints."""
PAUSE_SECONDS = 0.5
"""Speech is cut at a longer pause than this; Silero judges."""
PAD_SECONDS = 0.2
SEARCH_SECONDS = 8.0
"""Speech without a pause is cut at the quietest place in so much before the longest piece ends."""
SURE = 0.6
"""With less probability than this a piece is taken to be in the language of the others (Whisper, 2022: 2.3)."""
LOOPING = 2.4
"""gzip ratio of text that goes round in circles (Whisper, 2022: 4.5)."""


class Asked(Struct, frozen=True):
    folder: str
    path: str
    language: str = ""
    """Given; "" to be found out."""
    expected: str = ""
    """What was found out so far."""
    translate: bool = False
    hint: str = ""
    """Names and terms that may come up."""
    beam_size: int = 5
    threads: int = 1
    chinese: str = "simplified"


class Heard(Struct, frozen=True):
    segments: tuple[Segment, ...]
    language: str


def plan(path: str, start_seconds: float, end_seconds: float) -> tuple[list[Piece], float]:
    """The pieces in which to listen to a stretch of the file, and how many seconds the stretch has."""
    length = sound.seconds(path)
    end = min(end_seconds or length, length)
    found = sound.speech(path, silence_seconds=PAUSE_SECONDS, start_seconds=start_seconds, end_seconds=end)
    padded = [(max(start_seconds, begin - PAD_SECONDS), min(end, stop + PAD_SECONDS)) for begin, stop in found]
    pieces: list[Piece] = []
    filled = HEARD_SECONDS
    for stretch in _short(path, _apart(padded)):
        seconds = stretch[1] - stretch[0]
        if filled + seconds > HEARD_SECONDS:
            pieces.append([])
            filled = 0.0
        pieces[-1].append(stretch)
        filled += seconds
    return pieces, max(0.0, end - start_seconds)


def _apart(stretches: list[Stretch]) -> list[Stretch]:
    """The same, joined where padding made them touch."""
    joined: list[Stretch] = []
    for begin, end in stretches:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def _short(path: str, stretches: list[Stretch]) -> list[Stretch]:
    """The same, none longer than what is heard at once."""
    cut = []
    for begin, end in stretches:
        start = begin
        while end - start > HEARD_SECONDS:
            stop = _quietest(path, start + HEARD_SECONDS - SEARCH_SECONDS, start + HEARD_SECONDS)
            cut.append((start, stop))
            start = stop
        cut.append((start, end))
    return cut


def _quietest(path: str, start_seconds: float, end_seconds: float) -> float:
    samples = sound.read(path, start_seconds, end_seconds)
    width = sound.SAMPLE_RATE // 5
    step = width // 4
    loudness = [float(np.square(samples[at : at + width]).mean()) for at in range(0, len(samples) - width, step)]
    return start_seconds + (int(np.argmin(loudness)) * step + width / 2) / sound.SAMPLE_RATE


def hear(asked: Asked, piece: Piece) -> Heard:
    """What is said in one piece, its times counted in the file."""
    model = _model(asked.folder, asked.threads)
    if asked.language and asked.language not in model.supported_languages:
        raise BadFile(
            f"The model does not know the language {asked.language[:20]!r}.",
            action="Give its ISO 639-1 code, such as zh, or none.",
            code="language_unknown",
        )
    samples = np.concatenate([sound.read(asked.path, begin, end) for begin, end in piece])
    segments, language = _listen(model, samples, asked)
    if any(has_loop(segment) or segment.compression_ratio > LOOPING for segment in segments):
        again, _ = _listen(model, samples, asked, no_repeat_ngram_size=4, repetition_penalty=1.15)
        segments = again
    clock = _Clock(piece)
    kept = without_loops([clock.segment(segment) for segment in segments])
    kept = drop_invented(kept, asked.hint)
    if language == "zh" and not asked.translate and asked.chinese != "as_heard":
        kept = [simplify(segment, traditional=asked.chinese == "traditional") for segment in kept]
    return Heard(tuple(kept), language)


def _listen(
    model: Any, samples: npt.NDArray[np.float32], asked: Asked, **against_loops: float
) -> tuple[list[Any], str]:
    """faster-whisper's segments, and the language. Temperature 0, so that the same sound gives the same text."""
    chosen = {
        "task": "translate" if asked.translate else "transcribe",
        "beam_size": asked.beam_size,
        "temperature": 0.0,
        "condition_on_previous_text": False,
        "word_timestamps": True,
        "hotwords": asked.hint.strip() or None,
        **against_loops,
    }
    language = asked.language or _language(model, samples, asked.expected)
    segments, _ = model.transcribe(samples, language=language, **chosen)
    return list(segments), language


def _language(model: Any, samples: npt.NDArray[np.float32], expected: str) -> str:
    """The language of a piece; the expected one where it is not sure."""
    if not model.model.is_multilingual:
        return "en"
    features = model.feature_extractor(samples)[..., :-1]  # what is listened to, so that it is encoded once
    found, probability, _ = model.detect_language(features=features)
    return expected if expected and probability < SURE else str(found)


@cache
def _model(folder: str, threads: int) -> Any:
    """The weights, loaded once in the life of the child."""
    from faster_whisper import WhisperModel

    class Remembering(WhisperModel):  # type: ignore[misc]
        """Keeps the last encoding: finding out the language and listening ask for the same."""

        heard: tuple[Any, Any] | None = None

        def encode(self, features: Any) -> Any:
            if self.heard is None or not np.array_equal(self.heard[0], features):
                self.heard = (np.array(features), super().encode(features))
            return self.heard[1]

    return Remembering(
        folder, device="cpu", compute_type="int8", cpu_threads=threads, num_workers=1, local_files_only=True
    )


class _Clock:
    """From seconds in the joined stretches to seconds in the file."""

    def __init__(self, piece: Piece) -> None:
        lengths = [end - begin for begin, end in piece]
        starts = [sum(lengths[:place]) for place in range(len(piece) + 1)]
        self._stretches = [
            (left, right, begin) for (left, right), (begin, _) in zip(pairwise(starts), piece, strict=True)
        ]

    def segment(self, given: Any) -> Segment:
        words = tuple(self._word(word) for word in given.words or ())
        start, end = self._times(given.start, given.end)
        return Segment(
            words[0].start_seconds if words else start,
            words[-1].end_seconds if words else end,
            "".join(word.text for word in words) or given.text,
            words,
            round(float(given.avg_logprob), 4),
            round(float(given.no_speech_prob), 4),
        )

    def _word(self, given: Any) -> Word:
        start, end = self._times(given.start, given.end)
        return Word(given.word, start, end, round(float(given.probability), 4))

    def _times(self, start: float, end: float) -> Stretch:
        """Both by the stretch that the middle lies in, so that nothing lasts through what was left out."""
        middle = (start + end) / 2
        left, right, begin = next((one for one in self._stretches if middle < one[1]), self._stretches[-1])
        offset = begin - left
        return round(float(max(start, left) + offset), 2), round(float(min(end, right) + offset), 2)
