"""Ogg Vorbis, Opus, FLAC, Speex and Theora: the Vorbis comment `AIGC=` (TC260-PG-202510A; RFC 3533)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from struct import pack, unpack_from
from typing import NamedTuple, NoReturn

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats.flac import Comments, labels, packed, parsed, relabelled
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import Found
from hanlin.labels.imprint import Imprint

_MAX_PAGES = 300_000
"""A hundred minutes of Opus with a page for every packet of 20 ms, and days with the usual pages."""
_MAX_STREAMS = 64
_MAX_HEADER_BYTES = 32 * 1024 * 1024
"""Of the headers of all streams, which may hold covers."""
_MAX_PACKETS = 10_000
_HEADER = 27
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_NO_PACKET_ENDS = bytes([255]) * 8
"""Granule position of a page on which no packet ends."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Codec(NamedTuple):
    name: str
    head: bytes
    """How the first packet begins."""
    comment: bytes
    """How the packet with the comments begins, the second."""
    packets: int
    """Of headers, without the first."""


_CODECS = (
    _Codec("Opus", b"OpusHead", b"OpusTags", 1),
    _Codec("Vorbis", b"\x01vorbis", b"\x03vorbis", 2),
    _Codec("Speex", b"Speex   ", b"", 1),
    _Codec("Theora", b"\x80theora", b"\x81theora", 2),
    _Codec("FLAC", b"\x7fFLAC", b"", 0),
)
"""RFC 7845, 5; Vorbis I, 4.2; the Speex manual, 6.2; Theora, 6.1; RFC 9639, 10.1: metadata blocks up to the last."""
_FLAC_PREFIX = 4
"""Type and length of a metadata block."""


class _Page(NamedTuple):
    start: int
    body: int
    end: int
    flags: int
    serial: int
    sequence: int


class _Stream:
    """The headers of one logical stream behind its first page, as far as they have come."""

    def __init__(self, codec: _Codec) -> None:
        self.codec = codec
        self.pages: list[_Page] = []
        self.packets: list[bytes] = []
        self._open = bytearray()

    @property
    def is_complete(self) -> bool:
        if self.codec.packets:
            return len(self.packets) >= self.codec.packets
        return bool(self.packets) and self.packets[-1][:1] >= b"\x80"

    @property
    def shares_a_page(self) -> bool:
        """Whether sound begins on the last page of the headers, which no codec allows."""
        return bool(self._open) or (self.codec.packets != 0 and len(self.packets) != self.codec.packets)

    def take(self, file: memoryview, page: _Page) -> None:
        self.pages.append(page)
        at = page.body
        for length in file[page.start + _HEADER : page.body]:
            self._open += file[at : at + length]
            at += length
            if length < 255:
                self.packets.append(bytes(self._open))
                self._open.clear()
        if len(self.packets) > _MAX_PACKETS:
            _bad("The headers of an Ogg stream do not end.")

    def comments(self) -> Comments:
        """Raises BadFile when the second packet holds none."""
        prefix = self._prefix()
        if not prefix.startswith(self.codec.comment) or (self.codec.name == "FLAC" and prefix[0] & 0x7F != 4):
            _bad(f"The second packet of the {self.codec.name} stream holds no comments.")
        return parsed(memoryview(self.packets[0])[len(prefix) :])

    def with_comments(self, comments: Comments) -> list[bytes]:
        """The packets with other comments."""
        content = packed(comments)
        prefix = self._prefix()
        if self.codec.name == "FLAC":
            prefix = prefix[:1] + len(content).to_bytes(3)
        return [prefix + content, *self.packets[1:]]

    def _prefix(self) -> bytes:
        length = _FLAC_PREFIX if self.codec.name == "FLAC" else len(self.codec.comment)
        return self.packets[0][:length].ljust(length, b"\0")


def _bad(message: str) -> NoReturn:
    raise BadFile(message, action="Export the file again from the program that made it.")


def read(file: memoryview) -> list[Found]:
    """Labels in the comments of every stream, also of those that are chained. Raises BadFile."""
    streams = [stream for stream in _streams(file, _pages(file)) if stream.is_complete]
    return [found for stream in streams for _, found in labels(stream.comments(), f"Ogg {stream.codec.name} comment")]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label in its first stream, whose headers are put on as many pages as before where they fit;
    where they do not, the later pages of that stream get new numbers and checksums. Raises BadFile.
    """
    streams = _streams(file, _pages(file, strict=True))
    if not streams or not all(stream.is_complete for stream in streams):
        _bad("The Ogg file has no stream with comments, or one whose headers are cut short.")
    value: bytes | None = msgspec.json.encode(imprint.label)
    headers: dict[int, tuple[list[bytes], int]] = {}
    for stream in streams:
        old = stream.comments()
        new = relabelled(old, value)
        value = None
        if new != old:
            headers |= _new_headers(stream, stream.with_comments(new))
    return _assembled(file, headers)


def _pages(file: memoryview, *, strict: bool = False) -> Iterator[_Page]:
    """Pages up to one that the file cuts short; `strict` raises BadFile for what is no page at all."""
    at = 0
    for _ in range(_MAX_PAGES):
        if at + _HEADER > len(file):
            return
        magic, flags, serial, sequence, segments = unpack_from("<4sxB8xII4xB", file, at)
        body = at + _HEADER + segments
        if magic != b"OggS":
            if strict or not at:
                _bad(f"No Ogg page begins at byte {at}.")
            return
        end = body + sum(file[at + _HEADER : body])
        if end > len(file):
            return
        yield _Page(at, body, end, flags, serial, sequence)
        at = end
    _bad(f"More than {_MAX_PAGES} pages in the Ogg file.")


def _streams(file: memoryview, pages: Iterable[_Page]) -> list[_Stream]:
    """Every logical stream of a codec that has comments, with its headers."""
    found: list[_Stream] = []
    waiting: dict[int, _Stream] = {}
    room = _MAX_HEADER_BYTES
    for page in pages:
        if page.flags & _FIRST:
            head = bytes(file[page.body : page.body + 16])
            waiting.pop(page.serial, None)
            for codec in _CODECS:
                if head.startswith(codec.head):
                    waiting[page.serial] = _Stream(codec)
                    found.append(waiting[page.serial])
            if len(found) > _MAX_STREAMS:
                _bad(f"More than {_MAX_STREAMS} streams in the Ogg file.")
        elif page.serial in waiting:
            room -= page.end - page.start
            if room < 0:
                _bad("The headers of the Ogg streams do not end.")
            waiting[page.serial].take(file, page)
            if waiting[page.serial].is_complete:
                del waiting[page.serial]
    return found


def _new_headers(stream: _Stream, packets: list[bytes]) -> dict[int, tuple[list[bytes], int]]:
    """By the place of each old page of headers: the new ones (all at the first), and how many more there are then."""
    if stream.shares_a_page:
        _bad(f"Sound of the {stream.codec.name} stream begins on a page of headers.")
    new = _paged(packets, stream.pages)
    more = len(new) - len(stream.pages)
    return {page.start: ([] if index else new, more) for index, page in enumerate(stream.pages)}


def _paged(packets: list[bytes], old: list[_Page]) -> list[bytes]:
    """Packets on pages, as many as the old ones where that is possible."""
    laces = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    data = b"".join(packets)
    count = min(max(len(old), -(-len(laces) // 255)), len(laces))
    bounds = [index * len(laces) // count for index in range(count + 1)]
    pages, at = [], 0
    for index, (start, end) in enumerate(pairwise(bounds)):
        table = laces[start:end]
        flags = (_CONTINUED if start and laces[start - 1] == 255 else 0) | (
            old[-1].flags & _LAST if end == len(laces) else 0
        )
        granule = _NO_PACKET_ENDS if min(table) == 255 else bytes(8)
        sequence = (old[0].sequence + index) % (1 << 32)
        head = b"OggS\0" + bytes([flags]) + granule + pack("<IIIB", old[0].serial, sequence, 0, len(table)) + table
        pages.append(_checked(head + data[at : at + sum(table)]))
        at += sum(table)
    return pages


def _assembled(file: memoryview, headers: dict[int, tuple[list[bytes], int]]) -> list[Piece]:
    pieces: list[Piece] = []
    more: dict[int, int] = {}
    kept_from = 0
    for page in _pages(file):
        if page.flags & _FIRST:
            more.pop(page.serial, None)
        if page.start in headers:
            new, more[page.serial] = headers[page.start]
            pieces += [file[kept_from : page.start], *new]
        elif more.get(page.serial):
            pieces += [file[kept_from : page.start], _renumbered(file, page, more[page.serial])]
        else:
            continue
        kept_from = page.end
    return [piece for piece in [*pieces, file[kept_from:]] if len(piece)]


def _renumbered(file: memoryview, page: _Page, more: int) -> bytes:
    sequence = pack("<I", (page.sequence + more) % (1 << 32))
    return _checked(
        bytes(file[page.start : page.start + 18]) + sequence + bytes(4) + bytes(file[page.start + 26 : page.end])
    )


def _checked(page: bytes) -> bytes:
    """The page, whose checksum is zero yet, with it.

    Ogg's CRC-32 has zlib's polynomial, but takes the bits the other way round and begins and ends without inversion.
    """
    crc = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return page[:22] + crc.to_bytes(4).translate(_REVERSED) + page[26:]


FORMATS = (
    Format("ogg", ("audio/ogg", "application/ogg", "video/ogg"), Modality.SOUND, read, write),
    Format("opus", ("audio/ogg", "audio/opus"), Modality.SOUND, read, write),
)
