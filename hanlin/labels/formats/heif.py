"""HEIC, HEIF and AVIF: XMP as an item of type `mime` that describes the primary picture (ISO/IEC 23008-12, annex A)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

from msgspec import Struct

from hanlin.labels.formats import exif, xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.isobmff import (
    Box,
    Change,
    IsoFile,
    Location,
    Shift,
    bad,
    boxed,
    locations,
    relocations,
    sizes,
    spliced,
)
from hanlin.labels.formats.mp4 import XMP_BOX
from hanlin.labels.found import Found
from hanlin.labels.imprint import Imprint

_XMP_TYPE = b"application/rdf+xml"
_ITEM_BYTES = 16 * 1024 * 1024
"""Longest XMP or EXIF item that is looked at."""
_PLACE = "HEIF XMP item"


class _Item(Struct, frozen=True):
    """A metadata item with its bytes."""

    meta: Box
    id: int
    kind: bytes
    location: Location
    runs: tuple[tuple[int, int], ...]
    """Start and end of its extents in the file."""
    content: bytes


def read(file: memoryview) -> list[Found]:
    """Labels in XMP and EXIF items and in XMP boxes. Raises BadFile."""
    iso = IsoFile(file, cut_short=True)
    return [found for item in _once(_items(iso)) for found in _found(item)] + [
        found for box in iso.all(XMP_BOX) for found in xmp.read(file[box.body : box.end], "HEIF uuid XMP", usual=False)
    ]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The picture with this label in its XMP item: in the old packet's place where it fits, else in a new `mdat` at the
    end. Pixels are never moved within their `mdat`. Raises BadFile.
    """
    iso = IsoFile(file)
    meta = _meta(iso)
    items = _items(iso)
    _only_data(iso, items)
    home = next((item for item in items if item.kind == _XMP_TYPE and item.meta == meta), None)
    packet = xmp.write(home.content if home else None, imprint)
    changes = list(_cleaned(iso, items, home))
    if home and len(packet) <= len(home.content) and len(home.runs) == 1:
        return spliced(file, [*changes, *_filled(home, packet.ljust(len(home.content)))])
    changes += _closed(iso)
    try:
        if home is None:
            return _with_new_item(iso, meta, packet, changes)
        twins = [item for item in items if item.runs == home.runs]
        return _with_items_moved(iso, twins, packet, [*changes, *_filled(home, b" " * len(home.content))])
    except OverflowError:
        bad("An offset of the picture would no longer fit its field.")


def _meta(iso: IsoFile) -> Box:
    metas = iso.all(b"meta")
    if len(metas) != 1:
        bad(f"A HEIF file has one 'meta' box at the top, this one has {len(metas)}.")
    return metas[0]


def _box_of(iso: IsoFile, meta: Box, kind: bytes) -> Box:
    return iso.first(meta, kind) or bad(f"The picture has no {kind.decode()!r} box.")


def _items(iso: IsoFile) -> list[_Item]:
    """Items of XMP and EXIF of the picture and, in a sequence, of its tracks, which may share their bytes."""
    traks = [trak for moov in iso.all(b"moov") for trak in iso.all(b"trak", moov)]
    metas = [_meta(iso), *(meta for trak in traks for meta in iso.all(b"meta", trak))]
    return [item for meta in metas for item in _items_of(iso, meta)]


def _items_of(iso: IsoFile, meta: Box) -> Iterator[_Item]:
    iinf, iloc, idat = (iso.first(meta, kind) for kind in (b"iinf", b"iloc", b"idat"))
    if iinf is None or iloc is None:
        return
    where = {location.item: location for location in locations(iso, iloc)}
    for id_, kind in _entries(iso, iinf):
        location = where.get(id_)
        if kind in (_XMP_TYPE, b"Exif") and location and not location.elsewhere and location.method < 2:
            runs = _runs(iso, location, idat)
            if sum(end - start for start, end in runs) <= _ITEM_BYTES:
                content = b"".join(iso.file[start:end] for start, end in runs)
                yield _Item(meta, id_, kind, location, runs, content)


def _only_data(iso: IsoFile, items: list[_Item]) -> None:
    """What is overwritten must be data: an item that points at boxes would destroy them."""
    data = [*iso.all(b"mdat"), *(box for item in items for box in iso.all(b"idat", item.meta))]
    for item in items:
        for start, end in item.runs:
            if not any(box.body <= start and end <= box.end for box in data):
                bad(f"Item {item.id} lies outside of the file's media data.")


def _once(items: list[_Item]) -> list[_Item]:
    """The items without those that only point at the bytes of another."""
    return list({item.runs: item for item in reversed(items)}.values())[::-1]


def _entries(iso: IsoFile, iinf: Box) -> Iterator[tuple[int, bytes]]:
    """Identifier and kind of each item: its content type where it is `mime`, else its item type."""
    for infe in _entry_boxes(iso, iinf):
        version = iso.number(1, infe.body, infe)
        if infe.kind != b"infe" or version < 2:
            continue
        width = 4 if version > 2 else 2
        at = infe.body + 4 + width + 2
        kind = bytes(iso.file[at : min(at + 4, infe.end)])
        if kind == b"mime":
            _, _, rest = bytes(iso.file[at + 4 : infe.end][:1024]).partition(b"\0")
            kind, _, encoding = rest.partition(b"\0")
            kind = kind if not encoding.strip(b"\0") else b""  # a compressed packet is none that we read
        yield iso.number(width, infe.body + 4, infe), kind


def _entry_boxes(iso: IsoFile, iinf: Box) -> list[Box]:
    return iso.children(iinf, 8 if iso.number(1, iinf.body, iinf) else 6)


def _runs(iso: IsoFile, location: Location, idat: Box | None) -> tuple[tuple[int, int], ...]:
    start, end = (0, len(iso.file)) if location.method == 0 else (idat.body, idat.end) if idat else (0, 0)
    runs = []
    for extent in location.extents:
        first = start + location.base + extent.offset
        last = first + extent.length if extent.length else end
        if last > end or first > last:
            bad(f"Item {location.item} lies outside of the file or of its 'idat' box.")
        runs.append((first, last))
    return tuple(runs)


def _found(item: _Item) -> list[Found]:
    if item.kind == b"Exif":
        return exif.read(item.content[_tiff_at(item.content) :], "HEIF EXIF", usual=False)
    return xmp.read(item.content, _PLACE)


def _tiff_at(content: bytes) -> int:
    """Where the TIFF header stands in an EXIF item, which begins with its distance (23008-12, A.2.1)."""
    return min(4 + int.from_bytes(content[:4]), len(content))


def _closed(iso: IsoFile) -> Iterator[Change]:
    """The size of a last box that was open to the end, for it no longer is the last."""
    last = iso.top[-1]
    if last.end < len(iso.file):
        bad("Behind the last box are bytes too few for another.")
    if iso.file[last.start : last.start + 4] == bytes(4):
        size = last.end - last.start
        if size >= 1 << 32:
            bad("The last box is open to the end and larger than 4 GiB.")
        yield Change(last.start, last.start + 4, pack(">I", size))


def _cleaned(iso: IsoFile, items: list[_Item], home: _Item | None) -> Iterator[Change]:
    """Labels elsewhere than in the home item become spaces: nothing moves for them."""
    for item in _once(items):
        if home and item.runs == home.runs:
            continue
        if item.kind == b"Exif":
            before = _tiff_at(item.content)
            content = item.content[:before] + exif.blanked(item.content[before:])
        else:
            content = _within(xmp.without(item.content), item.content) if _found(item) else item.content
        if content != item.content:
            yield from _filled(item, content)
    for box in iso.all(XMP_BOX):
        content = bytes(iso.file[box.body : box.end][:_ITEM_BYTES])
        if xmp.read(content, ""):
            yield Change(box.body, box.body + len(content), _within(xmp.without(content), content))


def _within(new: bytes, old: bytes) -> bytes:
    """A packet in the place of another: filled up, or, where it is longer, with the labels blanked."""
    return new.ljust(len(old)) if len(new) <= len(old) else b" " * len(old)


def _filled(item: _Item, content: bytes) -> Iterator[Change]:
    at = 0
    for start, end in item.runs:
        yield Change(start, end, content[at : at + end - start])
        at += end - start


def _with_items_moved(iso: IsoFile, items: list[_Item], packet: bytes, changes: list[Change]) -> list[Piece]:
    """Only the entries in `iloc` change: their extents share the new bytes at the end."""
    for item in items:
        place = item.location
        if not 0 < len(place.extents) < len(packet) or not place.offset_width or not place.length_width:
            bad("The XMP item's place is not written in a way that can be changed.")
        if place.method_at:
            changes.append(Change(place.method_at, place.method_at + 2, bytes(2)))
        share = -(-len(packet) // len(place.extents))
        for index, extent in enumerate(place.extents):
            first, last = min(index * share, len(packet)), min((index + 1) * share, len(packet))
            offset = (len(iso.file) + 8 + first - place.base).to_bytes(place.offset_width)
            length = (last - first).to_bytes(place.length_width)
            changes.append(Change(extent.offset_at, extent.offset_at + len(offset) + len(length), offset + length))
    return [*spliced(iso.file, changes), boxed(b"mdat", packet)]


def _with_new_item(iso: IsoFile, meta: Box, packet: bytes, changes: list[Change]) -> list[Piece]:
    iinf, iloc = _box_of(iso, meta, b"iinf"), _box_of(iso, meta, b"iloc")
    places = locations(iso, iloc)
    entries = _entry_boxes(iso, iinf)
    if iso.number(4 if iso.number(1, iinf.body, iinf) else 2, iinf.body + 4, iinf) != len(entries) or (
        entries and entries[-1].end != iinf.end
    ):
        bad("The picture's list of items is not as long as it says.")
    new = 1 + max([id_ for id_, _ in _entries(iso, iinf)] + [place.item for place in places], default=0)
    if new >= (1 << 32 if iso.number(1, iloc.body, iloc) == 2 else 1 << 16):
        bad("The picture has no free item number.")
    changes += [
        *_counted(iso, iinf, iinf.body + 4, iinf.end, _item_entry(new)),
        *_described(iso, meta, new),
    ]
    growth = Shift(changes)(len(iso.file)) + len(_location_entry(iso, iloc, new, 0, len(packet)))
    entry = _location_entry(iso, iloc, new, growth + 8, len(packet))
    changes += _counted(iso, iloc, iloc.body + 6, _end_of(iso, places, iloc), entry)
    moved = relocations(iso, Shift(changes))
    return [*spliced(iso.file, [*changes, *sizes(iso.file, changes), *moved]), boxed(b"mdat", packet)]


def _counted(iso: IsoFile, box: Box, count_at: int, end: int, entry: bytes) -> Iterator[Change]:
    """One more entry at the end of a table; its count is wide in the newest version of the box only."""
    wide = iso.number(1, box.body, box) >= (1 if box.kind == b"iinf" else 2)
    width = 4 if wide else 2
    count = iso.number(width, count_at, box) + 1
    yield Change(count_at, count_at + width, count.to_bytes(width))
    yield Change(end, end, entry, box)


def _item_entry(id_: int) -> bytes:
    version, number = (2, pack(">H", id_)) if id_ < 1 << 16 else (3, pack(">I", id_))
    return boxed(b"infe", bytes([version, 0, 0, 0]), number, bytes(2), b"mime\0", _XMP_TYPE, b"\0")


def _described(iso: IsoFile, meta: Box, id_: int) -> Iterator[Change]:
    """The reference `cdsc`: the new item describes the primary one."""
    pitm, iref = iso.first(meta, b"pitm"), iso.first(meta, b"iref")
    if pitm is None:
        return
    primary = iso.number(4 if iso.number(1, pitm.body, pitm) else 2, pitm.body + 4, pitm)
    wide = iso.number(1, iref.body, iref) > 0 if iref else max(primary, id_) >= 1 << 16
    width = 4 if wide else 2
    cdsc = boxed(b"cdsc", id_.to_bytes(width), pack(">H", 1), primary.to_bytes(width))
    if iref:
        yield Change(iref.end, iref.end, cdsc, iref)
    else:
        end = iso.children(meta)[-1].end
        yield Change(end, end, boxed(b"iref", bytes([wide, 0, 0, 0]), cdsc), meta)


def _location_entry(iso: IsoFile, iloc: Box, id_: int, offset: int, length: int) -> bytes:
    version, widths = iso.number(1, iloc.body, iloc), iso.number(2, iloc.body + 4, iloc)
    in_offset, in_length, in_base = widths >> 12, widths >> 8 & 15, widths >> 4 & 15
    if not in_length or not (in_offset or in_base):
        bad("The picture's table of items has no room for the place of another.")
    return b"".join(
        (
            id_.to_bytes(4 if version == 2 else 2),
            bytes(4 if version else 2),  # method 0 where there are methods, and this file
            (0 if in_offset else offset).to_bytes(in_base),
            pack(">H", 1),
            bytes(widths & 15 if version else 0),
            (offset if in_offset else 0).to_bytes(in_offset),
            length.to_bytes(in_length),
        )
    )


def _end_of(iso: IsoFile, places: list[Location], iloc: Box) -> int:
    if not places:
        return iloc.body + (10 if iso.number(1, iloc.body, iloc) == 2 else 8)
    last = places[-1]
    if not last.extents:
        return last.base_at + last.base_width + 2
    return last.extents[-1].offset_at + last.offset_width + last.length_width


FORMATS = (
    Format("heic", ("image/heic", "image/heif"), Modality.PICTURE, read, write),
    Format("avif", ("image/avif",), Modality.PICTURE, read, write),
)
