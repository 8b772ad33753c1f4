"""Two voices made of sums of sines, which the network for speech takes for speech, and ears that tell them apart."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hanlin.sound import SAMPLE_RATE, read
from hanlin.types import Segment, Word

Samples = npt.NDArray[np.float32]
PITCH = {"low": 120.0, "high": 215.0}
_VOWELS = ([(700, 1.0), (1200, 0.6), (2500, 0.3)], [(350, 1.0), (2100, 0.5), (2900, 0.3)], [(500, 1.0), (900, 0.7)])


def say(voice: str, words: int, *, pause_seconds: float = 0.12) -> Samples:
    """So many words of 0.4 s in one voice, with pauses between."""
    pause = np.zeros(int(pause_seconds * SAMPLE_RATE))
    spoken = [piece for word in range(words) for piece in (_word(PITCH[voice], word), pause)]
    return np.concatenate(spoken).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def write(path: Path, *channels: Sequence[Samples]) -> Path:
    """A WAV file with these channels, each the pieces of it in a row; shorter ones end in silence."""
    joined = [np.concatenate(list(pieces)) for pieces in channels]
    longest = max(map(len, joined))
    filled = np.stack([np.pad(one, (0, longest - len(one))) for one in joined], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(joined))
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((filled * 32767).astype("<i2").tobytes())
    return path


def pcm(*pieces: Samples) -> bytes:
    return bytes((np.concatenate(pieces) * 32767).astype("<i2").tobytes())


def heard(path: str) -> Segment | None:
    """One segment with a word for each burst of sound: `low` or `high`, by its pitch."""
    samples = read(path)
    words = tuple(
        Word(f" {_voice(samples[start:end])}", start / SAMPLE_RATE, end / SAMPLE_RATE, 0.9)
        for start, end in _bursts(samples)
    )
    if not words:
        return None
    return Segment(
        words[0].start_seconds, words[-1].end_seconds, "".join(word.text for word in words), words, -0.1, 0.0
    )


def vector(path: str, start: float, end: float) -> bytes:
    """A unit vector that says which voice has most of a window."""
    samples = read(path, start, end)
    low = 1.0 if len(samples) and _voice(samples) == "low" else 0.0
    return np.array([low, 1 - low], "<f4").tobytes()


def _word(pitch: float, number: int) -> npt.NDArray[np.float64]:
    time = np.arange(int(0.4 * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.03 * np.sin(2 * np.pi * 5 * time))) / SAMPLE_RATE
    sound = np.zeros_like(time)
    for harmonic in range(1, 30):
        loudness = sum(
            gain * np.exp(-(((harmonic * pitch - formant) / (90 + 0.06 * formant)) ** 2))
            for formant, gain in _VOWELS[number % 3]
        )
        sound += loudness * np.sin(harmonic * phase)
    faded = sound * np.minimum(1, np.minimum(time, time[::-1]) / 0.04)
    return np.asarray(0.5 * faded / np.abs(faded).max())


def _bursts(samples: Samples) -> list[tuple[int, int]]:
    frame = 160
    loud = np.abs(samples[: len(samples) // frame * frame]).reshape(-1, frame).max(axis=1, initial=0) > 0.03
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(int)))
    return [(int(start) * frame, int(end) * frame) for start, end in edges.reshape(-1, 2) if end - start > 10]


def _voice(samples: Samples) -> str:
    """By where its sound repeats itself: after 1/120 of a second, or after 1/215."""
    sound = samples - samples.mean()
    likeness = {voice: _repeats(sound, int(SAMPLE_RATE / pitch)) for voice, pitch in PITCH.items()}
    return max(likeness, key=lambda voice: likeness[voice])


def _repeats(sound: Samples, lag: int) -> float:
    shifts = range(int(lag * 0.96), int(lag * 1.04) + 1)
    return max(float(np.dot(sound[:-shift], sound[shift:])) for shift in shifts)
