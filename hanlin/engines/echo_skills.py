"""What the shipped fake does beside chat: vectors of hashed bigrams, a set transcription, set lines, bands of a tone.

The same input gives the same answer, and what is alike gives vectors that are near, so that what is built on them can
be tested without a model.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hanlin import sound
from hanlin.errors import BadRequest
from hanlin.types import (
    Choice,
    Chunk,
    Delta,
    Detail,
    Generation,
    Line,
    Media,
    Recognised,
    Segment,
    Skill,
    Spoken,
    Usage,
    Vectors,
    Word,
)

DIMENSIONS = 256
BANDS = 64
LINE_PX = 20
SENTENCE = re.compile(r"[^.!?。！？]+[.!?。！？]*")
WORD = re.compile(r"[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]+|\s+")


def answer(job: Generation, said: str) -> Iterator[Chunk]:
    """The chunks of an answer; `said` is what a transcription or a picture is to hold."""
    detail = _detail(job, said)
    texts = [segment.text for segment in detail.segments] if isinstance(detail, Spoken) else [detail.text]
    yield Chunk([Choice(0, Delta(role="assistant"))])
    for text in texts:
        if text:
            yield Chunk([Choice(0, Delta(content=text))])
    spoken = sum(bool(text) for text in texts)
    tokens = sum(len(message.text()) for message in job.chat.messages)
    yield Chunk([Choice(0, Delta(), "stop")], Usage(tokens, spoken, tokens + spoken), detail=detail)


def _detail(job: Generation, said: str) -> Detail:
    if job.model.skill is Skill.EMBEDDING:
        rows = [bigrams(message.text()) for message in job.chat.messages if message.role == "user"]
        return Vectors(tuple(rows), DIMENSIONS)
    if job.media is None:
        raise BadRequest("A file is needed.", code="no_media", param="file")
    if job.model.skill is Skill.VOICES:
        return Vectors(tuple(_bands(job.media.path, *window) for window in job.media.windows), BANDS)
    return _spoken(job.media, said) if job.model.skill is Skill.TRANSCRIPTION else _recognised(said)


def bigrams(text: str) -> bytes:
    """A vector of length 1 whose elements count the pairs of characters, each pair at a place of its own."""
    vector = np.zeros(DIMENSIONS, np.float32)
    plain = f" {text.casefold()} "
    for pair in pairwise(plain):
        vector[zlib.crc32("".join(pair).encode()) % DIMENSIONS] += 1
    return _unit(vector)


def _bands(path: str, start_seconds: float, end_seconds: float) -> bytes:
    power = np.abs(np.fft.rfft(sound.read(path, start_seconds, end_seconds), 4 * BANDS * 32)) ** 2
    return _unit(power[: BANDS * 32].reshape(BANDS, 32).sum(axis=1) + 1e-6)


def _unit(vector: npt.NDArray[np.float32]) -> bytes:
    return (vector / np.linalg.norm(vector)).astype("<f4").tobytes()


def _spoken(media: Media, said: str) -> Spoken:
    """The set text over the stretch asked for, sentences as segments; nothing where the sound is silent."""
    samples = sound.read(media.path, media.start_seconds, media.end_seconds)
    seconds = len(samples) / sound.SAMPLE_RATE
    if not len(samples) or float(np.abs(samples).max()) < 0.001:
        return Spoken((), media.language, seconds)
    sentences = SENTENCE.findall(said or "This is an echo.")
    each = seconds / len(sentences)
    segments = [
        _segment(text, media.start_seconds + place * each, media.start_seconds + (place + 1) * each)
        for place, text in enumerate(sentences)
    ]
    return Spoken(tuple(segments), media.language or "en", seconds)


def _segment(text: str, start: float, end: float) -> Segment:
    pieces = WORD.findall(text)
    each = (end - start) / len(pieces)
    words = [
        Word(piece, round(start + place * each, 2), round(start + (place + 1) * each, 2), 1.0)
        for place, piece in enumerate(pieces)
    ]
    return Segment(round(start, 2), round(end, 2), text, tuple(words))


def _recognised(said: str) -> Recognised:
    lines = [
        Line(text, (0.0, float(place * LINE_PX), float(10 * len(text)), float((place + 1) * LINE_PX)))
        for place, text in enumerate((said or "This is an echo.").splitlines())
    ]
    return Recognised(tuple(lines), 10 * max(len(line.text) for line in lines), LINE_PX * len(lines))
