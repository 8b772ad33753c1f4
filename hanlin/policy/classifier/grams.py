"""Hashing of characters and pairs of characters: the features of the linear classifiers, for training and for use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]

_FIRST = np.uint32(0x9E3779B1)
_SECOND = np.uint32(0x85EBCA6B)
_LAST = np.uint32(0xC2B2AE35)
"""Odd 32-bit constants: the golden ratio's, and two of MurmurHash3's finaliser."""


def grams(folded: str, bits: int) -> Codes:
    """Bucket numbers below 2**bits: of each character, in order, then of each pair of neighbours (one fewer)."""
    codes = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32, copy=False)
    mixed = codes * _FIRST
    mixed ^= mixed >> np.uint32(15)
    pairs = mixed[:-1] * _SECOND
    pairs ^= mixed[1:]
    pairs ^= pairs >> np.uint32(13)
    pairs += np.uint32(1)
    buckets = np.concatenate([mixed, pairs])
    buckets *= _LAST
    buckets >>= np.uint32(32 - bits)
    return buckets
