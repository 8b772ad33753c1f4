"""PDF on A4, its text selectable; which characters can be shown is told by `fonts`."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from hanlin.writing import fonts
from hanlin.writing.part import Part

_MARGIN_POINTS = 56.0
_BODY_POINTS = 10.5
_HEADING_POINTS = (16.0, 13.5, 12.0, 11.0, 10.5, 10.5)
_INDENT_POINTS = 14.0
_INK, _LEAD_INK, _QUIET_INK = "#1f2937", "#1e4e8c", "#4b5563"
PAGE_CHARACTERS = 1500
"""So many fit a page as one column, whatever the script: rows of tables are not parted by reportlab."""
_EAST_ASIAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def written(content: Sequence[Part], title: str, language: str) -> bytes:
    """The file's bytes. BadRequest (`no_font`) for a character that no font here shows."""
    from reportlab.platypus import SimpleDocTemplate

    buffer = io.BytesIO()
    document = SimpleDocTemplate(
        buffer,
        leftMargin=_MARGIN_POINTS,
        rightMargin=_MARGIN_POINTS,
        topMargin=_MARGIN_POINTS,
        bottomMargin=_MARGIN_POINTS,
        title=_CONTROL.sub("", title),
        lang=language,
        invariant=True,
    )
    document.build([piece for part in content for piece in _pieces(part, document.width)])
    return buffer.getvalue()


def _pieces(part: Part, width: float) -> list[Any]:
    from reportlab.platypus import HRFlowable

    if part.kind == "table":
        return _table(part.rows, width)
    if part.kind == "rule":
        return [HRFlowable(width="100%", color=_QUIET_INK, spaceBefore=6, spaceAfter=6)]
    return [_paragraph(part)]


def _paragraph(part: Part) -> Any:
    from reportlab.platypus import Paragraph

    text = _marked(part.text)
    if part.lead.strip():
        text = f'<font color="{_LEAD_INK}">{_marked(part.lead)}</font> {text}'
    bullet = "•" if part.kind == "list" else None
    return Paragraph(text, _style(part), bulletText=bullet)


def _marked(text: str) -> str:
    """Text in the markup of reportlab's paragraphs, every stretch with its font."""
    lines = _CONTROL.sub("", text).split("\n")
    return "<br/>".join(
        "".join(f'<font name="{font}">{escape(run)}</font>' for run, font in fonts.runs(line)) for line in lines
    )


def _style(part: Part) -> Any:
    from reportlab.lib.styles import ParagraphStyle

    size, before, indent, ink = _BODY_POINTS, 0.0, 0.0, _INK
    if part.kind == "title":
        size = 20.0
    elif part.kind == "heading":
        size = _HEADING_POINTS[min(max(part.level, 1), 6) - 1]
        before = 8.0
    elif part.kind == "list":
        indent = _INDENT_POINTS * min(max(part.level, 1), 6)
    elif part.kind == "quote":
        indent, ink = _INDENT_POINTS, _QUIET_INK
    return ParagraphStyle(
        part.kind,
        fontName=next(fonts.runs("a"))[1],
        fontSize=size,
        leading=size * 1.5,
        spaceBefore=before,
        spaceAfter=2 if part.kind == "list" else 6,
        leftIndent=indent,
        bulletIndent=max(indent - 10, 0),
        textColor=ink,
        keepWithNext=part.kind in ("title", "heading"),
        wordWrap="CJK" if _EAST_ASIAN.search(part.lead + part.text) else None,
    )


def _table(rows: Sequence[Sequence[str]], width: float) -> list[Any]:
    from reportlab.platypus import Spacer, Table, TableStyle

    if not rows:
        return []
    columns = max(map(len, rows))
    filled = [[*row, *[""] * (columns - len(row))] for row in rows]
    cells = [[_cell(text) for text in part] for row in filled for part in _short(row, PAGE_CHARACTERS // columns)]
    table = Table(cells, colWidths=[width / columns] * columns, repeatRows=1)
    lines = [
        ("GRID", (0, 0), (-1, -1), 0.5, _QUIET_INK),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("BACKGROUND", (0, 0), (-1, 0), "#eef2f7"),
    ]
    table.setStyle(TableStyle(lines))
    return [table, Spacer(1, 8)]


def _short(row: Sequence[str], characters: int) -> Iterator[list[str]]:
    """A row in as many rows as it takes for none to be higher than a page."""
    rest = list(row)
    while True:
        cuts = [_cut(text, characters) for text in rest]
        yield [text[:cut] for text, cut in zip(rest, cuts, strict=True)]
        rest = [text[cut:] for text, cut in zip(rest, cuts, strict=True)]
        if not any(rest):
            return


def _cut(text: str, characters: int) -> int:
    """Where to part a text: behind a blank if there is one in the second half."""
    if len(text) <= characters:
        return len(text)
    blank = text.rfind(" ", characters // 2, characters)
    return blank + 1 if blank >= 0 else characters


def _cell(text: str) -> Any:
    return _paragraph(Part("text", text))
