"""Which kind a file is, by its content. Its name decides between kinds of text only.

Only heads are read, and of a package its list of members, all within bounds: nothing is parsed here.
"""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.files.containers import compound_kind, members

HEAD_BYTES = 65_536


class Kind(Struct, frozen=True):
    media_type: str
    family: str
    """document, text, mail, picture, sound, video."""


KINDS: dict[str, Kind] = {
    "pdf": Kind("application/pdf", "document"),
    "docx": Kind("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document"),
    "pptx": Kind("application/vnd.openxmlformats-officedocument.presentationml.presentation", "document"),
    "xlsx": Kind("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "document"),
    "epub": Kind("application/epub+zip", "document"),
    "html": Kind("text/html", "text"),
    "md": Kind("text/markdown", "text"),
    "csv": Kind("text/csv", "text"),
    "txt": Kind("text/plain", "text"),
    "srt": Kind("application/x-subrip", "text"),
    "vtt": Kind("text/vtt", "text"),
    "eml": Kind("message/rfc822", "mail"),
    "msg": Kind("application/vnd.ms-outlook", "mail"),
    "png": Kind("image/png", "picture"),
    "jpeg": Kind("image/jpeg", "picture"),
    "webp": Kind("image/webp", "picture"),
    "tiff": Kind("image/tiff", "picture"),
    "mp3": Kind("audio/mpeg", "sound"),
    "wav": Kind("audio/wav", "sound"),
    "m4a": Kind("audio/mp4", "sound"),
    "wma": Kind("audio/x-ms-wma", "sound"),
    "aac": Kind("audio/aac", "sound"),
    "ogg": Kind("audio/ogg", "sound"),
    "amr": Kind("audio/amr", "sound"),
    "flac": Kind("audio/flac", "sound"),
    "aiff": Kind("audio/aiff", "sound"),
    "mp4": Kind("video/mp4", "video"),
    "wmv": Kind("video/x-ms-wmv", "video"),
    "flv": Kind("video/x-flv", "video"),
    "rmvb": Kind("application/vnd.rn-realmedia-vbr", "video"),
    "mov": Kind("video/quicktime", "video"),
    "mkv": Kind("video/x-matroska", "video"),
    "webm": Kind("video/webm", "video"),
    "avi": Kind("video/x-msvideo", "video"),
    "mpeg": Kind("video/mpeg", "video"),
    "3gp": Kind("video/3gpp", "video"),
    "ogv": Kind("video/ogg", "video"),
}
"""What is taken in, by the usual ending of its name."""
MEDIA_TYPES = {kind.media_type: kind for kind in KINDS.values()}

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"II*\0", "tiff"),
    (0, b"MM\0*", "tiff"),
    (8, b"WEBP", "webp"),
    (8, b"WAVE", "wav"),
    (8, b"AVI ", "avi"),
    (8, b"CDXA", "mpeg"),  # the .dat of a Video CD
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (0, b"ID3", "mp3"),
    (0, b"fLaC", "flac"),
    (0, b"#!AMR", "amr"),
    (0, b"FLV\x01", "flv"),
    (0, b".RMF", "rmvb"),
    (0, b"\0\0\x01\xba", "mpeg"),
    (0, b"\0\0\x01\xb3", "mpeg"),
    (0, b"WEBVTT", "vtt"),
    (0, b"\xef\xbb\xbfWEBVTT", "vtt"),
)
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_BRANDS = {b"M4A ": "m4a", b"M4B ": "m4a", b"qt  ": "mov", b"3gp": "3gp", b"3g2": "3gp", b"heic": "", b"heix": "",
           b"mif1": "", b"msf1": "", b"avif": "", b"avis": ""}  # fmt: skip
"""Major brands (ISO 14496-12) of what is not plain MP4; empty: pictures, which are not taken in."""
_MOVIE_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip"})
"""What a QuickTime file from before `ftyp` begins with."""
_PACKAGES = (
    ("word/document.xml", "docx"),
    ("ppt/presentation.xml", "pptx"),
    ("xl/workbook.xml", "xlsx"),
    ("META-INF/container.xml", "epub"),
)
_ENDINGS = {"md": "md", "markdown": "md", "csv": "csv", "tsv": "csv"}
_HTML = re.compile(
    rb"(?:<\?xml[^>]*>)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MAIL = re.compile(
    rb"^(?:from|to|subject|date|received|return-path|message-id|mime-version|delivered-to|dkim-signature):",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER = re.compile(rb"[!-9;-~]{1,80}:[ \t]|From ")
_SRT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\d+\s*\r?\n\d\d?:\d\d:\d\d[,.]\d{1,3}[ \t]*-->")
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(path: Path, name: str) -> Kind:
    """The kind of a file. BadFile (`empty_file`, `encrypted_file`, `unknown_file`) for what is not taken in."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if not head:
            raise BadFile("The file is empty.", action="Check that it was saved, and send it again.", code="empty_file")
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return KINDS[_package(members(file))]
        if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
            return KINDS[_compound(compound_kind(file))]
    found = _binary(head) or _text(head, name)
    if not found:
        raise unknown("This kind of file is not read here.")
    return KINDS[found]


def unknown(what: str, action: str = "") -> BadFile:
    taken = "PDF, DOCX, PPTX, XLSX, EPUB, HTML, Markdown, text, CSV, e-mail, pictures, sound, video, SRT and VTT"
    return BadFile(what, action=action or f"Bring one of these: {taken}.", code="unknown_file")


def _binary(head: bytes) -> str:
    for offset, magic, found in _MAGIC:
        if head[offset : offset + len(magic)] == magic and (offset == 0 or head[:4] in (b"RIFF", b"RF64", b"FORM")):
            return found
    if b"%PDF-" in head[:1024] and not _is_mail(head):
        return "pdf"
    if head.startswith(_ASF):
        return "wmv" if _ASF_VIDEO in head else "wma"
    if head.startswith(b"OggS"):
        return "ogv" if b"\x80theora" in head[:8192] else "ogg"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "webm" if b"webm" in head[:64] else "mkv"
    return _movie(head) or _stream(head)


def _movie(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return _BRANDS.get(brand, _BRANDS.get(brand[:3], "mp4"))
    return "mov" if head[4:8] in _MOVIE_BOXES else ""


def _stream(head: bytes) -> str:
    """What has no head of its own but frames or packets from the first byte on."""
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "mpeg"  # a transport stream, ISO 13818-1
    if len(head) < 4 or head[0] != 0xFF:
        return ""
    if head[1] & 0xF6 == 0xF0:
        return "aac"  # ADTS, ISO 13818-7: layer bits 00
    valid = head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06 in (0x02, 0x04)  # layers III and II
    return "mp3" if valid and head[2] & 0xF0 not in (0x00, 0xF0) and head[2] & 0x0C != 0x0C else ""


def _text(head: bytes, name: str) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _ENDINGS.get(_ending(name), "txt")  # UTF-16
    if _CONTROLS.search(head):
        return ""
    if _HTML.match(head.removeprefix(b"\xef\xbb\xbf").lstrip()):
        return "html"
    if _SRT.match(head):
        return "srt"
    return "eml" if _is_mail(head) else _ENDINGS.get(_ending(name), "txt")


def _is_mail(head: bytes) -> bool:
    """Whether a file begins as a message of RFC 5322 does: header fields only, two of them usual ones."""
    header = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    fields = [line for line in header.splitlines() if line[:1] not in (b" ", b"\t")]
    return all(_HEADER.match(line) for line in fields) and len(_MAIL.findall(header)) >= 2


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()


def _package(names: list[str]) -> str:
    for member, found in _PACKAGES:
        if member in names:
            return found
    if "content.xml" in names and "mimetype" in names:
        raise unknown("OpenDocument files are not read here.", action="Save it as DOCX, PPTX or XLSX.")
    raise unknown("Archives are not read here.", action="Unpack it and bring the files one by one.")


def _compound(found: str) -> str:
    if found == "encrypted":
        raise BadFile(
            "The file is protected by a password.",
            action="Save it without one and bring it again.",
            code="encrypted_file",
        )
    if found != "msg":
        raise unknown("This is an Office file from before 2007.", action="Save it as DOCX, PPTX or XLSX.")
    return found
