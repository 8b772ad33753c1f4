"""Zip archives (APPNOTE 6.3.10), patched raw: what does not change keeps its packed bytes, its order and its times."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Piece

ENTRIES = 20_000
"""Most entries of one archive; real documents have below 2,000."""
DIRECTORY_BYTES = 16 * 1024 * 1024
PART_BYTES = 32 * 1024 * 1024
"""Longest part that is inflated."""

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x0001, 0x0800
_FULL = 0xFFFFFFFF
"""In a 32-bit field: the value stands in the ZIP64 extra field."""
_BEGINNING = 0x0021
"""1980-01-01 as a DOS date: new parts carry no time, so that equal input gives equal output."""


class Entry(Struct, frozen=True):
    name: str
    header: bytes
    """Its record in the central directory."""
    start: int
    """Of its local header, in bytes from the beginning of the file."""
    packed_bytes: int
    size_bytes: int
    offset_place: int
    """Where in `header` the offset stands: 42, or in the ZIP64 extra field."""

    @property
    def flags(self) -> int:
        return int.from_bytes(self.header[8:10], "little")

    @property
    def method(self) -> int:
        return int.from_bytes(self.header[10:12], "little")


class Archive(Struct, frozen=True):
    file: memoryview
    entries: dict[str, Entry]
    """By lower-case name (OPC part names are the same in either case), in the order of the central directory."""
    directory_start: int
    tail: int
    """Where the central directory ends."""
    shift_bytes: int
    """What stands before the archive and is not counted in its offsets."""


def open_archive(file: memoryview) -> Archive:
    """Raises BadFile when it is broken, encrypted in whole, in several volumes, or built to be read in two ways."""
    end = _end(file)
    try:
        size, start, count = _directory(file, end)
        tail = _tail(file, end)
        shift = tail - size - start
        if shift < 0 or count > ENTRIES or size > DIRECTORY_BYTES:
            raise _broken(f"a central directory of {count} entries in {size} bytes at {start}")
        entries = _entries(bytes(file[tail - size : tail]), shift)
    except (struct.error, IndexError, ValueError) as error:
        raise _broken("a central directory that ends early") from error
    archive = Archive(file, {entry.name.lower(): entry for entry in entries}, tail - size, tail, shift)
    if len(archive.entries) != len(entries) or len(entries) != count:
        raise _broken(f"{len(entries)} entries with {len(archive.entries)} names, {count} announced")
    _check_extents(archive)
    return archive


def content(archive: Archive, name: str) -> bytes | None:
    """An entry, inflated, or None when there is none. Raises BadFile over `PART_BYTES` or with a wrong checksum."""
    entry = archive.entries.get(name.lower())
    if entry is None:
        return None
    if entry.flags & _ENCRYPTED or entry.method not in (_STORED, _DEFLATED):
        raise _broken(f"the part {name!r} encrypted or packed with method {entry.method}")
    data = _inflated(_packed(archive, entry), entry)
    if len(data) != entry.size_bytes or zlib.crc32(data) != int.from_bytes(entry.header[16:20], "little"):
        raise _broken(f"the part {name!r} with a wrong length or checksum")
    return data


def patched(archive: Archive, parts: Mapping[str, bytes]) -> list[Piece]:
    """The archive with these parts in place of, or after, those it has."""
    changed = {name.lower(): data for name, data in parts.items()}
    by_start = sorted(archive.entries.values(), key=lambda entry: entry.start)
    starts = [entry.start for entry in by_start] + [archive.directory_start]
    pieces: list[Piece] = [archive.file[: starts[0]]]
    position, headers = starts[0], {}
    for entry, following in zip(by_start, starts[1:], strict=True):
        key = entry.name.lower()
        if key in changed:
            local, header = _made(entry.name, changed[key], position - archive.shift_bytes, entry.header)
            new: list[Piece] = [*local]
        else:
            new, header = [archive.file[entry.start : following]], _moved(entry, position - archive.shift_bytes)
        headers[key] = header
        pieces += new
        position += sum(map(len, new))
    directory = [headers[key] for key in archive.entries]
    for name, data in parts.items():
        if name.lower() not in archive.entries:
            added, header = _made(name, data, position - archive.shift_bytes, b"")
            pieces += added
            directory.append(header)
            position += sum(map(len, added))
    return [*pieces, b"".join(directory), *_new_end(archive, directory, position)]


def _end(file: memoryview) -> int:
    """Where the end record is: the last one whose comment reaches to the end of the file."""
    window = bytes(file[-(_END.size + 0xFFFF) :])
    place = window.rfind(b"PK\5\6")
    while place >= 0:
        if place + _END.size + int.from_bytes(window[place + 20 : place + 22], "little") == len(window):
            return len(file) - len(window) + place
        place = window.rfind(b"PK\5\6", 0, place)
    raise _broken("no end of the central directory")


def _tail(file: memoryview, end: int) -> int:
    return _place64(file, end) or end


def _place64(file: memoryview, end: int) -> int:
    """Where the ZIP64 end record is, or 0. It stands right before its locator, whatever the locator says."""
    locator = end - _LOCATOR64.size
    if locator < _END64.size or bytes(file[locator : locator + 4]) != b"PK\6\7":
        return 0
    place = locator - _END64.size
    if bytes(file[place : place + 4]) != b"PK\6\6":
        raise _broken("a ZIP64 locator without its record before it")
    return place


def _directory(file: memoryview, end: int) -> tuple[int, int, int]:
    """Size, start and number of entries of the central directory."""
    _, disk, _, _, count, size, start, _ = _END.unpack_from(file, end)
    if place := _place64(file, end):
        _, _, _, _, disk, _, _, count, size, start = _END64.unpack_from(file, place)
    if disk:
        raise _broken("one of several volumes")
    return size, start, count


def _entries(directory: bytes, shift: int) -> list[Entry]:
    entries: list[Entry] = []
    position = 0
    while position < len(directory):
        if directory[position : position + 4] != b"PK\1\2" or len(entries) > ENTRIES:
            raise _broken("a central directory with something else in it")
        name_bytes, extra_bytes, comment_bytes = struct.unpack_from("<3H", directory, position + 28)
        length = _CENTRAL.size + name_bytes + extra_bytes + comment_bytes
        entries.append(_entry(directory[position : position + length], name_bytes, extra_bytes, shift))
        position += length
    return entries


def _entry(header: bytes, name_bytes: int, extra_bytes: int, shift: int) -> Entry:
    utf8 = int.from_bytes(header[8:10], "little") & _UTF8
    name = header[46 : 46 + name_bytes].decode("utf-8" if utf8 else "cp437", "replace")
    packed, size = struct.unpack_from("<2I", header, 20)
    offset, place = int.from_bytes(header[42:46], "little"), 42
    wide = list(_zip64(header, 46 + name_bytes, extra_bytes))
    if size == _FULL and wide:
        size = _long(header, wide.pop(0))
    if packed == _FULL and wide:
        packed = _long(header, wide.pop(0))
    if offset == _FULL and wide:
        place = wide[0]
        offset = _long(header, place)
    return Entry(name, header, offset + shift, packed, size, place)


def _long(header: bytes, place: int) -> int:
    return int.from_bytes(header[place : place + 8], "little")


def _zip64(header: bytes, start: int, length: int) -> Iterator[int]:
    """Places of the 64-bit values in the ZIP64 extra field."""
    position, end = start, start + length
    while position + 4 <= end:
        kind, size = struct.unpack_from("<2H", header, position)
        position += 4
        if kind == 1:
            yield from range(position, min(position + size, end) - 7, 8)
        position += size


def _check_extents(archive: Archive) -> None:
    """Entries that overlap are how a small archive becomes a large one; two readers may also see different files."""
    position = 0
    for entry in sorted(archive.entries.values(), key=lambda entry: entry.start):
        start, length = _data(archive, entry)
        if entry.start < position:
            raise _broken("entries that overlap")
        position = start + length
    if position > archive.directory_start:
        raise _broken("an entry that reaches into the central directory")


def _data(archive: Archive, entry: Entry) -> tuple[int, int]:
    """Start and length of the packed bytes."""
    local = archive.file[entry.start : entry.start + _LOCAL.size]
    if bytes(local[:4]) != b"PK\3\4" or len(local) < _LOCAL.size:
        raise _broken(f"no local header at {entry.start}")
    name_bytes, extra_bytes = struct.unpack_from("<2H", local, 26)
    return entry.start + _LOCAL.size + name_bytes + extra_bytes, entry.packed_bytes


def _packed(archive: Archive, entry: Entry) -> memoryview:
    start, length = _data(archive, entry)
    return archive.file[start : start + length]


def _inflated(packed: memoryview, entry: Entry) -> bytes:
    if max(entry.size_bytes, len(packed)) > PART_BYTES:
        raise _broken(f"the part {entry.name!r} of {entry.size_bytes} bytes, more than {PART_BYTES}")
    if entry.method == _STORED:
        return bytes(packed)
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, entry.size_bytes + 1)
    except zlib.error as error:
        raise _broken(f"the part {entry.name!r} damaged") from error


def _made(name: str, data: bytes, offset: int, old: bytes) -> tuple[list[Piece], bytes]:
    """Local and central record of a new or changed part; a changed one keeps its flags, times and attributes."""
    if offset >= _FULL:
        raise _broken("more than 4 GiB")
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    stored = bool(old) and int.from_bytes(old[10:12], "little") == _STORED
    packed = data if stored else squeeze.compress(data) + squeeze.flush()
    method = _STORED if stored else _DEFLATED
    raw = old[46 : 46 + int.from_bytes(old[28:30], "little")] if old else name.encode()
    flags = int.from_bytes(old[8:10], "little") & _UTF8 if old else 0 if name.isascii() else _UTF8
    time, date = struct.unpack_from("<2H", old, 12) if old else (0, _BEGINNING)
    sizes = zlib.crc32(data), len(packed), len(data)
    local = _LOCAL.pack(b"PK\3\4", 20, flags, method, time, date, *sizes, len(raw), 0)
    made_by, attributes = struct.unpack_from("<H32xI", old, 4) if old else (20, 0)
    central = _CENTRAL.pack(
        b"PK\1\2", made_by, 20, flags, method, time, date, *sizes, len(raw), 0, 0, 0, 0, attributes, offset
    )
    return [local + raw, packed], central + raw


def _moved(entry: Entry, offset: int) -> bytes:
    width = 4 if entry.offset_place == 42 else 8
    if width == 4 and offset >= _FULL:
        raise _broken("more than 4 GiB")
    return (
        entry.header[: entry.offset_place]
        + offset.to_bytes(width, "little")
        + entry.header[entry.offset_place + width :]
    )


def _new_end(archive: Archive, directory: list[bytes], position: int) -> Iterator[Piece]:
    """The end records with the new numbers; comments stay."""
    size, count, start = sum(map(len, directory)), len(directory), position - archive.shift_bytes
    end = _end(archive.file)
    if archive.tail != end:
        old = _END64.unpack_from(archive.file, archive.tail)
        yield _END64.pack(*old[:6], count, count, size, start)
        yield _LOCATOR64.pack(b"PK\6\7", 0, start + size, 1)
    elif count > 0xFFFF or start >= _FULL:
        raise _broken("more than 4 GiB")
    fields = _END.unpack_from(archive.file, end)
    narrow = min(count, 0xFFFF), min(count, 0xFFFF), min(size, _FULL), min(start, _FULL)
    yield _END.pack(*fields[:3], *narrow, fields[7])
    yield archive.file[end + _END.size :]


def _broken(came: str) -> BadFile:
    return BadFile(f"Expected a whole zip archive, got {came}.", action="Save the document again in its program.")
