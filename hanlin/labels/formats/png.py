"""PNG (ISO/IEC 15948): the label stands in an uncompressed `iTXt` of XMP, before the pixels."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hanlin.errors import BadFile
from hanlin.labels.formats import exif, xmp
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_CHUNKS = 200_000
"""A 1 GB file of 8 KiB data chunks has 131,072."""
_INFLATED_BYTES = 1024 * 1024
"""Most that a compressed text may come to."""
_INFLATED_TEXTS = 32
"""Most compressed texts of one file that may be labels."""
_KEYWORDS = re.compile(rb"AIGC|XML:com\.adobe\.xmp|Raw profile type (?:xmp|exif|app1)", re.IGNORECASE)
_PROFILE = re.compile(rb"\n\w+\n *\d+\n([0-9a-fA-F\n]*)")
"""ImageMagick's way: the name of the profile, its length, and the bytes in hexadecimal."""


class _Chunk(NamedTuple):
    kind: bytes
    start: int
    end: int


class _Text(NamedTuple):
    """A text chunk; `before` is what stands ahead of the text itself."""

    keyword: bytes
    before: bytes
    compressed: bool
    text: bytes | memoryview


class _Mark(NamedTuple):
    """A chunk with what it says of labels. `text` is None for an EXIF chunk."""

    chunk: _Chunk
    text: _Text | None
    found: list[Found]


def read(file: memoryview) -> list[Found]:
    """Labels in text chunks (XMP, keyword AIGC, ImageMagick's profiles) and in EXIF. Raises BadFile."""
    found: list[Found] = []
    try:
        for mark in _marks(file, _chunks(file)):
            found += mark.found
    except BadFile:
        if not found:
            raise
    return found


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The label goes into the XMP of the file, right after IHDR; pixels are not touched. Raises BadFile."""
    chunks = list(_chunks(file))
    header = next((chunk for chunk in chunks if chunk.kind == b"IHDR"), None)
    if header is None or chunks[-1].kind != b"IEND":
        raise BadFile("The PNG has no IHDR or no IEND chunk.", action="Check that the file is whole.")
    edits = [(header.end, header.end, b"")]
    existing: bytes | None = None
    for chunk, text, found in _marks(file, chunks):
        if text is not None and text.keyword == _XMP and existing is None:
            existing = bytes(text.text)
            edits.append((chunk.start, chunk.end, b""))
        elif found:
            edits.append((chunk.start, chunk.end, _cleaned(chunk.kind, _data(file, chunk), text)))
    edits[0] = (header.end, header.end, _chunk(b"iTXt", _XMP + bytes(5) + xmp.write(existing, imprint)))
    return xmp.spliced(file, edits)


def _chunks(file: memoryview) -> Iterator[_Chunk]:
    """Up to and with IEND; what stands behind it is none of the picture."""
    if file[:8] != _SIGNATURE:
        raise BadFile("Expected the eight bytes that every PNG begins with.", action="Check that the file is a PNG.")
    position = 8
    for _ in range(_CHUNKS):
        if position + 12 > len(file):
            raise BadFile(f"The PNG ends at byte {len(file)}, before IEND.", action="Check that the file is whole.")
        size, kind = struct.unpack_from(">I4s", file, position)
        chunk = _Chunk(kind, position, position + 12 + size)
        if chunk.end > len(file):
            raise BadFile(
                f"The PNG ends at byte {len(file)}, in the midst of a chunk that ends at {chunk.end}.",
                action="Check that the file is whole.",
            )
        yield chunk
        if kind == b"IEND":
            return
        position = chunk.end
    raise BadFile(f"The PNG has more than {_CHUNKS} chunks.", action="Save it anew with larger data chunks.")


def _marks(file: memoryview, chunks: Iterable[_Chunk]) -> Iterator[_Mark]:
    """Every XMP chunk, and other chunks that hold a label."""
    allowance = xmp.Allowance()
    inflated = 0
    for chunk in chunks:
        if chunk.kind == b"eXIf":
            found = exif.read(_data(file, chunk), "PNG eXIf", usual=False, allowance=allowance)
            mark = _Mark(chunk, None, found)
        elif chunk.kind in _TEXTS and (text := _text(chunk.kind, _data(file, chunk))):
            inflated += text.compressed
            if inflated > _INFLATED_TEXTS:
                raise BadFile("The PNG has too many compressed texts.", action="Remove what is not needed.")
            mark = _Mark(chunk, text, _found(chunk.kind.decode(), text, allowance))
        else:
            continue
        if mark.found or (mark.text is not None and mark.text.keyword == _XMP):
            yield mark


def _data(file: memoryview, chunk: _Chunk) -> memoryview:
    return file[chunk.start + 8 : chunk.end - 4]


def _text(kind: bytes, data: memoryview) -> _Text | None:
    """A text chunk apart (11.3.4), or None when it is broken, or is compressed and its keyword is of no interest."""
    keyword, separator, rest = bytes(data[:80]).partition(b"\0")
    start = len(keyword) + 1
    compressed = kind == b"zTXt" or (kind == b"iTXt" and rest[:1] == b"\1")
    if not separator or (compressed and not _KEYWORDS.search(keyword)):
        return None
    if kind == b"zTXt":
        start += 1
    elif kind == b"iTXt":
        language, *words = bytes(data[start + 2 : start + 2 + 1024]).split(b"\0", 2)
        if len(words) < 2:
            return None
        start += 2 + len(language) + 1 + len(words[0]) + 1
    text = _inflated(data[start:]) if compressed else data[start:]
    return _Text(keyword, bytes(data[:start]), compressed, text)


def _inflated(data: memoryview) -> bytes:
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(data, _INFLATED_BYTES + 1)
    except zlib.error:
        return b""
    if len(text) > _INFLATED_BYTES:
        raise BadFile(
            f"A compressed text of the PNG comes to more than {_INFLATED_BYTES} bytes.",
            action="Remove it, or save it uncompressed.",
        )
    return text


def _found(kind: str, text: _Text, allowance: xmp.Allowance) -> list[Found]:
    place = f"PNG {kind}"
    if text.keyword.startswith(b"Raw profile type "):
        return _in_profile(text, place, allowance)
    is_xmp = text.keyword == _XMP
    if not allowance.worth(text.text if is_xmp else text.text[:TEXT_BYTES]):
        return []
    if is_xmp:
        return xmp.read(text.text, f"{place} XMP", usual=not text.compressed)
    name = text.keyword.decode("latin-1")
    found = parse(bytes(text.text[:TEXT_BYTES]), f"{place} {name}", usual=name == "AIGC" and kind == "tEXt")
    return [found] if found else []


def _in_profile(text: _Text, place: str, allowance: xmp.Allowance) -> list[Found]:
    name = text.keyword.removeprefix(b"Raw profile type ").decode("latin-1").lower()
    profile = _profile(bytes(text.text[:_INFLATED_BYTES]))
    if name in ("exif", "app1") and profile.startswith(b"Exif\0\0"):
        return exif.read(profile, f"{place} profile", usual=False, allowance=allowance)
    if name in ("xmp", "app1") and allowance.worth(profile):
        return xmp.read(profile, f"{place} profile XMP", usual=False)
    return []


def _profile(text: bytes) -> bytes:
    hexadecimal = _PROFILE.match(text)
    digits = hexadecimal[1].replace(b"\n", b"") if hexadecimal else b""
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def _cleaned(kind: bytes, data: memoryview, text: _Text | None) -> bytes:
    """The chunk without its label; nothing when it was but that."""
    if text is None:
        return _chunk(kind, exif.blanked(data))
    if text.keyword == _XMP:
        clean = xmp.without(text.text)
    elif text.keyword.startswith(b"Raw profile type "):
        clean = _without_profile(bytes(text.text))
    else:
        return b""
    return _chunk(kind, text.before + (zlib.compress(clean) if text.compressed else clean))


def _without_profile(text: bytes) -> bytes:
    profile = _profile(text)
    clean = exif.blanked(profile) if profile.startswith(b"Exif\0\0") else xmp.without(profile)
    name = text.split(b"\n", 2)[1].decode("latin-1")
    return f"\n{name}\n{len(clean):8}\n{clean.hex()}\n".encode("latin-1")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


FORMATS: tuple[Format, ...] = (
    Format("png", ("image/png", "image/apng", "image/x-png"), Modality.PICTURE, read, write),
)
