"""Plain text: paragraphs, or lines where lines are meant; line ends and blanks stay."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from hanlin.assistants.translate.formats.found import Found, worth_it
from hanlin.assistants.translate.formats.inline import Piece, filled, sources
from hanlin.errors import BadFile

TEXT_BYTES = 16 * 1024 * 1024
WRAPPED_CHARACTERS = 55
"""A line at least this long that ends in no stop goes on in the next line."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SPLIT = re.compile(r"(\r?\n)")
_STOP = re.compile(r"[.!?:;。！？：；…\"”」)）\]]\s*\Z")
_ITEM = re.compile(r"\s*(?:[-*•·]|\d+[.)、]|[A-Za-z][.)])\s")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def decoded(path: str, declaration: re.Pattern[bytes] | None = None) -> tuple[str, str]:
    """A text and its encoding: by mark, declaration, UTF-8, else GB 18030. BadFile for what is none of these."""
    data = Path(path).read_bytes()
    if len(data) > TEXT_BYTES:
        raise BadFile(f"The text has {len(data):,} bytes, at most {TEXT_BYTES:,} are translated.", code="too_long")
    named = declaration.search(data[:2048]) if declaration else None
    candidates = [name for mark, name in _MARKS if data.startswith(mark)]
    candidates += [named[1].decode("ascii", "replace")] if named else []
    for name in [*candidates, "utf-8", "gb18030"]:
        try:
            text = data.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        if "\0" not in text:
            return text, name
    raise BadFile("The file is no text in UTF-8, UTF-16 or GB 18030.", action="Save it again as UTF-8.")


def encoded(target: str, text: str, encoding: str) -> None:
    """Write a text in the encoding it came in; what that cannot hold becomes a numeric reference (HTML only)."""
    Path(target).write_bytes(text.encode(encoding, "xmlcharrefreplace"))


def extract(path: str) -> list[Found]:
    return sources(_paragraphs(decoded(path)[0]))


def patch(path: str, target: str, targets: list[str]) -> None:
    text, encoding = decoded(path)
    encoded(target, filled(_paragraphs(text), targets), kept(encoding))


def kept(encoding: str) -> str:
    """The encoding to write a text in: its own, where that holds every script."""
    return encoding if encoding in {"utf-8", "utf-8-sig", "utf-16", "gb18030"} else "utf-8"


def _paragraphs(text: str) -> Iterator[Piece]:
    """The whole text: joined, the raw forms of the pieces are it."""
    parts = _SPLIT.split(text)
    raw = ""
    for content, end in zip(parts[::2], [*parts[1::2], ""], strict=True):
        if raw and (not content.strip() or not _goes_on(raw) or _ITEM.match(content)):
            yield _piece(raw)
            raw = ""
        raw += content + end
    yield _piece(raw)


def _piece(raw: str) -> Piece:
    """A paragraph; the target takes the blanks around it."""
    if not worth_it(raw):
        return Piece(raw)
    before, after = raw[: len(raw) - len(raw.lstrip())], raw[len(raw.rstrip()) :]
    return Piece(raw, (joined(raw),), lambda targets: f"{before}{targets[0]}{after}")


def _goes_on(raw: str) -> bool:
    last = raw.rstrip("\r\n").rsplit("\n", 1)[-1]
    width = len(last) + len(_WIDE.findall(last))
    return width >= WRAPPED_CHARACTERS and not _STOP.search(last)


def joined(text: str) -> str:
    """Lines as one; Chinese needs no blank between them."""
    result = ""
    for content in text.split("\n"):
        piece = content.strip()
        glued = result and piece and _WIDE.match(result[-1]) and _WIDE.match(piece[0])
        result += piece if not result or glued else f" {piece}" if piece else ""
    return result
