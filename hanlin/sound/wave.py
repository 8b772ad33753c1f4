"""The one form of sound the rooms share: WAV with 16-bit samples, 16,000 a second, one channel. Read piece by piece."""

from __future__ import annotations

import io
import itertools
import wave
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from hanlin.errors import BadFile

SAMPLE_RATE = 16_000
"""Samples a second; what Whisper, Silero and GE2E were made for."""
FULL_SCALE = 32_768
PEAK_TOP = 255

Samples = npt.NDArray[np.float32]


def read(path: str, start_seconds: float = 0, end_seconds: float = 0) -> Samples:
    """The samples of a stretch, -1 to 1; an `end_seconds` of 0 means the end. Empty where the stretch lies outside."""
    return _floats(_stretch(path, start_seconds, end_seconds))


def seconds(path: str) -> float:
    """How long the sound is."""
    with _opened(path) as file:
        return file.getnframes() / SAMPLE_RATE


def clip(path: str, start_seconds: float, end_seconds: float) -> bytes:
    """A stretch as a WAV file of its own, to be listened to."""
    written = io.BytesIO()
    with create(written) as file:
        file.writeframes(_stretch(path, start_seconds, end_seconds))
    return written.getvalue()


def peaks(path: str, count: int) -> list[int]:
    """The loudest sample of each of `count` equal parts, 0 to 255: the picture of a waveform."""
    tops = []
    with _opened(path) as file:
        frames = file.getnframes()
        edges = [frames * place // count for place in range(count + 1)]
        for begin, end in itertools.pairwise(edges):
            part = np.frombuffer(file.readframes(end - begin), "<i2").astype(np.int32)
            tops.append(min(PEAK_TOP, int(np.abs(part).max(initial=0)) * PEAK_TOP // (FULL_SCALE - 1)))
    return tops


def blocks(path: str, samples: int, start_seconds: float = 0, end_seconds: float = 0) -> Iterator[Samples]:
    """A stretch in pieces of `samples`; the last one filled up with silence."""
    with _opened(path) as file:
        left = _place(file, start_seconds, end_seconds)
        while left > 0 and (piece := file.readframes(min(samples, left))):
            left -= samples
            yield _floats(piece.ljust(2 * samples, b"\0"))


@contextmanager
def create(target: str | io.BytesIO) -> Iterator[wave.Wave_write]:
    """A new file of the shared form, to write 16-bit samples to."""
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        yield file


def _floats(data: bytes) -> Samples:
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(FULL_SCALE)


def _stretch(path: str, start_seconds: float, end_seconds: float) -> bytes:
    with _opened(path) as file:
        return file.readframes(_place(file, start_seconds, end_seconds))


def _place(file: wave.Wave_read, start_seconds: float, end_seconds: float) -> int:
    """Go to the start of a stretch; how many samples it has."""
    frames = file.getnframes()
    start = min(max(0, round(start_seconds * SAMPLE_RATE)), frames)
    end = min(round(end_seconds * SAMPLE_RATE), frames) if end_seconds else frames
    file.setpos(start)
    return max(0, end - start)


@contextmanager
def _opened(path: str) -> Iterator[wave.Wave_read]:
    """The file, found to be of the shared form. Raises BadFile."""
    try:
        with wave.open(path, "rb") as file:
            form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if form != (SAMPLE_RATE, 1, 2):
                raise BadFile(f"The sound has {form[0]} samples a second on {form[1]} channels, expected 16000 on 1.")
            yield file
    except (wave.Error, EOFError):
        raise BadFile("The sound is not a WAV file.", action="Decode it first.") from None
