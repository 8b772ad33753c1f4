"""Puts what was recognised on a scanned page into the document."""

from __future__ import annotations

import msgspec

from hanlin.errors import BadFile
from hanlin.reading.document import Document
from hanlin.reading.layout import blocks_of_lines
from hanlin.types import Recognised


def recognised(document: Document, page: int, found: Recognised) -> Document:
    """The document with a scanned page's recognised lines as blocks in its place; it is no longer `scanned`."""
    pages = tuple(
        msgspec.structs.replace(each, scanned=False) if each.number == page else each for each in document.pages
    )
    if all(each.number != page for each in pages):
        raise BadFile(f"The document has {len(pages)} pages, no page {page}.", code="no_such_page")
    before = [block for block in document.blocks if block.page <= page]
    after = [block for block in document.blocks if block.page > page]
    return msgspec.structs.replace(document, pages=pages, blocks=(*before, *blocks_of_lines(found, page), *after))
