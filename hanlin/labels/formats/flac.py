"""FLAC: the Vorbis comment `AIGC=` (TC260-PG-202510A; RFC 9639, 8.6, and the Vorbis I specification, 5)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack
from typing import NoReturn

import msgspec
from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.labels.formats import id3, xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import TEXT_BYTES, Fault, Found, parse
from hanlin.labels.imprint import Imprint

_MARKER = b"fLaC"
_KEY = b"AIGC="
_PLACE = "FLAC Vorbis comment"
_COMMENT = 4
_STREAM_INFO = 0
_MAX_BLOCKS = 10_000
_MAX_COMMENTS = 100_000
_MAX_BLOCK_BYTES = (1 << 24) - 1
_VENDOR = b"Hanlin"
"""Of a comment block that we make; the encoder's own name stays where there is one."""


class Comments(Struct, frozen=True):
    """A Vorbis comment header, which Ogg has too."""

    vendor: bytes
    entries: tuple[bytes, ...]
    """`NAME=value`, UTF-8."""
    rest: bytes = b""
    """What follows: Vorbis' framing bit, Opus' padding."""


class _Block(Struct, frozen=True):
    kind: int
    body: int
    end: int


def _bad(message: str) -> NoReturn:
    raise BadFile(message, action="Export the file again from the program that made it.")


def read(file: memoryview) -> list[Found]:
    """Labels in the comments, and in an ID3 tag before them. Raises BadFile."""
    tagged = [msgspec.structs.replace(one, faults=(*one.faults, Fault.PLACE)) for one in id3.read(file)]
    return tagged + [
        found
        for block in _blocks(file)
        if block.kind == _COMMENT
        for _, found in labels(parsed(file[block.body : block.end]), _PLACE)
    ]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label in its comments; frames and all other blocks stay as they are. Raises BadFile."""
    blocks = list(_blocks(file))
    value = msgspec.json.encode(imprint.label)
    contents: list[tuple[int, Piece]] = []
    for block in blocks:
        content: Piece = file[block.body : block.end]
        if block.kind == _COMMENT:
            first = all(kind != _COMMENT for kind, _ in contents)
            old = parsed(file[block.body : block.end])
            new = relabelled(old, value if first else None)
            content = packed(new) if new != old else content
        contents.append((block.kind, content))
    if all(kind != _COMMENT for kind, _ in contents):
        contents.insert(1, (_COMMENT, packed(relabelled(Comments(_VENDOR, ()), value))))
    tagged = [piece for tag in id3.tags(file) for piece in id3.without(file, tag)]
    headers = [
        _header(kind, len(content), last=place == len(contents)) for place, (kind, content) in enumerate(contents, 1)
    ]
    inner = [piece for header, (_, content) in zip(headers, contents, strict=True) for piece in (header, content)]
    return [*tagged, _MARKER, *inner, file[blocks[-1].end :]]


def _blocks(file: memoryview) -> Iterator[_Block]:
    before = id3.tags(file)
    at = before[-1].end if before else 0
    if bytes(file[at : at + 4]) != _MARKER:
        _bad("A FLAC file begins with 'fLaC'.")
    at += 4
    for index in range(_MAX_BLOCKS):
        header = int.from_bytes(file[at : at + 4])
        body, kind = at + 4, header >> 24 & 0x7F
        end = body + (header & _MAX_BLOCK_BYTES)
        if end > len(file) or (kind == _STREAM_INFO) != (index == 0):
            _bad(f"Block {index} of the FLAC file, of type {kind}, is cut short or out of place.")
        yield _Block(kind, body, end)
        if header >> 31:
            return
        at = end
    _bad(f"More than {_MAX_BLOCKS} blocks in the FLAC file.")


def _header(kind: int, length: int, *, last: bool) -> bytes:
    if length > _MAX_BLOCK_BYTES:
        _bad("The comments would grow beyond 16 MiB.")
    return pack(">I", last << 31 | kind << 24 | length)


def parsed(data: memoryview) -> Comments:
    """The comments in a block. Raises BadFile."""
    vendor, at = _counted(data, 0)
    count = int.from_bytes(data[at : at + 4], "little")
    if count > _MAX_COMMENTS or at + 4 > len(data):
        _bad(f"{count} comments, more than the block or this program holds.")
    at += 4
    entries = []
    for _ in range(count):
        entry, at = _counted(data, at)
        entries.append(entry)
    return Comments(vendor, tuple(entries), bytes(data[at:]))


def _counted(data: memoryview, at: int) -> tuple[bytes, int]:
    """Bytes behind their number, and where they end."""
    end = at + 4 + int.from_bytes(data[at : at + 4], "little")
    if end > len(data) or at + 4 > len(data):
        _bad("A Vorbis comment goes beyond its block.")
    return bytes(data[at + 4 : end]), end


def packed(comments: Comments) -> bytes:
    """The bytes of a comment header."""
    texts = (comments.vendor, *comments.entries)
    vendor, *entries = (pack("<I", len(text)) + text for text in texts)
    return b"".join((vendor, pack("<I", len(entries)), *entries, comments.rest))


def labels(comments: Comments, place: str) -> Iterator[tuple[int, Found]]:
    """Each label in the comments, and the index of its entry."""
    allowance = xmp.Allowance()
    for index, entry in enumerate(comments.entries):
        name, _, value = entry[:TEXT_BYTES].partition(b"=")
        if allowance.worth(value) and (found := parse(value, place, usual=b"AIGC" in name.upper())):
            yield index, found


def relabelled(comments: Comments, value: bytes | None) -> Comments:
    """The comments without their labels, and with a new one last."""
    gone = {index for index, _ in labels(comments, "")}
    kept = [entry for index, entry in enumerate(comments.entries) if index not in gone and entry[:5].upper() != _KEY]
    added = [] if value is None else [_KEY + value]
    return Comments(comments.vendor, (*kept, *added), comments.rest)


FORMATS = (Format("flac", ("audio/flac", "audio/x-flac"), Modality.SOUND, read, write),)
