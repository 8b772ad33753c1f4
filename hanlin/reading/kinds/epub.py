"""Books (EPUB 3.3): a page a chapter, in the order of the spine."""

from __future__ import annotations

import posixpath
from typing import Any

from hanlin.reading.document import Block, Document, Limits, Page
from hanlin.reading.kinds.html import html_blocks, parsed_html
from hanlin.reading.package import Package, broken, encrypted, local, resolve, too_large

_ENCRYPTION = "META-INF/encryption.xml"
_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read_epub(package: Package, limits: Limits) -> Document:
    _refuse_locked(package)
    container = package.xml("META-INF/container.xml")
    roots = [] if container is None else [each for each in container.iter() if local(each) == "rootfile"]
    place = roots[0].get("full-path", "") if roots else ""
    book = package.xml(place)
    if book is None:
        raise broken("an EPUB with its list of chapters")
    chapters = [name for name in _spine(book, posixpath.dirname(place)) if name in package.names]
    if len(chapters) > limits.pages:
        raise too_large(f"{len(chapters):,} chapters")
    pages, blocks = [], []
    for number, name in enumerate(chapters, 1):
        data = package.part(name)
        found = list(html_blocks(parsed_html(data, limits), number)) if data.strip() else []
        pages.append(Page(number, name=next((block.text for block in found if block.kind == "heading"), "")))
        blocks += found
    title = next((each.text or "" for each in book.iter() if local(each) == "title"), "")
    return Document(title.strip(), "epub", tuple(pages) or (Page(1),), tuple(_without_twins(blocks)))


def _spine(book: Any, folder: str) -> list[str]:
    items = {each.get("id"): each.get("href", "") for each in book.iter() if local(each) == "item"}
    wanted = (each.get("idref") for each in book.iter() if local(each) == "itemref")
    return [resolve(folder, items[word]) for word in dict.fromkeys(wanted) if word in items]


def _without_twins(blocks: list[Block]) -> list[Block]:
    return [block for before, block in zip([None, *blocks], blocks, strict=False) if before is None or block != before]


def _refuse_locked(package: Package) -> None:
    root = package.xml(_ENCRYPTION)
    methods = [] if root is None else [each for each in root.iter() if local(each) == "EncryptionMethod"]
    if any(each.get("Algorithm") not in _FONTS_ONLY for each in methods):
        raise encrypted()
