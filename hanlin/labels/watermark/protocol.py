"""What an invisible watermark does.

TrustMark, VideoSeal or AudioSeal are plugged in by fulfilling the same Protocol.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""sRGB, (height, width, 3). Whoever has alpha, a palette or grey keeps or makes the rest."""
Samples = NDArray[np.float32]
"""(frames, channels), full scale is -1 to 1."""


class Detection(Struct, frozen=True):
    """A watermark that was found, and so holds its check."""

    payload: int
    """64 bits, unsigned: the number under which the record knows what was made."""
    score: float
    """0 to 1: share of the coded bits that the file still carries as written; 0.5 would be chance."""
    technique: str
    """`name` of what found it."""


class PictureWatermark(Protocol):
    """Both may take pictures of any size; `embed` gives back a copy of the same shape."""

    @property
    def name(self) -> str: ...

    def embed(self, pixels: Pixels, payload: int) -> Pixels: ...

    def find(self, pixels: Pixels) -> Detection | None: ...


class SoundWatermark(Protocol):
    """Both may take sound of any length and `rate` (Hz); `embed` gives back a copy of the same shape."""

    @property
    def name(self) -> str: ...

    def embed(self, samples: Samples, rate: int, payload: int) -> Samples: ...

    def find(self, samples: Samples, rate: int) -> Detection | None: ...
