"""Header checker for CTranslate2's model.bin, little-endian (OpenNMT/CTranslate2: python/ctranslate2/specs).

    u32 version · string spec · u32 revision · u32 count of variables
    each: string name · u8 rank · u32 × rank shape · u8 type · u32 bytes · the bytes
    u32 count of aliases, each: string alias · string name

A string is a u16 length and that many bytes, the last one 0. Versions below 4 wrote the type otherwise.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import BinaryIO

from hanlin.catalog.header import MAX_TENSORS, Header, malformed, plain

VERSIONS = range(4, 7)
MAX_DIMENSIONS = 8
TYPES = {0: ("F32", 4), 1: ("I8", 1), 2: ("I16", 2), 3: ("I32", 4), 4: ("F16", 2), 5: ("BF16", 2)}
"""Type -> name, bytes per element (ctranslate2/types.h, DataType)."""
SPEC_END = b"Spec\0"


def is_one(start: bytes) -> bool:
    """Whether a file may be one: a small version, then the name of a spec. There is no magic number."""
    length = int.from_bytes(start[4:6], "little")
    name = start[6 : 6 + length]
    return int.from_bytes(start[:4], "little") < 16 and length <= 26 and name.endswith(SPEC_END)


def read(file: BinaryIO, size_bytes: int) -> Header:
    """The header of a model.bin of `size_bytes`, every count and length held against them. Raises BadRequest."""
    reader = _Reader(file, size_bytes)
    version = reader.number(4)
    if version not in VERSIONS:
        raise malformed(f"CTranslate2 version {version}, expected {VERSIONS[0]} to {VERSIONS[-1]}")
    spec = reader.string()
    reader.number(4)
    count = reader.count()
    elements: Counter[str] = Counter()
    names = set()
    for _ in range(count):
        names.add(reader.string())
        kind, number = _read_variable(reader)
        elements[kind] += number
    if len(names) != count:
        raise malformed("a variable's name comes twice")
    _read_aliases(reader, names)
    return Header(
        format="ctranslate2",
        architecture=plain(spec),
        name="",
        parameters=elements.total(),
        quantisation=elements.most_common(1)[0][0],
        context_tokens=0,
        chat_template=False,
        tensors=count,
    )


class _Reader:
    """Reads forward, never past the file's end."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        self.position = 0
        file.seek(0)

    @property
    def at_end(self) -> bool:
        return self.position == self._size_bytes

    def number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def count(self) -> int:
        count = self.number(4)
        if not 1 <= count <= MAX_TENSORS:
            raise malformed(f"{count} variables, expected 1 to {MAX_TENSORS}")
        return count

    def string(self) -> str:
        taken = self._take(self.number(2))
        if taken[-1:] != b"\0":
            raise malformed("a name without its end")
        return taken[:-1].decode("utf-8", "replace")

    def skip(self, count: int) -> None:
        self._advance(count)
        self._file.seek(count, 1)

    def _take(self, count: int) -> bytes:
        self._advance(count)
        return self._file.read(count)

    def _advance(self, count: int) -> None:
        self.position += count
        if self.position > self._size_bytes:
            raise malformed(f"it states {count} bytes where the file ends")


def _read_variable(reader: _Reader) -> tuple[str, int]:
    """Type and number of elements of the variable that begins here."""
    rank = reader.number(1)
    if rank > MAX_DIMENSIONS:
        raise malformed(f"a variable of {rank} dimensions, at most {MAX_DIMENSIONS} are expected")
    shape = [reader.number(4) for _ in range(rank)]
    kind = reader.number(1)
    if kind not in TYPES:
        raise malformed(f"a variable of type {kind}, which is unknown")
    name, width = TYPES[kind]
    size_bytes, number = reader.number(4), prod(shape)
    if number * width != size_bytes:
        raise malformed(f"a {name} variable of shape {shape} has {size_bytes} bytes, which do not fit")
    reader.skip(size_bytes)
    return name, number


def _read_aliases(reader: _Reader, names: set[str]) -> None:
    for _ in range(reader.number(4)):
        reader.string()
        if reader.string() not in names:
            raise malformed("an alias of a variable that is not there")
    if not reader.at_end:
        raise malformed(f"the variables end at byte {reader.position}, the file does not")
