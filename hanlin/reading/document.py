"""What is in a file: pages, and on them blocks in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from hanlin.errors import BadFile

MIB = 1024 * 1024
_MOST_PLACES = 2_000_000
Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of the page's width and height, 0 to 1."""
Kind = Literal["title", "heading", "text", "list", "table", "code", "note", "caption"]
"""`note`: kept, but beside the text: running headers and footers, footnotes, comments, speaker's notes."""


class Limits(Struct, frozen=True):
    """What one file may hold; more is refused with a sentence, nothing is cut. Time and memory are the sandbox's."""

    pages: int = 3000
    characters: int = 3_000_000
    pixels: int = 100_000_000
    """Of one picture, and of one rendered page."""
    members: int = 10_000
    """Parts of a package (DOCX, EPUB …)."""
    member_bytes: int = 64 * MIB
    """One part, unpacked."""
    ratio: int = 200
    """How many times its packed size a part of more than 1 MiB may have."""
    tags: int = 1_000_000
    """Opening and closing, in one part or HTML file."""


class Line(Struct, frozen=True, array_like=True):
    """A line of print: where it stands, and from which character of its block's text on."""

    start: int
    box: Box


class Block(Struct, frozen=True, omit_defaults=True):
    """A paragraph, a heading, an entry of a list, a table …"""

    kind: Kind
    text: str
    """Of a table: a line a row, cells joined by ` | `."""
    page: int = 1
    """`Page.number` of where it begins."""
    level: int = 0
    """Of a heading, 1 highest; of a list's entry, 0 outermost."""
    box: Box | None = None
    """None where the file has no page pictures."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Of a table: its cells."""
    lines: tuple[Line, ...] = ()
    """In a PDF and on recognised pages; `places` reads them."""


class Page(Struct, frozen=True, omit_defaults=True):
    """A page; a slide, a sheet, a chapter, a frame of a picture."""

    number: int
    """From 1."""
    width: float = 0
    height: float = 0
    """In points (PDF) or pixels (pictures); 0 where there is no page picture."""
    name: str = ""
    """A sheet's name, a slide's or chapter's title."""
    hidden: bool = False
    """A sheet or slide that its program does not show."""
    scanned: bool = False
    """Ink and (nearly) no text: ask for recognition and give the answer to `recognised`."""


class Document(Struct, frozen=True, omit_defaults=True):
    title: str
    """What the document calls itself, else its first title or heading; "" if neither."""
    kind: str
    """`pdf`, `docx`, `pptx`, `xlsx`, `epub`, `html`, `markdown`, `text`, `csv`, `email`, `subtitles`, `picture` …"""
    pages: tuple[Page, ...]
    """At least one."""
    blocks: tuple[Block, ...]
    notices: tuple[str, ...] = ()
    """Words for what a reader should know of how it was read: `attachments_not_read` …"""

    @property
    def text(self) -> str:
        """Everything that is read; notes stand where they stand in the document."""
        return "\n\n".join(block.text for block in self.blocks)


class Picture(Struct, frozen=True):
    """Size in pixels of a picture that was written."""

    width: int
    height: int


class Heading(Struct, frozen=True):
    """An entry of an outline."""

    text: str
    level: int
    page: int
    block: int
    """Which of the document's blocks."""


def outline(document: Document) -> list[Heading]:
    """Titles (level 0) and headings in reading order."""
    return [
        Heading(block.text, block.level if block.kind == "heading" else 0, block.page, number)
        for number, block in enumerate(document.blocks)
        if block.kind in {"title", "heading"}
    ]


def tables(document: Document) -> list[Block]:
    return [block for block in document.blocks if block.kind == "table"]


def table(rows: Sequence[Sequence[str]], page: int = 1, box: Box | None = None) -> Block:
    """A table block: rows filled up to one length; blanks around cells and empty rows go.

    Raises BadFile for more than two million places: a cell in the farthest corner makes no grid.
    """
    cells = [tuple(cell.strip() for cell in row) for row in rows]
    width = max((len(row) for row in cells), default=0)
    if width * len(cells) > _MOST_PLACES:
        raise BadFile(
            f"A table has {len(cells):,} rows and {width:,} columns, which is more than may be read.",
            code="too_large_file",
            action="Split it into smaller files.",
        )
    full = tuple(row + ("",) * (width - len(row)) for row in cells if any(row))
    text = "\n".join(" | ".join(" ".join(cell.split()) for cell in row) for row in full)
    return Block("table", text, page, box=box, rows=full)


def places(document: Document, page: int, text: str) -> tuple[Box, ...]:
    """Boxes of the lines in which a text stands on a page, for marking it in the page's picture.

    Blanks and line breaks do not count, and the text may run over several blocks. Empty when it stands nowhere, or the
    page has no places.
    """
    wanted = "".join(text.split())
    joined, owners = [], []
    for block in document.blocks:
        if block.page == page and block.box is not None:
            pieces = [(letter, at) for at, letter in enumerate(block.text) if not letter.isspace()]
            joined += [letter for letter, _ in pieces]
            owners += [(block, at) for _, at in pieces]
    start = "".join(joined).find(wanted) if wanted else -1
    return tuple(_boxes(owners[start : start + len(wanted)])) if start >= 0 else ()


def _boxes(owners: Sequence[tuple[Block, int]]) -> Iterator[Box]:
    last: Box | None = None
    for block, at in owners:
        box = next((line.box for line in reversed(block.lines) if line.start <= at), block.box)
        if box is not None and box != last:
            yield box
            last = box
