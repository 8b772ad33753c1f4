"""Other watermarks on the same pictures, run by an environment of their own: `watermark_peers.py NAME FILE.npz`.

Peers keep no place and no size: before they look, the picture is brought back to the size it had. They have no check
either; a payload counts as found when all 64 bits are right.
"""

from __future__ import annotations

import json
import sys
import types
from typing import Any

import numpy as np
from PIL import Image  # noqa: TID253 - nothing here is part of the server
from watermark_pictures import Pixels, measure

BITS = 64


def bits_of(payload: int) -> list[int]:
    return [payload >> i & 1 for i in range(BITS)]


def payload_of(bits: Any) -> int:
    return sum(int(bool(bit)) << i for i, bit in enumerate(bits))


def restored(pixels: Pixels, original: tuple[int, ...]) -> Pixels:
    if pixels.shape == original:
        return pixels
    size = (original[1], original[0])
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


class BlindWatermark:
    def embed(self, pixels: Pixels, payload: int) -> Pixels:
        from blind_watermark import WaterMark

        mark = WaterMark(password_wm=1, password_img=1)
        mark.read_img(img=np.ascontiguousarray(pixels[:, :, ::-1]))
        mark.read_wm(np.array(bits_of(payload), bool), mode="bit")
        return np.clip(mark.embed(), 0, 255).round().astype(np.uint8)[:, :, ::-1]

    def find(self, pixels: Pixels, original: tuple[int, ...]) -> int | None:
        from blind_watermark import WaterMark

        mark = WaterMark(password_wm=1, password_img=1)
        picture = np.ascontiguousarray(restored(pixels, original)[:, :, ::-1])
        return payload_of(np.asarray(mark.extract(embed_img=picture, wm_shape=BITS, mode="bit")) > 0.5)


class InvisibleWatermark:
    def __init__(self, method: str) -> None:
        # The package imports torch for its third method, rivaGAN, which is not measured here.
        sys.modules.setdefault("torch", types.ModuleType("torch"))
        self._method = method

    def embed(self, pixels: Pixels, payload: int) -> Pixels:
        from imwatermark import WatermarkEncoder

        encoder = WatermarkEncoder()
        encoder.set_watermark("bits", bits_of(payload))
        return encoder.encode(np.ascontiguousarray(pixels[:, :, ::-1]), self._method)[:, :, ::-1]

    def find(self, pixels: Pixels, original: tuple[int, ...]) -> int | None:
        from imwatermark import WatermarkDecoder

        decoder = WatermarkDecoder("bits", BITS)
        picture = np.ascontiguousarray(restored(pixels, original)[:, :, ::-1])
        return payload_of(decoder.decode(picture, self._method))


PEERS = {
    "blind-watermark": BlindWatermark,
    "invisible-watermark dwtDct": lambda: InvisibleWatermark("dwtDct"),
    "invisible-watermark dwtDctSvd": lambda: InvisibleWatermark("dwtDctSvd"),
}

if __name__ == "__main__":
    with np.load(sys.argv[2]) as pictures:
        result = measure(PEERS[sys.argv[1]](), [(name, pictures[name]) for name in pictures.files])
    sys.stdout.write("\n" + json.dumps(result))
