"""GIF (89a): the label stands in the application extension of XMP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hanlin.errors import BadFile
from hanlin.labels.formats import xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

_HEADER_BYTES = 13
"""Signature, version and logical screen descriptor."""
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP = b"XMP DataXMP"
_MAGIC = bytes([1, *range(255, -1, -1), 0])
"""Leads a reader that takes the packet for sub-blocks to the end, wherever it enters (XMP part 3, 1.1.2)."""
_SUB_BLOCKS = 2_000_000
"""Sub-blocks of one file, at most 255 bytes each; going through them takes a second at most."""
_BLOCK_COST = 40
"""A block costs as much time as so many sub-blocks."""


class _Block(NamedTuple):
    """An extension or a picture; `label` is 0 for a picture."""

    label: int
    start: int
    body: int
    end: int


def read(file: memoryview) -> list[Found]:
    """Labels in XMP, in comments and in other application extensions. Raises BadFile."""
    found: list[Found] = []
    allowance = xmp.Allowance()
    try:
        for block in _blocks(file):
            found += _found(file, block, allowance)
    except BadFile:
        if not found:
            raise
    return found


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The label goes into the XMP of the file, before the pictures; 87a becomes 89a, which has extensions.

    Raises BadFile.
    """
    blocks = list(_blocks(file))
    packets = [block for block in blocks if _name(file, block) == _XMP]
    allowance = xmp.Allowance()
    edits: list[tuple[int, int, bytes]] = []
    for block in blocks:
        if block in packets[:1]:
            edits.append((block.start, block.end, b""))
        elif _found(file, block, allowance):
            clean = _extension(xmp.without(_packet(file, block))) if block in packets else b""
            edits.append((block.start, block.end, clean))
    existing = _packet(file, packets[0]) if packets else None
    at = _before_pictures(file, blocks)
    edits.append((at, at, _extension(xmp.write(existing, imprint))))
    return xmp.spliced(file, [(4, 5, b"9"), *edits])


def _extension(packet: bytes) -> bytes:
    return bytes([_EXTENSION, _APPLICATION, len(_XMP)]) + _XMP + packet + _MAGIC


def _colours_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks(file: memoryview) -> Iterator[_Block]:
    """Up to the trailer; a file that ends without one, after a whole block, is taken as it is."""
    if bytes(file[:6]) not in (b"GIF87a", b"GIF89a") or len(file) < _HEADER_BYTES:
        raise BadFile("Expected GIF87a or GIF89a and a screen descriptor.", action="Check that the file is a GIF.")
    position = _HEADER_BYTES + _colours_bytes(file[10])
    left = _SUB_BLOCKS
    while position < len(file) and file[position] != _TRAILER:
        label, body = _head(file, position)
        end, left = _end(file, body, left - _BLOCK_COST)
        yield _Block(label, position, body, end)
        position = end
    if position > len(file):
        raise _cut_off(position)


def _head(file: memoryview, position: int) -> tuple[int, int]:
    """Label of the block at a place, and where its sub-blocks begin."""
    head = bytes(file[position : position + 10])
    if len(head) >= 2 and head[0] == _EXTENSION:
        return head[1], position + 2
    if len(head) == 10 and head[0] == _IMAGE:
        return 0, position + 10 + _colours_bytes(head[9]) + 1
    raise _cut_off(position)


def _end(file: memoryview, position: int, left: int) -> tuple[int, int]:
    while position < len(file) and left > 0:
        size = file[position]
        position += 1 + size
        left -= 1
        if not size:
            return position, left
    if left <= 0:
        raise BadFile(f"The GIF has more than {_SUB_BLOCKS} sub-blocks.", action="Save it with longer ones.")
    raise _cut_off(position)


def _cut_off(position: int) -> BadFile:
    return BadFile(f"The GIF has no whole block at byte {position}.", action="Check that the file is whole.")


def _name(file: memoryview, block: _Block) -> bytes:
    return (
        bytes(file[block.body + 1 : block.body + 12]) if block.label == _APPLICATION and file[block.body] == 11 else b""
    )


def _packet(file: memoryview, block: _Block) -> bytes:
    """The packet of an XMP extension: its bytes as they stand, or, from some writers, cut into sub-blocks."""
    start = block.body + 12
    magic = block.end - len(_MAGIC)
    if magic >= start and file[magic : block.end] == _MAGIC:
        return bytes(file[start:magic])
    return _joined(file, start, block.end, xmp.TEXT_BYTES)


def _joined(file: memoryview, position: int, end: int, most_bytes: int) -> bytes:
    joined = bytearray()
    while position < end and len(joined) < most_bytes:
        joined += file[position + 1 : position + 1 + file[position]]
        position += 1 + file[position]
    return bytes(joined)


def _found(file: memoryview, block: _Block, allowance: xmp.Allowance) -> list[Found]:
    if block.label == _APPLICATION and _name(file, block) == _XMP:
        packet = _packet(file, block)
        return xmp.read(packet, "GIF XMP") if allowance.worth(packet) else []
    if block.label not in (_APPLICATION, _COMMENT):
        return []
    text = _joined(file, block.body, block.end, TEXT_BYTES)
    place = "GIF comment" if block.label == _COMMENT else "GIF application extension"
    found = parse(text, place, usual=False) if allowance.worth(text) else None
    return [found] if found else []


def _before_pictures(file: memoryview, blocks: list[_Block]) -> int:
    """After the application extensions that come first, for players look for NETSCAPE's loop there."""
    at = _HEADER_BYTES + _colours_bytes(file[10])
    for block in blocks:
        if block.label != _APPLICATION:
            break
        at = block.end
    return at


FORMATS: tuple[Format, ...] = (Format("gif", ("image/gif",), Modality.PICTURE, read, write),)
