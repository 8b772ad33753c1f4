"""E-mail: RFC 5322 files, and Outlook's .msg (MS-OXMSG). Attachments are named, never opened."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from email import policy
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from hanlin.errors import BadFile
from hanlin.reading.document import Block, Document, Limits, Page, table
from hanlin.reading.encoding import decoded
from hanlin.reading.kinds.html import html_blocks, parsed_html
from hanlin.reading.kinds.plain import read_text
from hanlin.reading.package import broken, too_large

_HEADER = re.compile(
    rb"(?:From |(?:Return-Path|Received|From|To|Cc|Subject|Date|Message-ID|MIME-Version|Delivered-To|Reply-To"
    rb"|Content-Type|DKIM-Signature|X-[\w-]{1,60}):)",
    re.IGNORECASE,
)
_TELLING = re.compile(rb"^(?:From|Date|Subject|To|Message-ID):", re.IGNORECASE | re.MULTILINE)
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MOST_PARTS = 1000
_HEADER_CHARACTERS = 200_000
"""About 5,000 people under "To"; the standard parser's time grows with the square."""


def looks_like_mail(head: bytes) -> bool:
    start = head.lstrip()[:8192]
    return (
        bool(_HEADER.match(start))
        and len({mark.lower() for mark in _TELLING.findall(start.split(b"\n\n")[0].split(b"\r\n\r\n")[0])}) >= 2
    )


def read_mail(path: str, limits: Limits) -> Document:
    data = Path(path).read_bytes()
    if data.count(b"\n--") > 4 * _MOST_PARTS:
        raise too_large("too many parts for a letter")
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(data)
        _check_headers(message)
        headers = [(name, _words(message[name])) for name in _SHOWN if message[name] is not None]
        parts = [part for part in message.walk() if not part.is_multipart()]
        attached = [part for part in parts if part.get_filename() or part.get_content_maintype() != "text"]
        bodies = {part.get_content_type(): part for part in reversed(parts) if part not in attached}
        names = [_words(part.get_filename() or part.get_content_type()) for part in attached]
        body = list(_body(bodies.get("text/plain") or bodies.get("text/html"), limits))
    except BadFile:
        raise
    except Exception as error:
        raise broken("an e-mail as RFC 5322 has it") from error
    return _letter(headers, body, names)


def _check_headers(message: Message) -> None:
    if any(len(str(value)) > _HEADER_CHARACTERS for part in message.walk() for _, value in part.items()):
        raise too_large(f"a header of more than {_HEADER_CHARACTERS:,} characters")


def _words(header: object) -> str:
    """A header with its encoded words (RFC 2047) decoded, on one line.

    By the older of the standard parsers: the newer one takes gigabytes for a header of a megabyte.
    """
    pieces = decode_header(str(header))
    try:
        words = [piece if isinstance(piece, str) else decoded(piece, name or "") for piece, name in pieces]
    except BadFile:  # no text in a header is no reason to refuse the letter
        return ""
    return " ".join("".join(words).split())


def _body(part: Message | None, limits: Limits) -> Iterator[Block]:
    payload = part.get_payload(decode=True) if part is not None else None
    data = payload if isinstance(payload, bytes) else b""
    if part is None or not data.strip():
        return
    if part.get_content_type() == "text/html":
        yield from html_blocks(parsed_html(data, limits))
    else:
        yield from read_text(decoded(data, part.get_content_charset() or "")).blocks


def read_msg(path: str, limits: Limits) -> Document:
    """Outlook's own file: properties in streams of a compound file, named by their numbers."""
    import olefile

    try:
        with olefile.OleFileIO(path, raise_defects=olefile.DEFECT_FATAL) as file:
            properties = {name: _property(file, "__substg1.0_", number, limits) for name, number in _PROPERTIES.items()}
            names = [
                _property(file, f"{entry}/__substg1.0_", ("3707", "3704", "3001"), limits) for entry in _attached(file)
            ]
            html = _stream(file, "__substg1.0_10130102", limits)
            sent = _sent(_stream(file, "__properties_version1.0", limits))
    except BadFile:
        raise
    except Exception as error:
        raise broken("an Outlook message") from error
    sender = " ".join(filter(None, (properties["name"], f"<{properties['address']}>" if properties["address"] else "")))
    shown = (
        ("From", sender),
        ("To", properties["to"]),
        ("Cc", properties["cc"]),
        ("Date", sent),
        ("Subject", properties["subject"]),
    )
    headers = [(name, value) for name, value in shown if value]
    if properties["body"].strip():
        blocks = list(read_text(properties["body"].replace("\r\n", "\n")).blocks)
    else:
        blocks = list(html_blocks(parsed_html(html, limits))) if html.strip() else []
    return _letter(headers, blocks, names)


_PROPERTIES = {
    "subject": ("0037",),
    "name": ("0C1A", "0042"),
    "address": ("5D01", "0C1F", "0065"),
    "to": ("0E04",),
    "cc": ("0E03",),
    "body": ("1000",),
}
"""MS-OXPROPS: the first that is there counts."""


def _attached(file: Any) -> list[str]:
    return sorted({entry[0] for entry in file.listdir() if entry[0].startswith("__attach_version1.0_")})[:_MOST_PARTS]


def _property(file: Any, prefix: str, numbers: tuple[str, ...], limits: Limits) -> str:
    for number in numbers:
        wide = _stream(file, f"{prefix}{number}001F", limits)
        narrow = b"" if wide else _stream(file, f"{prefix}{number}001E", limits)
        text = wide.decode("utf-16-le", errors="replace") if wide else decoded(narrow) if narrow else ""
        if text.strip("\0 "):
            return text.strip("\0")
    return ""


def _stream(file: Any, name: str, limits: Limits) -> bytes:
    if not file.exists(name):
        return b""
    if file.get_size(name) > limits.member_bytes:
        raise too_large("a body of more than may be read")
    data: bytes = file.openstream(name).read()
    return data


def _sent(properties: bytes) -> str:
    """The time of sending (PidTagClientSubmitTime, 0x0039) of the fixed-length properties; "" when it is not there."""
    for at in range(32, len(properties) - 15, 16):
        if properties[at : at + 4] == b"\x40\0\x39\0":
            ticks = int.from_bytes(properties[at + 8 : at + 16], "little")
            if 0 < ticks < 2_650_467_743_999_999_999:
                moment = dt.datetime(1601, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=ticks // 10)
                return f"{moment:%Y-%m-%d %H:%M} UTC"
    return ""


def _letter(headers: list[tuple[str, str]], body: list[Block], attached: list[str]) -> Document:
    subject = next((value for name, value in headers if name == "Subject"), "")
    blocks = [table(headers)] if headers else []
    names = [Block("note", f"Attachment: {name}") for name in attached]
    notices = ("attachments_not_read",) if attached else ()
    return Document(subject, "email", (Page(1),), (*blocks, *body, *names), notices)
