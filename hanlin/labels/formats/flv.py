"""Flash video: the AMF0 string `AIGC` in the script tag `onMetaData` (TC260-PG-20257A; FLV 10.1, annex E)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack_from
from typing import NoReturn

import msgspec
from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats import xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.isobmff import Change, Shift, spliced
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

_SCRIPT = 18
_MAX_TAGS = 2_000_000
"""Ten hours of video and sound have about as many."""
_MAX_SCRIPTS = 4
"""Read at most, of one file."""
_MAX_VALUES = 60_000
"""In one script; an index of ten hours has about 40,000."""
_MAX_DEPTH = 16
_KEY = b"AIGC"
_EVENT = b"\x02\x00\x0aonMetaData"
_END = b"\0\0\x09"
"""An empty name, and the end-of-object marker."""
# Types of AMF0 values
_NUMBER, _STRING, _OBJECT, _ECMA_ARRAY, _STRICT_ARRAY, _LONG_STRING = 0, 2, 3, 8, 10, 12
_LENGTHS = {_NUMBER: 8, 1: 1, 5: 0, 6: 0, 7: 2, 11: 10, 13: 0}
"""Number, boolean, null, undefined, reference, date, unsupported."""
_POSITIONS = ("filesize", "lastkeyframelocation", "keyframes.filepositions")
"""Numbers in `onMetaData` that count bytes from the start of the file."""


class _Tag(Struct, frozen=True):
    start: int
    body: int
    end: int
    """Of its data; four more bytes say how long the tag was."""


class _Property(Struct, frozen=True):
    """One pair of name and value; an element of an array has the array's name."""

    name: str
    start: int
    value: int
    """Where the type of its value stands."""
    end: int


class _Script:
    """The properties of one `onMetaData`, with their names joined by dots."""

    def __init__(self, file: memoryview, tag: _Tag) -> None:
        self.tag = tag
        self.properties: list[_Property] = []
        self.kind = file[tag.body + len(_EVENT)] if tag.end > tag.body + len(_EVENT) else -1
        self._file = file
        self._limit = tag.end
        self._left = _MAX_VALUES
        at = tag.body + len(_EVENT)
        self.first = at + (5 if self.kind == _ECMA_ARRAY else 1)
        """Where the first property stands."""
        if self.kind not in (_OBJECT, _ECMA_ARRAY):
            _bad("The script tag 'onMetaData' holds no object.")
        self.end = self._pairs(self.first, "", 0)
        """Where the end marker stands, or the tag ends without one."""

    def _pairs(self, at: int, path: str, depth: int) -> int:
        while at < self._limit and self._bytes(at, 3) != _END:
            value = at + 2 + self._number(at, 2)
            name = path + bytes(self._file[at + 2 : value]).decode("utf-8", "replace")
            end = self._skip(value, name, depth)
            self.properties.append(_Property(name, at, value, end))
            at = end
        return min(at, self._limit)

    def _skip(self, at: int, name: str, depth: int) -> int:
        """Where a value ends."""
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            _bad(f"More than {_MAX_VALUES} values in 'onMetaData', or more than {_MAX_DEPTH} in one another.")
        kind = self._number(at, 1)
        if kind in (_STRING, _LONG_STRING):
            width = 2 if kind == _STRING else 4
            return self._within(at + 1 + width + self._number(at + 1, width))
        if kind in (_OBJECT, _ECMA_ARRAY):
            return self._within(self._pairs(at + (5 if kind == _ECMA_ARRAY else 1), f"{name}.", depth + 1) + 3)
        if kind == _STRICT_ARRAY:
            return self._elements(at + 1, name, depth)
        if kind not in _LENGTHS:
            _bad(f"Type {kind} of a value in 'onMetaData' is none of AMF0.")
        return self._within(at + 1 + _LENGTHS[kind])

    def _elements(self, at: int, name: str, depth: int) -> int:
        count = self._number(at, 4)
        at += 4
        for _ in range(count):
            end = self._skip(at, name, depth + 1)
            self.properties.append(_Property(name, at, at, end))
            at = end
        return at

    def _bytes(self, at: int, count: int) -> bytes:
        return bytes(self._file[at : min(at + count, self._limit)])

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._file[at : self._within(at + width)])

    def _within(self, at: int) -> int:
        if at > self._limit:
            _bad("A value in 'onMetaData' goes beyond its tag.")
        return at


def _bad(message: str) -> NoReturn:
    raise BadFile(message, action="Export the file again from the program that made it.")


def read(file: memoryview) -> list[Found]:
    """Labels in every `onMetaData`, also of a file that ends early."""
    allowance = xmp.Allowance()
    return [found for tag in _script_tags(file) for _, found in _labels(file, _Script(file, tag), allowance)]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label as the last property of its first `onMetaData`; positions of key frames follow."""
    value = msgspec.json.encode(imprint.label)
    scripts = [_Script(file, tag) for tag in _script_tags(file)]
    if not scripts:
        return _with_new_script(file, value)
    changes = [change for script in scripts for change in _removed(file, script)]
    changes.append(Change(scripts[0].end, scripts[0].end, _property(value)))
    shift = Shift(changes)
    sizes = [change for script in scripts for change in _sizes(file, script, changes)]
    return spliced(file, [*changes, *sizes, *(one for script in scripts for one in _positions(file, script, shift))])


def _script_tags(file: memoryview) -> Iterator[_Tag]:
    """Tags with `onMetaData`, of which streams that were joined have several."""
    if bytes(file[:4]) != b"FLV\x01" or len(file) < 13:
        _bad("A Flash video begins with 'FLV' and the version 1.")
    at, found = int.from_bytes(file[5:9]) + 4, 0
    if not 13 <= at <= len(file):
        _bad(f"The header of a Flash video has 9 bytes, or more and no more than the file; this one says {at - 4}.")
    for _ in range(_MAX_TAGS):
        if at + 11 > len(file) or found == _MAX_SCRIPTS:
            return
        kind, end = file[at], at + 11 + int.from_bytes(file[at + 1 : at + 4])
        if kind == _SCRIPT and end <= len(file) and file[at + 11 : at + 11 + len(_EVENT)] == _EVENT:
            found += 1
            yield _Tag(at, at + 11, end)
        at = end + 4


def _labels(file: memoryview, script: _Script, allowance: xmp.Allowance) -> Iterator[tuple[_Property, Found]]:
    for one in script.properties:
        kind = file[one.value]
        if kind in (_STRING, _LONG_STRING):
            text = bytes(file[one.value + (3 if kind == _STRING else 5) : one.end][:TEXT_BYTES])
            usual = "AIGC" in one.name and "." not in one.name
            if allowance.worth(text) and (found := parse(text, "FLV onMetaData", usual=usual)):
                yield one, found


def _removed(file: memoryview, script: _Script) -> Iterator[Change]:
    """The labels, and what is named like one; in an array a null stands in its place."""
    gone = {one for one, _ in _labels(file, script, xmp.Allowance())}
    gone.update(one for one in script.properties if one.name == "AIGC")
    for one in gone:
        yield Change(one.start, one.end, b"\x05" if one.start == one.value else b"")


def _sizes(file: memoryview, script: _Script, changes: list[Change]) -> Iterator[Change]:
    """The lengths of the script's tag, in front of it and behind it, and the number of its properties."""
    tag = script.tag
    inner = [change for change in changes if tag.body <= change.start < tag.end or change.start == script.end]
    size = tag.end - tag.body + sum(len(change.new) - (change.end - change.start) for change in inner)
    if size >= 1 << 24:
        _bad("The script tag would grow beyond 16 MiB.")
    yield Change(tag.start + 1, tag.body - 7, size.to_bytes(3))
    if tag.end + 4 <= len(file):
        yield Change(tag.end, tag.end + 4, pack(">I", size + 11))
    if script.kind == _ECMA_ARRAY and inner:
        count = int.from_bytes(file[script.first - 4 : script.first])
        more = sum((change.start == change.end) - (not change.new) for change in inner)
        yield Change(script.first - 4, script.first, pack(">I", min(max(count + more, 0), (1 << 32) - 1)))


def _positions(file: memoryview, script: _Script, shift: Shift) -> Iterator[Change]:
    for one in script.properties:
        if one.name in _POSITIONS and file[one.value] == _NUMBER:
            (position,) = unpack_from(">d", file, one.value + 1)
            if 0 < position < 1 << 53:
                yield Change(one.value + 1, one.end, pack(">d", shift(int(position))))


def _with_new_script(file: memoryview, value: bytes) -> list[Piece]:
    data = _EVENT + bytes([_ECMA_ARRAY]) + pack(">I", 1) + _property(value) + _END
    tag = bytes([_SCRIPT]) + len(data).to_bytes(3) + bytes(7) + data + pack(">I", len(data) + 11)
    at = int.from_bytes(file[5:9]) + 4
    return [file[:at], tag, file[at:]]


def _property(value: bytes) -> bytes:
    if len(value) >= 1 << 16:
        _bad("The label is longer than an AMF0 string, 64 KiB.")
    return pack(">H", len(_KEY)) + _KEY + bytes([_STRING]) + pack(">H", len(value)) + value


FORMATS = (Format("flv", ("video/x-flv",), Modality.VIDEO, read, write),)
