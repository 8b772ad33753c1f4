"""Finding a sound again after codecs, resampling and cuts: signs of energy differences between neighbouring bands and
moments (Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002).

Their 11.6 ms between words is 30 ms here, so that half an hour fits where they keep 12 minutes. A changed speed is not
found: that is for the watermark.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

HOP_SECONDS = 0.03
FEWEST_WORDS = 100
"""3 seconds; less is no evidence."""
LEAST_HEARD_WORDS = 66
"""2 seconds: of fewer words that are no silence the share is drawn towards 0.5."""
PIECE_WORDS = 166
"""5 seconds: so long a piece of one sound in another is enough."""
SIMILAR = 0.66
"""Pieces of 5 seconds of 15 recordings through MP3 64k, AAC 64k, Opus 32k and 8 kHz (n 216): median 0.93, 1 % below
0.74, one below 0.66 (nearly silent, in Opus). Different sounds (n 5,342 pairs): median 0.53, highest 0.61."""
KEYS, PROBES = 4096, 8192
"""Most keys of an entry, and most that are looked up, as the index takes them."""
_ASKED_WORDS, _PLACES_PER_WORD = 48, 4
"""Words of the shorter sound that are looked for, and how many places of the longer one are tried for each."""
_WINDOW_SECONDS = 0.37
_EDGES_HZ = 300 * (2000 / 300) ** (np.arange(34) / 33)
"""33 bands from 300 to 2,000 Hz, equally wide in pitch."""
_FRAMES_AT_ONCE = 32
_LONGEST_SECONDS = 1800
_QUIETEST = 1e-9
"""Mean power of a window, -90 dB of full scale, below which it has no word."""


def fingerprint(samples: NDArray[np.float32], rate: int) -> Words:
    """One word of 32 bits for every 30 ms of a sound (frames, channels), of half an hour at most; 0 for silence.

    Empty below 3 seconds or a rate of 5 kHz.
    """
    if rate < 5000:
        return np.zeros(0, np.uint32)
    channel = np.clip(np.nan_to_num(samples[: _LONGEST_SECONDS * rate]), -1, 1).mean(axis=1, dtype=np.float32)
    energies = [rows for rows in _band_energies(channel, rate) if len(rows)]
    energy = np.concatenate(energies) if energies else np.zeros((0, 33))
    if len(energy) <= FEWEST_WORDS:
        return np.zeros(0, np.uint32)
    slopes = np.diff(np.diff(energy, axis=0), axis=1) < 0
    loud = energy[1:].sum(axis=1) > _QUIETEST
    words = np.packbits(slopes, axis=1).view(">u4")[:, 0]
    return np.where(loud, words, 0).astype(np.uint32)


def _band_energies(channel: NDArray[np.float32], rate: int) -> Iterator[NDArray[np.float64]]:
    length = round(_WINDOW_SECONDS * rate)
    count = max(0, int((len(channel) - length) / rate / HOP_SECONDS) + 1)
    starts = np.round(np.arange(count) * HOP_SECONDS * rate).astype(np.intp)
    starts = starts[starts + length <= len(channel)]
    window = np.hanning(length + 1)[:length]
    bounds = np.searchsorted(np.fft.rfftfreq(length, 1 / rate), _EDGES_HZ)
    for some in np.split(starts, range(_FRAMES_AT_ONCE, len(starts), _FRAMES_AT_ONCE)):
        if len(some):
            pieces = np.stack([channel[start : start + length] for start in some])
            spectrum = np.fft.rfft(pieces * window)[:, : bounds[-1]] / length
            yield np.add.reduceat(spectrum.real**2 + spectrum.imag**2, bounds[:-1], axis=1)


def similarity(one: Words, other: Words) -> tuple[float, int]:
    """Share of the bits that agree in the best 5 seconds (of less, in all of it), and where `other` begins in `one`.

    About 0.5 for different sounds; 0 when no 3 seconds of both lie together. The place is in words, negative when
    `other` begins earlier.
    """
    if len(one) < FEWEST_WORDS or len(other) < FEWEST_WORDS:
        return 0.0, 0
    if len(other) > len(one):
        share, place = similarity(other, one)
        return share, -place
    return max(((_agreement(one, other, place), place) for place in _places(one, other)), default=(0.0, 0))


def keys(fingerprint: Words) -> list[int]:
    """What an entry is kept under: its words, each once, without silence; of a long sound evenly chosen."""
    return _evenly(_telling(fingerprint), KEYS)


def probes(fingerprint: Words) -> list[int]:
    """What is looked up: every word, and as many as fit with each one bit changed. At most 8,192."""
    words = _evenly(_telling(fingerprint), KEYS)
    changed = _evenly(words, (PROBES - len(words)) // 32)
    return words + [word ^ 1 << bit for word in changed for bit in range(32)]


def _telling(fingerprint: Words) -> list[int]:
    return [word for word in dict.fromkeys(fingerprint.tolist()) if word]


def _evenly(items: list[int], most: int) -> list[int]:
    return [items[place * len(items) // most] for place in range(most)] if len(items) > most else items


def _places(one: Words, other: Words) -> set[int]:
    """Where some words of `other` are most like words of `one`."""
    asked = np.linspace(0, len(other) - 1, _ASKED_WORDS).astype(np.intp)
    places: set[int] = set()
    for place in asked[other[asked] != 0]:
        unlike = np.bitwise_count(one ^ other[place])
        nearest = np.argpartition(unlike, _PLACES_PER_WORD)[:_PLACES_PER_WORD]
        places |= set((nearest - place).tolist())
    return places


def _agreement(one: Words, other: Words, place: int) -> float:
    """Share of equal bits in the best piece with `other` laid at `place`, silence left out."""
    first, last = max(0, place), min(len(one), place + len(other))
    if last - first < FEWEST_WORDS:
        return 0.0
    mine, theirs = one[first:last], other[first - place : last - place]
    heard = (mine != 0) & (theirs != 0)
    equal = np.where(heard, 16.0 - np.bitwise_count(mine ^ theirs), 0.0)
    share = _running_sums(equal, PIECE_WORDS), np.maximum(_running_sums(heard, PIECE_WORDS), LEAST_HEARD_WORDS)
    return 0.5 + float((share[0] / share[1]).max()) / 32


def _running_sums(values: NDArray[np.float64] | NDArray[np.bool_], length: int) -> NDArray[np.float64]:
    """Sums of every `length` values in a row, or of all when there are fewer."""
    sums = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    length = min(length, len(values))
    return sums[length:] - sums[:-length]
