"""DOCX, PPTX and XLSX: texts change, everything else stays byte for byte, and every program still opens them."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.assistants.translate import formats
from hanlin.assistants.translate.formats import runs
from hanlin.assistants.translate.formats.word import WORD
from hanlin.errors import BadFile
from tests.assistants.translate.formats.files import accented, body, bomb, sources, translated, word

OPENERS: dict[str, Any] = {"docx": docx.Document, "pptx": pptx.Presentation, "xlsx": openpyxl.load_workbook}
FIXTURES = [
    "docling_docx_comments.docx",
    "docling_docx_rich_cells.docx",
    "docling_powerpoint_sample.pptx",
    "docling_pptx_chart.pptx",
    "docling_textbox.docx",
    "docling_word_sample.docx",
    "docling_xlsx_01.xlsx",
    "kreuzberg_excel_multi_sheet.xlsx",
    "markitdown_test.docx",
    "markitdown_test.pptx",
    "markitdown_test.xlsx",
]
BOLD = "<w:rPr><w:b/></w:rPr>"


def run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{text}</w:t></w:r>'


@pytest.fixture
def fixture(documents: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return Path(shutil.copy(documents / request.param, tmp_path / request.param))


@pytest.mark.parametrize("fixture", FIXTURES, indirect=True)
def test_a_real_file_keeps_every_part_and_says_the_new_words(fixture: Path) -> None:
    kind = fixture.suffix[1:]
    before = sources(fixture, kind)
    target = translated(fixture, kind)
    with zipfile.ZipFile(fixture) as old, zipfile.ZipFile(target) as new:
        assert new.testzip() is None
        assert new.namelist() == old.namelist()
        changed = [part for part in old.namelist() if old.read(part) != new.read(part)]
        same = [(a.date_time, a.compress_type) == (b.date_time, b.compress_type) for a, b in
                zip(old.infolist(), new.infolist(), strict=True)]  # fmt: skip
    assert all(same)
    assert all(part.endswith(".xml") and "_rels" not in part for part in changed)
    assert sources(target, kind) == [accented(source) for source in before]
    OPENERS[kind](str(target))


@pytest.mark.parametrize("fixture", FIXTURES, indirect=True)
def test_a_file_whose_targets_are_its_sources_is_byte_for_byte_the_same(fixture: Path, tmp_path: Path) -> None:
    kind = fixture.suffix[1:]
    formats.patch(str(fixture), str(tmp_path / "same"), kind, sources(fixture, kind))
    assert (tmp_path / "same").read_bytes() == fixture.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("fixture", FIXTURES[3:6] + FIXTURES[6:7], indirect=True)
def test_libreoffice_shows_as_many_pages_as_before(fixture: Path, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice absent")
    import pypdfium2

    target = translated(fixture, fixture.suffix[1:])
    home = f"-env:UserInstallation=file://{tmp_path}/home"
    convert = [office, home, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(fixture), str(target)]
    subprocess.run(convert, check=True, capture_output=True, timeout=110)
    pages = []
    for file in (fixture, target):
        pdf = pypdfium2.PdfDocument(file.with_suffix(".pdf"))
        pages.append(len(pdf))
        pdf.close()
    assert pages[0] == pages[1] > 0


@pytest.mark.parametrize(
    ("paragraph", "source"),
    [
        (run("One ") + run("sentence."), ["One sentence."]),
        (run("A ") + run("bold", BOLD) + run(" word"), ["A <g1>bold</g1> word"]),
        (run("All bold", BOLD), ["All bold"]),
        (run("before") + "<w:r><w:tab/></w:r>" + run("after"), ["before", "after"]),
        ("<w:r><w:t>one</w:t><w:br/><w:t>two</w:t></w:r>", ["one", "two"]),
        (
            run("go ") + f'<w:hyperlink r:id="rId1">{run("here")}</w:hyperlink>' + run(" now"),
            ["go <g1>here</g1> now"],
        ),
        (run("a picture ") + "<w:r><w:drawing/></w:r>" + run(" inside"), ["a picture <x1/> inside"]),
        (f"<w:ins>{run('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>", ["<g1>new</g1>"]),
        (
            run("page ")
            + '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>'
            + '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
            + run("seven")
            + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
            + run(" of it"),
            ["page <x1/> of it"],
        ),
        (run("12,345.00 €"), []),
        (run("lang", '<w:rPr><w:lang w:val="en"/></w:rPr>') + run("uage"), ["language"]),
    ],
)
def test_a_paragraph_is_one_segment_and_its_formatting_markers(
    tmp_path: Path, paragraph: str, source: list[str]
) -> None:
    path = word(tmp_path, f"<w:p>{paragraph}</w:p>")
    assert sources(path, "docx") == source
    assert sources(translated(path, "docx"), "docx") == [accented(one) for one in source]


def test_formatting_follows_its_words_to_another_place(tmp_path: Path) -> None:
    link = f'<w:hyperlink r:id="rId1">{run("the bank")}</w:hyperlink>'
    path = word(tmp_path, f"<w:p><w:pPr/>{run('Go to ')}{link}{run(' by ')}{run('bus', BOLD)}{run('.')}</w:p>")
    assert sources(path, "docx") == ["Go to <g1>the bank</g1> by <g2>bus</g2>."]
    formats.patch(str(path), str(tmp_path / "out"), "docx", ["乘<g2>公交车</g2>去<g1>银行</g1>。"])
    assert body(tmp_path / "out") == (
        "<w:p><w:pPr/><w:r><w:t>乘</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>公交车</w:t></w:r>"
        '<w:r><w:t>去</w:t></w:r><w:hyperlink r:id="rId1"><w:r><w:t>银行</w:t></w:r></w:hyperlink>'
        "<w:r><w:t>。</w:t></w:r></w:p>"
    )


def test_a_comment_s_range_still_goes_around_its_paragraph(tmp_path: Path) -> None:
    start, end = '<w:commentRangeStart w:id="1"/>', '<w:commentRangeEnd w:id="1"/>'
    path = word(tmp_path, f"<w:p>{run('one ')}{start}{run('two ')}{end}{run('three')}</w:p>")
    assert body(translated(path, "docx")) == f"<w:p>{start}<w:r><w:t>óné twó thréé</w:t></w:r>{end}</w:p>"


def test_a_link_without_words_stays_in_the_file(tmp_path: Path) -> None:
    path = word(tmp_path, f'<w:p>{run("see ")}<w:hyperlink r:id="rId1">{run("this")}</w:hyperlink></w:p>')
    formats.patch(str(path), str(tmp_path / "out"), "docx", ["见此<g1></g1>"])
    assert '<w:hyperlink r:id="rId1">' in body(tmp_path / "out")


PIECES = st.sampled_from(
    [
        run("word "),
        run("bold ", BOLD),
        run(" "),
        "<w:r><w:tab/><w:t>x</w:t></w:r>",
        "<w:r><w:drawing/></w:r>",
        f'<w:hyperlink r:id="r">{run("link")}<w:r><w:drawing/></w:r></w:hyperlink>',
        '<w:bookmarkStart w:id="0"/>',
        '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>PAGE</w:instrText></w:r>',
        '<w:r><w:fldChar w:fldCharType="separate"/><w:t>3</w:t><w:fldChar w:fldCharType="end"/></w:r>',
    ]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=8))
def test_whatever_a_paragraph_holds_its_new_words_stand_where_the_old_ones_did(pieces: list[str]) -> None:
    from lxml import etree

    paragraph = etree.fromstring(f'<w:p xmlns:w="{FILES_WORD}" xmlns:r="{FILES_OFFICE}">{"".join(pieces)}</w:p>')
    others = [element.tag for element in paragraph.iter() if runs.local(element) in ("drawing", "fldChar", "hyperlink")]
    before = [stretch.source for stretch in runs.stretches(paragraph, WORD)]
    runs.translate(paragraph, WORD, [accented(source) for source in before])
    assert [stretch.source for stretch in runs.stretches(paragraph, WORD)] == [accented(source) for source in before]
    kept = [element.tag for element in paragraph.iter() if runs.local(element) in ("drawing", "fldChar", "hyperlink")]
    assert len(kept) >= len(others)


FILES_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
FILES_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(path: Path, *, formula: str = "") -> Path:
    from openpyxl.worksheet.table import Table

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    for row in (["Name", "Amount"], ["apple", 3], ["Name", 4]):
        sheet.append(row)
    sheet["D1"] = formula or "=B2+1"
    sheet.add_table(Table(displayName="Goods", ref="A1:B3"))
    book.save(path)
    return path


def test_names_of_columns_change_in_cell_and_table_alike(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    assert [(one.place, one.source) for one in formats.extract(str(path), "xlsx")] == [
        ("Sales!A1", "Name"),
        ("Sales!B1", "Amount"),
        ("Sales!A2", "apple"),
        ("Sales!A3", "Name"),
    ]
    sheet = openpyxl.load_workbook(translated(path, "xlsx"))["Sales"]
    assert [cell.value for cell in sheet[1]][:2] == ["Námé", "Ámóúnt"]
    assert [column.name for column in sheet.tables["Goods"].tableColumns] == ["Námé", "Ámóúnt"]
    assert (sheet["A3"].value, sheet["D1"].value) == ("Námé", "=B2+1")


def test_two_columns_of_a_table_never_get_one_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    formats.patch(str(path), str(tmp_path / "out.xlsx"), "xlsx", ["数", "数", "苹果", "名"])
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Sales"]
    assert [column.name for column in sheet.tables["Goods"].tableColumns] == ["数", "Amount"]
    assert [cell.value for cell in sheet[1]][:2] == ["数", "Amount"]


def test_names_of_columns_that_formulas_use_stay(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", formula="=SUM(Goods[Amount])")
    assert sources(path, "xlsx") == ["apple", "Name"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "docx"),
        (b"PK\3\4" + bytes(100), "xlsx"),
        (bomb(), "docx"),
        (b"plain text", "pptx"),
    ],
)
def test_what_is_no_office_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BadFile):
        formats.extract(str(path), kind)


@pytest.mark.parametrize(
    "body_xml",
    [
        "<w:p>" * 300 + "</w:p>" * 300,
        '<!DOCTYPE a [<!ENTITY b "c">]><w:p>&b;</w:p>',
    ],
)
def test_xml_that_is_built_to_hurt_is_refused(tmp_path: Path, body_xml: str) -> None:
    with pytest.raises(BadFile):
        formats.extract(str(word(tmp_path, body_xml)), "docx")


def test_a_document_with_a_dtd_is_refused(tmp_path: Path) -> None:
    path = word(tmp_path, "")
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w") as new:
        new.writestr("[Content_Types].xml", old.read("[Content_Types].xml"))
        new.writestr("word/document.xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>')
    path.write_bytes(buffer.getvalue())
    with pytest.raises(BadFile, match="DTD"):
        formats.extract(str(path), "docx")


def test_another_file_than_the_one_that_was_read_is_not_filled(tmp_path: Path) -> None:
    path = word(tmp_path, f"<w:p>{run('one')}</w:p>")
    with pytest.raises(BadFile, match="1 segments now, 2 were translated"):
        formats.patch(str(path), str(tmp_path / "out"), "docx", ["a", "b"])
