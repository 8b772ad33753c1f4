"""A model.bin of CTranslate2 is known by its content, and every number in it is held against the file's size."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hanlin.catalog import read_header
from hanlin.errors import BadRequest


def string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def variable(name: str = "decoder/weight", shape: tuple[int, ...] = (4, 2), kind: int = 4, size: int = 16) -> bytes:
    head = string(name) + struct.pack(f"<B{len(shape)}I", len(shape), *shape)
    return head + struct.pack("<BI", kind, size) + bytes(size)


def model(*variables: bytes, version: int = 6, spec: str = "WhisperSpec", count: int | None = None) -> bytes:
    variables = variables or (variable(), variable("decoder/activation", (), 1, 1))
    head = struct.pack("<I", version) + string(spec) + struct.pack("<II", 3, len(variables) if count is None else count)
    return head + b"".join(variables) + struct.pack("<I", 0)


async def test_a_sound_file_tells_its_kind_and_size(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(model())
    header = await read_header(tmp_path / "model.bin")
    assert (header.format, header.architecture, header.parameters) == ("ctranslate2", "WhisperSpec", 9)
    assert (header.quantisation, header.tensors) == ("F16", 2)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (model(version=3), "version 3"),
        (model(count=0), "0 variables"),
        (model(count=1 << 20), "1048576 variables"),
        (model(count=3), "without its end"),
        (model(variable(size=15)), "do not fit"),
        (model(variable(kind=9)), "type 9"),
        (model(variable(shape=(1,) * 9)), "9 dimensions"),
        (model(variable(), variable()), "comes twice"),
        (model() + b"more", "the file does not"),
        (model()[:-10], "where the file ends"),
        (model()[:-4] + struct.pack("<I", 1) + string("other") + string("nowhere"), "alias"),
    ],
)
async def test_what_does_not_add_up_is_refused(content: bytes, word: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(BadRequest, match=word) as refused:
        await read_header(tmp_path / "model.bin")
    assert refused.value.code == "malformed_weights"
