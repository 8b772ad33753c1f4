"""PDF, by PDFium: letters with their places, ruling lines, scans; laid out by `hanlin.reading.layout`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from hanlin.errors import BadFile
from hanlin.reading.document import Block, Document, Limits, Page
from hanlin.reading.kinds.pdf_page import Print, printed
from hanlin.reading.layout import blocks, style_of
from hanlin.reading.package import broken, encrypted, too_large

_PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD."""
_EDGE = 0.1
"""Running headers and footers stand in the upper and lower tenth of a page."""
_REPEATED = 0.4
"""On what share of the pages: two in five, for those that differ on left and right pages."""
_PAGE_NUMBER = re.compile(
    r"\W{0,3}(?:page|seite|trang|halaman|หน้า|第)?\s*\d{1,4}\s*(?:页)?(?:\s*(?:/|of|共)\s*\d{1,4}\s*(?:页)?)?\W{0,3}\Z",
    re.IGNORECASE,
)


def read_pdf(path: str, limits: Limits) -> Document:
    with opened(path) as pdf:
        count = len(pdf)
        if count > limits.pages:
            raise too_large(f"{count:,} pages")
        if not count:
            raise BadFile("The PDF has no page.", code="empty_file", action="Check that it is the right file.")
        prints, letters = [], 0
        for number in range(count):
            prints.append(printed(pdf, number, limits))
            letters += sum(len(run.text) for run in prints[-1].sheet.runs)
            if letters > limits.characters:
                raise too_large(f"more than {limits.characters:,} characters")
        title = (pdf.get_metadata_value("Title") or "").strip()
    return _document(title, prints)


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """A PDFium document; what breaks in it is a BadFile."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR:
            raise encrypted() from error
        raise broken("a whole PDF") from error
    try:
        yield pdf
    except pypdfium2.PdfiumError as error:
        raise broken("a PDF with whole pages") from error
    finally:
        pdf.close()


def _document(title: str, prints: list[Print]) -> Document:
    style = style_of([run for each in prints for run in each.sheet.runs])
    found = [block for each in prints for block in blocks(each.sheet, style)]
    found = _with_title(_running_apart(found, len(prints)))
    pages = tuple(Page(each.sheet.number, each.sheet.width, each.sheet.height, scanned=each.scanned) for each in prints)
    own = next((block.text for block in found if block.kind == "title"), "")
    return Document(
        title if len(title) > len(own) / 4 and not _is_file_name(title) else own, "pdf", pages, tuple(found)
    )


def _is_file_name(title: str) -> bool:
    return (
        re.search(r"\.(docx?|pptx?|xlsx?|tex|pdf|dvi|indd|qxd)\Z|^(untitled|microsoft word)", title, re.IGNORECASE)
        is not None
    )


def _with_title(found: list[Block]) -> list[Block]:
    """The first page's largest heading, if it is larger than all later ones of the page, is the title."""
    first = [block for block in found if block.kind == "heading" and block.page == 1 and block.level == 1]
    if len(first) != 1:
        return found
    return [msgspec.structs.replace(block, kind="title", level=0) if block is first[0] else block for block in found]


def _running_apart(found: list[Block], pages: int) -> list[Block]:
    """Running headers, footers and page numbers become notes."""
    seen: dict[str, set[int]] = {}
    for block in found:
        if _at_edge(block):
            seen.setdefault(_shape(block.text), set()).add(block.page)
    enough = max(2, _REPEATED * pages)
    repeated = {shape for shape, on in seen.items() if len(on) >= enough and pages > 2}

    def running(block: Block) -> bool:
        return _at_edge(block) and (_shape(block.text) in repeated or _PAGE_NUMBER.match(block.text) is not None)

    return [msgspec.structs.replace(block, kind="note", level=0) if running(block) else block for block in found]


def _at_edge(block: Block) -> bool:
    return block.box is not None and len(block.text) < 200 and (block.box[3] < _EDGE or block.box[1] > 1 - _EDGE)


def _shape(text: str) -> str:
    return re.sub(r"\d+", "#", " ".join(text.split()))
