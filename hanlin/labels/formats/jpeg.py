"""JPEG (ITU-T T.81): the label stands in the APP1 segment of XMP. Scans are not touched."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from hanlin.errors import BadFile
from hanlin.labels.formats import exif, xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import Found
from hanlin.labels.imprint import Imprint

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_EXIF = b"Exif\0\0"
_JFIF = b"JFIF\0"
_MULTI_PICTURE = b"MPF\0"
_MP_ENTRY = 0xB002
_PACKET_BYTES = 65_502
"""XMP specification part 3, table 6."""
_SEGMENTS = 20_000
_APP0, _APP1, _APP2, _COMMENT, _SCAN, _END = 0xE0, 0xE1, 0xE2, 0xFE, 0xDA, 0xD9
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length (table B.1)."""
_CREDENTIALS = b"JP"
"""How APP11 segments of JUMBF begin: signed, and with their own form of label."""


class _Segment(NamedTuple):
    marker: int
    start: int
    body: int
    """Where its content begins, after marker and length."""
    end: int


class _Mark(NamedTuple):
    segment: _Segment
    found: list[Found]


def read(file: memoryview) -> list[Found]:
    """Labels in XMP, EXIF, comments, and glued into other segments, up to the first scan. Raises BadFile."""
    segments: list[_Segment] = []
    broken: BadFile | None = None
    try:
        segments.extend(_segments(file))  # on an error, those before it are in the list
    except BadFile as error:
        broken = error
    found = [found for mark in _marks(file, segments) for found in mark.found]
    found += _in_extended(_extended(file, segments))
    if broken is not None and not found:
        raise broken
    return found


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The label goes into the XMP of the file. Raises BadFile, also when a packet outgrows its segment."""
    segments = list(_segments(file))
    edits: list[tuple[int, int, bytes]] = []
    packets = [segment for segment in segments if _begins(file, segment, _XMP)]
    for segment, _ in _marks(file, segments):
        if segment not in packets[:1]:
            edits.append((segment.start, segment.end, _cleaned(file, segment)))
    existing = bytes(file[packets[0].body + len(_XMP) : packets[0].end]) if packets else None
    packet = xmp.write(existing, imprint)
    if whole := _extended(file, segments):
        packet, extended_edits = _without_extended(file, segments, packet, whole)
        edits += extended_edits
    at = (packets[0].start, packets[0].end) if packets else (_after_headers(file, segments),) * 2
    edits.append((*at, _packet(packet)))
    return xmp.spliced(file, [*edits, *_relocated(file, segments, edits)])


def _segments(file: memoryview) -> Iterator[_Segment]:
    """All before the first scan."""
    if bytes(file[:2]) != b"\xff\xd8":
        raise BadFile("Expected FF D8, as every JPEG begins.", action="Check that the file is a JPEG.")
    position = 2
    for _ in range(_SEGMENTS):
        start = position
        while position < len(file) and file[position] == 0xFF:
            position += 1  # any number of fill bytes may stand before a marker
        if start == position or position + 3 > len(file):
            break
        marker = file[position]
        if marker in (_SCAN, _END):
            return
        size = 0 if marker in _BARE else struct.unpack_from(">H", file, position + 1)[0]
        segment = _Segment(marker, start, position + 1 + (2 if size else 0), position + 1 + size)
        if segment.end > len(file) or size == 1 or (size == 0 and marker not in _BARE):
            break
        yield segment
        position = segment.end
    raise BadFile(
        f"The JPEG has no proper segment at byte {position}, before its first scan.",
        action="Check that the file is whole.",
    )


def _begins(file: memoryview, segment: _Segment, name: bytes) -> bool:
    return segment.marker in (_APP0, _APP1, _APP2) and file[segment.body : segment.body + len(name)] == name


def _marks(file: memoryview, segments: list[_Segment]) -> Iterator[_Mark]:
    """Segments that hold a label."""
    allowance = xmp.Allowance()
    for segment in segments:
        if segment.marker != _COMMENT and not 0xE0 <= segment.marker <= 0xEF:
            continue
        body = file[segment.body : segment.end]
        passed = body[:2] == _CREDENTIALS or any(_begins(file, segment, name) for name in (_EXTENDED, _MULTI_PICTURE))
        if passed or not allowance.worth(body):
            continue
        if found := _found(file, segment, body, allowance):
            yield _Mark(segment, found)


def _found(file: memoryview, segment: _Segment, body: memoryview, allowance: xmp.Allowance) -> list[Found]:
    if _begins(file, segment, _XMP):
        return xmp.read(body[len(_XMP) :], "JPEG APP1 XMP")
    if _begins(file, segment, _EXIF):
        return exif.read(body, "JPEG EXIF", allowance=allowance)
    place = "JPEG COM" if segment.marker == _COMMENT else f"JPEG APP{segment.marker - _APP0}"
    return [label.found for label in xmp.glued(bytes(body), place, usual=False)]


def _cleaned(file: memoryview, segment: _Segment) -> bytes:
    """The segment without its labels; nothing when it was but that."""
    body = bytes(file[segment.body : segment.end])
    if _begins(file, segment, _XMP):
        return _packet(xmp.without(body[len(_XMP) :]))
    if _begins(file, segment, _EXIF):
        return _written(_APP1, exif.blanked(body))
    labels = list(xmp.glued(body, ""))
    thumbnail_end = 14 + 3 * body[12] * body[13] if body.startswith(_JFIF) and len(body) >= 14 else 0
    if thumbnail_end and all(label.start >= thumbnail_end for label in labels):
        return _written(_APP0, body[:thumbnail_end])  # JFIF 1.02 ends with the thumbnail
    rest = xmp.blanked(body, labels)
    return _written(segment.marker, rest) if rest.strip(b" \0\r\n") else b""


def _written(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _packet(packet: bytes) -> bytes:
    if len(packet) > _PACKET_BYTES:
        raise BadFile(
            f"The XMP of the JPEG would have {len(packet)} bytes, expected at most {_PACKET_BYTES}.",
            action="Remove what is large from its XMP, or save the picture as PNG.",
        )
    return _written(_APP1, _XMP + packet)


def _after_headers(file: memoryview, segments: list[_Segment]) -> int:
    """After JFIF and EXIF, which want to be first."""
    at = 2
    for segment in segments:
        if segment.marker != _APP0 and not _begins(file, segment, _EXIF):
            break
        at = segment.end
    return at


def _extended(file: memoryview, segments: list[_Segment]) -> dict[bytes, list[bytes]]:
    """Extended XMP (part 3, 1.1.3.1): GUID of a packet -> its parts, in order."""
    parts: dict[bytes, list[tuple[int, bytes]]] = {}
    for segment in segments:
        head = segment.body + len(_EXTENDED)
        if _begins(file, segment, _EXTENDED) and segment.end - head >= 40:
            (offset,) = struct.unpack_from(">I", file, head + 36)
            parts.setdefault(bytes(file[head : head + 32]), []).append((offset, bytes(file[head + 40 : segment.end])))
    return {guid: [part for _, part in sorted(numbered)] for guid, numbered in parts.items()}


def _in_extended(extended: dict[bytes, list[bytes]]) -> list[Found]:
    allowance = xmp.Allowance()
    packets = [packet for parts in extended.values() if allowance.worth(packet := b"".join(parts))]
    return [found for packet in packets for found in xmp.read(packet, "JPEG APP1 extended XMP", usual=False)]


def _without_extended(
    file: memoryview, segments: list[_Segment], packet: bytes, extended: dict[bytes, list[bytes]]
) -> tuple[bytes, list[tuple[int, int, bytes]]]:
    """The main packet and the edits that take labels out of extended XMP, whose name is its MD5."""
    edits: list[tuple[int, int, bytes]] = []
    for guid, parts in extended.items():
        whole = b"".join(parts)
        if not _in_extended({guid: parts}):
            continue
        clean = xmp.without(whole)
        name = hashlib.md5(clean, usedforsecurity=False).hexdigest().upper().encode()
        packet = packet.replace(guid, name)
        its = [one for one in segments if _begins(file, one, _EXTENDED) and file[one.body + 35 : one.body + 67] == guid]
        edits += [(one.start, one.end, b"") for one in its[1:]]
        edits.append((its[0].start, its[0].end, _extended_segments(name, clean)))
    return packet, edits


def _extended_segments(name: bytes, packet: bytes) -> bytes:
    step = 65_400
    return b"".join(
        _written(_APP1, _EXTENDED + name + struct.pack(">II", len(packet), at) + packet[at : at + step])
        for at in range(0, len(packet), step)
    )


def _relocated(
    file: memoryview, segments: list[_Segment], edits: list[tuple[int, int, bytes]]
) -> list[tuple[int, int, bytes]]:
    """Edits that keep a multi-picture file whole (CIPA DC-007, 5.2.3.3): the first picture's size has changed, and the
    distance from the index to the others, when something behind the index has.
    """
    index = next((segment for segment in segments if _begins(file, segment, _MULTI_PICTURE)), None)
    base = index.body + len(_MULTI_PICTURE) if index is not None else 0
    if index is None or not exif.is_tiff(block := file[base : index.end]):
        return []
    grown = sum(len(new) - (end - start) for start, end, new in edits)
    moved = sum(len(new) - (end - start) for start, end, new in edits if start >= index.end)
    form = exif.layout(block)
    numbers = struct.Struct(f"{form.order}II")
    changed: list[tuple[int, int, bytes]] = []
    for directory in exif.directories(block, form):
        for entry in directory.entries:
            if entry.tag == _MP_ENTRY:
                for at in range(base + entry.start + 4, base + entry.start + entry.size - 11, 16):
                    size, offset = numbers.unpack_from(file, at)
                    new = (size, offset + moved) if offset else (size + grown, 0)
                    changed.append((at, at + 8, numbers.pack(*(number & 0xFFFFFFFF for number in new))))
    return changed


FORMATS: tuple[Format, ...] = (
    Format("jpeg", ("image/jpeg", "image/jpg", "image/pjpeg"), Modality.PICTURE, read, write),
)
