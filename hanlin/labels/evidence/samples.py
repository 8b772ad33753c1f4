"""Sample files for the evidence pack, made from nothing: one of every kind that can be made without a generator."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

SIDE = 640
RATE = 24_000
SECONDS = 4
SENTENCE = "This sample was made to show how content of this service is labelled. 本样例用于展示本服务的内容标识。"
_PAGE = "<!doctype html><html><head><title>Sample</title></head><body><p>{}</p></body></html>"
_DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
    f"<w:p><w:r><w:t>{SENTENCE}</w:t></w:r></w:p></w:body></w:document>"
)
_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


def _picture(kind: str, **options: Any) -> bytes:
    """A landscape of soft hills, so that label and watermark have a picture to stand in."""
    from PIL import Image

    across, down = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE * 3 // 4))
    sky = np.stack([0.96 - 0.25 * down, 0.93 - 0.2 * down, 0.86 - 0.05 * down], axis=-1)
    for number in range(4):
        ridge = 0.35 + 0.14 * number + 0.06 * np.sin(across * (7 + 3 * number) + 2.1 * number)
        shade = np.array([0.62, 0.66, 0.62]) * (1 - 0.2 * number)
        sky = np.where((down > ridge)[..., None], shade + 0.15 * (down - ridge)[..., None], sky)
    grain = np.random.default_rng(45438).normal(0, 0.012, sky.shape)
    pixels = (np.clip(sky + grain, 0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def _sound(kind: str, subtype: str | None = None) -> bytes:
    """A few bars of plucked notes."""
    import soundfile

    time = np.arange(RATE * SECONDS) / RATE
    samples = np.zeros_like(time)
    for number, hertz in enumerate((262, 330, 392, 523, 392, 330, 294, 392)):
        since = time - number * SECONDS / 8
        samples += np.where(since > 0, np.exp(-3 * since) * np.sin(2 * np.pi * hertz * since), 0) * 0.25
    samples += np.random.default_rng(45438).normal(0, 0.002, len(time))
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.astype(np.float32), RATE, format=kind, subtype=subtype)
    return buffer.getvalue()


def _document() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        parts = {"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, "word/document.xml": _DOCUMENT}
        for name, content in parts.items():
            package.writestr(name, content)
    return buffer.getvalue()


def _pages() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=1)
    for number in (1, 2):
        canvas.drawString(72, 760, f"{SENTENCE.partition('.')[0]}. Page {number}.")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


SAMPLES: dict[str, Callable[[], bytes]] = {
    "picture.png": partial(_picture, "PNG"),
    "picture.jpg": partial(_picture, "JPEG", quality=92),
    "picture.webp": partial(_picture, "WEBP", quality=90),
    "sound.wav": partial(_sound, "WAV"),
    "sound.flac": partial(_sound, "FLAC"),
    "sound.mp3": partial(_sound, "MP3"),
    "sound.ogg": partial(_sound, "OGG", "VORBIS"),
    "document.docx": _document,
    "document.pdf": _pages,
    "text.md": f"# Sample\n\n{SENTENCE}\n".encode,
    "text.html": _PAGE.format(SENTENCE).encode,
    "text.txt": f"{SENTENCE}\n".encode,
    "answer.json": json.dumps({"answer": SENTENCE}, ensure_ascii=False).encode,
}
"""File name -> what makes its content."""
