"""Header checker for safetensors: 8 bytes of length, that many bytes of JSON, the tensors' bytes without gaps."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Raw, Struct

from hanlin.catalog.header import MAX_TENSORS, Header, malformed, plain

MAX_HEADER_BYTES = 100_000_000
"""The format's own bound."""
MAX_COMMAS = 16 * MAX_TENSORS
"""A tensor's entry has about eight; a bound on the objects that decoding makes."""
METADATA = "__metadata__"

BITS = {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}

Count = Annotated[int, Meta(ge=0, lt=1 << 60)]


class _Tensor(Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[list[Count], Meta(max_length=16)]
    data_offsets: tuple[Count, Count]


def read(file: BinaryIO, size_bytes: int) -> Header:
    """The header of a safetensors file of `size_bytes`, checked against them. Raises BadRequest."""
    header = _read_header(file, size_bytes)
    try:
        entries = msgspec.json.decode(header, type=dict[str, Raw])
        metadata = msgspec.json.decode(entries.pop(METADATA, Raw(b"{}")), type=dict[str, str])
        tensors = [msgspec.json.decode(entry, type=_Tensor) for entry in entries.values()]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise malformed("the JSON in it does not describe tensors") from None
    if not 1 <= len(tensors) <= MAX_TENSORS:
        raise malformed(f"it describes {len(tensors)} tensors, expected 1 to {MAX_TENSORS}")
    elements = _check_layout(tensors, size_bytes - 8 - len(header))
    return Header(
        format="safetensors",
        architecture=plain(metadata.get("modelspec.architecture", "")),
        name=plain(metadata.get("modelspec.title", "")),
        parameters=elements.total(),
        quantisation=elements.most_common(1)[0][0],
        context_tokens=0,
        chat_template=False,
        tensors=len(tensors),
    )


def _read_header(file: BinaryIO, size_bytes: int) -> bytes:
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > min(MAX_HEADER_BYTES, size_bytes - 8):
        raise malformed(f"it states {length} bytes, at most {min(MAX_HEADER_BYTES, size_bytes - 8)} are expected")
    header = file.read(length)
    if len(header) != length:
        raise malformed("the file ends inside it")
    # Counted before anything is decoded, so that a hostile header cannot make millions of objects.
    if header.count(b",") > MAX_COMMAS:
        raise malformed(f"more values than {MAX_TENSORS} tensors need")
    return header


def _check_layout(tensors: list[_Tensor], data_bytes: int) -> Counter[str]:
    """Elements per type. Tensors cover the data exactly: no overlap, no gap, nothing outside."""
    elements: Counter[str] = Counter()
    position = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.data_offsets):
        begin, end = tensor.data_offsets
        if begin != position:
            raise malformed(f"a tensor begins at byte {begin} of the data, expected {position}")
        count = prod(tensor.shape)
        if tensor.dtype not in BITS or count * BITS[tensor.dtype] != (end - begin) * 8:
            stated = f"{plain(tensor.dtype)!r} of shape {tensor.shape}"
            raise malformed(f"a tensor {stated} has {end - begin} bytes, which do not fit")
        elements[tensor.dtype] += count
        position = end
    if position != data_bytes:
        raise malformed(f"the tensors end at byte {position} of the data, the file has {data_bytes}")
    return elements
