"""Invisible mark for pictures: one tile of waves repeated over the luminance, found again without the original.

Spread spectrum (Cox et al. 1997) with a repeated tile that gives scale and angle away (Kutter 1998), and knowledge of
the picture while writing (Malvar and Florencio 2003). Everything happens on a canvas of fixed size, so that scaling
costs nothing; a cut or a turn shows in how the tiles lie.
"""

from __future__ import annotations

import numpy as np

from hanlin.labels.watermark.coding import decode, encode
from hanlin.labels.watermark.picture_canvas import SIDE, Plane, add, canvas, whiten
from hanlin.labels.watermark.picture_lattice import best_place, places
from hanlin.labels.watermark.picture_tile import (
    TILE,
    TURNS,
    Tile,
    coefficients,
    draw,
    equalize,
    fold,
    signs_of,
    soft_bits,
    tile_bits,
    tile_of,
)
from hanlin.labels.watermark.protocol import Detection, Pixels

PSNR_DB = ((0.5, 1.0, 10.0, 16.0), (40.7, 43.0, 43.0, 40.5))
"""Median contrast -> of what is written, before it is rounded to whole grey levels. In texture a weaker mark would not
be heard; of a picture without any contrast WebP 50 leaves little. What lies between gets no more than it needs."""
VISIBILITY = ((0.0, 8.0, 25.0, 60.0), (0.6, 1.2, 0.7, 0.15))
"""Contrast around a point -> weight of the mark: texture hides it; at hard edges it could not be heard."""
SLOPES = ((0.0, 10.0), (-0.6, 0.2))
"""Median contrast -> exponent of amplitude over cycles: in a flat picture compression spares slow waves only."""
SHARPEST = ((0.0, 10.0), (0.2, 0.4))
"""Median contrast -> cycles per pixel of the picture itself above which no wave gets power."""
ROUNDS = 2
"""How often the amplitudes are corrected by what the picture itself says about each bit."""
CORRECTION = 0.7
LEAST, MOST = 0.1, 4.0
"""Bounds of a corrected amplitude, as multiples of the uncorrected one."""
HEARD = 4.8
"""Standard deviations of the sync waves from which a moved tile is worth decoding: noise reaches 4.8 rarely."""


class TileWatermark:
    """`key` decides the pattern: who does not know it can neither read nor write; the empty key is public."""

    name = "hanlin-tile-1"

    def __init__(self, key: bytes = b"") -> None:
        self._tile = tile_of(key)

    def embed(self, pixels: Pixels, payload: int) -> Pixels:
        """A copy that carries `payload` and differs by a PSNR of 40.2 to 43 dB; an earlier payload is written over.

        Meant for sides from 256 pixels; below, less survives, and below about 160 nothing is found.
        """
        tile, luminance = self._tile, canvas(pixels)
        contrast = whiten(luminance)[1]
        weight = np.interp(contrast, *VISIBILITY).astype(np.float32)
        median = float(np.median(contrast))
        rms = 255 * 10 ** (-float(np.interp(median, *PSNR_DB)) / 20)
        signs = signs_of(tile, encode(payload))
        shape = _spectrum(tile, median, (pixels.shape[0] * pixels.shape[1]) ** 0.5)
        amplitudes = np.stack([shape, shape])
        delta = _scaled(draw(tile, signs * amplitudes, luminance.shape) * weight, luminance, rms)
        for _ in range(ROUNDS):
            amplitudes = _corrected(tile, amplitudes, shape, _heard(tile, luminance + delta) * signs)
            delta = _scaled(draw(tile, signs * amplitudes, luminance.shape) * weight, luminance, rms)
        return add(pixels, delta, float(np.sqrt(np.mean(np.square(delta)))))

    def find(self, pixels: Pixels) -> Detection | None:
        """What the picture carries, or None.

        At most 10 words are decoded, so false positives stay below 10 * 2**-32 = 2.4e-9 per picture. Whole pictures
        are found in eight ways of lying; what was cut or turned by up to 7 degrees, upright only.
        """
        tile = self._tile
        whitened, _ = whiten(canvas(pixels))
        folded = fold(whitened)
        upright = equalize(tile, coefficients(tile, folded, 1))[0]
        turned = best_place(tile, coefficients(tile, folded, len(TURNS)))
        word = decode(np.stack([soft_bits(tile, upright, (0, 0)), soft_bits(tile, turned.waves, turned.shift)]))
        if word is None:
            heard = (place for place in places(tile, whitened) if place.score > HEARD)
            words = (decode(soft_bits(tile, place.waves, place.shift)) for place in heard)
            word = next(filter(None, words), None)
        return word and Detection(*word, self.name)


def _spectrum(tile: Tile, contrast: float, side: float) -> Plane:
    """Amplitude of each wave before any correction."""
    sharpness = tile.radius / TILE * SIDE / side / np.interp(contrast, *SHARPEST)
    shape: Plane = (tile.radius ** np.interp(contrast, *SLOPES) / (1 + sharpness**8)).astype(np.float32)
    return shape


def _heard(tile: Tile, luminance: Plane) -> Plane:
    """(2, waves): cosines and sines as a finder would meet them."""
    waves = coefficients(tile, fold(whiten(luminance)[0]), 1)[0]
    return np.stack([waves.real, waves.imag])


def _corrected(tile: Tile, amplitudes: Plane, shape: Plane, heard: Plane) -> Plane:
    """More for the coded bits that the picture speaks against, less for those it helps: all are then heard alike."""
    waves = np.bincount(tile.ring)
    level = np.maximum(np.bincount(tile.ring, heard.mean(0)) / waves, 0)
    weight = level / (np.bincount(tile.ring, np.square(heard).mean(0)) / waves + 1e-6)
    bits = tile_bits(tile, (heard * weight[tile.ring]).astype(np.float32))
    wanted = tile_bits(tile, np.stack([(level * weight)[tile.ring].astype(np.float32)] * 2))
    change = CORRECTION * (1 - bits / np.maximum(wanted, 1e-6))
    factor = np.concatenate([np.zeros((2, tile.sync)), change[tile.bits]], axis=1)
    corrected: Plane = np.clip(amplitudes + shape * factor, LEAST * shape, MOST * shape).astype(np.float32)
    return corrected


def _scaled(delta: Plane, luminance: Plane, rms: float) -> Plane:
    """Brought to `rms` after black and white have cut it off; at most four times more than without."""
    delta = delta * np.float32(rms / max(float(np.sqrt(np.mean(np.square(delta)))), 1e-12))
    for _ in range(2):
        left = np.clip(luminance + delta, 0, 255) - luminance
        delta = delta * np.float32(min(2.0, rms / max(float(np.sqrt(np.mean(np.square(left)))), 1e-12)))
    return delta
