"""Where in a sound the block lies, how fast and how high it plays: the pilots say, whatever the number is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.sound_pattern import BANDS, COLUMNS, PILOTS, pilots
from hanlin.labels.watermark.sound_spectrum import HOPS_PER_COLUMN, contrast, levels, smoothed, stretched

Floats = NDArray[np.float64]

CANDIDATES = 4
_PITCHES: Floats = np.linspace(0.942, 1.058, 9)
_TEMPOS: Floats = np.linspace(0.94, 1.06, 13)
"""Factors tried: 6 % up and down, in steps that a block forgives."""
_FINER_PITCHES: Floats = np.array((-0.005, 0.0, 0.005))
_FINER_TEMPOS: Floats = np.array((-0.0033, 0.0, 0.0033))
_HOPS = COLUMNS * HOPS_PER_COLUMN


class Candidate(NamedTuple):
    likeness: float
    """Of the pilots, in standard deviations of what chance gives at one place."""
    pitch: float
    tempo: float
    patches: Floats
    """The block as received, all its repetitions summed, (COLUMNS, BANDS)."""


def _template() -> NDArray[np.complex128]:
    laid = np.zeros((_HOPS, BANDS))
    laid[HOPS_PER_COLUMN // 2 :: HOPS_PER_COLUMN] = pilots()
    return np.conj(np.fft.rfft(laid, axis=0))


_TEMPLATE = _template()


def candidates(power: Floats, rate: int) -> list[Candidate]:
    """The likeliest places of the block in a few seconds of sound, best first."""
    coarse = sorted(_scan(power, rate, _PITCHES, _TEMPOS), key=lambda one: -one.likeness)[:CANDIDATES]
    fine = [
        max(
            _scan(power, rate, one.pitch + _FINER_PITCHES, one.tempo + _FINER_TEMPOS),
            key=lambda other: other.likeness,
        )
        for one in coarse
    ]
    return sorted(fine, key=lambda one: -one.likeness)


def _scan(power: Floats, rate: int, pitches: Floats, tempos: Floats) -> Iterator[Candidate]:
    """The best place for each pitch and tempo."""
    for pitch in pitches:
        seen = contrast(smoothed(levels(power, rate, pitch)))
        for tempo in tempos:
            folded = _folded(stretched(seen, tempo))
            match = np.fft.irfft((np.fft.rfft(folded, axis=0) * _TEMPLATE).sum(axis=1), _HOPS)
            place = int(match.argmax())
            scale = np.sqrt(np.mean(folded**2) * PILOTS) + 1e-9
            columns = (place + HOPS_PER_COLUMN // 2 + np.arange(COLUMNS) * HOPS_PER_COLUMN) % _HOPS
            yield Candidate(float(match[place] / scale), float(pitch), float(tempo), folded[columns])


def _folded(rows: Floats) -> Floats:
    missing = -len(rows) % _HOPS
    folded: Floats = np.pad(rows, ((0, missing), (0, 0))).reshape(-1, _HOPS, BANDS).sum(axis=0)
    return folded
