"""DOCX, PPTX, XLSX: nothing that people see is missed, and it stands where they see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.errors import BadFile
from hanlin.reading import Document, Limits, read, tables
from hanlin.reading.kinds.cells import Formats
from tests.reading.samples import DOCUMENTS, W, docx, docx_of, pptx, xlsx, zipped

BREAK = '<w:r><w:br w:type="page"/></w:r>'
RENDERED = "<w:r><w:lastRenderedPageBreak/></w:r>"


def read_bytes(tmp_path: Path, data: bytes, name: str = "file") -> Document:
    file = tmp_path / name
    file.write_bytes(data)
    return read(str(file), name, Limits())


def p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def kinds(document: Document) -> list[tuple[str, str, int]]:
    return [(block.kind, block.text, block.page) for block in document.blocks]


def test_a_word_document_has_its_headings_lists_tables_and_pages(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, docx())
    assert (document.kind, document.title, len(document.pages)) == ("docx", "Annual report", 2)
    assert kinds(document) == [
        ("note", "Confidential", 1),
        ("title", "Annual report", 1),
        ("heading", "Results", 1),
        ("text", "Sales rose.", 1),
        ("list", "1. first", 1),
        ("list", "2. second", 1),
        ("heading", "Outlook", 2),
        ("table", "a | b | c\nd | e f | ", 2),
    ]
    assert tables(document)[0].rows == (("a", "b", "c"), ("d", "e\nf", ""))


def test_links_boxes_fields_and_insertions_are_read_and_deletions_are_not(tmp_path: Path) -> None:
    body = (
        "<w:p><w:r><w:t xml:space='preserve'>See </w:t></w:r><w:hyperlink><w:r><w:t>the page</w:t></w:r></w:hyperlink>"
        "<w:ins><w:r><w:t>, now</w:t></w:r></w:ins><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:fldSimple><w:r><w:instrText>PAGE</w:instrText><w:t>, p. 3</w:t></w:r></w:fldSimple>"
        f"<w:r><w:drawing><w:txbxContent>{p('in a box')}</w:txbxContent></w:drawing></w:r></w:p>"
    )
    assert kinds(read_bytes(tmp_path, docx_of(body))) == [
        ("text", "See the page, now, p. 3", 1),
        ("text", "in a box", 1),
    ]


def test_a_text_box_that_is_written_in_two_forms_is_read_once(tmp_path: Path) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>once</w:t></w:r></w:p></w:txbxContent>"
    both = f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    body = f'<w:p><w:r><mc:AlternateContent xmlns:mc="urn:mc">{both}</mc:AlternateContent></w:r></w:p>'
    assert [block.text for block in read_bytes(tmp_path, docx_of(body)).blocks] == ["once"]


@pytest.mark.parametrize("page_break", [BREAK, RENDERED, BREAK + RENDERED])
def test_a_page_break_is_counted_once_however_often_it_is_written(tmp_path: Path, page_break: str) -> None:
    body = p("one") + f"<w:p>{page_break}<w:r><w:t>two</w:t></w:r></w:p>" + p("still two")
    assert [block.page for block in read_bytes(tmp_path, docx_of(body)).blocks] == [1, 2, 2]


def test_notes_and_comments_follow_what_they_hang_on(tmp_path: Path) -> None:
    body = '<w:p><w:r><w:t>Claim</w:t><w:footnoteReference w:id="2"/><w:commentReference w:id="0"/></w:r></w:p>' + p(
        "Next."
    )
    notes = f'<w:footnotes {W}><w:footnote w:id="2">{p("The source.")}</w:footnote></w:footnotes>'
    comments = f'<w:comments {W}><w:comment w:id="0" w:author="Fang">{p("Really?")}</w:comment></w:comments>'
    document = read_bytes(tmp_path, docx_of(body, footnotes=notes, comments=comments))
    assert kinds(document) == [
        ("text", "Claim[2]", 1),
        ("note", "[2] The source.", 1),
        ("note", "Fang: Really?", 1),
        ("text", "Next.", 1),
    ]


def test_numbers_of_clauses_are_counted_as_word_counts_them(tmp_path: Path) -> None:
    levels = "".join(
        f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{shape}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for n, (shape, text) in enumerate(
            [("chineseCounting", "第%1条"), ("decimal", "%1.%2"), ("lowerLetter", "(%3)")]
        )
    )
    numbering = (
        f'<w:numbering {W}><w:abstractNum w:abstractNumId="7">{levels}</w:abstractNum>'
        '<w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num></w:numbering>'
    )

    def entry(depth: int) -> str:
        return p("x", f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="3"/></w:numPr>')

    body = "".join(map(entry, (0, 2, 2, 0, 2)))
    document = read_bytes(tmp_path, docx_of(body, numbering=numbering))
    assert [block.text for block in document.blocks] == ["第一条 x", "(a) x", "(b) x", "第二条 x", "(a) x"]


def test_a_table_in_a_cell_stays_in_its_cell(tmp_path: Path) -> None:
    def grid(*cells: str) -> str:
        return "<w:tbl><w:tr>" + "".join(f"<w:tc>{cell}</w:tc>" for cell in cells) + "</w:tr></w:tbl>"

    document = read_bytes(tmp_path, docx_of(grid(p("left"), p("right") + grid(p("in"), p("side")))))
    assert [table.rows for table in tables(document)] == [(("left", "right\nin | side"),)]


def test_slides_have_title_text_chart_table_and_notes(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, pptx())
    assert [(page.name, page.hidden) for page in document.pages] == [("Plan", False), ("Figures", True)]
    assert kinds(document)[:3] == [("heading", "Plan", 1), ("list", "One goal", 1), ("note", "Say hello first.", 1)]
    assert [table.rows for table in tables(document)] == [
        (("", "Sales"), ("Q1", "3"), ("Q2", "4")),
        (("left", "right"),),
    ]


def test_sheets_show_values_as_people_see_them(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, xlsx())
    assert [(page.name, page.hidden) for page in document.pages] == [("Staff", False), ("Secret", True)]
    assert tables(document)[0].rows == (("Name", "Since", "Share", "Pay"), ("王芳", "2024-03-01", "12.5%", "1,234.50"))
    assert kinds(document)[1] == ("text", "a note below", 1)


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ("0.1", "General", "0.1"),
        ("0.30000000000000004", "General", "0.3"),
        ("12345678", "#,##0", "12,345,678"),
        ("-5", "0.0;(0.0)", "-5.0"),
        ("45352.5", "yyyy/m/d h:mm", "2024-03-01 12:00"),
        ("0.75", "h:mm", "18:00"),
        ("1.5", "[h]:mm", "36:00"),
        ("45352", 'yyyy"年"m"月"d"日"', "2024-03-01"),
        ("7", "0.0#", "7.0"),
        ("1E+400", "0", "1E+400"),
        ("abc", "0", "abc"),
        ("3", '"Rp "#,##0', "3"),
    ],
)
def test_numbers_follow_their_formats(value: str, code: str, shown: str) -> None:
    from lxml import etree

    styles = etree.Element("styleSheet")
    etree.SubElement(etree.SubElement(styles, "numFmts"), "numFmt", numFmtId="200", formatCode=code)
    etree.SubElement(etree.SubElement(styles, "cellXfs"), "xf", numFmtId="200")
    assert Formats(styles, from_1904=False).shown(value, "0") == shown


def test_cells_in_the_far_corners_make_no_giant_table(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active["A1"], book.active["XFD1048576"] = "near", "far"
    file = tmp_path / "wide.xlsx"
    book.save(file)
    assert [block.text for block in read(str(file), "wide.xlsx", Limits()).blocks] == ["near", "far"]


def test_a_locked_office_file_says_so_and_an_old_one_says_how_to_save_it(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="zip archive"):
        read_bytes(tmp_path, zipped({"readme.txt": "x"}))
    with pytest.raises(BadFile, match="compound file") as refused:
        read_bytes(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    assert refused.value.code == "unknown_file"


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="shared data absent")
def test_comments_of_a_real_document_are_kept() -> None:
    document = read(str(DOCUMENTS / "docling_docx_comments.docx"), "x", Limits())
    assert sum(block.kind == "note" for block in document.blocks) >= 2
