"""ISO base media files (ISO/IEC 14496-12): boxes within bounds, changes to a file, and every offset that they move."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from struct import pack, unpack_from
from typing import NoReturn

from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Piece

MAX_BOXES = 200_000
"""Looked at in one file; an hour in one-second fragments has about 40,000."""
MAX_OFFSETS = 8_000_000
"""In the tables of one file; an hour of film with a chunk for every frame has about 200,000."""
_SLICE_OFFSETS = 1 << 18
MAX_EXTENTS = 100_000
"""Of all picture items; extents of size zero take no bytes, so that a file's size does not bound them."""
_FOUR_GIB = 1 << 32


class Box(Struct, frozen=True):
    """One box: its header from `start`, what it holds from `body` (in a `meta`: after the version) to `end`."""

    kind: bytes
    """Four characters; 20 bytes, `uuid` and the type, where the type is a UUID."""
    start: int
    body: int
    end: int
    parent: Box | None = None


class Change(Struct, frozen=True):
    """Bytes `start` to `end` become `new`; nothing to insert before `start` when both are the same."""

    start: int
    end: int
    new: bytes
    inside: Box | None = None
    """The innermost box whose size field counts these bytes."""


class Extent(Struct, frozen=True):
    """One run of an item's bytes, and where its fields stand."""

    offset_at: int
    offset: int
    length: int
    """0 for all there is."""


class Location(Struct, frozen=True):
    """One entry of `iloc`, with the places and widths in bytes of the fields that a change must rewrite."""

    item: int
    method: int
    """0: offsets from the start of the file, 1: from the start of `idat`, 2: within another item."""
    method_at: int
    """0 where the version of the box has no method."""
    elsewhere: bool
    """The data is in another file."""
    base_at: int
    base: int
    extents: tuple[Extent, ...]
    offset_width: int
    length_width: int
    base_width: int


def bad(message: str) -> NoReturn:
    """Raise BadFile for a broken ISO media file."""
    raise BadFile(message, action="Export the file again from the program that made it.")


def boxed(kind: bytes, *parts: bytes) -> bytes:
    """A box of these parts."""
    content = b"".join(parts)
    return pack(">I4s", 8 + len(content), kind) + content


class IsoFile:
    """Walks the boxes of one file and counts them, so that no nesting makes the walk long."""

    def __init__(self, file: memoryview, *, cut_short: bool = False) -> None:
        """`cut_short` reads files that end early: the last box at the top then ends with the file."""
        self.file = file
        self.offsets = 0
        """In the tables that have been moved."""
        self._left = MAX_BOXES
        self._cut_short = cut_short
        self.top = self._walk(0, len(file), None)

    def children(self, box: Box, skip: int = 0) -> list[Box]:
        """Boxes in a box, after `skip` bytes. A rest too short for a box, as QuickTime leaves, is no box."""
        return self._walk(box.body + skip, box.end, box)

    def all(self, kind: bytes, box: Box | None = None) -> list[Box]:
        return [child for child in (self.top if box is None else self.children(box)) if child.kind == kind]

    def first(self, box: Box, *path: bytes) -> Box | None:
        """The box at the end of a path of kinds, the first of each kind."""
        here: Box | None = box
        for kind in path:
            here = next(iter(self.all(kind, here)), None) if here else None
        return here

    def spend(self, count: int) -> None:
        """Count boxes, or entries of a table that cost as much. Raises BadFile when there are too many."""
        self._left -= count
        if self._left < 0:
            bad(f"More than {MAX_BOXES} boxes and entries.")

    def number(self, width: int, at: int, box: Box) -> int:
        """A big-endian number of `width` bytes that stands in a box."""
        if at + width > box.end:
            bad(f"Box {box.kind!r} ends before its fields do.")
        return int.from_bytes(self.file[at : at + width])

    def _walk(self, at: int, end: int, parent: Box | None) -> list[Box]:
        found = []
        while end - at >= 8:
            box = self._box(at, end, parent)
            if box is None:
                break
            found.append(box)
            at = box.end
            self.spend(1)
        return found

    def _box(self, at: int, end: int, parent: Box | None) -> Box | None:
        size, kind = unpack_from(">I4s", self.file, at)
        body = at + 8
        if size == 1:
            size, body = self._large_size(at, end), at + 16
        elif size == 0:
            if parent is not None:
                return None
            size = end - at
        if kind == b"uuid":
            kind, body = b"uuid" + bytes(self.file[body : body + 16]), body + 16
        if kind == b"meta" and bytes(self.file[body + 4 : body + 8]) != b"hdlr":
            body += 4  # ISO gives it a version and flags, QuickTime does not
        if self._cut_short and parent is None:
            size = min(size, end - at)
        if size > end - at or body > at + size:
            bad(f"Box {kind[:4]!r} at byte {at} says it has {size} bytes, {end - at} are left.")
        return Box(kind, at, body, at + size, parent)

    def _large_size(self, at: int, end: int) -> int:
        if end - at < 16:
            bad(f"A box at byte {at} ends in its header.")
        return int.from_bytes(self.file[at + 8 : at + 16])


class Shift:
    """Where the bytes of the old file stand in the new one."""

    def __init__(self, changes: Iterable[Change]) -> None:
        grown = sorted((c.end, len(c.new) - (c.end - c.start)) for c in changes if len(c.new) != c.end - c.start)
        self._ends = [end for end, _ in grown]
        self._moved = [0, *accumulate(growth for _, growth in grown)]

    def __bool__(self) -> bool:
        return bool(self._ends)

    def __call__(self, offset: int) -> int:
        return offset + self._moved[bisect_right(self._ends, offset)]

    def table(self, offsets: memoryview, width: int) -> bytes:
        """A table of big-endian offsets of 4 or 8 bytes. Raises OverflowError when one no longer fits."""
        step = _SLICE_OFFSETS * width
        return b"".join(self._slice(offsets[at : at + step], width) for at in range(0, len(offsets), step))

    def _slice(self, offsets: memoryview, width: int) -> bytes:
        import numpy as np

        old = np.frombuffer(offsets, dtype=f">u{width}").astype(np.uint64)
        which = np.searchsorted(np.array(self._ends, dtype=np.uint64), old, side="right")
        new = old + np.array(self._moved, dtype=np.int64).astype(np.uint64)[which]  # wraps round for what moves back
        if width == 4 and int(new.max()) >= _FOUR_GIB:
            raise OverflowError
        return new.astype(f">u{width}").tobytes()


def spliced(file: memoryview, changes: Iterable[Change]) -> list[Piece]:
    """The file with its changes: views of what stays, and the new bytes between them."""
    pieces: list[Piece] = []
    at = 0
    for change in sorted(changes, key=lambda change: (change.start, change.end)):
        if change.start < at:
            bad("Two boxes that must change overlap.")
        pieces += [file[at : change.start], change.new]
        at = change.end
    return [piece for piece in [*pieces, file[at:]] if len(piece)]


def sizes(file: memoryview, changes: Iterable[Change]) -> list[Change]:
    """The size fields of every box that a change makes larger or smaller."""
    growth: dict[Box, int] = {}
    for change in changes:
        box = change.inside
        while box is not None:
            growth[box] = growth.get(box, 0) + len(change.new) - (change.end - change.start)
            box = box.parent
    return [
        _size(file, box, by)
        for box, by in growth.items()
        if by and file[box.start : box.start + 4].tobytes() != bytes(4)
    ]


def _size(file: memoryview, box: Box, growth: int) -> Change:
    size = box.end - box.start + growth
    if file[box.start : box.start + 4].tobytes() == b"\0\0\0\1":
        return Change(box.start + 8, box.start + 16, pack(">Q", size))
    if size >= _FOUR_GIB:
        bad(f"Box {box.kind!r} would grow beyond 4 GiB.")
    return Change(box.start, box.start + 4, pack(">I", size))


def rewritten(iso: IsoFile, changes: list[Change]) -> list[Piece]:
    """The file with its changes, its sizes, and all offsets that point at what moves.

    Raises BadFile; OverflowError when a 32-bit offset would have to point beyond 4 GiB.
    """
    shift = Shift(changes)
    moved = relocations(iso, shift) if shift else []
    return spliced(iso.file, [*changes, *sizes(iso.file, changes), *moved])


def relocations(iso: IsoFile, shift: Shift) -> Iterator[Change]:
    """The new values of all fields that hold an offset from the start of the file."""
    for box in iso.top:
        if box.kind == b"moov":
            for trak in iso.all(b"trak", box):
                yield from _chunk_offsets(iso, trak, shift)
                yield from _item_offsets(iso, iso.all(b"meta", trak), shift)
            yield from _item_offsets(iso, iso.all(b"meta", box), shift)
        elif box.kind == b"moof":
            yield from _fragment_offsets(iso, box, shift)
        elif box.kind == b"mfra":
            for tfra in iso.all(b"tfra", box):
                yield from _random_access_offsets(iso, tfra, shift)
        elif box.kind == b"sidx":
            yield from _segment_index_offset(iso, box, shift)
        elif box.kind == b"meta":
            yield from _item_offsets(iso, [box], shift)


def _chunk_offsets(iso: IsoFile, trak: Box, shift: Shift) -> Iterator[Change]:
    minf = iso.first(trak, b"mdia", b"minf")
    stbl = iso.first(minf, b"stbl") if minf else None
    if minf is None or stbl is None or _elsewhere(iso, minf):
        return
    for box in iso.children(stbl):
        if box.kind in (b"stco", b"co64"):
            yield _table(iso, box, box.body + 4, 4 if box.kind == b"stco" else 8, shift)
        elif box.kind == b"saio":
            typed = 8 if iso.number(1, box.body + 3, box) & 1 else 0
            width = 8 if iso.number(1, box.body, box) else 4
            yield _table(iso, box, box.body + 4 + typed, width, shift)


def _elsewhere(iso: IsoFile, minf: Box) -> bool:
    """Whether all media of a track is in other files, so that its offsets are not this file's."""
    dref = iso.first(minf, b"dinf", b"dref")
    entries = iso.children(dref, 8) if dref else []
    return bool(entries) and not any(iso.number(4, entry.body, entry) & 1 for entry in entries)


def _table(iso: IsoFile, box: Box, at: int, width: int, shift: Shift) -> Change:
    count = iso.number(4, at, box)
    start, end = at + 4, at + 4 + count * width
    iso.offsets += count
    if end > box.end or iso.offsets > MAX_OFFSETS:
        bad(f"Box {box.kind!r} says it has {count} offsets, more than its size or this program holds.")
    return Change(start, end, shift.table(iso.file[start:end], width))


def _fragment_offsets(iso: IsoFile, moof: Box, shift: Shift) -> Iterator[Change]:
    for traf in iso.all(b"traf", moof):
        tfhd = iso.first(traf, b"tfhd")
        if tfhd and iso.number(4, tfhd.body, tfhd) & 1:  # base_data_offset is there
            yield _field(iso, tfhd, tfhd.body + 8, 8, shift)


def _field(iso: IsoFile, box: Box, at: int, width: int, shift: Shift) -> Change:
    return Change(at, at + width, _fitting(shift(iso.number(width, at, box)), width))


def _fitting(value: int, width: int) -> bytes:
    return value.to_bytes(width)


def _random_access_offsets(iso: IsoFile, tfra: Box, shift: Shift) -> Iterator[Change]:
    width = 8 if iso.number(1, tfra.body, tfra) else 4
    sizes_of_numbers = iso.number(4, tfra.body + 8, tfra)
    entry = 2 * width + sum((sizes_of_numbers >> bits & 3) + 1 for bits in (0, 2, 4))
    count = iso.number(4, tfra.body + 12, tfra)
    if tfra.body + 16 + count * entry > tfra.end:
        bad(f"Box b'tfra' says it has {count} entries, more than its size holds.")
    iso.spend(count)
    for index in range(count):
        yield _field(iso, tfra, tfra.body + 16 + index * entry + width, width, shift)


def _segment_index_offset(iso: IsoFile, sidx: Box, shift: Shift) -> Iterator[Change]:
    """`first_offset` counts from the end of its box."""
    width = 8 if iso.number(1, sidx.body, sidx) else 4
    at = sidx.body + 12 + width
    first = sidx.end + iso.number(width, at, sidx)
    yield Change(at, at + width, _fitting(shift(first) - shift(sidx.end), width))


def _item_offsets(iso: IsoFile, metas: list[Box], shift: Shift) -> Iterator[Change]:
    for meta in metas:
        for iloc in iso.all(b"iloc", meta):
            for location in locations(iso, iloc):
                if location.method == 0 and not location.elsewhere:
                    yield from moved(location, shift)


def moved(location: Location, shift: Shift) -> Iterator[Change]:
    """The fields of an item whose bytes the shift moves."""
    if not location.offset_width:
        if location.base_width:
            at, width = location.base_at, location.base_width
            yield Change(at, at + width, _fitting(shift(location.base), width))
        return
    for extent in location.extents:
        absolute = location.base + extent.offset
        at, width = extent.offset_at, location.offset_width
        yield Change(at, at + width, _fitting(shift(absolute) - location.base, width))


def locations(iso: IsoFile, iloc: Box) -> list[Location]:
    """The entries of an item location box (14496-12, 8.11.3). Raises BadFile."""
    version = iso.number(1, iloc.body, iloc)
    widths = iso.number(2, iloc.body + 4, iloc)
    if version > 2 or any(widths >> bits & 15 not in (0, 4, 8) for bits in (12, 8, 4)):
        bad(f"Box b'iloc' of version {version} with field widths {widths:#06x}: neither is of ISO/IEC 14496-12.")
    cursor = _Cursor(iso, iloc, iloc.body + 6)
    count = cursor.take(4 if version == 2 else 2)
    found: list[Location] = []
    extents = 0
    for _ in range(count):
        iso.spend(1)
        found.append(_location(cursor, version, widths))
        extents += len(found[-1].extents)
        if extents > MAX_EXTENTS:
            bad(f"More than {MAX_EXTENTS} extents of items.")
    return found


class _Cursor:
    def __init__(self, iso: IsoFile, box: Box, at: int) -> None:
        self.at = at
        self._iso = iso
        self._box = box

    def take(self, width: int) -> int:
        value = self._iso.number(width, self.at, self._box) if width else 0
        self.at += width
        return value


def _location(cursor: _Cursor, version: int, widths: int) -> Location:
    offset_width, length_width, base_width = widths >> 12, widths >> 8 & 15, widths >> 4 & 15
    index_width = widths & 15 if version else 0
    item = cursor.take(4 if version == 2 else 2)
    method_at = cursor.at if version else 0
    method = cursor.take(2) & 15 if version else 0
    elsewhere = cursor.take(2) != 0
    base_at = cursor.at
    base = cursor.take(base_width)
    extents = []
    for _ in range(min(cursor.take(2), MAX_EXTENTS)):
        cursor.take(index_width)
        extents.append(Extent(cursor.at, cursor.take(offset_width), cursor.take(length_width)))
    return Location(
        item, method, method_at, elsewhere, base_at, base, tuple(extents), offset_width, length_width, base_width
    )
