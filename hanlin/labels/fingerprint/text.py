"""Finding a text again after edits, and a piece of it inside another text: winnowing (Schleimer, Wilkerson and Aiken,
"Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD 2003).

What is kept is the smallest hash of every `WINDOW` n-grams, in the order of the text. MinHash, which compares texts as
wholes, was tried and left out: of 200 characters quoted among 3,000 its bands find 0 to 13 %.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

MIN_CHARACTERS = 200
"""Shorter texts have no fingerprint: too little to tell a copy from the same phrase said again."""
MAX_CHARACTERS = 60_000
"""Of a longer text only so much of its beginning is looked at: at most 3,000 hashes kept, 8,000 asked."""
WINDOW = 40
FEWEST_HASHES = 4
"""By chance at most 3 are found together: 6.1 million pairs of texts of different collections, in 4 languages."""
SIMILAR = 0.33
"""From `FEWEST_HASHES` of a whole stretch upwards. Of 400 Chinese and English texts of 200 to 1,000 characters it finds
99 % of 200 characters quoted among 3,000, 99 % with every tenth word replaced, all with the middle third cut, and with
every tenth character changed 99 % of the Chinese and 75 % of the English, where that spoils 4 words of 10.
"""
_GRAM, _DENSE_GRAM = 10, 6
"""Characters in an n-gram: of an alphabet; of Chinese, Japanese or Korean, where one says as much as half a word."""
_DENSE_FROM = 0x2E80
"""First code point of the CJK blocks."""
_ASKED_BELOW = 1 << 29
"""An eighth of all hashes; the smallest of 40 is among them in 99.5 %, so that no others need be asked for."""
_HALF_STRETCH_GRAMS, _HALF_STRETCH_HASHES = 160, 8
"""Half a stretch of a text in n-grams, and the hashes picked in it: 2 of every `WINDOW` + 1 on average."""
_GRIDS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
_SAME_HASHES = 12
"""So many found together count as a whole stretch: the same text seldom fills a box with 16."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(33)
_UNSAID = re.compile(r"[\W_]+")


def fingerprint(text: str) -> NDArray[np.uint32]:
    """What is kept of a text: hashes in their order, each once. Empty below 200 characters, and for mere repetition."""
    hashes = _hashes(text)
    if len(hashes) < WINDOW:
        return hashes[:0]
    windows = np.lib.stride_tricks.sliding_window_view(hashes, WINDOW)
    picked: NDArray[np.uint32] = hashes[np.unique(windows.argmin(axis=1) + np.arange(len(windows)))]
    kept = picked[np.sort(np.unique(picked, return_index=True)[1])]
    return kept if len(kept) >= FEWEST_HASHES else kept[:0]


def question(text: str) -> NDArray[np.uint32]:
    """What is asked about a text, shape (n, 2), in the order of the hashes: a hash and the place of its n-gram."""
    hashes, places = np.unique(_hashes(text), return_index=True)
    asked = int(np.searchsorted(hashes, _ASKED_BELOW))
    return np.stack((hashes[:asked], places[:asked].astype(np.uint32)), axis=1)


def similarity(asked: NDArray[np.uint32], kept: NDArray[np.uint32]) -> float:
    """How much of one stretch of a kept text, of about 300 characters, stands together in the text asked about: 0 to 1.

    It is that of the stretch that is found best, so that a quotation counts as much as the whole.
    """
    if not len(asked) or not len(kept):
        return 0.0
    found = np.minimum(np.searchsorted(asked[:, 0], kept), len(asked) - 1)
    orders = np.flatnonzero(asked[found, 0] == kept)
    if len(orders) < FEWEST_HASHES:
        return 0.0
    together = _together(asked[found[orders], 1], orders)
    return min(1.0, together / min(_SAME_HASHES, len(kept))) if together >= FEWEST_HASHES else 0.0


def _together(places: NDArray[np.uint32], orders: NDArray[np.int64]) -> int:
    """The most hashes that lie in one stretch of both texts: in one box of four grids, each half a box off another."""
    across = (places + _HALF_STRETCH_GRAMS * _GRIDS[:, :1]) // (2 * _HALF_STRETCH_GRAMS)
    along = (orders + _HALF_STRETCH_HASHES * _GRIDS[:, 1:]) // (2 * _HALF_STRETCH_HASHES)
    boxes = (np.arange(len(_GRIDS))[:, None] << 40) | (across << 20) | along
    return int(np.unique(boxes, return_counts=True)[1].max())


def _hashes(text: str) -> NDArray[np.uint32]:
    """Of the n-gram at every character that is left when width, case, spaces and punctuation are folded away."""
    if len(text) < MIN_CHARACTERS:
        return np.empty(0, np.uint32)
    folded = _UNSAID.sub("", unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold())
    characters = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(characters) < _GRAM:
        return np.empty(0, np.uint32)
    mixed = _mix(characters.astype(np.uint64) * _MULTIPLIER + np.uint64(1))
    dense = characters[: len(mixed) - _GRAM + 1] >= _DENSE_FROM
    hashes: NDArray[np.uint64] = _mix(np.where(dense, _roll(mixed, _DENSE_GRAM), _roll(mixed, _GRAM)))
    return (hashes >> np.uint64(32)).astype(np.uint32)


def _roll(mixed: NDArray[np.uint64], characters: int) -> NDArray[np.uint64]:
    count = len(mixed) - _GRAM + 1
    rolled = np.zeros(count, np.uint64)
    for offset in range(characters):
        rolled = rolled * _MULTIPLIER + mixed[offset : offset + count]
    return rolled


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """MurmurHash3's finalizer (Appleby, 2011), one round."""
    mixed = (values ^ (values >> _HALF)) * np.uint64(0xFF51AFD7ED558CCD)
    return mixed ^ (mixed >> _HALF)
