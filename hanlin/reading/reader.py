"""Which kind a file is, and its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from hanlin.errors import BadFile
from hanlin.reading.document import MIB, Document, Limits
from hanlin.reading.encoding import decoded
from hanlin.reading.kinds.docx import read_docx
from hanlin.reading.kinds.epub import read_epub
from hanlin.reading.kinds.html import read_html
from hanlin.reading.kinds.mail import looks_like_mail, read_mail, read_msg
from hanlin.reading.kinds.markdown import looks_like_markdown, read_markdown
from hanlin.reading.kinds.pdf import read_pdf
from hanlin.reading.kinds.picture import read_picture
from hanlin.reading.kinds.plain import (
    looks_like_csv,
    looks_like_subtitles,
    read_csv,
    read_subtitles,
    read_text,
)
from hanlin.reading.kinds.pptx import read_pptx
from hanlin.reading.kinds.xlsx import read_xlsx
from hanlin.reading.package import Package, encrypted, too_large

_HEAD_BYTES = 65_536
_TEXT_BYTES = 16 * MIB
"""Of plain text, Markdown, HTML: more than any limit of characters lets through."""
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE: dict[str, Callable[[Package, Limits], Document]] = {
    "word/": read_docx,
    "ppt/": read_pptx,
    "xl/": read_xlsx,
    "META-INF/container.xml": read_epub,
}


def read(path: str, name: str, limits: Limits) -> Document:
    """A file's content with structure. The kind is known by content; `name` decides only between kinds of plain text.

    Raises BadFile: `unknown_file`, `encrypted_file`, `empty_file`, `too_large_file`, `bad_file` (broken).
    """
    with Path(path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip():
        raise BadFile("The file is empty.", code="empty_file", action="Check that it was saved, and send it again.")
    document = _read(path, head, name, limits)
    if not document.blocks and not any(page.scanned for page in document.pages):
        raise BadFile("There is no text in the file.", code="empty_file", action="Check that it is the right file.")
    characters = sum(len(block.text) for block in document.blocks)
    if characters > limits.characters:
        raise too_large(f"{characters:,} characters")
    if not document.title:
        first = next((block.text for block in document.blocks if block.kind in {"title", "heading"}), "")
        return msgspec.structs.replace(document, title=first)
    return document


def is_pdf(head: bytes) -> bool:
    """At the start, or behind a little rubbish as old printers' drivers left it; not a PDF inside of a letter."""
    return head.startswith(b"%PDF-") or (b"%PDF-" in head[:1024] and not looks_like_mail(head))


def is_picture(head: bytes) -> bool:
    return head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _read(path: str, head: bytes, name: str, limits: Limits) -> Document:
    if is_pdf(head):
        return read_pdf(path, limits)
    if head.startswith(b"PK\3\4"):
        return _read_package(path, limits)
    if is_picture(head):
        return read_picture(path, limits)
    if head.startswith(_COMPOUND):
        return _read_compound(path, limits)
    if looks_like_mail(head):
        return read_mail(path, limits)
    return _read_text(path, head, name.lower(), limits)


def _read_package(path: str, limits: Limits) -> Document:
    with Package(path, limits) as package:
        for start, reader in _OFFICE.items():
            if any(name.startswith(start) for name in package.names):
                return reader(package, limits)
    raise _unknown("a zip archive")


def _read_compound(path: str, limits: Limits) -> Document:
    import olefile

    try:
        with olefile.OleFileIO(path) as file:
            names = {entry[0] for entry in file.listdir()}
    except Exception as error:
        raise _unknown("a broken compound file") from error
    if "EncryptedPackage" in names:
        raise encrypted()
    if "__properties_version1.0" in names:
        return read_msg(path, limits)
    raise _unknown("an old binary office file (.doc, .xls, .ppt)")


def _read_text(path: str, head: bytes, name: str, limits: Limits) -> Document:
    if Path(path).stat().st_size > _TEXT_BYTES:
        raise too_large(f"more than {_TEXT_BYTES // MIB} MiB of text")
    data = Path(path).read_bytes()
    start = head[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        start.startswith(b"<?xml") and b"<html" in start
    ):
        return read_html(data, limits)
    text = decoded(data)
    if looks_like_subtitles(text):
        return read_subtitles(text)
    if name.endswith((".html", ".htm", ".xhtml")):
        return read_html(data, limits)
    if name.endswith((".csv", ".tsv")) or (not name.endswith((".txt", ".md")) and looks_like_csv(text)):
        return read_csv(text)
    if name.endswith((".md", ".markdown")) or (not name.endswith(".txt") and looks_like_markdown(text)):
        return read_markdown(text)
    return read_text(text)


def _unknown(came: str) -> BadFile:
    return BadFile(
        f"The file is {came}, which is not read here.",
        code="unknown_file",
        action="Save it as PDF, DOCX, PPTX, XLSX or plain text and send that.",
    )
