"""Word: real styles, so that an outline and a table of contents can be made of it."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from hanlin.writing.part import Part

_FONTS = {"zh": "SimSun", "ja": "MS Mincho", "ko": "Batang"}
"""Named for East Asian letters; a program without it takes another one. Latin, Thai and Vietnamese take the theme's."""
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""What XML 1.0 cannot hold."""
_LIST_LEVELS = 3
"""Word's template has so many styles of bulleted lists."""


def written(content: Sequence[Part], title: str, language: str) -> bytes:
    """The file's bytes."""
    from docx import Document

    document = Document()
    document.core_properties.title = _writable(title)[:255]
    document.core_properties.author = ""
    document.core_properties.comments = ""
    document.core_properties.language = language
    _set_language(document, language)
    for part in content:
        _add(document, part)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _set_language(document: Any, language: str) -> None:
    from docx.oxml.ns import qn

    properties = document.styles["Normal"].element.get_or_add_rPr()
    if font := _FONTS.get(language[:2]):
        properties.get_or_add_rFonts().set(qn("w:eastAsia"), font)
    spoken = properties.makeelement(qn("w:lang"), {qn("w:val"): language, qn("w:eastAsia"): language})
    properties.append(spoken)


def _add(document: Any, part: Part) -> None:
    if part.kind == "table":
        _add_table(document, part.rows)
    elif part.kind == "rule":
        _add_rule(document)
    else:
        paragraph = document.add_paragraph(style=_style(part))
        if part.lead.strip():
            paragraph.add_run(f"{_writable(part.lead)} ").bold = True
        paragraph.add_run(_writable(part.text))


def _style(part: Part) -> str:
    if part.kind == "list":
        level = min(max(part.level, 1), _LIST_LEVELS)
        return "List Bullet" if level == 1 else f"List Bullet {level}"
    if part.kind == "heading":
        return f"Heading {min(max(part.level, 1), 6)}"
    return {"title": "Title", "quote": "Quote"}.get(part.kind, "Normal")


def _add_table(document: Any, rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    width = max(map(len, rows))
    table = document.add_table(rows=len(rows), cols=width, style="Table Grid")
    for line, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(line.cells, row, strict=False):
            cell.text = _writable(text)
    for cell in table.rows[0].cells:
        for run in cell.paragraphs[0].runs:
            run.bold = True


def _add_rule(document: Any) -> None:
    from docx.oxml.ns import qn

    properties = document.add_paragraph().paragraph_format.element.get_or_add_pPr()
    border = properties.makeelement(qn("w:pBdr"), {})
    line = {qn("w:val"): "single", qn("w:sz"): "6", qn("w:space"): "1", qn("w:color"): "auto"}
    border.append(border.makeelement(qn("w:bottom"), line))
    properties.append(border)


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("", text)
