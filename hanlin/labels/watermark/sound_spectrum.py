"""What the watermark sees of a sound: how far each patch stands out from its neighbours in time and pitch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.sound_pattern import COLUMN_SECONDS, EDGES_HZ, HIGHEST_HZ

Floats = NDArray[np.float64]
Channel = NDArray[np.float32]
"""Samples of one channel, full scale is -1 to 1."""

WINDOW_SECONDS = 0.032
HOPS_PER_COLUMN = 4
HOP_SECONDS = COLUMN_SECONDS / HOPS_PER_COLUMN
TIME_TAPS = (0.25, 0.15, 0.1)
BAND_TAPS = (0.2, 0.13, 0.1, 0.07)
"""What of the neighbours, by their distance, is taken from a patch on each side: half of it all, so that the rest does
not know how loud the sound is. Shorter taps (second differences) carried half as much at the same audibility."""
_TOP_HZ = HIGHEST_HZ * 1.07
_FRAMES_AT_ONCE = 512
_QUIET = 1e-12
"""Power added to each band: -120 dB of full scale, so that silence has a level."""
_CLIP_DB = 7.0
_RANGE_DB = 60.0
"""Patches this far below the loudest are left out: what codecs make of them is noise."""


def frames(channel: Channel, starts: NDArray[np.intp], length: int) -> NDArray[np.float32]:
    """(starts, length): windows of a channel, zeros beyond its ends."""
    first, last = int(starts[0]), int(starts[-1]) + length
    piece = channel[max(0, first) : max(0, last)]
    padded = np.pad(piece, (max(0, -first), max(0, last - max(0, first) - len(piece))))
    return np.lib.stride_tricks.sliding_window_view(padded, length)[starts - first]


def quick(length: int) -> int:
    """The next length that is 8 to 16 times a power of two: primes near it would take many times as long."""
    step = 1 << max(0, length.bit_length() - 4)
    return -(-length // step) * step


def spectra(channel: Channel, rate: int) -> Iterator[Floats]:
    """(hops, bins) power of each bin up to a little above the highest band, some hops at a time.

    The window has a length in seconds and bands have theirs in Hz, so nothing is resampled, whatever the rate.
    """
    length = round(WINDOW_SECONDS * rate)
    hops = np.arange(max(1, int(len(channel) / rate / HOP_SECONDS)))
    starts = np.round(hops * HOP_SECONDS * rate).astype(np.intp) - length // 2
    window = np.hanning(length + 1)[:length].astype(np.float32)
    transformed = quick(length)
    bins = int(_TOP_HZ * transformed / rate) + 1
    for some in np.split(starts, range(_FRAMES_AT_ONCE, len(starts), _FRAMES_AT_ONCE)):
        spectrum = np.fft.rfft(frames(channel, some, length) * window, transformed)[:, :bins]
        yield (spectrum.real**2 + spectrum.imag**2) / length**2


def levels(power: Floats, rate: int, pitch: float = 1.0) -> Floats:
    """(hops, BANDS) level of each band in dB, its edges moved by the factor `pitch`."""
    bin_hz = rate / quick(round(WINDOW_SECONDS * rate))
    middles = np.arange(power.shape[1])[:, None] * bin_hz
    upper = np.minimum(middles + bin_hz / 2, EDGES_HZ[None, 1:] * pitch)
    lower = np.maximum(middles - bin_hz / 2, EDGES_HZ[None, :-1] * pitch)
    level: Floats = 10 * np.log10(power @ np.clip((upper - lower) / bin_hz, 0, 1) + _QUIET)
    return level


def smoothed(level: Floats) -> Floats:
    """Mean over one column around each hop."""
    half = HOPS_PER_COLUMN // 2
    weights = np.array([0.5] + [1.0] * (HOPS_PER_COLUMN - 1) + [0.5]) / HOPS_PER_COLUMN
    outer = np.pad(level, ((half, half), (0, 0)), "edge")
    return sum((weight * outer[at : at + len(level)] for at, weight in enumerate(weights)), np.zeros_like(level))


def contrast(smooth: Floats, hops_per_column: int = HOPS_PER_COLUMN) -> Floats:
    """By how many dB each patch of a smoothed level stands out: music and speech keep 2 to 3 dB of their 15."""
    inside = _outstanding(_outstanding(smooth, TIME_TAPS, hops_per_column).T, BAND_TAPS, 1).T
    clipped: Floats = np.clip(inside, -_CLIP_DB, _CLIP_DB) * (smooth > smooth.max() - _RANGE_DB)
    return clipped


def outstanding(gains: Floats) -> Floats:
    """What gains in dB, one row a column, do to the contrast; and how gains are best laid to reach a contrast."""
    return _outstanding(_outstanding(gains, TIME_TAPS, 1, "constant").T, BAND_TAPS, 1, "constant").T


def stretched(rows: Floats, tempo: float) -> Floats:
    """Rows of a sound that is played `tempo` times as fast, laid out as they were; linear between rows."""
    places = np.arange(max(1, int(len(rows) * tempo))) / tempo
    before = np.minimum(places.astype(np.intp), len(rows) - 1)
    after = np.minimum(before + 1, len(rows) - 1)
    part = (places - before)[:, None]
    between: Floats = rows[before] * (1 - part) + rows[after] * part
    return between


def _outstanding(
    values: Floats, taps: tuple[float, ...], stride: int, beyond: Literal["edge", "constant"] = "edge"
) -> Floats:
    reach, count = len(taps) * stride, len(values)
    outer = np.pad(values, ((reach, reach), (0, 0)), beyond)
    rest = values.copy()
    for step, tap in enumerate(taps, 1):
        after, before = reach + step * stride, reach - step * stride
        rest -= tap * (outer[after : after + count] + outer[before : before + count])
    return rest
