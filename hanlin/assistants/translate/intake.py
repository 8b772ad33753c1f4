"""From a file to segments: read in the sandbox, each with its language, and what needs no translation told apart."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from hanlin import reading
from hanlin.assistants.translate import checking, formats, markup, shield
from hanlin.assistants.translate.formats.found import bounded
from hanlin.assistants.translate.languages import Detected, detect, mostly
from hanlin.assistants.translate.rows import Draft
from hanlin.errors import NotServing
from hanlin.reading import Block
from hanlin.sandbox import Sandbox
from hanlin.service import Calls
from hanlin.types import Actor, Media, Recognised

CERTAIN = 0.6
"""Least share at which a segment's own language counts; below it the document's does."""
TELLING = 8
"""Weight below which a segment does not tell its language."""
SCAN_WIDTH_PX = 1700
"""An A4 page at about 200 dots an inch."""


class Read(formats.Found, frozen=True):
    """A segment and what it is in its document."""

    role: str = ""
    fixed: bool = False


async def read_patched(sandbox: Sandbox, path: Path, kind: str) -> list[Read]:
    """Segments of a file that is patched in place."""
    found = await sandbox.run(formats.extract, str(path), kind)
    return [Read(one.place, one.source) for one in found]


async def read_anew(sandbox: Sandbox, calls: Calls, actor: Actor, path: Path, name: str) -> list[Read]:
    """Segments of a document that is written anew: PDF, EPUB, pictures. Scanned pages are recognised.

    Raises NotServing when there are scanned pages and no service recognises writing.
    """
    document = await sandbox.run(reading.read, str(path), name, reading.Limits())
    for page in document.pages:
        if page.scanned:
            picture = await _picture(sandbox, calls, actor, path, page.number)
            document = reading.recognised(document, page.number, picture)
    found = [read for number, block in enumerate(document.blocks) for read in _in_block(block, number)]
    bounded(list(found))
    return found


async def _picture(sandbox: Sandbox, calls: Calls, actor: Actor, path: Path, page: int) -> Recognised:
    """The writing of a scanned page."""
    with tempfile.TemporaryDirectory(prefix="hanlin-") as folder:
        picture = Path(folder) / "page.png"
        await sandbox.run(reading.render, str(path), "page", page, SCAN_WIDTH_PX, str(picture))
        try:
            return await calls.recognise(actor, Media(str(picture)))
        except NotServing as error:
            raise NotServing(
                f"Page {page} is a scan, and no service here recognises writing in pictures.",
                action="Send a file with text, or ask an administrator to offer recognition.",
                code=error.code,
            ) from None


def _in_block(block: Block, number: int) -> Iterator[Read]:
    place = f"page {block.page}"
    if block.kind != "table":
        role = {"title": "title", "heading": f"heading:{max(1, block.level)}", "list": f"list:{block.level + 1}"}
        yield Read(place, block.text, role.get(block.kind, "text"), block.kind == "code")
        return
    for row, cells in enumerate(block.rows):
        for column, cell in enumerate(cells):
            yield Read(place, cell, f"cell:{number}:{row}:{column}")


async def drafts(found: Sequence[Read], source: str, target: str) -> list[Draft]:
    """What is put down of segments: languages are found out on a thread, for it takes 0.4 ms a segment."""
    return await asyncio.to_thread(lambda: list(_drafts(found, source, target)))


def _drafts(found: Sequence[Read], source: str, target: str) -> Iterator[Draft]:
    detected = [detect(_words(one.source)) for one in found]
    certain = [_certain(one.source, own) for one, own in zip(found, detected, strict=True)]
    main = mostly(certain)
    for one, own, sure in zip(found, detected, certain, strict=True):
        guess = own.code if checking.in_other_script(_words(one.source), main) else main
        # a text that the target's language is only guessed of is asked for without saying from which
        language = source or sure or (guess if guess != target else "")
        copied = one.fixed or shield.is_all(one.source) or sure == target
        yield Draft(one.source, language, one.place, one.role, copied=copied)


def _words(text: str) -> str:
    return markup.plain(shield.KEEP.sub(" ", text))


def _certain(text: str, found: Detected) -> str:
    """The language that a text is certainly in; "" when it is too short or too mixed to tell."""
    telling = checking.weight(_words(text)) >= TELLING
    return found.code if telling and found.share >= CERTAIN else ""
