"""Every kind of file that is translated, in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hanlin.assistants.translate.formats import marked_down, pages, plain, sheets, slides, subtitles, word
from hanlin.assistants.translate.formats.found import Found
from hanlin.errors import BadFile


class Format(NamedTuple):
    extract: Callable[[str], list[Found]]
    patch: Callable[[str, str, list[str]], None]


KINDS: dict[str, Format] = {
    "docx": Format(word.extract, word.patch),
    "pptx": Format(slides.extract, slides.patch),
    "xlsx": Format(sheets.extract, sheets.patch),
    "html": Format(pages.extract, pages.patch),
    "md": Format(marked_down.extract, marked_down.patch),
    "srt": Format(subtitles.extract, subtitles.patch),
    "vtt": Format(subtitles.extract, subtitles.patch),
    "txt": Format(plain.extract, plain.patch),
}


def extract(path: str, kind: str) -> list[Found]:
    """The segments of a file in order. BadFile for what is broken, too long, or no file of the kind."""
    return KINDS[kind].extract(path)


def patch(path: str, target: str, kind: str, targets: list[str]) -> None:
    """Write the file at `path` to `target` with these targets, one a segment of `extract`; "" leaves the source."""
    KINDS[kind].patch(path, target, targets)


def kind_of(name: str, media_type: str) -> str:
    """What a file is translated as: one of `KINDS`, or of `ANEW`. BadFile for anything else."""
    kind = next((kind for kind, sign in _SIGNS if media_type.startswith(sign) or media_type.endswith(sign)), "")
    if media_type in ("text/plain", "application/octet-stream", ""):
        kind = _ENDINGS.get(name.rpartition(".")[2].lower(), "txt" if media_type else "")
    if not kind:
        raise BadFile(
            f"Files of the kind {media_type[:80]!r} are not translated.",
            action="Save it as DOCX, PPTX, XLSX, PDF, HTML, Markdown, SRT, VTT or plain text.",
            code="unknown_file",
        )
    return kind


ANEW = frozenset({"pdf", "epub", "picture", "email"})
"""Kinds that are read, and written anew as DOCX or HTML with both languages."""
_SIGNS = (
    ("docx", ".wordprocessingml.document"),
    ("pptx", ".presentationml.presentation"),
    ("xlsx", ".spreadsheetml.sheet"),
    ("html", "text/html"),
    ("md", "text/markdown"),
    ("srt", "application/x-subrip"),
    ("vtt", "text/vtt"),
    ("pdf", "application/pdf"),
    ("epub", "application/epub+zip"),
    ("picture", "image/"),
    ("email", "message/"),
    ("email", "application/vnd.ms-outlook"),
)
_ENDINGS = {"htm": "html", "xhtml": "html", "markdown": "md", **{kind: kind for kind in ("html", "md", "srt", "vtt")}}
"""Kinds of text that begin like any other text."""
