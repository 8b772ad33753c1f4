"""How many parts a file has: the library of Content Credentials takes time with their square, or much for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from struct import Struct

_BOX, _LONG_BOX, _CHUNK = Struct(">I4s"), Struct(">Q"), Struct("<4sI")
_CONTAINERS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"meta", b"mvex", b"moof", b"traf"}
    | {b"mfra", b"skip", b"ipro", b"sinf", b"iprp", b"ipco", b"schi", b"hnti", b"hinf", b"rinf", b"strk", b"strd"}
)
_LARGEST = {"jpeg": 4_096, "png": 32_768, "riff": 32_768, "boxes": 8_192, "tiff": 8_192}
"""With so many, signing takes about a second; two for boxes. Pictures have below 100; a film in fragments of two
seconds reaches the limit after three quarters of an hour.
"""


def too_many(file: bytes) -> bool:
    """Whether a PNG, JPEG, TIFF, RIFF or ISO file has more parts than can be signed or checked in time."""
    kind = _kind(file)
    return kind in _WALKS and next(islice(_WALKS[kind](file), _LARGEST[kind], None), None) is not None


def _kind(file: bytes) -> str:
    if file.startswith((b"II", b"MM")):
        return "tiff"
    if file[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return "boxes"
    if file.startswith(b"\xff\xd8"):
        return "jpeg"
    return {b"\x89PNG": "png", b"RIFF": "riff"}.get(file[:4], "")


def _png(file: bytes) -> Iterator[int]:
    place = 8
    while place + 12 <= len(file):
        yield place
        place += 12 + _BOX.unpack_from(file, place)[0]


def _riff(file: bytes) -> Iterator[int]:
    place = 12
    while place + 8 <= len(file):
        yield place
        name, size = _CHUNK.unpack_from(file, place)
        place += 12 if name == b"LIST" else 8 + size + size % 2


def _jpeg(file: bytes) -> Iterator[int]:
    """Segments in front of the picture; a byte that starts none is passed over."""
    place = 2
    while place + 4 <= len(file):
        yield place
        if file[place] != 0xFF or file[place + 1] in {0xFF, 0x00, 0x01, *range(0xD0, 0xD9)}:
            place += 1
        elif file[place + 1] == 0xDA:
            return
        else:
            place += 2 + int.from_bytes(file[place + 2 : place + 4])


def _tiff(file: bytes) -> Iterator[int]:
    """Entries of the directories; one that comes again counts again."""
    order, long = ("little" if file[:1] == b"I" else "big"), file[2:4] in {b"+\0", b"\0+"}
    width, head, entry = (8, 8, 20) if long else (4, 2, 12)

    def number(place: int, size: int) -> int:
        return int.from_bytes(file[place : place + size], order)  # type: ignore[arg-type]  # one of two literals

    place = number(8 if long else 4, width)
    while 0 < place < len(file):
        entries = number(place, head)
        yield from range(min(entries, len(file)) + 1)
        place = number(place + head + entries * entry, width)


def _boxes(file: bytes) -> Iterator[int]:
    """At the top and in every box that holds others, as far as that can be known by name."""
    waiting = [(0, len(file))]
    while waiting:
        place, end = waiting.pop()
        while place + 8 <= end:
            yield place
            size, name = _BOX.unpack_from(file, place)
            if size == 1 and place + 16 <= end:
                size = _LONG_BOX.unpack_from(file, place + 8)[0]
            size = max(8, size or end - place)
            if name in _CONTAINERS:
                inside = 12 if name == b"meta" and file[place + 12 : place + 16] != b"hdlr" else 8
                waiting.append((place + inside, min(place + size, end)))
            place += size


_WALKS: dict[str, Callable[[bytes], Iterator[int]]] = {
    "jpeg": _jpeg,
    "png": _png,
    "riff": _riff,
    "boxes": _boxes,
    "tiff": _tiff,
}
