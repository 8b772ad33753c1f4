"""A file is what its bytes are, whatever its name."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest

from hanlin.catalog import read_header
from hanlin.errors import BadRequest
from tests.catalog.files import gguf, safetensors


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02.")
    return content.getvalue()


async def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    for name, content in (("a.safetensors", gguf()), ("b.bin", safetensors())):
        (tmp_path / name).write_bytes(content)

    assert (await read_header(tmp_path / "a.safetensors")).format == "gguf"
    assert (await read_header(tmp_path / "b.bin")).format == "safetensors"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (pickle.dumps({"a": 1}), "Python pickle"),
        (archive(), "ZIP archive"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"", "neither GGUF, safetensors nor CTranslate2"),
        (b"just text", "neither GGUF, safetensors nor CTranslate2"),
    ],
)
async def test_what_is_no_weights_is_refused_by_content_with_a_word(content: bytes, word: str, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(content)

    with pytest.raises(BadRequest, match=word) as refusal:
        await read_header(file)

    assert refusal.value.code == "unknown_weights_format"


async def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.gguf"):
        with pytest.raises(BadRequest) as refusal:
            await read_header(path)
        assert refusal.value.code == "no_such_file"
