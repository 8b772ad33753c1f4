"""Files of the kinds that are read, written by the libraries that offices' programs are tested with."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DOCUMENTS = Path(__file__).resolve().parents[3] / "shared/data/documents"
IMAGES = Path(__file__).resolve().parents[3] / "shared/data/images"


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return file.getvalue()


def pdf(
    *pages: Sequence[tuple[float, float, float, str]],
    font: str = "Helvetica",
    lines: Sequence[tuple[float, float, float, float]] = (),
) -> bytes:
    """A4 pages of (x, y from the bottom, size, text), and ruling lines on each, in points."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842))
    for page in pages:
        for x, y, size, text in page:
            canvas.setFont(font, size)
            canvas.drawString(x, y, text)
        for line in lines:
            canvas.line(*line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def scan(text: str = "Scanned words") -> bytes:
    """A PDF of a page that is one picture."""
    from PIL import Image, ImageDraw

    picture = Image.new("L", (600, 800), 255)
    ImageDraw.Draw(picture).text((50, 100), text, 0)
    file = io.BytesIO()
    picture.save(file, "PDF")
    return file.getvalue()


def docx() -> bytes:
    import docx

    document: Any = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Confidential"
    document.add_heading("Annual report", 0)
    document.add_heading("Results", 1)
    document.add_paragraph("Sales rose.")
    document.add_paragraph("first", style="List Number")
    document.add_paragraph("second", style="List Number")
    document.add_page_break()
    document.add_heading("Outlook", 2)
    table = document.add_table(2, 3)
    for row, texts in zip(table.rows, (("a", "b", "c"), ("d", "e", "f")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(1, 1).merge(table.cell(1, 2))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def docx_of(body: str, **parts: str) -> bytes:
    """A package with this body, and parts by the names of their relations."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = "".join(f'<Relationship Id="{kind}" Type="{office}/{kind}" Target="{kind}.xml"/>' for kind in parts)
    namespace = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    return zipped(
        {"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>"}
        | {"word/_rels/document.xml.rels": f"<Relationships {namespace}>{relations}</Relationships>"}
        | {f"word/{kind}.xml": content for kind, content in parts.items()}
    )


def pptx() -> bytes:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    deck: Any = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Plan"
    slide.placeholders[1].text = "One goal"
    slide.notes_slide.notes_text_frame.text = "Say hello first."
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (3, 4))
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Figures"
    second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(3), Inches(3), data)
    table = second.shapes.add_table(1, 2, 0, 0, Inches(3), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    second.element.set("show", "0")
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def xlsx() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Staff"
    rows: tuple[list[object], ...] = (
        ["Name", "Since", "Share", "Pay"],
        ["王芳", dt.date(2024, 3, 1), 0.125, 1234.5],
        [],
        ["a note below"],
    )
    for row in rows:
        sheet.append(row)
    for cell, shape in (("B2", "yyyy-mm-dd"), ("C2", "0.0%"), ("D2", "#,##0.00")):
        sheet[cell].number_format = shape
    book.create_sheet("Secret").append(["x", "y"])
    book["Secret"].sheet_state = "hidden"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def epub(**parts: str) -> bytes:
    chapter = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>{}</h1><p>{}</p></body></html>'
    title = '<title xmlns="http://purl.org/dc/elements/1.1/">A book</title>'
    book = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><metadata>{title}</metadata><manifest>'
        '<item id="a" href="a.xhtml"/><item id="b" href="b%201.xhtml"/></manifest>'
        '<spine><itemref idref="b"/><itemref idref="a"/></spine></package>'
    )
    root = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
    return zipped(
        {"mimetype": "application/epub+zip", "META-INF/container.xml": root, "OPS/book.opf": book}
        | {"OPS/a.xhtml": chapter.format("Later", "The end."), "OPS/b 1.xhtml": chapter.format("First", "It began.")}
        | parts
    )


LETTER = b"""\
From: Wang Fang <fang@example.com>
To: someone@example.com
Subject: =?utf-8?b?5Lya6K6u?=
Date: Tue, 3 Mar 2026 10:00:00 +0800
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x
Content-Type: text/plain; charset="gb2312"
Content-Transfer-Encoding: base64

w/fM7NTZvPs=
--x
Content-Type: application/pdf
Content-Disposition: attachment; filename="plan.pdf"

%PDF-1.7
--x--
"""
