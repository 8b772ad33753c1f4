"""All formats in one table, and how to tell by its first bytes which one a file is."""

from __future__ import annotations

import re
from functools import cache

from hanlin.errors import BadFile
from hanlin.labels.formats import (
    epub,
    flac,
    flv,
    gif,
    heif,
    html,
    id3,
    jpeg,
    markdown,
    matroska,
    mp4,
    ogg,
    ooxml,
    pdf,
    plain,
    png,
    riff,
    tiff,
    webp,
)
from hanlin.labels.formats.format import Format

FAMILIES = (
    (png, jpeg, webp, gif, tiff, heif),
    (id3, flac, ogg, riff),
    (mp4, matroska, flv),
    (pdf, ooxml, epub, markdown, html, plain),
)
"""Pictures, sound, video, documents and text; RIFF and MP4 stand for more than one."""
FORMATS: dict[str, Format] = {
    format_.name: format_ for family in FAMILIES for module in family for format_ in module.FORMATS
}
ENDINGS = {"jpg": "jpeg", "jfif": "jpeg", "tif": "tiff", "heif": "heic", "htm": "html", "m4v": "mp4", "oga": "ogg",
           "text": "txt", "log": "txt", "markdown": "md"}  # fmt: skip
"""File name ending -> format, where they differ."""
HEAD_BYTES = 4096

_MAGIC: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "png"),
    (b"\xff\xd8\xff", 0, "jpeg"),
    (b"GIF87a", 0, "gif"),
    (b"GIF89a", 0, "gif"),
    (b"II*\0", 0, "tiff"),
    (b"MM\0*", 0, "tiff"),
    (b"II+\0", 0, "tiff"),
    (b"MM\0+", 0, "tiff"),
    (b"WEBP", 8, "webp"),
    (b"WAVE", 8, "wav"),
    (b"AVI ", 8, "avi"),
    (b"fLaC", 0, "flac"),
    (b"FLV\x01", 0, "flv"),
)
_BRANDS = {
    b"heic": "heic", b"heix": "heic", b"hevc": "heic", b"hevx": "heic", b"heim": "heic", b"heis": "heic",
    b"mif1": "heic", b"msf1": "heic", b"avif": "avif", b"avis": "avif", b"M4A ": "m4a", b"M4B ": "m4a", b"qt  ": "mov",
}  # fmt: skip
"""Major brands of ISO 14496-12 files that are not plain MP4."""
_MOVIE_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip"})
"""What a QuickTime file from before `ftyp` begins with."""
_PARTS = ((b"word/", "doc"), (b"xl/", "xls"), (b"ppt/", "ppt"))
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def find(file: memoryview, name: str = "") -> Format:
    """The format of a file by its content; `name` tells text files apart, and no more than that.

    Raises BadFile for a kind that cannot carry a label here.
    """
    kind = sniff(bytes(file[:HEAD_BYTES]), file, name)
    if kind not in FORMATS:
        raise BadFile(
            "The file is of no kind that is known here.",
            code="unknown_format",
            action=f"Known are {', '.join(sorted(FORMATS))}.",
        )
    return FORMATS[kind]


def of_ending(name: str) -> str:
    """The format that the ending of a file's name promises; "" for none."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    return ENDINGS.get(ending, ending if ending.isalnum() else "")


def sniff(head: bytes, file: memoryview, name: str = "") -> str:
    """Name of the format, or "" when the content is of no known kind."""
    for magic, place, kind in _MAGIC:
        if head[place : place + len(magic)] == magic and (place == 0 or head[:4] in (b"RIFF", b"RIFX", b"RF64")):
            return kind
    if head[:3] == b"ID3":
        return "flac" if _behind_id3(head, file) == b"fLaC" else "mp3"
    if head[4:8] == b"ftyp" or head[4:8] in _MOVIE_BOXES:
        return _BRANDS.get(head[8:12], "mp4") if head[4:8] == b"ftyp" else "mov"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "mkv"
    if head[:4] == b"OggS":
        return "opus" if b"OpusHead" in head[:128] else "ogg"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6):
        return "mp3"
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head[:4] == b"PK\3\4":
        return "epub" if b"mimetypeapplication/epub+zip" in head[:128] else _office(file, name)
    return _text(head, name)


def _behind_id3(head: bytes, file: memoryview) -> bytes:
    """The first bytes after an ID3 tag, which some writers, C2PA's among them, put before FLAC (ID3v2.4, 3.1)."""
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    return bytes(file[10 + size : 14 + size])


def _office(file: memoryview, name: str) -> str:
    """By the folder its main part lies in; the ending tells a template from a document."""
    entries = bytes(file[-256 * 1024 :])
    for part, family in _PARTS:
        if part in entries:
            promised = of_ending(name)
            return promised if promised in FORMATS and promised[:3] in (family, _template(family)) else f"{family}x"
    return ""


@cache
def _template(family: str) -> str:
    return {"doc": "dot", "xls": "xlt", "ppt": "pot"}[family]


def _text(head: bytes, name: str) -> str:
    """Text of a kind that may hold a line more; code, tables and the like, which their endings give away, may not."""
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    promised = of_ending(name)
    if promised:
        return promised if promised in ("md", "html", "json", "sse", "txt") else ""
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if stripped[:1] == b"{":
        return "json"
    if stripped.startswith((b"data:", b"event:")):
        return "sse"
    return "md" if stripped.startswith(b"---") else "txt"
