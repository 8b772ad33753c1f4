"""Header checker for GGUF, versions 2 and 3, little-endian (ggml: docs/gguf.md).

llama.cpp trusts much of what a file states (CVE-2026-27940), so every count, length and offset is held against the
file's size here first. Python's integers do not overflow; what would overflow 63 bits in C is refused.
"""

from __future__ import annotations

import struct
from collections import Counter
from math import prod
from typing import BinaryIO

from msgspec import Struct

from hanlin.catalog.header import MAX_TENSORS, Header, malformed, plain

MAX_HEADER_BYTES = 256 << 20
MAX_KEYS = 1 << 16
MAX_KEY_BYTES = 1024
MAX_TENSOR_NAME_BYTES = 256
MAX_STRINGS = 2_000_000
"""Strings in arrays, all together; the largest vocabularies with their merges stay below a million."""
MAX_KEPT_BYTES = 1 << 20
MAX_DIMENSIONS = 4
MAX_ALIGNMENT = 4096
DEFAULT_ALIGNMENT = 32

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""Metadata value type -> struct format."""
FORMS = {code: struct.Struct("<" + code) for code in SCALARS.values()}
STRING, ARRAY = 8, 9

TENSOR_TYPES = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}
"""ggml tensor type -> name, elements per block, bytes per block (ggml.h, ggml-common.h)."""

FILE_TYPES = {
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    21: "Q2_K_S",
    22: "IQ3_XS",
    27: "IQ3_M",
    29: "IQ2_M",
    38: "MXFP4_MOE",
}
"""`general.file_type` of mixes whose name is not the type of most of their elements (llama.h, llama_ftype)."""

Value = int | float | str


class _Tensor(Struct, frozen=True):
    type: str
    elements: int
    size_bytes: int
    offset: int


def read(file: BinaryIO, size_bytes: int) -> Header:
    """The header of a GGUF file of `size_bytes`, checked against them. Raises BadRequest."""
    reader = _Reader(file, size_bytes)
    tensor_count, key_count = _read_counts(reader)
    values = _read_metadata(reader, key_count)
    alignment = _alignment(values)
    tensors = _read_tensors(reader, tensor_count)
    data_bytes = size_bytes - _padded(reader.position, alignment)
    _check_layout(tensors, alignment, data_bytes)
    return _header(values, tensors)


class _Reader:
    """Reads forward, never past the file's end or the header's bound."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._end = min(size_bytes, MAX_HEADER_BYTES)
        self.position = 0
        self.strings_left = MAX_STRINGS
        file.seek(0)

    def _advance(self, count: int) -> None:
        self.position += count
        if self.position > self._end:
            raise malformed(f"it states {count} bytes where the file or the header's bound ends")

    def take(self, count: int) -> bytes:
        self._advance(count)
        taken = self._file.read(count)
        if len(taken) != count:
            raise malformed("the file ends inside it")
        return taken

    def skip(self, count: int) -> None:
        self._advance(count)
        self._file.seek(count, 1)

    def number(self, code: str) -> int:
        form = FORMS[code]
        value: int = form.unpack(self.take(form.size))[0]
        return value

    def string(self, most: int) -> bytes:
        length = self.number("Q")
        if length > most:
            raise malformed(f"a name of {length} bytes, at most {most} are expected")
        return self.take(length)


def _read_counts(reader: _Reader) -> tuple[int, int]:
    reader.skip(4)
    version = reader.number("I")
    if version not in (2, 3):
        raise malformed(f"GGUF version {version} (0x{version:08x}), expected 2 or 3, little-endian")
    tensor_count, key_count = reader.number("Q"), reader.number("Q")
    if not 1 <= tensor_count <= MAX_TENSORS:
        raise malformed(f"{tensor_count} tensors, expected 1 to {MAX_TENSORS}")
    if key_count > MAX_KEYS:
        raise malformed(f"{key_count} metadata keys, at most {MAX_KEYS} are expected")
    return tensor_count, key_count


def _read_metadata(reader: _Reader, count: int) -> dict[bytes, Value]:
    values: dict[bytes, Value] = {}
    for _ in range(count):
        key = reader.string(MAX_KEY_BYTES)
        if key in values:
            raise malformed("a metadata key comes twice")
        values[key] = _read_value(reader, reader.number("I"))
    return values


def _read_value(reader: _Reader, kind: int) -> Value:
    if kind == ARRAY:
        _skip_array(reader)
        return 0
    if kind != STRING:
        return reader.number(_scalar(kind))
    length = reader.number("Q")
    if length > MAX_KEPT_BYTES:
        reader.skip(length)
        return ""
    return plain(reader.take(length).decode("utf-8", "replace"))


def _skip_array(reader: _Reader) -> None:
    kind, count = reader.number("I"), reader.number("Q")
    if kind != STRING:
        reader.skip(count * FORMS[_scalar(kind)].size)
        return
    reader.strings_left -= count
    if reader.strings_left < 0:
        raise malformed(f"more than {MAX_STRINGS} strings in arrays")
    for _ in range(count):
        reader.skip(reader.number("Q"))


def _scalar(kind: int) -> str:
    """Arrays in arrays end here too: llama.cpp knows none."""
    if kind not in SCALARS:
        raise malformed(f"metadata of type {kind}, which is unknown in this place")
    return SCALARS[kind]


def _whole(values: dict[bytes, Value], key: bytes, default: int) -> int:
    value = values.get(key, default)
    return value if isinstance(value, int) else default


def _alignment(values: dict[bytes, Value]) -> int:
    alignment = values.get(b"general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 1 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise malformed(f"alignment {alignment!r}, expected a power of two up to {MAX_ALIGNMENT}")
    return alignment


def _read_tensors(reader: _Reader, count: int) -> list[_Tensor]:
    names: set[bytes] = set()
    tensors = []
    for _ in range(count):
        name = reader.string(MAX_TENSOR_NAME_BYTES)
        if name in names:
            raise malformed("a tensor's name comes twice")
        names.add(name)
        tensors.append(_read_tensor(reader))
    return tensors


def _read_tensor(reader: _Reader) -> _Tensor:
    dimensions = reader.number("I")
    if dimensions > MAX_DIMENSIONS:
        raise malformed(f"a tensor of {dimensions} dimensions, at most {MAX_DIMENSIONS} are expected")
    shape = [reader.number("Q") for _ in range(dimensions)]
    kind = reader.number("I")
    if kind not in TENSOR_TYPES:
        raise malformed(f"a tensor of type {kind}, which is unknown")
    name, block_elements, block_bytes = TENSOR_TYPES[kind]
    elements = prod(shape)
    if elements >= 1 << 60 or (shape[0] if shape else 1) % block_elements:
        raise malformed(f"a {name} tensor of shape {shape}, expected rows of whole blocks of {block_elements}")
    return _Tensor(name, elements, elements // block_elements * block_bytes, reader.number("Q"))


def _padded(offset: int, alignment: int) -> int:
    return (offset + alignment - 1) // alignment * alignment


def _check_layout(tensors: list[_Tensor], alignment: int, data_bytes: int) -> None:
    """Tensors lie one after another in the order they are listed, each aligned, all inside the file."""
    expected = 0
    for number, tensor in enumerate(tensors, 1):
        if tensor.offset != expected:
            raise malformed(f"tensor {number} lies at offset {tensor.offset}, expected {expected}")
        if expected + tensor.size_bytes > data_bytes:
            end = expected + tensor.size_bytes
            raise malformed(f"tensor {number} ends at byte {end} of the data, the file has {max(data_bytes, 0)}")
        expected = _padded(expected + tensor.size_bytes, alignment)


def _header(values: dict[bytes, Value], tensors: list[_Tensor]) -> Header:
    elements: Counter[str] = Counter()
    for tensor in tensors:
        elements[tensor.type] += tensor.elements
    architecture = str(values.get(b"general.architecture", ""))
    file_type = _whole(values, b"general.file_type", -1)
    return Header(
        format="gguf",
        architecture=architecture,
        name=str(values.get(b"general.name", "")),
        parameters=elements.total(),
        quantisation=FILE_TYPES.get(file_type) or elements.most_common(1)[0][0],
        context_tokens=max(_whole(values, f"{architecture}.context_length".encode(), 0), 0),
        chat_template=bool(values.get(b"tokenizer.chat_template")),
        tensors=len(tensors),
        parts=max(_whole(values, b"split.count", 1), 1),
    )
