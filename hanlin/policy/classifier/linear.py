"""A linear classifier over hashed characters and pairs: its file, and its arithmetic.

Weights are whole numbers, so sums over a window are differences of running sums, exact, and the same for a text that
comes in pieces; a text of any length is judged in one pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from hanlin.policy.classifier.grams import Codes, grams
from hanlin.policy.classifier.windows import Window, Windows

_MAGIC = b"HANLIN-LINEAR-1\n"
_DIGEST_BYTES = 32
_DECIMALS = 6
_MOST_HEADER_BYTES = 4096


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in a file of weights before the numbers."""

    name: str
    categories: tuple[str, ...]
    """One ground each; their weights tell the grounds apart."""
    bits: Annotated[int, Meta(ge=1, le=24)]
    """The verdict's weights: 2**bits."""
    ground_bits: Annotated[int, Meta(ge=1, le=24)]
    """Each ground's weights: 2**ground_bits."""
    slope: float
    intercept: float
    """Of the verdict's logit over the sum of weights divided by the square root of their number (Platt scaling)."""
    ground_slope: float
    ground_intercepts: tuple[float, ...]


class Linear:
    """A `Classifier`. Its probabilities of the grounds add up to the probability that the text offends at all."""

    def __init__(self, header: Header, verdict: NDArray[np.int8], grounds: NDArray[np.int8], version: str = "") -> None:
        """`verdict` has 2**bits weights; `grounds` has a row for each of the 2**ground_bits buckets."""
        self.name = header.name
        self.version = version
        self.categories = header.categories
        self._header = header
        self._verdict = verdict.reshape(-1, 1)
        self._grounds = grounds
        self._ground_intercepts = np.array(header.ground_intercepts)
        self._ground_shift = np.uint32(header.bits - header.ground_bits)

    def scores(self, text: str) -> dict[str, float]:
        """Risk -> probability, of the window where their sum is greatest; zeros of a text without letters."""
        folded, windows = Windows().take(text, last=True)
        if not windows:
            return dict.fromkeys(self.categories, 0.0)
        rows = self.weigh(folded, windows)
        greatest = rows[rows.sum(axis=1).argmax()]
        return dict(zip(self.categories, greatest.tolist(), strict=True))

    def weigh(self, folded: str, windows: Sequence[Window]) -> NDArray[np.float64]:
        """A row for each window, a column for each category: probabilities."""
        buckets, edges = grams(folded, self._header.bits), _edges(windows)
        evidence = _means(self._grounds[buckets >> self._ground_shift], edges, len(folded))
        evidence = self._header.ground_slope * evidence + self._ground_intercepts
        share = np.exp(evidence - evidence.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        share /= 1 + np.exp(-self._logits(buckets, edges, len(folded)))
        # Rounded, as the last bit of an exponential may depend on how many are computed at once.
        return np.asarray(share.round(_DECIMALS))

    def logits(self, folded: str, windows: Sequence[Window]) -> NDArray[np.float64]:
        """The verdict's logit of each window."""
        return self._logits(grams(folded, self._header.bits), _edges(windows), len(folded))[:, 0]

    def _logits(self, buckets: Codes, edges: NDArray[np.int64], characters: int) -> NDArray[np.float64]:
        return self._header.slope * _means(self._verdict[buckets], edges, characters) + self._header.intercept


def _edges(windows: Sequence[Window]) -> NDArray[np.int64]:
    return np.array([window.folded for window in windows], dtype=np.int64).reshape(-1, 2)


def _means(weights: NDArray[np.int8], edges: NDArray[np.int64], characters: int) -> NDArray[np.float64]:
    """Of each window, the sum of the rows of its characters and of its pairs, over the square root of their number.

    `weights` holds the rows of all characters, then of all pairs, as `grams` numbers them.
    """
    running = np.zeros((len(weights) + 1, weights.shape[1]), dtype=np.int64)
    np.cumsum(weights, axis=0, out=running[1:])
    starts, ends = edges[:, 0], edges[:, 1]
    sums = running[ends] - running[starts] + running[characters + ends - 1] - running[characters + starts]
    return np.asarray(sums / np.sqrt(2 * (ends - starts) - 1)[:, None])


def encode(header: Header, verdict: NDArray[np.int8], grounds: NDArray[np.int8]) -> bytes:
    """A file of weights: magic, length of the header (4 bytes, little-endian), header, numbers, SHA-256 of it all."""
    text = msgspec.json.encode(header, order="deterministic")
    body = _MAGIC + len(text).to_bytes(4, "little") + text + verdict.tobytes() + grounds.tobytes()
    return body + hashlib.sha256(body).digest()


def decode(file: bytes) -> Linear:
    """The classifier in a file of weights. Raises ValueError when it is not one, or not whole."""
    body, digest = file[:-_DIGEST_BYTES], file[-_DIGEST_BYTES:]
    if not body.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        raise ValueError("Expected a file of weights whose SHA-256 stands at its end, got another or a damaged one.")
    start = len(_MAGIC) + 4
    length = int.from_bytes(body[start - 4 : start], "little")
    if length > _MOST_HEADER_BYTES:
        raise ValueError(f"Expected a header of at most {_MOST_HEADER_BYTES} bytes, got {length}.")
    try:
        header = msgspec.json.decode(body[start : start + length], type=Header)
    except msgspec.DecodeError as error:
        raise ValueError(f"Expected a header of this form: {error}.") from None
    numbers = np.frombuffer(body, dtype=np.int8, offset=start + length)
    buckets = 1 << header.bits
    if len(numbers) != buckets + (len(header.categories) << header.ground_bits):
        raise ValueError(f"Expected weights as the header says, got {len(numbers)} numbers.")
    grounds = numbers[buckets:].reshape(-1, len(header.categories))
    return Linear(header, numbers[:buckets], grounds, digest.hex()[:12])
