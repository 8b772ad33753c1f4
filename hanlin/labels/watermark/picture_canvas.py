"""Where the mark is written and looked for: the luminance at one size, whatever the size of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hanlin.labels.watermark.protocol import Pixels

Plane = NDArray[np.float32]
"""(rows, columns) of the canvas; luminance and what is added to it in grey levels."""

SIDE = 384
"""Geometric mean of the canvas' sides: scaling a picture scales nothing here."""
LOW_RADIUS = 4
"""Of the box whose mean is taken off: what is slower than the mark."""
NOISE_RADIUS = 3
"""Of the box in which the picture's own contrast is measured."""
NOISE_FLOOR = 1.0
"""Grey levels of contrast that rounding and compression leave even in flat parts."""
CLIP = 2.5
STEPS_PER_LEVEL = 8
"""Steps per grey level in which a change is carried through Pillow's 8-bit resizing: +-16 levels."""


def canvas(pixels: Pixels) -> Plane:
    """Luminance, scaled so that the sides' geometric mean is SIDE and the aspect stays.

    ValueError unless `pixels` are 8 bits, (height, width, 3), and at least one.
    """
    from PIL import Image

    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(f"Expected (height, width, 3) of uint8, got {pixels.shape} of {pixels.dtype}.")
    height, width = pixels.shape[:2]
    scale = SIDE / (height * width) ** 0.5
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    return np.asarray(grey, np.float32)


def add(pixels: Pixels, delta: Plane, rms: float) -> Pixels:
    """`delta` (from the canvas) spread over the picture with this root mean square, on all three channels alike."""
    from PIL import Image

    height, width = pixels.shape[:2]
    carried = Image.fromarray(np.clip(delta * STEPS_PER_LEVEL + 128.5, 0, 255).astype(np.uint8))
    spread = np.asarray(carried.resize((width, height), Image.Resampling.BICUBIC))
    levels = (np.arange(256) - 128) / STEPS_PER_LEVEL
    power = float(np.bincount(spread.ravel(), minlength=256) @ np.square(levels)) / spread.size
    change = np.rint(levels * (rms / max(power**0.5, 1e-6))).astype(np.int16)[spread]
    changed = np.empty_like(pixels)
    for channel in range(3):
        changed[:, :, channel] = np.clip(pixels[:, :, channel] + change, 0, 255)
    return changed


def whiten(luminance: Plane) -> tuple[Plane, Plane]:
    """The fine structure in units of the contrast around it, and that contrast.

    Each part of the picture then counts by how well a mark can be heard in it: flat parts much, edges little.
    """
    fine = luminance - box_mean(luminance, LOW_RADIUS)
    contrast = np.sqrt(box_mean(fine * fine, NOISE_RADIUS))
    return np.clip(fine / (contrast + np.float32(NOISE_FLOOR)), -CLIP, CLIP), contrast


def box_mean(plane: Plane, radius: int) -> Plane:
    """Mean over the (2 * radius + 1) square around each point, edges repeated."""
    size = 2 * radius + 1
    for axis in (0, 1):
        padded = np.pad(plane, [(radius, radius) if axis == a else (0, 0) for a in (0, 1)], mode="edge")
        length = plane.shape[axis]
        windows = [padded[i : i + length] if axis == 0 else padded[:, i : i + length] for i in range(size)]
        plane = windows[0] + windows[1]
        for window in windows[2:]:
            plane += window
        plane *= np.float32(1 / size)
    return plane
