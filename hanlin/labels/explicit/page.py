"""The explicit label on PDF pages: drawn into a free corner of the first and the last one, as real text."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from hanlin.errors import BadFile
from hanlin.labels.explicit import text
from hanlin.labels.explicit.page_text import Box, Span, frame, spans
from hanlin.labels.formats.pdf import opened, rewritten

_MARGIN_POINTS = 12.0
"""From the edge of the page: printers leave about as much white."""
_LETTER_SHARE, _LETTER_POINTS = 0.015, 8.0
"""Size of the letters: of the page's shortest side, and at least."""
_EDGE_SHARE = 0.15
"""How much of the page, at its top and bottom, is looked at for a label."""
_LINE_POINTS = 3
"""Text whose lower edges differ by less stands on one line."""
_INSIDE_CHINESE = re.compile(r"(?<=[\u2e80-\uffff]) +(?=[\u2e80-\uffff])")
_FONT_NAME = "HanlinLabel"
_INK = 0.29
"""Grey of the letters. The white plate under them is opaque: PDF/A-1 has no transparency."""


def add(file: bytes, language: str, font: Path) -> bytes:
    """Draw the label with a TrueType font, of which the used glyphs are embedded.

    Raises BadFile for a PDF that is signed or needs a password.
    """
    with opened(memoryview(file)) as pdf:
        count = len(pdf.pages)
        if not count:
            raise BadFile("The PDF has no page.", action="Print it to PDF again.")
        for number in sorted({0, count - 1}):
            _draw(pdf, number, text.sentence(language), font)
        return rewritten(pdf)


def stands_in(file: bytes) -> bool:
    """Whether a label is a line at the top or bottom of the first or last page, or begins or ends their text."""
    with opened(memoryview(file)) as pdf:
        count = len(pdf.pages)
        return any(_labelled(pdf, pdf.pages[number]) for number in ({0, count - 1} if count else ()))


def _labelled(pdf: Any, page: Any) -> bool:
    height = _seen_size(page)[1]
    rows: dict[int, list[Span]] = {}
    for span in spans(pdf, page):
        rows.setdefault(round(span.box[1] / _LINE_POINTS), []).append(span)
    lines = {row: _line(rows[row]) for row in sorted(rows, reverse=True)}
    edge = height * _EDGE_SHARE / _LINE_POINTS
    at_edge = [line for row, line in lines.items() if row < edge or row > height / _LINE_POINTS - edge]
    return any(text.stands_in(line) for line in [*at_edge, "\n".join(lines.values())])


def _line(row: list[Span]) -> str:
    """What stands on one line: words apart, and what is far apart, as columns are, on lines of its own."""
    words, end = "", 0.0
    for span in sorted(row, key=lambda span: span.box[0]):
        letter = span.box[3] - span.box[1]
        words += ("\n" if span.box[0] - end > 2 * letter else " ") + span.text
        end = span.box[2]
    return _INSIDE_CHINESE.sub("", words)


def _draw(pdf: Any, number: int, words: str, font: Path) -> None:
    import pikepdf

    page = pdf.pages[number]
    width, height = _seen_size(page)
    letter = max(_LETTER_POINTS, min(width, height) * _LETTER_SHARE)
    stamp = pikepdf.open(io.BytesIO(_stamp(words, letter, font)))
    _, _, stamp_width, stamp_height = map(float, stamp.pages[0].mediabox)
    left, bottom = _place(pdf, page, stamp_width, stamp_height)
    form = pdf.copy_foreign(stamp.pages[0].as_form_xobject())
    name = page.add_resource(form, pikepdf.Name.XObject, pikepdf.Name(f"/HanlinLabel{number}"))
    matrix = _upright(page) + b" 1 0 0 1 %.2f %.2f cm" % (left, bottom)
    page.contents_add(b"q\n", prepend=True)
    page.contents_add(b"\nQ\nq\n/Artifact BMC\n%b %b Do\nEMC\nQ\n" % (matrix, str(name).encode()))


def _stamp(words: str, letter: float, font: Path) -> bytes:
    """A PDF whose page is as large as the label."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(TTFont(_FONT_NAME, str(font)))
    width, height = pdfmetrics.stringWidth(words, _FONT_NAME, letter) + letter * 1.2, letter * 1.7
    output = io.BytesIO()
    canvas = Canvas(output, pagesize=(width, height), invariant=True, initialFontName=_FONT_NAME)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.roundRect(0, 0, width, height, letter * 0.35, stroke=0, fill=1)
    canvas.setFillColorRGB(_INK, _INK, _INK)
    canvas.setFont(_FONT_NAME, letter)
    canvas.drawString(letter * 0.6, letter * 0.5, words)
    canvas.save()
    return output.getvalue()


def _place(pdf: Any, page: Any, width: float, height: float) -> tuple[float, float]:
    """Lower left corner of the label in the first corner without text, as the page is seen."""
    page_width, page_height = _seen_size(page)
    right, top = page_width - width - _MARGIN_POINTS, page_height - height - _MARGIN_POINTS
    middle = (page_width - width) / 2
    places = [(x, y) for x in (right, _MARGIN_POINTS, middle) for y in (_MARGIN_POINTS, top)]
    taken = [span.box for span in spans(pdf, page)]
    free = [place for place in places if not any(_meet(place, width, height, box) for box in taken)]
    return (free or places)[0]


def _meet(place: tuple[float, float], width: float, height: float, box: Box) -> bool:
    left, bottom = place
    return left < box[2] and box[0] < left + width and bottom < box[3] and box[1] < bottom + height


def _seen_size(page: Any) -> tuple[float, float]:
    """Width and height in points, as the page is seen."""
    _, _, width, height = frame(page)
    return (height, width) if page.rotation % 180 else (width, height)


def _upright(page: Any) -> bytes:
    """The matrix that leads from the page as it is seen to the page as it is written."""
    left, bottom, width, height = frame(page)
    numbers = {
        90: (0, 1, -1, 0, left + width, bottom),
        180: (-1, 0, 0, -1, left + width, bottom + height),
        270: (0, -1, 1, 0, left, bottom + height),
    }.get(page.rotation % 360, (1, 0, 0, 1, left, bottom))
    return b"%d %d %d %d %.2f %.2f cm" % numbers
