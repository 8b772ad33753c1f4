"""One function for all kinds of file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from hanlin.errors import BadRequest, nearest
from hanlin.writing import docx, html, markdown, pdf, text
from hanlin.writing.part import Part

Kind = Literal["docx", "md", "pdf", "html", "txt"]
KINDS: tuple[Kind, ...] = ("docx", "md", "pdf", "html", "txt")
MEDIA_TYPES: dict[Kind, str] = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}

_WRITERS: dict[str, Callable[[Sequence[Part], str, str], bytes]] = {
    "docx": docx.written,
    "md": markdown.written,
    "pdf": pdf.written,
    "html": html.written,
    "txt": text.written,
}


async def write(content: Sequence[Part], kind: Kind, path: Path, *, title: str = "", language: str = "en") -> None:
    """Write `content` to `path`, off the event loop.

    `title` stands in the file's properties (a Part of the kind `title` stands on the page), `language` is the text's
    (BCP 47). BadRequest for another kind, and for a PDF in a script that no font here can show (code `no_font`).
    """
    writer = _WRITERS.get(kind)
    if writer is None:
        raise BadRequest(f"Texts are not written as {kind[:20]!r}.", action=nearest(kind, KINDS), param="kind")
    await asyncio.to_thread(lambda: path.write_bytes(writer(content, title, language)))
