"""A file's format by its content, never by its name; files that may run code when loaded are refused by content too."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hanlin.catalog import ctranslate2, gguf, safetensors
from hanlin.catalog.header import Header
from hanlin.errors import BadRequest

REFUSED = (
    (b"PK\x03\x04", "a ZIP archive, as torch checkpoints are; loading those can run code"),
    (b"\x80", "a Python pickle; loading one can run code"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"version https://git-lfs", "a Git LFS pointer, not the weights themselves"),
    (b"<", "an HTML or XML page"),
)


async def read_header(path: Path) -> Header:
    """What the weights in a file say about themselves, checked; reads only the header.

    Raises BadRequest when the file is neither GGUF, safetensors nor CTranslate2, or breaks its format's rules.
    """
    return await asyncio.to_thread(examine, path)


def examine(path: Path) -> Header:
    """As read_header, for who is in a worker thread already."""
    if not path.is_file():
        raise BadRequest(f"There is no file {path.name!r} to read.", action="Check the path.", code="no_such_file")
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, 2)
            file.seek(0)
            start = file.read(32)
            if start.startswith(b"GGUF"):
                return gguf.read(file, size_bytes)
            if ctranslate2.is_one(start):
                return ctranslate2.read(file, size_bytes)
            if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= safetensors.MAX_HEADER_BYTES:
                return safetensors.read(file, size_bytes)
    except OSError as error:
        raise BadRequest(f"The file cannot be read: {error.strerror}.", action="Check its rights.") from None
    raise _refused(start)


def _refused(start: bytes) -> BadRequest:
    word = next(
        (word for magic, word in REFUSED if start.startswith(magic)), "neither GGUF, safetensors nor CTranslate2"
    )
    return BadRequest(
        f"The file is not usable as weights: it is {word}.",
        action="Bring the weights as GGUF, safetensors or a CTranslate2 folder.",
        code="unknown_weights_format",
    )
