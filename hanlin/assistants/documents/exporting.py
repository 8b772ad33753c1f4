"""Results and tables as files."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from hanlin.assistants.documents.language import language
from hanlin.assistants.documents.records import Change, Citation, Result, Table
from hanlin.errors import NotFound
from hanlin.writing import Kind, Part, write

TableKind = Literal["xlsx", "csv"]
_WORDS = {
    "zh": {"sources": "来源", "page": "第{}页", "before": "原文", "after": "改后", "words": "变化"},
    "en": {"sources": "Sources", "page": "page {}", "before": "Before", "after": "After", "words": "Change"},
}
_LIST = re.compile(r"(\s*)(?:[-*•]|\d{1,3}[.)])\s+(.*)")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_RULE = re.compile(r"[\s|:-]*-[\s|:-]*\Z")
_EMPHASIS = re.compile(r"(\*\*|__)(.+?)\1")
_SHEET_FORBIDDEN = re.compile(r"[\\/*?:\[\]\x00-\x1f]")
_CELL_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
CELL_CHARACTERS = 32_767
"""Excel's own ceiling for a cell."""


async def write_result(result: Result, kind: Kind, path: Path) -> str:
    """Write a result; the file's name."""
    content = list(parts(result))
    title = next((part.text for part in content if part.text), "")[:120]
    await write(content, kind, path, title=title, language=language(result.text))
    return f"{result.kind.value}.{kind}"


def parts(result: Result) -> Iterator[Part]:
    """A result in pieces: what was asked, the text, what changed, and the sources."""
    words = _WORDS["zh" if language(result.text or result.asked) == "zh" else "en"]
    if result.asked and result.kind.value == "answer":
        yield Part("heading", " ".join(result.asked.split()))
    yield from of_markdown(result.text)
    if result.changes:
        yield _changes(result.changes, words)
    if result.citations:
        yield Part("heading", words["sources"], level=2)
        yield from (Part("quote", citation.sentence, lead=_place(citation, words)) for citation in result.citations)


def of_markdown(text: str) -> Iterator[Part]:
    """Markdown as a model writes it, line by line: headings, lists, tables; all else is text."""
    rows: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("|"):
            if not _RULE.match(line):
                rows.append(tuple(_plain(cell.strip()) for cell in line.strip().strip("|").split("|")))
            continue
        if rows:
            yield Part("table", rows=tuple(rows))
            rows = []
        if line.strip():
            yield _line(line)


async def write_tables(tables: Sequence[Table], kind: TableKind, path: Path, number: int = 0) -> str:
    """Write all tables as a workbook, a sheet each, or one of them (from 0) as CSV; the file's name."""
    if not tables or not 0 <= number < len(tables):
        raise NotFound(f"The document has {len(tables)} tables, no number {number}.", action="Choose another document.")
    if kind == "csv":
        await asyncio.to_thread(path.write_bytes, _csv(tables[number]))
        return f"table-{number + 1}.csv"
    await asyncio.to_thread(_workbook, tables, path)
    return "tables.xlsx"


def _line(line: str) -> Part:
    if heading := _HEADING.match(line):
        return Part("heading", _plain(heading[2]), level=len(heading[1]))
    if entry := _LIST.match(line):
        return Part("list", _plain(entry[2]), level=min(6, len(entry[1]) // 2 + 1))
    return Part("text", _plain(line.strip()))


def _plain(text: str) -> str:
    return _EMPHASIS.sub(lambda found: found[2], text)


def _place(citation: Citation, words: dict[str, str]) -> str:
    page = f", {words['page'].format(citation.page)}" if citation.page else ""
    return f"[{citation.number}] {citation.name}{page}:"


def _changes(changes: Sequence[Change], words: dict[str, str]) -> Part:
    head = (words["before"], words["after"], words["words"])
    return Part("table", rows=(head, *((change.before, change.after, change.words) for change in changes)))


def _csv(table: Table) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows([[_harmless(cell) for cell in row] for row in table.rows])
    return target.getvalue().encode("utf-8-sig")  # with its mark, or Excel takes it for another encoding


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet takes for text: one that begins like a formula gets a quote before it."""
    formula = cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(r"[+-]?[\d.,]+ ?%?", cell)
    return f"'{cell}" if formula else cell


def _workbook(tables: Sequence[Table], path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    for number, table in enumerate(tables, 1):
        title = _SHEET_FORBIDDEN.sub(" ", table.title).strip()[:20]
        sheet = book.create_sheet(f"{number} {title}".strip())
        for row in table.rows:
            cells = [WriteOnlyCell(sheet, _CELL_FORBIDDEN.sub("", cell)[:CELL_CHARACTERS]) for cell in row]
            for cell in cells:
                cell.data_type = "s"  # never a formula
            sheet.append(cells)
    book.save(path)
