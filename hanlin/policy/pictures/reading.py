"""The text in a picture, by PP-OCR (Apache-2.0): Chinese, English, digits; printed better than written."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hanlin.policy.pictures.network import THREADS

if TYPE_CHECKING:
    from PIL import Image

_SIDE = 1280
"""Longest side at which lines are looked for. Smaller pictures stay as they are: enlarging them, as the library does by
itself, took three times as long and read no more."""


def read(image: Image.Image) -> list[str]:
    """The lines of text in an RGB image, from top to bottom."""
    found = _reader()(np.asarray(image)[:, :, ::-1])
    return list(found.txts or ())


@cache
def _reader() -> Any:
    """The models come inside the package: nothing is fetched. Its log is off, for it could quote what was read."""
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Det.limit_type": "max",
            "Det.limit_side_len": _SIDE,
            "Rec.rec_batch_num": 1,  # six lines at once are no faster and take twice the memory
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
