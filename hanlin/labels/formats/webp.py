"""WebP (RFC 9649): the label stands in the chunk `XMP `, which wants the extended form of the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from hanlin.errors import BadFile
from hanlin.labels.formats import exif, xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import Found, parse
from hanlin.labels.imprint import Imprint

_HEADER_BYTES = 12
_CHUNKS = 200_000
_XMP, _EXIF, _EXTENDED, _ALPHA = b"XMP ", b"EXIF", b"VP8X", b"ALPH"
_HAS_XMP, _HAS_EXIF, _HAS_ALPHA = 0x04, 0x08, 0x10
"""Flags of VP8X (2.7)."""


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    body_end: int
    end: int
    """After the byte that makes its length even; the last one of a file may lack it."""


def read(file: memoryview) -> list[Found]:
    """Labels in XMP, in EXIF, and in a chunk of its own as sound has it. Raises BadFile."""
    found: list[Found] = []
    allowance = xmp.Allowance()
    try:
        for chunk in _chunks(file):
            found += _found(chunk.kind, _body(file, chunk), allowance)
    except BadFile:
        if not found:
            raise
    return found


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The label goes into the XMP of the file; a simple file becomes an extended one. Raises BadFile."""
    chunks = list(_chunks(file))
    packets = [chunk for chunk in chunks if chunk.kind == _XMP]
    packet = xmp.write(bytes(_body(file, packets[0])) if packets else None, imprint)
    edits = _without_labels(file, [chunk for chunk in chunks if chunk not in packets[:1]])
    edits.append(_extended(file, chunks))
    end = chunks[-1].end
    if packets:
        edits.append((packets[0].start, packets[0].end, _chunk(_XMP, packet)))
    else:
        edits.append((end, end, bytes((end - chunks[-1].start) % 2) + _chunk(_XMP, packet)))
    size = end - 8 + sum(len(new) - (stop - start) for start, stop, new in edits)
    if size > 0xFFFFFFFF:
        raise BadFile("The WebP would get longer than 4 GiB.", action="Use a smaller picture.")
    return xmp.spliced(file, [(4, 8, struct.pack("<I", size)), *edits])


def _chunks(file: memoryview) -> Iterator[_Chunk]:
    if bytes(file[:4]) != b"RIFF" or bytes(file[8:12]) != b"WEBP":
        raise BadFile("Expected RIFF and WEBP in the first 12 bytes.", action="Check that the file is a WebP.")
    riff_end = 8 + struct.unpack_from("<I", file, 4)[0]
    position = _HEADER_BYTES
    for _ in range(_CHUNKS):
        if position + 8 > min(riff_end, len(file)):
            if position + 1 < riff_end or position == _HEADER_BYTES:
                break
            return
        kind, size = struct.unpack_from("<4sI", file, position)
        body_end = position + 8 + size
        if body_end > len(file):
            break
        chunk = _Chunk(kind, position, body_end, min(body_end + size % 2, len(file)))
        yield chunk
        position = chunk.end
    raise BadFile(
        f"The WebP promises {riff_end} bytes, and has no whole chunk at byte {position}.",
        action="Check that the file is whole.",
    )


def _body(file: memoryview, chunk: _Chunk) -> memoryview:
    return file[chunk.start + 8 : chunk.body_end]


def _found(kind: bytes, body: memoryview, allowance: xmp.Allowance) -> list[Found]:
    if kind == _XMP and allowance.worth(body):
        return xmp.read(body, "WebP XMP")
    if kind == _EXIF:
        return exif.read(body, "WebP EXIF", allowance=allowance)
    if kind == b"AIGC" and allowance.worth(body) and (found := parse(bytes(body), "WebP AIGC", usual=False)):
        return [found]
    return []


def _without_labels(file: memoryview, chunks: list[_Chunk]) -> list[tuple[int, int, bytes]]:
    allowance = xmp.Allowance()
    cleaned = {_XMP: xmp.without, _EXIF: exif.blanked}
    return [
        (
            chunk.start,
            chunk.end,
            _chunk(chunk.kind, cleaned[chunk.kind](_body(file, chunk))) if chunk.kind in cleaned else b"",
        )
        for chunk in chunks
        if _found(chunk.kind, _body(file, chunk), allowance)
    ]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(body)) + body + bytes(len(body) % 2)


def _extended(file: memoryview, chunks: list[_Chunk]) -> tuple[int, int, bytes]:
    """The edit that makes VP8X say there is XMP, or puts one before the picture."""
    first = chunks[0]
    body = bytes(_body(file, first))
    if first.kind == _EXTENDED and len(body) >= 10:
        return first.start + 8, first.start + 9, bytes([body[0] | _HAS_XMP])
    if first.kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
        width, height = (number & 0x3FFF for number in struct.unpack_from("<HH", body, 6))
        alpha = any(chunk.kind == _ALPHA for chunk in chunks)
    elif first.kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = struct.unpack_from("<I", body, 1)[0]  # 3.4: width - 1, height - 1, alpha_is_used
        width, height, alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    else:
        raise BadFile("The WebP does not begin with VP8, VP8L or VP8X.", action="Check that the file is whole.")
    if not width or not height:
        raise BadFile(f"The WebP says it is {width} by {height} pixels.", action="Check that the file is whole.")
    flags = _HAS_XMP | _HAS_ALPHA * alpha | _HAS_EXIF * any(chunk.kind == _EXIF for chunk in chunks)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return first.start, first.start, _chunk(_EXTENDED, bytes([flags, 0, 0, 0]) + size)


FORMATS: tuple[Format, ...] = (Format("webp", ("image/webp",), Modality.PICTURE, read, write),)
