"""Image file directories (TIFF 6.0, BigTIFF), and the labels that other programs leave in those of an EXIF block."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats import xmp
from hanlin.labels.found import TEXT_BYTES, Fault, Found, parse
from hanlin.types import Label

XMP_TAG = 0x02BC
USER_COMMENT = 0x9286
_TEXT_TAGS = {
    0x010E: "ImageDescription",
    0x0131: "Software",
    0x013B: "Artist",
    XMP_TAG: "XMP",
    0x8298: "Copyright",
    USER_COMMENT: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
"""EXIF 3.0 and Microsoft's XP tags, which are UTF-16."""
_FIRST_XP_TAG = 0x9C9B
_SUB_DIRECTORIES = (0x014A, 0x8769)
"""SubIFDs and the EXIF directory."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Type -> bytes of one value (TIFF 6.0, section 2; BigTIFF adds 16 to 18)."""
_DIRECTORIES = 20_000
_ENTRIES = 200_000
_CHARSETS = {b"ASCII\0\0\0": "utf-8", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp", b"\0" * 8: "utf-8"}
"""How a UserComment begins (EXIF 3.0, table 10)."""


class Layout(Struct, frozen=True):
    """Byte order, and the field widths of classic TIFF or BigTIFF."""

    order: str
    """`<` or `>`, as struct names it."""
    big: bool

    @property
    def offset(self) -> struct.Struct:
        return struct.Struct(f"{self.order}{'Q' if self.big else 'I'}")

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(f"{self.order}{'Q' if self.big else 'H'}")

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, count, and the value or its offset."""
        return struct.Struct(f"{self.order}HH{'Q8s' if self.big else 'I4s'}")

    @property
    def first_at(self) -> int:
        """Where the offset of the first directory stands."""
        return 8 if self.big else 4

    def tag(self, row: bytes) -> int:
        """Tag of an entry as it stands in the file."""
        return int(struct.unpack_from(f"{self.order}H", row)[0])


class Entry(Struct, frozen=True):
    """One field of a directory."""

    tag: int
    kind: int
    start: int
    """Where its value stands, in bytes from the start of the block."""
    size: int


class Directory(Struct, frozen=True):
    """One directory: a page, a thumbnail, or the EXIF fields."""

    start: int
    end: int
    """After the offset of the next directory."""
    entries: tuple[Entry, ...]


def layout(block: memoryview) -> Layout:
    """Byte order and width. Raises BadFile when the block does not begin as a TIFF header."""
    head = bytes(block[:8])
    for mark, order in ((b"II", "<"), (b"MM", ">")):
        if len(head) == 8 and head[:2] == mark:
            version = struct.unpack_from(f"{order}H", head, 2)[0]
            if version == 42 or (version == 43 and struct.unpack_from(f"{order}HH", head, 4) == (8, 0)):
                return Layout(order, version == 43)
    raise BadFile("Expected a TIFF header, II or MM and 42 or 43.", action="Check that the file is whole.")


def directories(block: memoryview, form: Layout) -> Iterator[Directory]:
    """Every directory: the chain from the first one, and those below each. Each is met once.

    What cannot be read is passed over, so that a broken thumbnail hides no label. Raises BadFile when there are more
    than 20,000 directories or 200,000 fields.
    """
    waiting = [_offset(block, form, form.first_at)]
    seen: set[int] = set()
    entries = 0
    while waiting:
        start = waiting.pop()
        if start in seen or (directory := _directory(block, form, start)) is None:
            continue
        seen.add(start)
        entries += len(directory.entries)
        if entries > _ENTRIES or len(seen) > _DIRECTORIES:
            raise BadFile("The file has too many image directories.", action="Split the file into smaller ones.")
        yield directory
        waiting.append(_offset(block, form, directory.end - form.offset.size))
        for entry in directory.entries:
            if entry.tag in _SUB_DIRECTORIES and len(waiting) < _DIRECTORIES:
                waiting += _below(block, form, entry)


def read(
    block: bytes | memoryview, place: str = "EXIF", usual: bool = True, allowance: xmp.Allowance | None = None
) -> list[Found]:
    """Labels in an EXIF block, with or without the word Exif before it; a block that is none has none.

    `place` goes before the tag's name. The guide's Annex B knows the UserComment only; elsewhere is out of place.
    Raises BadFile when there is too much to look at.
    """
    allowance = allowance or xmp.Allowance()
    block = memoryview(block)[_header_bytes(block) :]
    if not is_tiff(block) or not allowance.worth(block):
        return []
    return [found for _, found in labelled(block, place, USER_COMMENT if usual else 0, allowance)]


def blanked(block: bytes | memoryview) -> bytes:
    """The block, as long as before, with NULs where the text of a label stood and its XMP without labels.

    Raises BadFile when there is too much to look at.
    """
    header = _header_bytes(block)
    blank = bytearray(block)
    inner = memoryview(bytes(block))[header:]
    if is_tiff(inner):
        for entry in {entry.start: entry for entry, _ in labelled(inner, "")}.values():
            start = header + entry.start
            blank[start : start + entry.size] = replacement(entry, inner)
    return bytes(blank)


def replacement(entry: Entry, block: memoryview) -> bytes:
    """What stands in an entry's place once its label is out: as many bytes."""
    kept = xmp.without(value_of(block, entry)) if entry.tag == XMP_TAG else b""
    return kept.ljust(entry.size) if kept and len(kept) <= entry.size else bytes(entry.size)


def labelled(
    block: memoryview, place: str, usual_tag: int = 0, allowance: xmp.Allowance | None = None
) -> Iterator[tuple[Entry, Found]]:
    """Every entry that holds a label; `block` begins with the TIFF header. Raises BadFile as `directories` does.

    In another tag than `usual_tag`, and in the XMP of another page than the first, a label is out of place.
    """
    allowance = allowance or xmp.Allowance()
    for number, directory in enumerate(directories(block, layout(block))):
        for entry in directory.entries:
            looked_at = xmp.TEXT_BYTES if entry.tag == XMP_TAG else TEXT_BYTES
            if entry.tag not in _TEXT_TAGS or not allowance.worth(value_of(block, entry)[:looked_at]):
                continue
            usual = entry.tag == usual_tag and (number == 0 or entry.tag != XMP_TAG)
            for found in _found(block, entry, f"{place} {_TEXT_TAGS[entry.tag]}", usual):
                yield entry, found


def value_of(block: memoryview, entry: Entry) -> memoryview:
    return block[entry.start : entry.start + entry.size]


def _header_bytes(block: bytes | memoryview) -> int:
    return 6 if bytes(block[:6]) == b"Exif\0\0" else 0


def is_tiff(block: memoryview) -> bool:
    """Whether a block begins with a TIFF header."""
    try:
        layout(block)
    except BadFile:
        return False
    return True


def _offset(block: memoryview, form: Layout, at: int) -> int:
    return int(form.offset.unpack_from(block, at)[0]) if at + form.offset.size <= len(block) else 0


def _below(block: memoryview, form: Layout, entry: Entry) -> list[int]:
    width = 8 if _SIZES[entry.kind] == 8 else 4
    values = value_of(block, entry)[: min(entry.size // width, 64) * width]
    return [number for (number,) in struct.iter_unpack(f"{form.order}{'Q' if width == 8 else 'I'}", values)]


def _directory(block: memoryview, form: Layout, start: int) -> Directory | None:
    if not 8 <= start <= len(block) - form.count.size:
        return None
    (count,) = form.count.unpack_from(block, start)
    first = start + form.count.size
    last = first + count * form.entry.size
    if not 0 < count <= _ENTRIES or last + form.offset.size > len(block):
        return None
    rows = enumerate(form.entry.iter_unpack(block[first:last]))
    entries = tuple(
        entry for row, values in rows if (entry := _entry(form, first + row * form.entry.size, values, len(block)))
    )
    return Directory(start, last + form.offset.size, entries)


def _entry(form: Layout, at: int, values: tuple[int, int, int, bytes], block_bytes: int) -> Entry | None:
    tag, kind, count, inline = values
    size = count * _SIZES.get(kind, 0)
    start = at + form.entry.size - len(inline) if size <= len(inline) else form.offset.unpack(inline)[0]
    return Entry(tag, kind, start, size) if size and start + size <= block_bytes else None


def _found(block: memoryview, entry: Entry, place: str, usual: bool) -> list[Found]:
    if entry.tag == XMP_TAG:
        return xmp.read(value_of(block, entry), place, usual)
    text = _decoded(bytes(value_of(block, entry)[:TEXT_BYTES]), entry.tag)
    found = parse(text, place, usual=usual) or _first_guide(text, place)
    return [found] if found else []


def _decoded(value: bytes, tag: int) -> str:
    encoding = "utf-16-le" if tag >= _FIRST_XP_TAG else "utf-8"
    if tag == USER_COMMENT and value[:8] in _CHARSETS:
        encoding = _CHARSETS[value[:8]]
        value = value[8:]
    if encoding == "utf-16" and value[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        # the block's byte order is asked for and not always kept, and a label begins in ASCII
        encoding = "utf-16-be" if value[:1] == b"\0" else "utf-16-le"
    return value.decode(encoding, "replace")


def _first_guide(text: str, place: str) -> Found | None:
    """The form of the guide before the standard (TC260-PG-20233A), as one cloud still writes it: provider, user, time
    and number. It says that the content is generated, and none of the values `Label` may have.
    """
    try:
        value = msgspec.json.decode(text.strip("\0 "))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(value, dict) or not {"ServiceProvider", "ContentId"} <= value.keys():
        return None
    label = Label("", str(value["ServiceProvider"]), str(value["ContentId"]))
    return Found(label, place, text, (Fault.MISSING_KEY, Fault.UNKNOWN_KEY, Fault.LABEL_VALUE, Fault.PLACE))
