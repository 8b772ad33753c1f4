"""RIFF files: the chunk `AIGC` of a WAV file, and the same in the list `INFO` of an AVI file (TC260-PG-202510A)."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hanlin.errors import BadFile
from hanlin.labels.formats import id3, xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.isobmff import Change, spliced
from hanlin.labels.found import TEXT_BYTES, Fault, Found, parse
from hanlin.labels.imprint import Imprint

_LABEL = b"AIGC"
_LIST, _INFO, _JUNK, _MOVIE = b"LIST", b"INFO", b"JUNK", b"movi"
_ID3 = (b"id3 ", b"ID3 ")
_XMP = b"_PMX"
"""XMP specification part 3, 1.1.7."""
_MAX_CHUNKS = 200_000
_HEADER = 8
_OPEN = 0xFFFFFFFF
"""A size that is not known: the file is RF64, which has it elsewhere, or was never closed."""
_Order = Literal["little", "big"]


class _Chunk(Struct, frozen=True):
    kind: bytes
    start: int
    body: int
    end: int
    next: int
    """Behind the byte that makes its length even, which the last may lack."""
    is_open: bool = False
    """It says no size, or more than the file has, and so ends with the file."""


class _Riff:
    """A RIFF file: its order of bytes, and its chunks within bounds."""

    def __init__(self, file: memoryview, form: bytes) -> None:
        if len(file) < 12 or bytes(file[:4]) not in (b"RIFF", b"RIFX", b"RF64") or bytes(file[8:12]) != form:
            _bad(f"A file of this kind begins with 'RIFF', a size and {form.decode()!r}.")
        self.file = file
        self.order: _Order = "big" if bytes(file[:4]) == b"RIFX" else "little"
        self._left = _MAX_CHUNKS
        self.is_large = bytes(file[:4]) == b"RF64"
        self.size = self.number(4)
        if 0 < self.size < 4:
            _bad(f"A RIFF file has a size of 4 bytes or more, this one says {self.size}.")
        self.is_open = self.size in (0, _OPEN) or self.size + 8 > len(file)
        self.large_data_bytes = self._large_data_bytes() if self.is_large else 0
        self.chunks = list(self.walk(12, len(file) if self.is_open else self.size + 8))

    def number(self, at: int, width: int = 4) -> int:
        return int.from_bytes(self.file[at : at + width], self.order)

    def walk(self, at: int, end: int) -> Iterator[_Chunk]:
        while end - at >= _HEADER:
            self._left -= 1
            if self._left < 0:
                _bad(f"More than {_MAX_CHUNKS} chunks.")
            kind, size, body = bytes(self.file[at : at + 4]), self.number(at + 4), at + _HEADER
            if kind == b"data" and size == _OPEN and self.large_data_bytes:
                size = self.large_data_bytes
            is_open = size > end - body or (kind == b"data" and size == 0 and self.is_open)
            stop = end if is_open else body + size
            chunk = _Chunk(kind, at, body, stop, min(stop + (stop - body) % 2, end), is_open)
            yield chunk
            at = chunk.next

    def chunk(self, kind: bytes, content: bytes | memoryview) -> bytes:
        return kind + len(content).to_bytes(4, self.order) + bytes(content) + bytes(len(content) % 2)

    def lists(self, chunks: Iterable[_Chunk], type_: bytes) -> Iterator[_Chunk]:
        """The lists of one type among some chunks."""
        for chunk in chunks:
            if chunk.kind == _LIST and self.file[chunk.body : chunk.body + 4] == type_:
                yield chunk

    def _large_data_bytes(self) -> int:
        """The size of `data` that `ds64`, the first chunk of RF64, tells (EBU Tech 3306)."""
        if bytes(self.file[12:16]) != b"ds64" or len(self.file) < 36:
            _bad("An RF64 file begins with the chunk 'ds64'.")
        return self.number(28, 8)


def _bad(message: str) -> NoReturn:
    raise BadFile(message, action="Export the file again from the program that made it.")


def read_wav(file: memoryview) -> list[Found]:
    """Labels in chunks of their own, in lists of `INFO`, in ID3 and XMP. Raises BadFile."""
    return _read(_Riff(file, b"WAVE"), "WAV")


def read_avi(file: memoryview) -> list[Found]:
    """As `read_wav`, of an AVI file's first RIFF."""
    return _read(_Riff(file, b"AVI "), "AVI")


def write_wav(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label as its last chunk; in front of the sound where that has no end. Raises BadFile."""
    riff = _Riff(file, b"WAVE")
    changes = list(_cleaned(riff, fill=False))
    data = next((chunk for chunk in riff.chunks if chunk.is_open), None)
    if data and data.kind != b"data":
        _bad(f"The chunk {data.kind!r} goes beyond the file.")
    label = riff.chunk(_LABEL, msgspec.json.encode(imprint.label))
    if data is None and riff.chunks:
        last = riff.chunks[-1]
        stays = all(change.end != last.next for change in changes)
        missing = (last.end - last.start) % 2 if stays and last.next == last.end else 0
        changes.append(Change(last.next, last.next, bytes(missing) + label))
    else:
        at = data.start if data else 12
        changes.append(Change(at, at, label))
    return spliced(file, [*changes, *_sizes(riff, changes)])


def write_avi(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The file with this label in its list `INFO` in front of the movie. Raises BadFile.

    Junk around the list takes up what it grows; where there is too little, all absolute offsets of `idx1` and of the
    OpenDML indexes follow.
    """
    riff = _Riff(file, b"AVI ")
    movie = next(riff.lists(riff.chunks, _MOVIE), None)
    if movie is None or movie.is_open:
        _bad("The AVI file has no list 'movi', or one that is cut short.")
    home = next((chunk for chunk in riff.lists(riff.chunks, _INFO) if chunk.start < movie.start), None)
    content = (_kept(riff, home) if home else b"") + riff.chunk(_LABEL, msgspec.json.encode(imprint.label))
    new = riff.chunk(_LIST, _INFO + content)
    start, end = _slot(riff, home, movie, len(new))
    new += _junk(riff, end - start - len(new))
    growth = len(new) - (end - start)
    changes = [Change(start, end, new), *_cleaned(riff, fill=True, leave=(start, end))]
    indexes = [*_absolute_index(riff, movie, growth), *_super_indexes(riff, growth)] if growth else []
    return spliced(file, [*changes, *indexes, *_sizes(riff, changes)])


def _read(riff: _Riff, form: str) -> list[Found]:
    allowance = xmp.Allowance()
    return [found for chunk in riff.chunks for found in _found(riff, chunk, form, allowance)]


def _found(riff: _Riff, chunk: _Chunk, form: str, allowance: xmp.Allowance) -> list[Found]:
    content = riff.file[chunk.body : chunk.end]
    if chunk.kind in _ID3:
        return [replace(one, faults=(*one.faults, Fault.PLACE)) for one in id3.read(content)]
    if chunk.kind == _XMP:
        return xmp.read(content, f"{form} XMP", usual=False)
    if chunk.kind == _LABEL:
        text = bytes(content[:TEXT_BYTES])
        one = parse(text, f"{form} AIGC", usual=form == "WAV") if allowance.worth(text) else None
        return [one] if one else []
    return [one for _, one in _info(riff, chunk, form, allowance)] if chunk.kind == _LIST else []


def _info(riff: _Riff, chunk: _Chunk, form: str, allowance: xmp.Allowance) -> Iterator[tuple[_Chunk, Found]]:
    """The labels in a list of `INFO`, each with its chunk."""
    for child in riff.walk(chunk.body + 4, chunk.end) if any(riff.lists([chunk], _INFO)) else ():
        text = bytes(riff.file[child.body : child.end][:TEXT_BYTES])
        if allowance.worth(text) and (
            found := parse(text, f"{form} INFO", usual=form == "AVI" and child.kind == _LABEL)
        ):
            yield child, found


def _kept(riff: _Riff, chunk: _Chunk) -> bytes:
    """What a list of `INFO` holds, without its labels."""
    gone = {child for child, _ in _info(riff, chunk, "", xmp.Allowance())}
    children = [child for child in riff.walk(chunk.body + 4, chunk.end) if child not in gone and child.kind != _LABEL]
    return b"".join(riff.chunk(child.kind, riff.file[child.body : child.end]) for child in children)


def _cleaned(riff: _Riff, *, fill: bool, leave: tuple[int, int] = (0, 0)) -> Iterator[Change]:
    """Labels elsewhere go; junk takes their place where nothing may move (`fill`)."""
    allowance = xmp.Allowance()
    for chunk in riff.chunks:
        labelled = chunk.kind == _LABEL or _found(riff, chunk, "", allowance)
        if labelled and not leave[0] <= chunk.start < leave[1]:
            new = _without(riff, chunk)
            spare = chunk.next - chunk.start - len(new)
            yield Change(chunk.start, chunk.next, new + _junk(riff, spare) if fill else new)


def _without(riff: _Riff, chunk: _Chunk) -> bytes:
    """A chunk without its labels, no longer than it was; nothing where it held nothing else."""
    content = riff.file[chunk.body : chunk.end]
    if chunk.kind == _LIST:
        return riff.chunk(_LIST, _INFO + _kept(riff, chunk))
    if chunk.kind in _ID3:
        tags = id3.tags(content)
        pieces = [piece for tag in tags for piece in id3.without(content, tag)]
        return riff.chunk(chunk.kind, b"".join([*pieces, content[tags[-1].end :]]))
    packet = xmp.without(content).ljust(len(content)) if chunk.kind == _XMP else b""
    return riff.chunk(_XMP, packet) if 0 < len(packet) <= len(content) else b""


def _junk(riff: _Riff, length: int) -> bytes:
    """Nothing where there is no room for a chunk's header."""
    return riff.chunk(_JUNK, bytes(length - _HEADER)) if length >= _HEADER else b""


def _slot(riff: _Riff, home: _Chunk | None, movie: _Chunk, length: int) -> tuple[int, int]:
    """The bytes that the list takes: its own with the junk behind, or junk that is long enough, or none."""
    before = [chunk for chunk in riff.chunks if chunk.start < movie.start]
    if home is None:
        junk = (one for one in before if one.kind == _JUNK and one.next - one.start >= length + _HEADER)
        return next(((one.start, one.next) for one in junk), (movie.start, movie.start))
    end = home.next
    for chunk in before[before.index(home) + 1 :]:
        if chunk.kind != _JUNK:
            break
        end = chunk.next
    return home.start, end


def _absolute_index(riff: _Riff, movie: _Chunk, growth: int) -> Iterator[Change]:
    """Offsets of `idx1` count from 'movi' in most files, and from the start of the file in some."""
    for chunk in riff.chunks:
        if chunk.kind != b"idx1" or chunk.end - chunk.body < 16:
            continue
        first, kind = riff.number(chunk.body + 8), bytes(riff.file[chunk.body : chunk.body + 4])
        if bytes(riff.file[movie.body + first : movie.body + first + 4]) == kind:
            continue
        if bytes(riff.file[first : first + 4]) != kind:
            _bad("The index 'idx1' does not point at the movie's chunks.")
        offsets = array("I", bytes(riff.file[chunk.body : chunk.end - (chunk.end - chunk.body) % 16]))
        if riff.order != sys.byteorder:
            offsets.byteswap()
        offsets[2::4] = array("I", (min(offset + growth, _OPEN) for offset in offsets[2::4]))
        if riff.order != sys.byteorder:
            offsets.byteswap()
        yield Change(chunk.body, chunk.body + len(offsets) * 4, offsets.tobytes())


def _super_indexes(riff: _Riff, growth: int) -> Iterator[Change]:
    """The 64-bit offsets of OpenDML: in `indx` of each stream, and in the `ix##` chunks that those point at."""
    for header in riff.lists(riff.chunks, b"hdrl"):
        for stream in riff.lists(riff.walk(header.body + 4, header.end), b"strl"):
            for chunk in riff.walk(stream.body + 4, stream.end):
                if chunk.kind == b"indx" and chunk.end - chunk.body >= 24:
                    yield from _super_index(riff, chunk, growth)


def _super_index(riff: _Riff, indx: _Chunk, growth: int) -> Iterator[Change]:
    if riff.file[indx.body + 3] == 1:  # an index of chunks, which has a base
        yield _moved(riff, indx.body + 12, growth)
        return
    count = riff.number(indx.body + 4)
    if count > (indx.end - indx.body - 24) // 16:
        _bad("The OpenDML index is longer than its chunk.")
    for at in range(indx.body + 24, indx.body + 24 + 16 * count, 16):
        index = riff.number(at, 8)
        if bytes(riff.file[index : index + 2]) != b"ix" or index + 28 > len(riff.file):
            _bad("The OpenDML index does not point at indexes.")
        yield _moved(riff, at, growth)
        yield _moved(riff, index + 20, growth)


def _moved(riff: _Riff, at: int, growth: int) -> Change:
    return Change(at, at + 8, ((riff.number(at, 8) + growth) % (1 << 64)).to_bytes(8, riff.order))


def _sizes(riff: _Riff, changes: list[Change]) -> Iterator[Change]:
    """The size in the first header, or, of RF64, in `ds64`; one that was never written stays so."""
    growth = sum(len(change.new) - (change.end - change.start) for change in changes)
    if riff.is_large:
        yield _moved(riff, 20, growth)
    elif riff.size not in (0, _OPEN):
        size = min(riff.size, len(riff.file) - _HEADER) + growth
        if size >= _OPEN:
            _bad("The file would grow beyond 4 GiB, which RIFF cannot say.")
        yield Change(4, 8, size.to_bytes(4, riff.order))


FORMATS = (
    Format("wav", ("audio/wav", "audio/x-wav", "audio/vnd.wave"), Modality.SOUND, read_wav, write_wav),
    Format("avi", ("video/x-msvideo", "video/avi"), Modality.VIDEO, read_avi, write_avi),
)
