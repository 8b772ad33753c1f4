"""How much each patch is raised or lowered: what its coded bit still needs, and no more than the ear lets pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.sound_coding import CODE_BITS
from hanlin.labels.watermark.sound_pattern import BANDS, BIT_OF, COLUMN_SECONDS, COLUMNS, EDGES_HZ, PATCHES, PILOTS
from hanlin.labels.watermark.sound_spectrum import Channel, frames, outstanding, quick

Floats = NDArray[np.float64]

REALISED = 0.75
"""Of a gain, how much the overlapping windows leave in the contrast; measured."""
_TARGET_SHARE = 1.0
"""What the patches of a coded bit shall stand out together, as a share of the contrast that the sound has itself.

Of 330 pieces of 3 seconds, through 11 changes, 0.6 loses 12, 0.85 one and 1.0 none, at 19.1, 17.9 and 17.5 dB."""
_MASK_OFFSET_DB = 9.0
"""The change of a band stays this far below what masks it: between 6 dB for noise and 14 dB and more for tones
(Painter and Spanias, Proc. IEEE 88 (2000) 451)."""
_UP_DB_PER_BARK, _DOWN_DB_PER_BARK = 12.0, 25.0
"""How masking falls off above and below a band (Schroeder et al., J. Acoust. Soc. Am. 66 (1979) 1647)."""
_CEILING_DB = 3.5
"""Largest gain, also where a neighbour would mask more: codecs drop what is masked."""
_INAUDIBLE_DB = -85.0
"""Level of full scale below which a band is taken as not heard."""
_ROUNDS, _STEP = 16, 0.12
_WINDOW_SECONDS = 0.024
_FRAMES_AT_ONCE = 512
_OVERLAP = 4


def _groups() -> NDArray[np.intp]:
    """Patches that must stand out together: those of one coded bit, and pilots by four."""
    groups = BIT_OF.copy()
    groups[BIT_OF < 0] = CODE_BITS + np.arange(PILOTS) // 4
    return groups


_GROUP = _groups()
_GROUPS = int(_GROUP.max()) + 1


def limits(level: Floats) -> Floats:
    """Largest inaudible gain of each patch in dB, from the levels (columns, BANDS) in dB of full scale."""
    bark = 26.81 * EDGES_HZ / (1960 + EDGES_HZ) - 0.53  # Traunmueller, J. Acoust. Soc. Am. 88 (1990) 97
    middles = (bark[1:] + bark[:-1]) / 2
    masking = level.copy()
    for band in range(BANDS):
        away = middles - middles[band]
        fall = np.where(away > 0, _UP_DB_PER_BARK * away, -_DOWN_DB_PER_BARK * away)
        masking = np.maximum(masking, level[:, band, None] - fall)
    allowed = np.maximum(masking - _MASK_OFFSET_DB, _INAUDIBLE_DB)
    gain: Floats = np.minimum(20 * np.log10(1 + 10 ** ((allowed - level) / 20)), _CEILING_DB)
    return gain


def gains(host: Floats, carried: Floats, limit: Floats, start: Floats) -> Floats:
    """Gains in dB for each patch (columns, BANDS), so that `host` (the contrast without them) comes to say `carried`.

    Steps down the slope from `start`: each coded bit that does not stand out enough, in this repetition of the block,
    moves its patches and their neighbours, up to their limit. A bit that the sound says already costs nothing.
    """
    blocks = -(-len(host) // COLUMNS)
    group = (np.arange(blocks)[:, None] * _GROUPS + _GROUP).reshape(-1, BANDS)[: len(host)]
    sizes = np.tile(np.bincount(_GROUP, minlength=_GROUPS), blocks)
    owner = np.arange(len(host)) // COLUMNS
    power = np.bincount(owner, (host**2).sum(axis=1), blocks) / PATCHES
    target = (_TARGET_SHARE * np.sqrt(power)).repeat(_GROUPS)
    found = start
    for _ in range(_ROUNDS):
        shown = carried * (host + REALISED * outstanding(found))
        sums = np.bincount(group.reshape(-1), shown.reshape(-1), blocks * _GROUPS)
        missing = np.maximum(target - sums / sizes, 0)
        found = np.clip(found + _STEP * outstanding(carried * missing[group]), -limit, limit)
    return found


def applied(channel: Channel, rate: int, gains_db: Floats) -> Channel:
    """A channel with its bands raised and lowered, one row of gains a column; everything else is untouched."""
    hop = quick(round(_WINDOW_SECONDS * rate / _OVERLAP))
    length = hop * _OVERLAP
    window = np.sqrt(np.hanning(length + 1)[:length]).astype(np.float32)
    band = np.searchsorted(EDGES_HZ, np.fft.rfftfreq(length, 1 / rate), side="right") - 1
    inside = np.flatnonzero((band >= 0) & (band < BANDS))
    starts = np.arange(1 - _OVERLAP, -(-len(channel) // hop)) * hop
    column = np.clip((starts + length // 2) / rate / COLUMN_SECONDS, 0, len(gains_db) - 1).astype(np.intp)
    changes = (10 ** (gains_db / 20) - 1)[:, band[inside]]
    summed = np.zeros(len(starts) * hop + length, np.float32)
    for first in range(0, len(starts), _FRAMES_AT_ONCE):
        some = slice(first, first + _FRAMES_AT_ONCE)
        spectrum = np.fft.rfft(frames(channel, starts[some], length) * window)
        change = np.zeros_like(spectrum)
        change[:, inside] = spectrum[:, inside] * changes[column[some]]
        _overlap_add(summed[first * hop :], np.fft.irfft(change, length) * window, hop)
    lead = length - hop
    marked: Channel = np.clip(channel + summed[lead : lead + len(channel)], -1, 1).astype(np.float32)
    return marked


def _overlap_add(target: Channel, windows: Floats, hop: int) -> None:
    """Add windows one hop apart; sqrt-Hann in and out sums to half the overlap."""
    for part in range(_OVERLAP):
        piece = windows[:, part * hop : (part + 1) * hop].reshape(-1) * (2 / _OVERLAP)
        target[part * hop : part * hop + len(piece)] += piece.astype(np.float32)
