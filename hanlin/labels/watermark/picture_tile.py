"""The mark: a tile of waves, repeated over the canvas. Some are always there (sync), the others carry the code."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.coding import CODED_BITS, Signs, Soft
from hanlin.labels.watermark.picture_canvas import Plane

TILE = 64
"""Side of the tile on the canvas: six by six tiles on a square picture."""
LOWEST, HIGHEST = 3.5, 25.6
"""Cycles per tile: 21 to 154 per picture side. Faster ones die of JPEG and scaling, slower ones drown."""
LAYER = CODED_BITS // 4
CODE_WAVES = 8 * LAYER
"""A layer of waves (cosine and sine) says one half of the coded bits, which is a code by itself; the next slower or
faster layer the other half. So four times each, and the slowest layer alone, all that is left of a flat picture after
WebP 50, can be enough."""
RING_WIDTH = 2.5
BANDS = (HIGHEST + 1, 14.0, 9.0)
"""Cycles per tile up to which sync waves are listened to."""
FINE = 2 * TILE
"""Grid on which the tile's place is looked for: half a canvas point."""
TURNS = (
    (1, 0, 0, 1),
    (-1, 0, 0, 1),
    (0, 1, -1, 0),
    (0, 1, 1, 0),
    (-1, 0, 0, -1),
    (1, 0, 0, -1),
    (0, -1, 1, 0),
    (0, -1, -1, 0),
)
"""The eight ways to lay a square, as it is first."""

Coefficients = NDArray[np.complex64]
"""(…, waves): what is found of each wave, phase of the key taken off."""


class Tile(NamedTuple):
    """What a key says about the waves; sync first, then the waves of the code from slow to fast."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    """Cycles per tile, a half plane: the other half is conjugate."""
    phases: Coefficients
    radius: Plane
    ring: NDArray[np.intp]
    sync: int
    """Number of sync waves."""
    bits: NDArray[np.intp]
    """(2, waves of the code): which coded bit a cosine and a sine say."""


@cache
def tile_of(key: bytes) -> Tile:
    """The key decides which waves carry which bit, and every phase."""
    rows, columns = np.meshgrid(np.arange(-TILE // 2, TILE // 2), np.arange(TILE // 2), indexing="ij")
    radius = np.hypot(rows, columns)
    kept = np.flatnonzero((radius >= LOWEST) & (radius <= HIGHEST) & ((columns > 0) | (rows > 0)))
    kept = kept[np.argsort(_words(key, b"waves", len(kept)), kind="stable")]
    sync, code = kept[:-CODE_WAVES], kept[-CODE_WAVES:]
    order = np.concatenate([sync, code[np.argsort(radius.flat[code], kind="stable")]])
    phases = np.exp(2j * np.pi / 2**32 * _words(key, b"phases", len(order))).astype(np.complex64)
    radii = radius.flat[order].astype(np.float32)
    ring = ((radii - LOWEST) / RING_WIDTH).astype(np.intp)
    return Tile(rows.flat[order], columns.flat[order], phases, radii, ring, len(sync), _bits(key))


def _bits(key: bytes) -> NDArray[np.intp]:
    halves = np.arange(CODED_BITS).reshape(-1, 4).T.reshape(2, -1)
    layers = _words(key, b"bits", CODE_WAVES * 2).reshape(-1, halves.shape[1])
    orders = [halves[i % 2][np.argsort(words, kind="stable")].reshape(2, -1) for i, words in enumerate(layers)]
    return np.concatenate(orders, axis=1)


def _words(key: bytes, purpose: bytes, count: int) -> NDArray[np.uint32]:
    """Pseudo-random numbers that stay the same for ever, which numpy's generators do not promise."""
    digest = hashlib.shake_256(purpose + b"\0" + key).digest(4 * count)
    return np.frombuffer(digest, "<u4").astype(np.uint32)


def signs_of(tile: Tile, coded: Signs) -> Signs:
    """(2, waves): the sign of each wave's cosine and sine."""
    sync = np.ones((2, tile.sync), np.float32)
    return np.concatenate([sync, coded[tile.bits]], axis=1)


def draw(tile: Tile, parts: Plane, shape: tuple[int, int]) -> Plane:
    """(2, waves) amplitudes of cosine and sine, signed -> the tile they make, repeated over a canvas of `shape`."""
    spectrum = np.zeros((TILE, TILE // 2 + 1), np.complex64)
    spectrum[tile.rows, tile.columns] = (parts[0] + 1j * parts[1]) * tile.phases
    one: Plane = np.fft.irfft2(spectrum, (TILE, TILE)).astype(np.float32)
    return np.tile(one, (-(-shape[0] // TILE), -(-shape[1] // TILE)))[: shape[0], : shape[1]]


def fold(whitened: Plane) -> Plane:
    """All tiles of an unmoved canvas added up: what repeats grows, the picture averages out."""
    rows, columns = (-(-side // TILE) for side in whitened.shape)
    full = np.zeros((rows * TILE, columns * TILE), np.float32)
    full[: whitened.shape[0], : whitened.shape[1]] = whitened
    folded: Plane = full.reshape(rows, TILE, columns, TILE).sum((0, 2))
    return folded


def coefficients(tile: Tile, folded: NDArray[np.floating], turns: int) -> Coefficients:
    """(…, side, side) folded tiles -> (turns, …, waves), each turned in the first `turns` ways."""
    spectrum = np.fft.fft2(folded).astype(np.complex64)
    turned = [(a * tile.rows + b * tile.columns, c * tile.rows + d * tile.columns) for a, b, c, d in TURNS[:turns]]
    return np.stack([spectrum[..., rows, columns] for rows, columns in turned]) * np.conj(tile.phases)


def equalize(tile: Tile, found: Coefficients) -> Coefficients:
    """Every ring of wavelengths brought to power 1, so that no band shouts the others down."""
    rings = int(tile.ring.max()) + 1
    members = np.equal(tile.ring[:, None], np.arange(rings)).astype(np.float32)
    power = (np.square(found.real) + np.square(found.imag)) @ members / members.sum(0)
    level: Coefficients = found / np.sqrt(power + np.float32(1e-9))[..., tile.ring]
    return level


def sync_map(tile: Tile, found: Coefficients) -> NDArray[np.float32]:
    """(…, waves) -> (bands, …, FINE, FINE): how well the sync waves agree on each place of the tile.

    In standard deviations; by all sync waves, and by the slow ones alone, which are all that a small picture keeps.
    """
    sync = slice(tile.sync)
    kept = np.less(tile.radius[sync], np.array(BANDS)[:, None]).astype(np.float32)
    kept *= FINE * FINE / np.sqrt(4 * kept.sum(1, keepdims=True))
    spectrum = np.zeros((len(BANDS), *found.shape[:-1], FINE, TILE + 1), np.complex64)
    for band, weights in zip(spectrum, kept, strict=True):
        band[..., tile.rows[sync], tile.columns[sync]] = found[..., sync] * weights * np.complex64(1 - 1j)
    return np.fft.irfft2(spectrum, (FINE, FINE)).astype(np.float32)


def soft_bits(tile: Tile, found: Coefficients, place: tuple[int, int]) -> Soft:
    """(waves,), the tile's place on the fine grid -> coded bits, each ring trusted as far as its sync waves agree."""
    shift = np.exp(2j * np.pi / FINE * (tile.rows * place[0] + tile.columns * place[1])).astype(np.complex64)
    turned = found * shift
    parts = np.stack([turned.real, turned.imag])
    heard = np.bincount(tile.ring[: tile.sync], parts.mean(0)[: tile.sync], int(tile.ring.max()) + 1)
    waves = np.bincount(tile.ring[: tile.sync], minlength=len(heard))
    # Three imagined waves at 0.2 keep a ring with few waves from being dropped or believed by chance.
    trust = np.clip((heard + 0.6) / (waves + 3), 0.03, 0.68)
    parts *= (trust / (0.5 - trust * trust))[tile.ring]
    return tile_bits(tile, parts)


def tile_bits(tile: Tile, parts: Plane) -> Soft:
    """(2, waves) cosines and sines -> what they say together about each coded bit."""
    return np.bincount(tile.bits.ravel(), parts[:, tile.sync :].ravel(), CODED_BITS).astype(np.float32)
