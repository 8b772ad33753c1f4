"""XLSX: cells with texts of their own, comments, drawings, charts (ECMA-376-1, 18). Formulas and sheet names stay.

A text that a formula compares with, or a pivot table knows a column by, would break with its translation: names of
columns stay when formulas or pivot tables use them, else they change in cell and table alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hanlin.assistants.translate import markup
from hanlin.assistants.translate.formats import drawing
from hanlin.assistants.translate.formats.found import Found, worth_it
from hanlin.assistants.translate.formats.package import Block, Package, extracted, filled
from hanlin.assistants.translate.formats.runs import Grammar, local
from hanlin.errors import BadFile
from hanlin.labels.formats.ooxml import main_part, relations, relations_of

SHEET = Grammar(
    run="r",
    text="t",
    properties="rPr",
    containers=frozenset(),
    breaks=frozenset(),
    ignored=frozenset({"charset", "family", "scheme"}),
)


def extract(path: str) -> list[Found]:
    return extracted(_blocks(Package(path)))


def patch(path: str, target: str, targets: list[str]) -> None:
    package = Package(path)
    package.write(target, filled(_blocks(package), targets))


def _blocks(package: Package) -> Iterator[Block]:
    book = Book(package)
    for name, part in book.sheets:
        yield from _cells(book, name, part)
    for part in package.parts("spreadsheetml.comments+xml"):
        for text in package.tree(part).iter("{*}text"):
            yield from _rich(text, part, "comment")
    for part in package.parts("threadedcomments+xml"):
        for text in package.tree(part).iter("{*}text"):
            if worth_it(text.text or ""):
                yield drawing.whole(text, part, "comment")
    for part in package.parts("drawing+xml"):
        yield from drawing.blocks(package.tree(part), part, "drawing")
    yield from drawing.chart_blocks(package)


class Book:
    """A workbook's sheets in order, its shared texts, and the names of its tables' columns."""

    def __init__(self, package: Package) -> None:
        self.package = package
        main = main_part(package.archive)
        targets = {one.id: one.target for one in relations(package.archive, relations_of(main))}
        self.sheets = [
            (sheet.get("name", ""), target)
            for sheet in package.tree(main).iter("{*}sheet")
            if (target := targets.get(_id(sheet))) and package.has(target) and "worksheets" in target
        ]
        if not self.sheets:
            raise BadFile("The package holds no sheets.", action="Save it again as XLSX.")
        self.strings = next(iter(package.parts("spreadsheetml.sharedStrings+xml")), "")
        self.items = list(package.tree(self.strings).iterchildren("{*}si")) if self.strings else []
        self.columns: dict[str, list[tuple[str, Any]]] = {}
        self.heads = {(part, cell) for _, part in self.sheets for cell in _heads(package, part)}
        """Cells that hold the names of a table's columns."""
        for part in package.parts("spreadsheetml.table+xml"):
            for column in package.tree(part).iter("{*}tableColumn"):
                self.columns.setdefault(column.get("name", ""), []).append((part, column))
        self.fixed = self._fixed()

    def _fixed(self) -> set[str]:
        """Texts that something in the workbook knows a column by."""
        fixed = {
            field.get("name", "")
            for part in self.package.parts("pivotCacheDefinition+xml")
            for field in self.package.tree(part).iter("{*}cacheField")
        }
        formulas = (
            formula.text or ""
            for part in [*(part for _, part in self.sheets), *self.package.parts("spreadsheetml.table+xml")]
            for formula in self.package.tree(part).iter("{*}f", "{*}calculatedColumnFormula", "{*}totalsRowFormula")
        )
        if self.columns and any("[" in formula for formula in formulas):
            fixed.update(self.columns)
        return fixed


def _heads(package: Package, part: str) -> Iterator[str]:
    """Cells of a sheet that are the first row of a table."""
    for relation in relations(package.archive, relations_of(part)):
        if not relation.kind.endswith("/table") or not package.has(relation.target):
            continue
        corners = re.fullmatch(r"([A-Z]{1,3})(\d+):([A-Z]{1,3})\d+", package.tree(relation.target).get("ref", ""))
        if corners:
            first, last = _column(corners[1]), _column(corners[3])
            yield from (f"{_letters(number)}{corners[2]}" for number in range(first, min(last, first + 999) + 1))


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _id(sheet: Any) -> str:
    return next((value for name, value in sheet.attrib.items() if name.endswith("}id")), "")


def _cells(book: Book, sheet: str, part: str) -> Iterator[Block]:
    """Texts of a sheet's cells; a shared text belongs to the first cell that shows it."""
    for cell in book.package.tree(part).iter("{*}c"):
        place, kind = f"{sheet}!{cell.get('r', '')}", cell.get("t")
        if any(local(child) == "f" for child in cell):
            continue
        if kind == "inlineStr":
            heads = (part, cell.get("r", "")) in book.heads
            for inline in cell.iterchildren("{*}is"):
                yield from _named(book, inline, part, place) if heads else _rich(inline, part, place)
        elif kind == "s" and (item := _shared(book, cell)) is not None:
            yield from _named(book, item, book.strings, place)


def _shared(book: Book, cell: Any) -> Any:
    """The shared text of a cell, the first time it is met; None otherwise."""
    value = next((child.text or "" for child in cell if local(child) == "v"), "")
    number = int(value) if value.isdecimal() and len(value) < 10 else -1
    if not 0 <= number < len(book.items):
        return None
    item, book.items[number] = book.items[number], None
    return item


def _named(book: Book, item: Any, part: str, place: str) -> Iterator[Block]:
    """A text that may name columns of tables: they take the new name too."""
    text = "".join(one.text or "" for one in item.iter("{*}t"))
    if text in book.fixed:
        return
    columns = book.columns.get(text, [])
    for block in _rich(item, part, place):
        if not columns:
            yield block
            continue
        parts = (part, *(table for table, _ in columns))
        yield Block(parts, place, block.sources, _renaming(block, columns))


def _renaming(block: Block, columns: Sequence[tuple[str, Any]]) -> Any:
    def put(targets: Sequence[str | None]) -> None:
        name = markup.plain(targets[0] or "")
        taken = {
            other.get("name", "").casefold()
            for _, column in columns
            for other in column.getparent()
            if other is not column
        }
        if len(block.sources) > 1 or name.casefold() in taken:
            return  # columns of one table have different names: this one keeps its own
        block.put([name])
        for _, column in columns:
            column.set("name", name)

    return put


def _rich(element: Any, part: str, place: str) -> Iterator[Block]:
    """A text of a cell or comment: plain, or in runs."""
    plain = [child for child in element if local(child) == "t"]
    if plain:
        if worth_it(plain[0].text or "") and not markup.ANY.search(plain[0].text or ""):
            yield drawing.whole(plain[0], part, place)
    elif found := drawing.paragraph(element, SHEET, part, place):
        yield found
