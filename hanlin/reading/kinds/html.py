"""HTML: headings, paragraphs, lists, tables; what is menu, script or hidden is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hanlin.errors import BadFile
from hanlin.reading.document import Block, Document, Kind, Limits, Page, table
from hanlin.reading.encoding import decoded
from hanlin.reading.package import broken, too_large

_DROPPED = frozenset(
    {
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "svg",
        "select",
        "option",
        "button",
        "head",
        "iframe",
        "textarea",
    }
)
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "aside",
        "body",
        "html",
        "ul",
        "ol",
        "dl",
        "li",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "figure",
        "figcaption",
        "form",
        "fieldset",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "address",
        "details",
        "summary",
        "center",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
    ]
)
_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([\w.:-]{2,40})|<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.-]{2,40})""",
    re.IGNORECASE,
)
_MOST_COLUMNS = 300
"""Up to here spans are followed; cells with text are read however many there are."""
_MENU = re.compile(r"\b(navigation|menu|menubar|banner|search)\b")


def read_html(data: bytes, limits: Limits) -> Document:
    root = parsed_html(data, limits)
    blocks = tuple(html_blocks(root))
    title = root.findtext(".//title") or next((block.text for block in blocks if block.kind == "heading"), "")
    return Document(" ".join(title.split()), "html", (Page(1),), blocks)


def parsed_html(data: bytes, limits: Limits) -> Any:
    """The root element. The encoding is the byte order mark's, the declared one, or the one the bytes look like."""
    from lxml import etree

    if data.count(b"<") > limits.tags:
        raise too_large(f"more than {limits.tags:,} HTML tags")
    declared = _DECLARED.search(data[:4096])
    name = (declared[1] or declared[2]).decode("ascii") if declared else ""
    text = decoded(data, name)
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(text.encode(errors="replace"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise broken("HTML with modest nesting") from error
    if root is None:
        raise BadFile(
            "The file has no HTML element in it.", code="empty_file", action="Check that it is the right file."
        )
    return root


def html_blocks(root: Any, page: int = 1) -> Iterator[Block]:
    """Blocks of an element, in order. Walks events, so that nesting costs no stack."""
    from lxml import etree

    flow = _Flow(page)
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if not isinstance(element.tag, str):
            continue
        if event == "start":
            yield from flow.start(element, walk)
        else:
            yield from flow.end(element)
    yield from flow.flush()


class _Flow:
    """Text since the last block's edge, and where in lists it stands."""

    def __init__(self, page: int) -> None:
        self.page = page
        self.pieces: list[str] = []
        self.lists = 0
        self.kind: Kind = "text"
        self.skipped: Any = None

    def start(self, element: Any, walk: Any) -> Iterator[Block]:
        tag = element.tag
        if _is_dropped(element):
            self.skipped = element
            walk.skip_subtree()
            return
        if tag in _BLOCKS:
            yield from self.flush()
        if tag == "table" and _is_data(element):
            yield from self.table(element)
            self.skipped = element
            walk.skip_subtree()
            return
        self.lists += tag in {"ul", "ol"}
        self.kind = "list" if tag in {"li", "dd"} else "code" if tag == "pre" else self.kind
        if tag == "br":
            self.pieces.append("\n")
        elif tag == "img" and len(element.get("alt", "")) > 2:
            self.pieces.append(f" [{element.get('alt')}] ")
        self.add(element.text)

    def add(self, text: str | None) -> None:
        """Breaks of lines in the source are blanks, except in code."""
        self.pieces.append((text or "").replace("\n", "\n" if self.kind == "code" else " "))

    def end(self, element: Any) -> Iterator[Block]:
        tag = element.tag
        if element is self.skipped:
            self.skipped = None
        elif tag in _BLOCKS:
            level = int(tag[1]) if tag in {"h1", "h2", "h3", "h4", "h5", "h6"} else 0
            yield from self.flush(level, caption=tag in {"figcaption", "caption"})
            self.lists -= tag in {"ul", "ol"}
            self.kind = "text" if tag in {"li", "dd", "pre"} else self.kind
        self.add(element.tail)

    def flush(self, heading: int = 0, *, caption: bool = False) -> Iterator[Block]:
        joined = "".join(self.pieces)
        self.pieces = []
        text = joined.strip("\n").rstrip() if self.kind == "code" else _squeezed(joined)
        if not text.strip():
            return
        if heading or caption:
            yield Block("heading" if heading else "caption", text.replace("\n", " "), self.page, heading)
        else:
            yield Block(self.kind, text, self.page, max(0, self.lists - 1) if self.kind == "list" else 0)

    def table(self, element: Any) -> Iterator[Block]:
        caption = element.find("caption")
        if caption is not None and _cell_text(caption):
            yield Block("caption", _cell_text(caption), self.page)
        made = table(list(_rows(element)), self.page)
        if made.rows:
            yield made


def _is_dropped(element: Any) -> bool:
    if element.tag in _DROPPED or "hidden" in element.attrib or element.get("aria-hidden") == "true":
        return True
    style = element.get("style")
    return _is_menu(element) or (style is not None and "display:none" in style.replace(" ", "").lower())


def _is_menu(element: Any) -> bool:
    """By its role; what is called navigation inside of the main part is a list of links that belongs to the text."""
    if not _MENU.search(element.get("role", "")):
        return False
    return not any(above.tag in {"main", "article"} or above.get("role") == "main" for above in element.iterancestors())


def _is_data(element: Any) -> bool:
    """Not a table that only lays out a page: those hold tables, or one column of blocks."""
    inner = element.iter("table")
    next(inner)
    if next(inner, None) is not None:
        return False
    return any(sum(1 for cell in row if cell.tag in {"td", "th"}) > 1 for row in element.iter("tr"))


def _rows(element: Any) -> Iterator[list[str]]:
    """Cells by place: a cell over several columns or rows has its text once, and blanks in the other places."""
    below: dict[int, int] = {}
    for row in element.iter("tr"):
        cells: list[str] = []
        for cell in row:
            if cell.tag not in {"td", "th"}:
                continue
            while below.get(len(cells), 0) and len(cells) < _MOST_COLUMNS:
                below[len(cells)] -= 1
                cells.append("")
            down = _span(cell, "rowspan") - 1
            for text in (_cell_text(cell), *[""] * min(_span(cell, "colspan") - 1, max(0, _MOST_COLUMNS - len(cells)))):
                below[len(cells)] = down
                cells.append(text)
        yield cells


def _span(cell: Any, name: str) -> int:
    value = cell.get(name, "1").strip()
    return max(1, min(int(value), 100)) if value.isdecimal() and len(value) < 6 else 1


def _cell_text(cell: Any) -> str:
    pieces: list[str] = []
    for element in cell.iter():
        if isinstance(element.tag, str) and element.tag not in _DROPPED:
            pieces.append("\n" if element.tag in _BLOCKS or element.tag == "br" else "")
            pieces.append((element.text or "").replace("\n", " "))
        pieces.append((element.tail or "").replace("\n", " ") if element is not cell else "")
    return _squeezed("".join(pieces))


def _squeezed(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(filter(None, lines))
