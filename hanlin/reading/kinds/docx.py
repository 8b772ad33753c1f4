"""Word documents (ECMA-376 part 1, §17), walked as XML: text stands also in links, boxes, fields and insertions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hanlin.reading.document import Block, Document, Limits, Page, table
from hanlin.reading.kinds.chart import chart_blocks, diagram_texts
from hanlin.reading.kinds.numbering import Numbering
from hanlin.reading.package import RELATION, Package, attribute, local

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEFT_OUT = frozenset({"del", "moveFrom", "instrText", "delText", "rPr", "pPr", "Fallback", "sectPr", "tblPr", "sdtPr"})
"""Deleted text, field codes, properties; and VML copies of what a newer drawing says."""
_LETTERS = {"tab": "\t", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}


def read_docx(package: Package, _limits: Limits) -> Document:
    main = next(package.related("", "officeDocument"), "word/document.xml")
    return _Walk(package, main).document()


class _Walk:
    """The state of one walk: the page it is on, and the parts beside the main one."""

    def __init__(self, package: Package, main: str) -> None:
        self.package, self.main, self.page = package, main, 1
        self.relations = package.relations(main)
        self.root = package.xml(main)
        self.styles = _styles(package.xml(self._target("styles")))
        self.numbering = Numbering(package.xml(self._target("numbering")))
        self.notes = {kind: self._numbered(kind) for kind in ("footnotes", "endnotes", "comments")}
        rendered = self.root is not None and next(self.root.iter(f"{_W}lastRenderedPageBreak"), None) is not None
        self.breaks = "lastRenderedPageBreak" if rendered else "br"

    def document(self) -> Document:
        body = self.root.find(f"{_W}body") if self.root is not None else None
        blocks = list(self.around("header"))
        blocks += self.blocks(body) if body is not None else []
        blocks += self.around("footer")
        title = next((block.text for block in blocks if block.kind == "title"), "") or _core_title(self.package)
        pages = tuple(Page(number) for number in range(1, self.page + 1))
        return Document(title, "docx", pages, tuple(blocks))

    def _target(self, kind: str) -> str:
        return next((target for word, target in self.relations.values() if word == kind), "")

    def _numbered(self, kind: str) -> dict[str, Any]:
        root = self.package.xml(self._target(kind))
        return {} if root is None else {attribute(each, "id"): each for each in root}

    def around(self, kind: str) -> Iterator[Block]:
        """Headers or footers: each text once, as notes on the page where the walk stands."""
        seen = set()
        for word, target in self.relations.values():
            root = self.package.xml(target) if word == kind else None
            text = "" if root is None else _joined(self.blocks(root))
            if text and text not in seen:
                seen.add(text)
                yield Block("note", text, self.page)

    def blocks(self, parent: Any) -> Iterator[Block]:
        for element in parent:
            name = local(element)
            if name == "p":
                yield from self.paragraph(element)
            elif name == "tbl":
                yield from self.table(element)
            elif name not in _LEFT_OUT:
                yield from self.blocks(element)

    def paragraph(self, element: Any) -> Iterator[Block]:
        if not len(element):
            return
        page, pieces, beside = self.page, [], []
        if attribute(element.find(f"{_W}pPr/{_W}pageBreakBefore"), "val") in {"1", "true"} and self.breaks == "br":
            self.page = page = page + 1
        for piece in self.pieces(element):
            if isinstance(piece, str):
                pieces.append(piece)
            else:
                beside.append(piece)
        written = "".join(pieces)
        page = self.page if written.startswith("\f") else page
        text = written.replace("\f", "").strip()
        if text:
            yield self._styled(element, text, page)
        yield from beside
        if self.breaks == "br" and element.find(f"{_W}pPr/{_W}sectPr") is not None:
            kind = element.find(f"{_W}pPr/{_W}sectPr/{_W}type")
            self.page += attribute(kind, "val") not in {"continuous", "nextColumn"}

    def _styled(self, element: Any, text: str, page: int) -> Block:
        properties = element.find(f"{_W}pPr")
        style = self.styles.get(_value(properties, "pStyle"), {})
        level = _value(properties, "outlineLvl") or style.get("outline", "")
        number = properties.find(f"{_W}numPr") if properties is not None else None
        list_id = _value(number, "numId") if number is not None else style.get("list", "")
        depth = int(_value(number, "ilvl") or style.get("depth", "") or 0)
        label = self.numbering.label(list_id, depth)
        text = f"{label} {text}" if label else text
        if style.get("name") == "title":
            return Block("title", text, page)
        if level.isdigit() and int(level) < 9:
            return Block("heading", text, page, int(level) + 1)
        if style.get("name") == "caption":
            return Block("caption", text, page)
        return Block("list", text, page, depth) if list_id not in {"", "0"} else Block("text", text, page)

    def pieces(self, parent: Any) -> Iterator[str | Block]:
        """Text, and the blocks that hang on it: boxes, notes, comments, charts."""
        for element in parent:
            name = local(element)
            if name == "t":
                yield element.text or ""
            elif name in _LETTERS:
                yield _LETTERS[name]
            elif name in {"br", "lastRenderedPageBreak"}:
                yield self._broken(name, attribute(element, "type"))
            elif name == "docPr":
                text = attribute(element, "descr").strip()
                yield from [Block("caption", text, self.page)] if text else []
            elif name == "txbxContent":
                yield from list(self.blocks(element))
            elif name in {"footnoteReference", "endnoteReference", "commentReference"}:
                yield from self._note(name, attribute(element, "id"))
            elif name in {"chart", "relIds"}:
                yield from self._drawn(element)
            elif name not in _LEFT_OUT:
                yield from self.pieces(element)

    def _broken(self, name: str, kind: str) -> str:
        page_break = name == "lastRenderedPageBreak" or kind == "page"
        if page_break and name == self.breaks:
            self.page += 1
        return "\f" if page_break else "\n"

    def _note(self, name: str, note: str) -> Iterator[str | Block]:
        kind = name.removesuffix("Reference") + "s"
        element = self.notes[kind].pop(note, None)
        text = _joined(self.blocks(element)) if element is not None else ""
        if kind != "comments":
            yield f"[{note}]"
            text = f"[{note}] {text}" if text else ""
        elif text:
            text = f"{attribute(element, 'author')}: {text}"
        if text:
            yield Block("note", text, self.page)

    def _drawn(self, element: Any) -> Iterator[Block]:
        part = self.relations.get(element.get(f"{RELATION}id") or element.get(f"{RELATION}dm") or "", ("", ""))[1]
        if local(element) == "chart":
            yield from chart_blocks(self.package.xml(part), self.page)
        else:
            yield from (Block("text", text, self.page) for text in diagram_texts(self.package.xml(part)))

    def table(self, element: Any) -> Iterator[Block]:
        page = self.page
        cells = [list(_within(row, "tc")) for row in _within(element, "tr")]
        if sum(map(len, cells)) == 1:  # a frame around text
            yield from self.blocks(cells[0][0])
            return
        made = table([list(self._row(row)) for row in cells], page)
        if made.rows:
            yield made

    def _row(self, cells: list[Any]) -> Iterator[str]:
        for cell in cells:
            properties = cell.find(f"{_W}tcPr")
            merge = properties.find(f"{_W}vMerge") if properties is not None else None
            goes_on = merge is not None and attribute(merge, "val") != "restart"
            text = _joined(self.blocks(cell))
            yield "" if goes_on and not text else text
            span = _value(properties, "gridSpan")
            yield from [""] * (min(int(span), 64) - 1 if span.isdigit() else 0)


def _within(parent: Any, name: str) -> Iterator[Any]:
    """Rows or cells, also those in content controls and tracked changes, but none of inner tables."""
    for element in parent:
        if local(element) == name:
            yield element
        elif local(element) in {"sdt", "sdtContent", "customXml", "ins"}:
            yield from _within(element, name)


def _joined(blocks: Iterator[Block]) -> str:
    return "\n".join(block.text for block in blocks)


def _value(properties: Any, name: str) -> str:
    return "" if properties is None else attribute(properties.find(f"{_W}{name}"), "val")


def _styles(root: Any) -> dict[str, dict[str, str]]:
    """Style id -> its `name`, outline level and list, inherited from what it is based on."""
    own, bases = {}, {}
    for style in () if root is None else root.iter(f"{_W}style"):
        word = attribute(style, "styleId")
        properties = style.find(f"{_W}pPr")
        number = properties.find(f"{_W}numPr") if properties is not None else None
        name = _value(style, "name").lower()
        outline = _value(properties, "outlineLvl") or (
            str(int(name[8:]) - 1) if name[8:].isdigit() and name.startswith("heading ") else ""
        )
        found = {"name": name, "outline": outline, "list": _value(number, "numId"), "depth": _value(number, "ilvl")}
        own[word], bases[word] = {key: value for key, value in found.items() if value}, _value(style, "basedOn")
    return {word: _inherited(word, own, bases) for word in own}


def _inherited(word: str, own: dict[str, dict[str, str]], bases: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for _ in range(12):  # deeper than any template; ends a circle
        found = own.get(word, {}) | found
        word = bases.get(word, "")
    return found


def _core_title(package: Package) -> str:
    root = package.xml("docProps/core.xml")
    return next((each.text or "" for each in root if local(each) == "title"), "").strip() if root is not None else ""
