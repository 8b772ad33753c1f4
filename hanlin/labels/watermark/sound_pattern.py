"""Which sign each patch of a sound carries: a block of bands and columns that is repeated from the first sample on.

The block is public and fixed: the mark is evidence beside a signature, not a secret.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.sound_coding import CODE_BITS

Floats = NDArray[np.float64]

COLUMN_SECONDS = 0.02
COLUMNS = 75
LOWEST_HZ, HIGHEST_HZ = 300.0, 7000.0
"""What is above 3,700 Hz is lost at a rate of 8 kHz; what is below carries the number alone."""
BAND_HZ, BAND_SHARE = 120.0, 0.07
"""Width of a band, in Hz and as a share of its lower edge; the wider of both holds. Nowhere much wider than what the
ear takes together (critical bands: Zwicker, J. Acoust. Soc. Am. 33 (1961) 248)."""
_PILOT_SHARE = 0.16
"""Patches that say nothing and only help to find time, tempo and pitch."""


def _edges() -> Floats:
    edges = [LOWEST_HZ]
    while (upper := edges[-1] + max(BAND_HZ, BAND_SHARE * edges[-1])) <= HIGHEST_HZ:
        edges.append(upper)
    return np.array(edges)


EDGES_HZ = _edges()
BANDS = len(EDGES_HZ) - 1
PATCHES = COLUMNS * BANDS
PILOTS = int(PATCHES * _PILOT_SHARE)


def _drawn() -> tuple[NDArray[np.intp], Floats]:
    """An order of the patches and a sign for each, from a hash: the same on every machine for ever."""
    drawn = hashlib.shake_256(b"hanlin sound watermark 1").digest(PATCHES * 9)
    order = np.argsort(np.frombuffer(drawn, ">u8", PATCHES), kind="stable")
    signs: Floats = 1.0 - 2.0 * (np.frombuffer(drawn, np.uint8)[PATCHES * 8 :] & 1).astype(np.float64)
    return order, signs


_ORDER, _SIGNS = _drawn()
_DATA = _ORDER[PILOTS:]
BIT_OF = np.full(PATCHES, -1)
"""Index of the coded bit that a patch carries; -1 for a pilot."""
BIT_OF[_DATA] = np.arange(len(_DATA)) % CODE_BITS


def pilots() -> Floats:
    """(COLUMNS, BANDS): the sign of each pilot, and 0 elsewhere."""
    return np.where(BIT_OF < 0, _SIGNS, 0).reshape(COLUMNS, BANDS)


def data(code: Floats) -> Floats:
    """(COLUMNS, BANDS): the sign each patch carries for a code of CODE_BITS signs, and 0 at the pilots."""
    return np.where(BIT_OF < 0, 0, _SIGNS * code[BIT_OF]).reshape(COLUMNS, BANDS)


def gather(patches: Floats) -> Floats:
    """(CODE_BITS,): what a block as received (COLUMNS, BANDS) says about each coded bit, its patches summed."""
    return np.bincount(BIT_OF[_DATA], (patches.reshape(-1) * _SIGNS)[_DATA], CODE_BITS).astype(np.float64)
