"""Workbooks (ECMA-376 part 1, §18): a page a sheet, a table a stretch of rows without an empty row; values as shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hanlin.reading.document import Block, Document, Limits, Page, table
from hanlin.reading.kinds.cells import Formats
from hanlin.reading.kinds.chart import chart_blocks, drawn_text
from hanlin.reading.package import RELATION, Package, attribute, local, too_large

_CELL = re.compile(r"([A-Z]{1,3})(\d{1,7})\Z")
_XDR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"


def read_xlsx(package: Package, limits: Limits) -> Document:
    main = next(package.related("", "officeDocument"), "xl/workbook.xml")
    book, relations = package.xml(main), package.relations(main)
    target = dict(relations.values())
    strings = _strings(package.xml(target.get("sharedStrings", "")))
    formats = Formats(package.xml(target.get("styles", "")), _from_1904(book))
    pages: list[Page] = []
    blocks: list[Block] = []
    sheets = [] if book is None else [each for each in book.iter() if local(each) == "sheet"]
    if len(sheets) > limits.pages:
        raise too_large(f"{len(sheets):,} sheets")
    for number, sheet in enumerate(sheets, 1):
        pages.append(Page(number, name=sheet.get("name", ""), hidden=sheet.get("state", "visible") != "visible"))
        part = relations.get(sheet.get(f"{RELATION}id") or "", ("", ""))[1]
        blocks += _sheet(package, part, number, strings, formats)
    return Document("", "xlsx", tuple(pages) or (Page(1),), tuple(blocks))


def _sheet(package: Package, part: str, number: int, strings: list[str], formats: Formats) -> Iterator[Block]:
    root = package.xml(part)
    if root is not None:
        for region in _regions(_cells(root, strings, formats)):
            yield from _region(region, number)
    relations = list(package.relations(part).values())
    for kind, target in relations:
        if kind == "comments":
            yield from _comments(package.xml(target), number)
        elif kind == "drawing":
            yield from _drawing(package, target, number)


Cells = list[tuple[int, dict[int, str]]]
"""Rows that have a value: the row's number and its cells by column, from 1."""


def _cells(root: Any, strings: list[str], formats: Formats) -> Cells:
    rows: Cells = []
    last = 0
    for row in root.iter("{*}row"):
        given = row.get("r", "")
        last = int(given) if given.isdigit() else last + 1
        found, column = {}, 0
        for cell in row:
            place = _CELL.match(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            text = _shown(cell, strings, formats)
            if text:
                found[column] = text
        if found:
            rows.append((last, found))
    return rows


def _shown(cell: Any, strings: list[str], formats: Formats) -> str:
    kind, value = cell.get("t", "n"), cell.findtext("{*}v") or ""
    if kind == "s":
        return strings[int(value)] if value.isdigit() and int(value) < len(strings) else ""
    if kind == "inlineStr":
        return _rich(cell).strip()
    if kind == "b":
        return "TRUE" if value == "1" else "FALSE"
    return value.strip() if kind in {"str", "e", "d"} or not value else formats.shown(value, cell.get("s", ""))


def _regions(rows: Cells) -> Iterator[Cells]:
    region: Cells = []
    for number, cells in rows:
        if region and number != region[-1][0] + 1:
            yield region
            region = []
        region.append((number, cells))
    if region:
        yield region


def _region(region: Cells, page: int) -> Iterator[Block]:
    columns = sorted({column for _, cells in region for column in cells})
    if len(columns) == 1 and len(region) <= 2:
        yield from (Block("text", text, page) for _, cells in region for text in cells.values())
    else:
        yield table([[cells.get(column, "") for column in columns] for _, cells in region], page)


def _comments(root: Any, page: int) -> Iterator[Block]:
    for comment in () if root is None else root.iter("{*}comment"):
        text = _rich(comment).strip()
        if text:
            yield Block("note", f"{comment.get('ref', '')}: {text}", page)


def _drawing(package: Package, part: str, page: int) -> Iterator[Block]:
    root = package.xml(part)
    texts = () if root is None else map(drawn_text, root.iter(f"{_XDR}txBody"))
    yield from (Block("text", text, page) for text in texts if text)
    for target in package.related(part, "chart"):
        yield from chart_blocks(package.xml(target), page)


def _strings(root: Any) -> list[str]:
    return [] if root is None else [_rich(each).strip() for each in root.iter("{*}si")]


def _rich(element: Any) -> str:
    """Text in runs, without the phonetic guides of Japanese (`rPh`)."""
    return "".join(each.text or "" for each in element.iter("{*}t") if local(each.getparent()) != "rPh")


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _from_1904(book: Any) -> bool:
    properties = book.find("{*}workbookPr") if book is not None else None
    return attribute(properties, "date1904") in {"1", "true"}
