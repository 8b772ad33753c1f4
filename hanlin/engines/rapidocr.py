"""The writing in pictures on this machine: PP-OCR (Chinese, English) from the package rapidocr, weights and all."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from functools import cache
from importlib import util
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from hanlin.engines.child import Child
from hanlin.engines.options import read_options
from hanlin.engines.protocol import Health
from hanlin.errors import BadFile, BadRequest
from hanlin.sandbox import Ceilings
from hanlin.types import Choice, Chunk, Delta, Generation, Line, Model, Recognised, Skill, Usage

CEILINGS = Ceilings(seconds=180, memory_mib=2048)
WEIGHTS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx")
PIXELS = 40_000_000
UNREADABLE = frozenset(
    {"th", "km", "lo", "my", "ar", "fa", "he", "hi", "bn", "ta", "te", "ko", "ru", "uk", "el", "ka", "hy"}
)
"""Languages whose script these weights do not know: what comes out is garbage that looks like text."""


class RapidOCROptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`options` of a model whose engine is `rapidocr`."""

    min_score: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """Lines with less certainty are left out."""


class RapidOCREngine:
    def __init__(self, model: Model) -> None:
        """Raises Misconfigured for options that are not `RapidOCROptions`."""
        self._options = read_options(model, RapidOCROptions, frozenset({Skill.RECOGNITION}))
        self._child = Child(model.name, CEILINGS)

    async def start(self) -> None:
        """The weights are loaded by the first who asks."""

    async def stop(self) -> None:
        await self._child.close()

    def health(self) -> Health:
        return Health(ready=True, detail="ready")

    async def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        """One chunk with the lines in reading order. Tokens are counted as lines."""
        media = job.media
        if media is None:
            raise BadRequest("Recognising needs a picture.", code="no_media", param="file")
        if media.language in UNREADABLE:
            raise BadRequest(
                f"These weights read Chinese and Latin letters, not the script of {media.language!r}.",
                action="Register a vision model of an upstream for it.",
                code="script_unknown",
            )
        found = await self._child.run(recognise, media.path, self._options.min_score)
        count = len(found.lines)
        delta = Delta(role="assistant", content=found.text)
        yield Chunk([Choice(0, delta, "stop")], Usage(count, count, 2 * count), detail=found)


def digest() -> str:
    """`sha256:<hex>` over the package's weights, which are three files. Raises BadRequest without the package."""
    found = util.find_spec("rapidocr")
    if found is None or found.origin is None:
        raise BadRequest(
            "The package rapidocr, which holds these weights, is not installed.",
            action="Install it: `pip install 'hanlin[pictures]'`.",
            code="weights_missing",
        )
    whole = hashlib.sha256()
    for name in WEIGHTS:
        with (Path(found.origin).parent / "models" / name).open("rb") as file:
            whole.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def recognise(path: str, min_score: float) -> Recognised:
    """In the child: the lines of a picture's writing."""
    import numpy as np
    from PIL import Image, ImageOps

    with Image.open(path, formats=("PNG", "JPEG")) as opened:
        width, height = opened.size
        if width * height > PIXELS:
            raise BadFile(
                f"The picture has {width}x{height} pixels, at most {PIXELS:,} are read.", code="too_many_pixels"
            )
        picture = ImageOps.exif_transpose(opened)  # as it is shown, so that places fit
        width, height = picture.size
        pixels = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    found = _reader()(pixels)
    lines = []
    if found.boxes is not None:
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
            if score >= min_score and text.strip():
                lines.append(Line(text, _edges(box), round(float(score), 4)))
    return Recognised(tuple(in_order(lines)), width, height)


def _edges(box: Any) -> tuple[float, float, float, float]:
    left, top = box.min(axis=0)
    right, bottom = box.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def in_order(lines: list[Line]) -> list[Line]:
    """Lines as they are read: from the top down, and from the left within a row."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda one: (one.box[1] + one.box[3]) / 2):
        middle = (line.box[1] + line.box[3]) / 2
        if rows and middle < rows[-1][0].box[3] - (rows[-1][0].box[3] - rows[-1][0].box[1]) / 4:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda one: one.box[0])]


@cache
def _reader() -> Any:
    from rapidocr import RapidOCR

    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    return RapidOCR(params={"Global.log_level": "error", **threads})
