"""Invisible mark for sound: patches of time and pitch a little louder or softer than their neighbours.

A patchwork (Bender et al., IBM Systems Journal 35 (1996) 313) on levels in dB, which codecs, resampling and changes of
speed keep, written with knowledge of the sound (Malvar and Florencio, IEEE Trans. Signal Process. 51 (2003) 898).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.protocol import Detection, Samples
from hanlin.labels.watermark.sound_coding import decode, encode
from hanlin.labels.watermark.sound_embedding import REALISED, applied, gains, limits
from hanlin.labels.watermark.sound_pattern import COLUMN_SECONDS, COLUMNS, data, gather, pilots
from hanlin.labels.watermark.sound_search import candidates
from hanlin.labels.watermark.sound_spectrum import (
    HOPS_PER_COLUMN,
    Channel,
    contrast,
    levels,
    outstanding,
    smoothed,
    spectra,
)

Floats = NDArray[np.float64]

LOWEST_RATE = 8000
SEGMENT_SECONDS, SEGMENTS = 6.0, 8
"""Of a longer sound so many pieces are searched, evenly spaced; tempo is found well enough for one piece."""
SURE = 11.6
"""Least agreement of all data patches with the number found, in standard deviations.

Patches carry signs from a hash, so on any sound without a mark P(agreement > t) <= exp(-t**2 / 2) for one number
(Hoeffding 1963), whatever the sound is. Over 2**64 numbers and 39 attempts: 39 * 2**64 * exp(-11.6**2 / 2) < 5e-9.
"""
_PASSES = 2
"""Gains are found, laid, and corrected by what they did."""


class PatchworkWatermark:
    """64 bits in about 3 seconds; every repetition of the 1.5-second block makes them surer."""

    name = "hanlin-patchwork-1"

    def embed(self, samples: Samples, rate: int, payload: int) -> Samples:
        """A copy that carries `payload`. Below 8 kHz, or with no sample, it is the same as what came."""
        signs = encode(payload)
        if rate < LOWEST_RATE or not len(samples):
            return samples.copy()
        columns = int(np.ceil(len(samples) / rate / COLUMN_SECONDS))
        carried = np.tile(data(signs) + pilots(), (-(-columns // COLUMNS), 1))[:columns]
        smooth = _smooth(samples, rate, columns)
        limit, laid = limits(smooth), np.zeros_like(smooth)
        marked = samples
        for _ in range(_PASSES):
            host = contrast(smooth, 1) - REALISED * outstanding(laid)
            laid = gains(host, carried, limit, laid)
            marked = np.stack([applied(channel, rate, laid) for channel in _bounded(samples).T], axis=1)
            smooth = _smooth(marked, rate, columns)
        return marked

    def find(self, samples: Samples, rate: int) -> Detection | None:
        """The number that a sound carries, at a speed, tempo and pitch of 0.94 to 1.06, or None."""
        if rate < LOWEST_RATE or not len(samples):
            return None
        together: Floats = np.zeros((COLUMNS, 1))
        for number, segment in enumerate(_segments(_mono(samples), rate)):
            places = candidates(np.concatenate(list(spectra(segment, rate))), rate)
            together = together + places[0].patches
            attempts = [place.patches for place in places] + ([together] if number else [])
            for patches in attempts:
                if (found := self._read(patches)) is not None:
                    return found
        return None

    def _read(self, patches: Floats) -> Detection | None:
        soft = gather(patches)
        payload = decode(soft)
        if payload is None:
            return None
        signs = encode(payload)
        carried = data(signs)
        agreement = np.sum(carried * patches) / (np.sqrt(np.sum((carried * patches) ** 2)) + 1e-9)
        return Detection(payload, float(np.mean(soft * signs > 0)), self.name) if agreement > SURE else None


def _mono(samples: Samples) -> Channel:
    mean: Channel = _bounded(samples).mean(axis=1, dtype=np.float32)
    return mean


def _bounded(samples: Samples) -> Samples:
    bounded: Samples = np.clip(np.nan_to_num(samples), -1, 1)
    return bounded


def _smooth(samples: Samples, rate: int, columns: int) -> Floats:
    """(columns, BANDS): level in dB at the middle of each column."""
    level = smoothed(np.concatenate([levels(power, rate) for power in spectra(_mono(samples), rate)]))
    return level[np.minimum(np.arange(columns) * HOPS_PER_COLUMN + HOPS_PER_COLUMN // 2, len(level) - 1)]


def _segments(channel: Channel, rate: int) -> Iterator[Channel]:
    length = int(SEGMENT_SECONDS * rate)
    count = min(SEGMENTS, max(1, len(channel) // length))
    for start in np.linspace(0, max(0, len(channel) - length), count).astype(np.intp):
        yield channel[start : start + length]
