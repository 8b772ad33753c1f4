"""Print to text: from pieces of lines with their places to paragraphs, headings, lists and tables in reading order.

Knows nothing of file kinds: a PDF's text and what was recognised on a scan come in alike. Lengths in points or pixels,
y downwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median

import msgspec
import numpy as np
from msgspec import Struct

from hanlin.reading.columns import Run, columns
from hanlin.reading.document import Block, Box, Kind, Line, table
from hanlin.types import Recognised

CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_CJK_START, _CJK_END = re.compile(f"[{CJK}]"), re.compile(f"[{CJK}]\\Z")
_ENTRY = re.compile(
    r"(?:[•▪◦●○■□–‣➢✓·*-]|\(?\d{1,2}[.)、](?!\d)|\(?[a-z][.)]|[（(][一二三四五六七八九十\d]{1,3}[）)])\s*(?=\S)"
)
_CLOSED = re.compile(r"[.!?。！？:：;；…][”’」』）)\"']*\Z")
_GOES_ON = re.compile(r"[.,;，。；]\Z")
_BULLET = re.compile(r"[•▪◦●○■□–‣➢✓·*-]")
_LABEL = re.compile(r"[•▪◦●○■□–‣·*-]\Z|\(?[\dA-Za-z]{1,3}[.)]\Z")
_FOOTNOTE = re.compile(r"(?:\d{1,3}\)?|[*†‡①-⑳]|\[\d{1,3}\])\s*(?=[^\W\d])")
_LONGEST_ALIGNED = 200
"""Rows of a table without rules: more do not stand on a page."""
_HEADING_CHARACTERS = 160


class Sheet(Struct):
    """A page's print, as `blocks` takes it."""

    number: int
    width: float
    height: float
    runs: list[Run]
    tables: list[tuple[Box, list[list[str]]]] = []
    """In points; their letters are no longer in `runs`."""


class Style(Struct, frozen=True):
    """What the sizes of a document's letters say."""

    body: float
    headings: tuple[float, ...]
    """Largest first: a heading's level is its place here."""
    factor: float = 1.12
    """How much larger than the body a heading is at least."""


def style_of(runs: Sequence[Run], factor: float = 1.12) -> Style:
    """The body's size is the one most letters have; headings are larger, at most four sizes of them."""
    weights: dict[float, int] = {}
    for run in runs:
        size = round(run.size * 2) / 2
        weights[size] = weights.get(size, 0) + len(run.text)
    body = max(weights, key=weights.__getitem__, default=10.0)
    larger = sorted((size for size in weights if size >= body * factor), reverse=True)
    return Style(body, tuple(larger[:4]), factor)


def blocks(sheet: Sheet, style: Style) -> list[Block]:
    """A sheet's blocks in reading order."""
    found: list[Block] = []
    tables = sorted(sheet.tables, key=lambda each: each[0][1])
    for column in columns(sheet.runs, [box for box, _ in tables]):
        if isinstance(column, int):
            box, rows = tables[column]
            found.append(table(rows, sheet.number, _share(sheet, box)))
        else:
            found += _column_blocks(_rows(column), sheet, style)
    return _joined_over_columns(_without_bold_stretches([block for block in found if block.text], _bold_level(style)))


def blocks_of_lines(found: Recognised, page: int) -> list[Block]:
    """Blocks of a recognised page. Sizes are only as good as the boxes, so a heading must be much larger."""
    runs = [Run(line.text, *line.box, size=line.box[3] - line.box[1]) for line in found.lines if line.text.strip()]
    width = found.width or max((run.right for run in runs), default=1)
    height = found.height or max((run.bottom for run in runs), default=1)
    sizes = [run.size for run in runs] or [1]
    style = Style(median(sizes), (), factor=1.6)
    return blocks(Sheet(page, width, height, runs), style)


def _rows(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs of one column as visual lines, top to bottom, each from left to right."""
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda each: (each.top + each.bottom) / 2):
        last = rows[-1][-1] if rows else None
        middle = (run.top + run.bottom) / 2
        if (
            last is not None
            and last.top <= middle <= last.bottom
            and abs(middle - (last.top + last.bottom) / 2) < 0.5 * max(run.height, last.height)
        ):
            rows[-1].append(run)
        else:
            rows.append([run])
    return [sorted(row, key=lambda each: each.left) for row in rows]


def _column_blocks(rows: list[list[Run]], sheet: Sheet, style: Style) -> Iterator[Block]:
    at = 0
    prose: list[Run] = []
    while at < len(rows):
        end = _table_end(rows, at)
        if end > at:
            yield from _paragraphs(prose, sheet, style)
            prose = []
            yield _aligned(rows[at:end], sheet)
            at = end
        else:
            prose.append(_merged(rows[at]))
            at += 1
    yield from _paragraphs(prose, sheet, style)


def _table_end(rows: list[list[Run]], start: int) -> int:
    """Where a table without rules that begins at a row ends: three rows or more, with cells under one another."""
    end, last = start, min(len(rows), start + _LONGEST_ALIGNED)
    while end < last and len(rows[end]) > 1 and not _LABEL.match(rows[end][0].text) and _near(rows, start, end):
        end += 1
    while end - start >= 3:
        edges = _edges(rows[start:end])
        cells = sum(len(row) for row in rows[start:end])
        if len(edges) >= 2 and cells >= 0.6 * len(edges) * (end - start):
            return end
        end -= max(1, (end - start) // 4)
    return start


def _near(rows: list[list[Run]], start: int, end: int) -> bool:
    return end == start or rows[end][0].top - rows[end - 1][0].bottom < 2.5 * rows[end][0].size


def _edges(rows: list[list[Run]]) -> list[tuple[float, float]]:
    """Columns of a table: the stretches of x that cells cover."""
    merged: list[tuple[float, float]] = []
    for left, right in sorted((run.left, run.right) for row in rows for run in row):
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(right, merged[-1][1]))
        else:
            merged.append((left, right))
    return merged


def _aligned(rows: list[list[Run]], sheet: Sheet) -> Block:
    edges = _edges(rows)
    starts = np.array([left for left, _ in edges])
    cells = [[""] * len(edges) for _ in rows]
    for row, runs in zip(cells, rows, strict=True):
        for run in runs:
            place = max(0, int(np.searchsorted(starts, run.left + 0.01)) - 1)
            row[place] = f"{row[place]} {run.text.strip()}".strip()
    return table(cells, sheet.number, _share(sheet, _around([run for row in rows for run in row])))


def _merged(row: list[Run]) -> Run:
    left, top, right, bottom = _around(row)
    longest = max(row, key=lambda run: len(run.text))
    text = " ".join(run.text.strip() for run in row)
    return Run(text, left, top, right, bottom, longest.size, all(run.bold for run in row))


def _around(runs: Sequence[Run]) -> Box:
    return (
        min(run.left for run in runs),
        min(run.top for run in runs),
        max(run.right for run in runs),
        max(run.bottom for run in runs),
    )


def _paragraphs(lines: list[Run], sheet: Sheet, style: Style) -> Iterator[Block]:
    if not lines:
        return
    right = max(line.right for line in lines)
    gaps = [after.top - before.bottom for before, after in pairwise(lines)]
    usual = median([gap for gap in gaps if gap < style.body] or [0])
    paragraph = [lines[0]]
    for gap, line in zip(gaps, lines[1:], strict=True):
        if _begins(paragraph, line, right, gap - usual, style):
            yield _paragraph(paragraph, sheet, style)
            paragraph = []
        paragraph.append(line)
    yield _paragraph(paragraph, sheet, style)


def _begins(paragraph: list[Run], line: Run, right: float, extra: float, style: Style) -> bool:
    """Does a line begin a new paragraph? By size, space above, a list's mark, or room left on the line before."""
    last = paragraph[-1]
    size = max(last.size, line.size)
    if abs(last.size - line.size) > 0.12 * size or extra > 0.4 * size or extra < -2 * size:
        return True
    if _level(line, style) or line.bold != last.bold:
        return not (_level(line, style) == _level(last, style) and line.bold == last.bold)
    if _ENTRY.match(line.text):
        return True
    word = line.text.split(maxsplit=1)[0] if line.text.strip() else ""
    room = size * (1 if _CJK_START.match(word) else 0.5 * (len(word) + 1))
    if last.right + room < right and not (_ENTRY.match(paragraph[0].text) and not _CLOSED.search(last.text)):
        return True
    return bool(_CLOSED.search(last.text)) and line.left > last.left + 0.8 * size


def _level(line: Run, style: Style) -> int:
    """1 to 4 for a heading's size, 0 for the body's."""
    if line.size < style.body * style.factor or len(line.text) > _HEADING_CHARACTERS:
        return 0
    larger = sum(size > line.size + 0.3 for size in style.headings)
    return min(larger + 1, 4)


def _paragraph(lines: list[Run], sheet: Sheet, style: Style) -> Block:
    text, places = "", []
    for line in lines:
        own = line.text.strip()
        text = _continued(text, own)
        places.append(Line(len(text) - len(own), _share(sheet, (line.left, line.top, line.right, line.bottom))))
    kind, level = _kind(text, lines, sheet, style)
    return Block(kind, text, sheet.number, level, _share(sheet, _around(lines)), lines=tuple(places))


def _kind(text: str, lines: list[Run], sheet: Sheet, style: Style) -> tuple[Kind, int]:
    """What a paragraph is, and its level."""
    small = lines[0].size < 0.92 * style.body and lines[0].top > sheet.height / 2
    if small and _FOOTNOTE.match(text):
        return "note", 0
    level = _level(lines[0], style) if len(text) <= 2 * _HEADING_CHARACTERS else 0
    if level:
        return "heading", level
    bold = len(text) <= _HEADING_CHARACTERS and all(line.bold for line in lines)
    if bold and not _BULLET.match(text) and not _GOES_ON.search(text):
        return "heading", _bold_level(style)
    return ("list" if _ENTRY.match(text) else "text"), 0


def _bold_level(style: Style) -> int:
    """Of headings that are bold, and no larger than the text: below those that are larger."""
    return len(style.headings) + 1


def _without_bold_stretches(found: list[Block], level: int) -> list[Block]:
    """Three bold lines or more on end are an address or a form, no headings."""
    shown: list[Block] = []
    for bold, group in groupby(found, lambda block: block.kind == "heading" and block.level == level):
        members = list(group)
        if bold and len(members) > 2:
            members = [msgspec.structs.replace(block, kind="text", level=0) for block in members]
        shown += members
    return shown


def _continued(text: str, line: str) -> str:
    """A line put behind a text: no blank between Chinese letters, a word's halves together."""
    if not text or not line:
        return text + line
    if text.endswith("\u00ad") or (
        len(text) > 1 and text[-1] in "-\u2010" and text[-2].isalpha() and line[0].islower()
    ):
        return text[:-1] + line
    if _CJK_END.search(text) and _CJK_START.match(line):
        return text + line
    return f"{text} {line}"


def _joined_over_columns(found: list[Block]) -> list[Block]:
    """A paragraph that a column's end cut in two is one again."""
    joined: list[Block] = []
    for block in found:
        last = joined[-1] if joined else None
        if last is not None and last.kind == block.kind == "text" and _goes_on(last, block):
            joined[-1] = _one(last, block)
        else:
            joined.append(block)
    return joined


def _goes_on(last: Block, block: Block) -> bool:
    above = last.box is not None and block.box is not None and block.box[1] < last.box[3] and block.box[0] > last.box[0]
    return above and not _CLOSED.search(last.text) and (block.text[0].islower() or bool(_CJK_START.match(block.text)))


def _one(last: Block, block: Block) -> Block:
    text = _continued(last.text, block.text)
    shift = len(text) - len(block.text)
    lines = (*last.lines, *(Line(line.start + shift, line.box) for line in block.lines))
    assert last.box is not None
    assert block.box is not None
    (a, b, c, d), (e, f, g, h) = last.box, block.box
    return Block("text", text, last.page, box=(min(a, e), min(b, f), max(c, g), max(d, h)), lines=lines)


def _share(sheet: Sheet, box: Box) -> Box:
    left, top, right, bottom = box
    scaled = (left / sheet.width, top / sheet.height, right / sheet.width, bottom / sheet.height)
    a, b, c, d = (round(min(1.0, max(0.0, each)), 4) for each in scaled)
    return a, b, c, d
