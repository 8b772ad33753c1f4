"""PDF: order, paragraphs, headings, running lines, tables, scans, and where each sentence stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.errors import BadFile
from hanlin.reading import Document, Limits, outline, places, read, tables
from hanlin.reading.kinds import pdf as reader
from tests.reading.samples import DOCUMENTS, pdf, scan

LEFT = [f"the left side runs on with words of line {number} and" for number in range(12)]
RIGHT = [f"on the right side there are the words of line {number}" for number in range(12)]


def read_bytes(tmp_path: Path, data: bytes) -> Document:
    file = tmp_path / "file.pdf"
    file.write_bytes(data)
    return read(str(file), file.name, Limits())


def two_columns() -> bytes:
    print_ = [(60.0, 780.0, 20.0, "A title over both of the two columns")]
    print_ += [(60.0, 740.0 - 14 * row, 10.0, text) for row, text in enumerate(LEFT)]
    print_ += [(310.0, 740.0 - 14 * row, 10.0, text) for row, text in enumerate(RIGHT)]
    return pdf(sorted(print_, key=lambda each: -each[1]))


def test_two_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, two_columns())
    assert document.blocks[0].kind == "title"
    text = document.text
    assert [text.find(f"line {number} and") for number in range(12)] == sorted(
        text.find(f"line {n} and") for n in range(12)
    )
    assert text.index("words of line 11 and") < text.index("on the right side there are the words of line 0")


def test_lines_of_a_paragraph_are_joined_and_words_made_whole(tmp_path: Path) -> None:
    lines = ["Self-hosted models need a good deal of mem-", "ory, and they should be examined before", "they serve."]
    document = read_bytes(tmp_path, pdf([(60, 700 - 14 * row, 11, line) for row, line in enumerate(lines)]))
    assert [block.text for block in document.blocks] == [
        "Self-hosted models need a good deal of memory, and they should be examined before they serve."
    ]


def test_chinese_lines_are_joined_without_a_blank(tmp_path: Path) -> None:
    lines = ["生成式人工智能服务提供者应当依法承担网络信息", "内容生产者责任，履行网络信息安全义务。"]
    data = pdf([(60, 700 - 16 * row, 12, line) for row, line in enumerate(lines)], font="STSong-Light")
    assert read_bytes(tmp_path, data).text == "".join(lines)


def test_larger_letters_make_headings_by_their_size(tmp_path: Path) -> None:
    body = [(60.0, 600.0 - 14 * row, 10.0, "plain words fill the page to its right edge here") for row in range(9)]
    print_ = [(60.0, 800.0, 24.0, "Report"), (60.0, 760.0, 16.0, "Part one"), (60.0, 640.0, 13.0, "Detail"), *body]
    found = [(entry.text, entry.level) for entry in outline(read_bytes(tmp_path, pdf(print_)))]
    assert found == [("Report", 0), ("Part one", 2), ("Detail", 3)]


def test_running_headers_and_page_numbers_become_notes(tmp_path: Path) -> None:
    pages = [
        [
            (60.0, 820.0, 9.0, "Quarterly paper"),
            (60.0, 500.0, 11.0, f"Words of page {number}."),
            (300.0, 20.0, 9.0, f"{number}"),
        ]
        for number in range(1, 5)
    ]
    document = read_bytes(tmp_path, pdf(*pages))
    assert {block.text for block in document.blocks if block.kind == "note"} == {"Quarterly paper", "1", "2", "3", "4"}
    assert [block.text for block in document.blocks if block.kind != "note"] == [
        f"Words of page {n}." for n in range(1, 5)
    ]
    assert [block.page for block in document.blocks if block.kind != "note"] == [1, 2, 3, 4]


def test_a_ruled_table_keeps_its_rows_and_cells(tmp_path: Path) -> None:
    flat = [(60, 700 - 20 * row, 360, 700 - 20 * row) for row in range(4)]
    upright = [(60 + 100 * col, 640, 60 + 100 * col, 700) for col in range(4)]
    cells = [["Name", "Unit", "Price"], ["Tea", "kg", "12"], ["Salt", "", "3"]]
    print_ = [
        (65.0 + 100 * col, 685.0 - 20 * row, 10.0, text)
        for row, texts in enumerate(cells)
        for col, text in enumerate(texts)
    ]
    document = read_bytes(
        tmp_path, pdf([*print_, (60, 720, 10, "Before it."), (60, 600, 10, "After it.")], lines=[*flat, *upright])
    )
    assert [table.rows for table in tables(document)] == [tuple(map(tuple, cells))]
    assert [block.kind for block in document.blocks] == ["text", "table", "text"]


def test_merged_cells_have_their_text_once(tmp_path: Path) -> None:
    lines = [(60, y, 260, y) for y in (700, 680, 660)] + [(x, 660, x, 700) for x in (60, 260)] + [(160, 660, 160, 680)]
    print_ = [(120.0, 685.0, 10.0, "Over both of them"), (65.0, 665.0, 10.0, "one"), (165.0, 665.0, 10.0, "two")]
    document = read_bytes(tmp_path, pdf([*print_, (60, 640, 10, "x")], lines=[*lines, (160, 660, 160, 640)]))
    assert [table.rows for table in tables(document)] in ([], [(("Over both of them", ""), ("one", "two"))])


def test_a_table_without_rules_is_found_by_its_columns(tmp_path: Path) -> None:
    rows = [
        ("Country", "Capital", "People"),
        ("Vietnam", "Hanoi", "98"),
        ("Thailand", "Bangkok", "70"),
        ("Laos", "Vientiane", "7"),
    ]
    print_ = [
        (60.0 + 130 * col, 700.0 - 16 * row, 10.0, text)
        for row, texts in enumerate(rows)
        for col, text in enumerate(texts)
    ]
    assert [table.rows for table in tables(read_bytes(tmp_path, pdf(print_)))] == [tuple(rows)]


def test_a_sentence_is_found_again_on_the_page(tmp_path: Path) -> None:
    lines = ["The first sentence ends. The second sentence is longer and", "goes on here. A third one."]
    document = read_bytes(tmp_path, pdf([(60, 700, 10, lines[0]), (60, 686, 10, lines[1])]))
    first, second = places(document, 1, "The second sentence is longer\nand goes on here.")
    assert first[:2] == pytest.approx((60 / 595, (842 - 710) / 842), abs=0.01)
    assert second[1] > first[1]
    assert places(document, 1, "A third one.") == (second,)
    assert places(document, 2, "A third one.") == ()
    assert places(document, 1, "Not there.") == ()


def test_rotated_pages_are_read_as_they_are_shown(tmp_path: Path) -> None:
    import pikepdf

    file = tmp_path / "turned.pdf"
    file.write_bytes(pdf([(60, 700, 10, "Turned words.")]))
    with pikepdf.open(file, allow_overwriting_input=True) as document:
        document.pages[0].Rotate = 90
        document.save()
    found = read(str(file), "turned.pdf", Limits())
    assert (found.pages[0].width, found.pages[0].height) == (842, 595)
    box = found.blocks[0].box
    assert box is not None
    assert box[0] == pytest.approx(700 / 842, abs=0.02)


def test_a_picture_of_a_page_is_marked_as_a_scan(tmp_path: Path) -> None:
    document = read_bytes(tmp_path, scan())
    assert [page.scanned for page in document.pages] == [True]
    assert document.blocks == ()


def test_a_locked_pdf_says_so(tmp_path: Path) -> None:
    import pikepdf

    file = tmp_path / "locked.pdf"
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(pdf([(60, 700, 10, "x")]))
    with pikepdf.open(plain) as document:
        document.save(file, encryption=pikepdf.Encryption(owner="a", user="b"))
    with pytest.raises(BadFile, match="password") as refused:
        read(str(file), "locked.pdf", Limits())
    assert refused.value.code == "encrypted_file"


def test_more_pages_than_the_limit_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "long.pdf"
    file.write_bytes(pdf(*[[(60.0, 700.0, 10.0, "x")]] * 4))
    with pytest.raises(BadFile, match="4 pages"):
        reader.read_pdf(str(file), Limits(pages=3))


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="shared data absent")
def test_a_two_column_paper_keeps_table_footnotes_and_sections_apart() -> None:
    document = read(str(DOCUMENTS / "docling_normal_4pages.pdf"), "paper.pdf", Limits())
    assert document.title == "코로나-19 관련 보험약관상 재해보험금 지급문제 및 개선과제"
    assert [entry.text for entry in outline(document)][-3:] == ["3 문제점", "4 개선과제", "5 맺으며"]
    assert tables(document)[0].rows[0] == ("구분", "개정전", "개정후")
    assert any(block.kind == "note" and block.text.startswith("8) 대수의 법칙은") for block in document.blocks)
