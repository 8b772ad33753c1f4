from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import docx
import lxml.html
import openpyxl
import pikepdf
import pptx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Dictionary, Name
from PIL import ImageFont

from hanlin.errors import BadFile
from hanlin.labels.explicit import document, page_text
from hanlin.labels.formats import ooxml
from tests.labels.formats.test_ooxml import SHARED as SHARED_OFFICE
from tests.labels.formats.test_ooxml import changed, part, slides, word, workbook
from tests.labels.formats.test_pdf import SHARED as SHARED_PDF
from tests.labels.formats.test_pdf import blank, signed
from tests.labels.formats.test_xmp import data, mutated

ZH, EN = "本内容由人工智能生成", "AI-generated content"
MADE: dict[str, Callable[[], bytes]] = {
    "docx": word,
    "pptx": slides,
    "xlsx": workbook,
    "pdf": blank,
    "md": lambda: b"---\ntitle: T\n---\n\n# Head\n",
    "html": lambda: b"<!doctype html><html><head><title>T</title></head><body class=x><p>Text</p></body></html>",
    "txt": lambda: b"Text\n",
}


def pages(
    texts: Sequence[Sequence[tuple[float, float, str]]], *, rotation: int = 0, crop: tuple[float, ...] = ()
) -> bytes:
    """A PDF with words at places, in points from the lower left corner of the page as it is written."""
    made, file = pikepdf.new(), io.BytesIO()
    for words in texts:
        page = made.add_blank_page(page_size=(400, 300))
        page.resources.Font = Dictionary(F=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
        lines = "".join(f"BT /F 10 Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in words)
        page.Contents = pikepdf.Stream(made, lines.encode())
        page.obj.Rotate = rotation
        if crop:
            page.obj.CropBox = pikepdf.Array(crop)
    made.save(file, static_id=True)
    return file.getvalue()


def label_box(file: bytes, number: int = 0) -> page_text.Box:
    with pikepdf.open(io.BytesIO(file)) as made:
        (span,) = (one for one in page_text.spans(made, made.pages[number]) if one.text in (ZH, EN))
        return span.box


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_document_gets_its_label_once(name: str, language: str) -> None:
    file = MADE[name]()
    assert not document.stands_in(file, name)
    made = document.add(file, name, language)
    assert document.stands_in(made, name)
    assert document.add(made, name, language) == made


@pytest.mark.parametrize("name", ["png", "json", "sse", "mp3", "nothing"])
def test_other_formats_have_no_place_for_it(name: str) -> None:
    assert not document.can_carry(name)
    assert not document.stands_in(b"", name)
    with pytest.raises(BadFile):
        document.add(b"{}", name, "zh")


@pytest.mark.parametrize("name", [*SHARED_OFFICE, *SHARED_PDF, "kreuzberg_beijing_chinese.html"])
def test_real_documents_have_none_and_get_one(name: str) -> None:
    file, kind = data("documents", name).read_bytes(), name.rpartition(".")[2]
    assert not document.stands_in(file, kind)
    assert document.stands_in(document.add(file, kind, "zh"), kind)


@pytest.mark.parametrize("name", [name for name in SHARED_OFFICE if name.endswith("docx")])
def test_in_word_it_is_the_first_line_and_the_rest_stays(name: str) -> None:
    file = data("documents", name).read_bytes()
    made = document.add(file, "docx", "zh")
    before, after = docx.Document(io.BytesIO(file)), docx.Document(io.BytesIO(made))
    assert [one.text for one in after.paragraphs] == [ZH, *(one.text for one in before.paragraphs)]
    with zipfile.ZipFile(io.BytesIO(file)) as old, zipfile.ZipFile(io.BytesIO(made)) as new:
        assert [one for one in old.namelist() if old.read(one) != new.read(one)] == ["word/document.xml"]


def test_a_label_in_the_header_of_a_word_file_is_seen() -> None:
    made, file = docx.Document(io.BytesIO(word())), io.BytesIO()
    made.sections[0].header.paragraphs[0].text = "AI生成"
    made.save(file)
    assert document.stands_in(file.getvalue(), "docx")


def test_slides_carry_it_in_the_upper_right_corner_of_the_first_and_the_last() -> None:
    made = pptx.Presentation(io.BytesIO(document.add(slides(3), "pptx", "en")))
    texts = [[shape.text_frame.text for shape in slide.shapes if shape.has_text_frame] for slide in made.slides]
    assert [EN in one for one in texts] == [True, False, True]
    shape = made.slides[0].shapes[-1]
    assert (shape.left + shape.width, shape.top) == (made.slide_width, 0)
    assert shape.width < made.slide_width // 3
    identities = [one.shape_id for one in made.slides[0].shapes]
    assert len(set(identities)) == len(identities)
    title = made.slides[0].shapes.title
    assert shape.top + shape.height <= title.top


def test_a_presentation_of_one_slide_has_one_label_and_one_without_slides_none() -> None:
    made = pptx.Presentation(io.BytesIO(document.add(slides(1), "pptx", "en")))
    assert [shape.name for shape in made.slides[0].shapes].count("AI label") == 1
    with pytest.raises(BadFile):
        document.add(slides(0), "pptx", "en")


def test_in_excel_it_is_a_last_sheet_and_the_page_header_and_no_cell_moves() -> None:
    file = workbook()
    made = openpyxl.load_workbook(io.BytesIO(document.add(file, "xlsx", "zh")))
    assert made.sheetnames == ["Sheet", "AI生成"]
    assert made.worksheets[1]["A1"].value == ZH
    assert made.worksheets[0].oddHeader.right.text == ZH
    assert [[cell.value for cell in row] for row in made.worksheets[0]] == [["a", 1, "=SUM(B:B)"]]
    assert made.active.title == "Sheet"


def test_a_page_header_of_ones_own_is_kept() -> None:
    book, file = openpyxl.load_workbook(io.BytesIO(workbook())), io.BytesIO()
    book.active.oddHeader.left.text = "Secret"
    book.save(file)
    made = openpyxl.load_workbook(io.BytesIO(document.add(file.getvalue(), "xlsx", "zh")))
    assert (made.worksheets[0].oddHeader.left.text, made.sheetnames[-1]) == ("Secret", "AI生成")


@pytest.mark.parametrize("place", ["A1", "A9"])
def test_a_label_among_the_cells_is_seen(place: str) -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for number in range(2, 9):
        book.active[f"A{number}"] = f"value {number}"
    book.active[place] = "以上内容由AI生成，仅供参考"
    book.save(file)
    assert document.stands_in(file.getvalue(), "xlsx")


def test_a_signed_office_file_is_left_alone() -> None:
    for name, make in (("docx", word), ("pptx", slides), ("xlsx", workbook)):
        file = changed(make(), {"_xmlsignatures/origin.sigs": b""})
        with pytest.raises(BadFile, match="signed"):
            document.add(file, name, "zh")


def test_a_signed_pdf_is_left_alone() -> None:
    with pytest.raises(BadFile, match="signed"):
        document.add(signed(), "pdf", "zh")


def test_a_pdf_carries_it_as_text_on_its_first_and_last_page() -> None:
    made = document.add(pages([[(50, 250, "One")], [(50, 250, "Two")], [(50, 250, "Three")]]), "pdf", "zh")
    with pikepdf.open(io.BytesIO(made)) as opened:
        assert opened.check_pdf_syntax() == []
        texts = [[span.text for span in page_text.spans(opened, page)] for page in opened.pages]
    assert texts == [["One", ZH], ["Two"], ["Three", ZH]]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [(), (20, 30, 380, 290)])
def test_on_a_turned_or_cut_page_it_is_upright_in_the_lower_right_corner(
    rotation: int, crop: tuple[float, ...]
) -> None:
    made = document.add(pages([[(150, 150, "Middle")]], rotation=rotation, crop=crop), "pdf", "zh")
    width, height = (360, 260) if crop else (400, 300)
    seen_width = height if rotation % 180 else width
    left, bottom, right, top = label_box(made)
    assert seen_width - 30 < right < seen_width - 12
    assert 10 < bottom < 20
    assert right - left > 5 * (top - bottom)


def test_it_stands_in_the_first_corner_that_holds_no_text() -> None:
    long = "a line that reaches from one edge of the page over to the other edge of it, all along"
    left, bottom, _, _ = label_box(document.add(pages([[(10, 14, long)]]), "pdf", "en"))
    assert (left > 200, bottom > 270) == (True, True)
    left, bottom, _, _ = label_box(document.add(pages([[(330, 14, "Page 1"), (10, 282, long)]]), "pdf", "en"))
    assert (left < 30, bottom < 20) == (True, True)


def test_a_line_of_ones_own_at_the_edge_of_a_page_is_a_label_and_a_sentence_is_none() -> None:
    assert document.stands_in(
        pages([[(50, 280, "AI-generated content"), (50, 150, "Text"), (50, 20, "Page 1")]]), "pdf"
    )
    assert document.stands_in(pages([[(50, 20, "AI"), (62, 20, "-generated"), (300, 20, "Page 1")]]), "pdf")
    for words in ("AI-generated content is everywhere", "Page 1"):
        assert not document.stands_in(pages([[(50, 280, words)]]), "pdf")


def crowded(content: bytes, *, forms: int = 0) -> bytes:
    """A page with this content, and with forms that each draw the next one many times."""
    made, file = pikepdf.open(io.BytesIO(pages([[]]))), io.BytesIO()
    resources = Dictionary()
    for _ in range(forms):
        form = pikepdf.Stream(made, b"/X Do " * 1_000, Type=Name.XObject, Subtype=Name.Form, Resources=resources)
        resources = Dictionary(XObject=Dictionary(X=form))
    made.pages[0].Contents = pikepdf.Stream(made, content)
    made.pages[0].obj.Resources = resources
    made.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "forms"),
    [
        (b"/X Do " * 1_000, 4),
        (b"(x) Tj " * 250_000, 0),
        (b"q " * 900_000, 0),
        (b"BT " + b"1 0 0 1 9 9 Tm " * 100_000, 0),
    ],
)
def test_hostile_pages_end_soon(content: bytes, forms: int) -> None:
    file = crowded(content, forms=forms)
    started = time.monotonic()
    assert not document.stands_in(file, "pdf")
    assert time.monotonic() - started < 6


def test_a_page_that_is_too_long_to_read_gets_its_label_once() -> None:
    file = crowded(b"0 0 m 9 9 l S\n" * 60_000)
    made = document.add(file, "pdf", "zh")
    assert document.add(made, "pdf", "zh") == made


def test_every_glyph_of_the_labels_is_in_the_font() -> None:
    font = ImageFont.truetype(str(document.FONT), 40)
    empty = bytes(font.getmask("\U0010fffd"))
    assert all(bytes(font.getmask(character)) != empty for character in (ZH + EN).replace(" ", ""))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_plain_text_keeps_its_encoding(encoding: str) -> None:
    made = document.add("你好，世界。".encode(encoding), "txt", "zh")
    assert made.decode(encoding) == f"{ZH}\n\n你好，世界。"


def test_the_line_of_the_implicit_label_does_not_hide_the_explicit_one() -> None:
    body = "甲乙丙丁" * 40
    assert document.stands_in(f"{body}\n\nAI生成\nAIGC: {{{'x' * 200}}}\n".encode(), "txt")


def test_text_that_is_no_text_is_a_bad_file() -> None:
    with pytest.raises(BadFile):
        document.add(b"\x81\xff\xff\x00", "txt", "zh")


def test_in_markdown_it_follows_the_front_matter() -> None:
    assert document.add(b"---\r\na: 1\r\n---\r\n# T\r\n", "md", "en") == (
        f"---\r\na: 1\r\n---\r\n\r\n> {EN}\r\n\r\n# T\r\n".encode()
    )
    assert document.add(b"# T\n", "md", "zh").decode() == f"> {ZH}\n\n# T\n"


@pytest.mark.parametrize(
    "markup",
    [
        "<!doctype html><html><head><meta charset=gbk><title>T</title></head><body class='x'><p>Text</p></body></html>",
        "<title>T</title><style>p{}</style><p>Text</p>",
        "<html><head><title>T</title></head><p>Text</p></html>",
        "<!-- <body> --><p>Text</p>",
    ],
)
def test_in_html_it_is_the_first_thing_of_the_body(markup: str) -> None:
    made = document.add(markup.encode("gbk"), "html", "zh")
    body = lxml.html.document_fromstring(made.decode("gbk")).body
    notes = body.xpath("//*[@role='note']")
    assert [one.text for one in notes] == [ZH]
    assert body[0] is notes[0]
    assert "Text" in body.text_content()
    head = lxml.html.document_fromstring(made.decode("gbk")).xpath("//head/title")
    assert len(head) == markup.count("<title>")


def test_a_label_in_html_is_seen_through_its_markup_and_not_in_scripts() -> None:
    assert document.stands_in("<body><div><b>AI</b><span>生成</span></div><p>文</p>".encode(), "html")
    assert not document.stands_in("<body><script>AI生成</script><!-- AI生成 --><p>文</p>".encode(), "html")


FILES = {name: [document.add(make(), name, "zh"), make()] for name, make in MADE.items()}


@given(st.data(), st.sampled_from(sorted(MADE)))
def test_any_damage_gives_a_bad_file_or_a_label(drawn: Any, name: str) -> None:
    file = drawn.draw(mutated(FILES[name]))
    try:
        made = document.add(file, name, "zh")
    except BadFile:
        return
    assert document.stands_in(made, name)


def test_a_label_that_nobody_would_see_is_a_bad_file() -> None:
    with pytest.raises(BadFile, match="could not be put"):
        document.add(b"<html><title>never closed<body>", "html", "zh")


def test_a_part_in_utf_16_is_a_bad_file() -> None:
    file = changed(word(), {"word/document.xml": part(word(), "word/document.xml").decode().encode("utf-16")})
    with pytest.raises(BadFile):
        document.add(file, "docx", "zh")


def test_a_package_without_a_main_part_is_a_bad_file() -> None:
    file = changed(word(), {ooxml.RELATIONS: b"<Relationships/>"})
    with pytest.raises(BadFile, match="main part"):
        document.stands_in(file, "docx")
