"""Slides (ECMA-376 part 1, §19): a page a slide, its title first; tables, charts' data, diagrams, speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hanlin.reading.document import Block, Document, Limits, Page, table
from hanlin.reading.kinds.chart import chart_blocks, diagram_texts, drawn_text, paragraph_text
from hanlin.reading.package import RELATION, Package, attribute, local, too_large

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_NUMBERS_AND_DATES = frozenset({"sldNum", "dt", "hdr"})


def read_pptx(package: Package, limits: Limits) -> Document:
    main = next(package.related("", "officeDocument"), "ppt/presentation.xml")
    parts = list(_slide_parts(package, main))
    if len(parts) > limits.pages:
        raise too_large(f"{len(parts):,} slides")
    pages, blocks = [], []
    for number, part in enumerate(parts, 1):
        root = package.xml(part)
        found = list(_Slide(package, part, number).blocks(root)) if root is not None else []
        name = next((block.text for block in found if block.kind == "heading"), "")
        pages.append(Page(number, name=name, hidden=root is not None and root.get("show") == "0"))
        blocks += found
    title = next((page.name for page in pages if page.name), "")
    return Document(title, "pptx", tuple(pages) or (Page(1),), tuple(blocks))


def _slide_parts(package: Package, main: str) -> Iterator[str]:
    root, relations = package.xml(main), package.relations(main)
    for each in () if root is None else root.iter(f"{_P}sldId"):
        target = relations.get(each.get(f"{RELATION}id") or "", ("", ""))[1]
        if target in package.names:
            yield target


class _Slide:
    def __init__(self, package: Package, part: str, number: int) -> None:
        self.package, self.number = package, number
        self.relations = package.relations(part)

    def blocks(self, root: Any) -> Iterator[Block]:
        found = [block for tree in root.iter(f"{_P}spTree") for block in self.shapes(tree)]
        yield from (block for block in found if block.kind == "heading")
        yield from (block for block in found if block.kind != "heading")
        for kind, target in self.relations.values():
            if kind == "notesSlide":
                yield from self.notes(self.package.xml(target))

    def shapes(self, parent: Any) -> Iterator[Block]:
        for shape in parent:
            name = local(shape)
            if name in {"sp", "cxnSp"}:
                yield from self.shape(shape)
            elif name == "graphicFrame":
                yield from self.frame(shape)
            elif name == "pic":
                text = attribute(shape.find(f"{_P}nvPicPr/{_P}cNvPr"), "descr").strip()
                yield from [Block("caption", text, self.number)] if text else []
            elif name in {"grpSp", "AlternateContent", "Choice"}:
                yield from self.shapes(shape)

    def shape(self, shape: Any) -> Iterator[Block]:
        kind = _placeholder(shape)
        body = shape.find(f"{_P}txBody")
        if body is None or kind in _NUMBERS_AND_DATES:
            return
        if kind in {"title", "ctrTitle"}:
            text = " ".join(drawn_text(body).split())
            yield from [Block("heading", text, self.number, 1)] if text else []
            return
        for paragraph in body.iter(f"{_A}p"):
            text = paragraph_text(paragraph)
            level = attribute(paragraph.find(f"{_A}pPr"), "lvl")
            if text:
                word = "note" if kind == "ftr" else "list" if kind in {"body", "obj", ""} and _listed(shape) else "text"
                yield Block(word, text, self.number, int(level) if level.isdigit() else 0)  # type: ignore[arg-type]

    def frame(self, frame: Any) -> Iterator[Block]:
        for grid in frame.iter(f"{_A}tbl"):
            rows = [[drawn_text(cell) for cell in row.iter(f"{_A}tc")] for row in grid.iter(f"{_A}tr")]
            made = table(rows, self.number)
            yield from [made] if made.rows else []
        for each in frame.iter():
            part = self.relations.get(each.get(f"{RELATION}id") or each.get(f"{RELATION}dm") or "", ("", ""))[1]
            if local(each) == "chart":
                yield from chart_blocks(self.package.xml(part), self.number)
            elif local(each) == "relIds":
                yield from (Block("text", text, self.number) for text in diagram_texts(self.package.xml(part)))

    def notes(self, root: Any) -> Iterator[Block]:
        for shape in () if root is None else root.iter(f"{_P}sp"):
            text = drawn_text(shape.find(f"{_P}txBody")) if _placeholder(shape) == "body" else ""
            if text:
                yield Block("note", text, self.number)


def _placeholder(shape: Any) -> str:
    """A placeholder's kind: `title`, `body` …; `obj` when it has none; "" for a free shape."""
    found = next(shape.iter(f"{_P}ph"), None)
    return "" if found is None else found.get("type", "obj")


def _listed(shape: Any) -> bool:
    return next(shape.iter(f"{_P}ph"), None) is not None
