"""Results and tables as files that people open."""

from __future__ import annotations

import csv
from pathlib import Path

import docx
import pytest
from openpyxl import load_workbook

from hanlin.assistants.documents import Change, Citation, Result, ResultKind, ResultState, Table
from hanlin.assistants.documents.exporting import of_markdown, write_result, write_tables
from hanlin.errors import NotFound
from hanlin.writing import Part

CITATION = Citation(number=1, document="doc_1", name="租约.pdf", page=3, block=7, sentence="月租金为4200元。")
RESULT = Result(
    id="work_1",
    kind=ResultKind.ANSWER,
    state=ResultState.DONE,
    asked="月租金是多少？",
    text="月租金为4200元。[1]",
    citations=(CITATION,),
    created_at=0,
)


@pytest.mark.parametrize("kind", ["docx", "md", "pdf", "html", "txt"])
async def test_a_result_is_written_with_its_sources(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "result"
    assert await write_result(RESULT, kind, path) == f"answer.{kind}"  # type: ignore[arg-type]
    content = path.read_bytes()
    if kind == "docx":
        text = "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)
        assert "[1] 租约.pdf, 第3页: 月租金为4200元。" in " ".join(text.split())
    elif kind == "pdf":
        assert content.startswith(b"%PDF")
    else:
        assert "月租金为4200元" in content.decode()


def test_markdown_becomes_parts() -> None:
    text = "# Title\n\nSome **bold** words.\n- one\n  - two\n1. three\n\n| a | b |\n| - | - |\n| c | d |\nEnd."
    assert list(of_markdown(text)) == [
        Part("heading", "Title", level=1),
        Part("text", "Some bold words."),
        Part("list", "one", level=1),
        Part("list", "two", level=2),
        Part("list", "three", level=1),
        Part("table", rows=(("a", "b"), ("c", "d"))),
        Part("text", "End."),
    ]


async def test_a_comparison_is_written_as_a_table(tmp_path: Path) -> None:
    change = Change(before="4,200", after="4,600", words="The rent rose.")
    result = Result(id="work_1", kind=ResultKind.COMPARISON, state=ResultState.DONE, changes=(change,), created_at=0)
    await write_result(result, "docx", tmp_path / "result")
    (table,) = docx.Document(str(tmp_path / "result")).tables
    assert [cell.text for cell in table.rows[1].cells] == ["4,200", "4,600", "The rent rose."]


TABLES = [
    Table(document="doc_1", page=1, block=2, title="Prices [2025]", rows=(("item", "price"), ("=1+1", "-5"))),
    Table(document="doc_1", page=2, block=5, title="", rows=(("@x", "\x07bell"),)),
]


async def test_cells_are_never_formulas(tmp_path: Path) -> None:
    book, plain = tmp_path / "book", tmp_path / "plain"
    assert await write_tables(TABLES, "xlsx", book) == "tables.xlsx"
    book.rename(book.with_suffix(".xlsx"))
    sheets = load_workbook(book.with_suffix(".xlsx")).worksheets
    assert [sheet.title for sheet in sheets] == ["1 Prices  2025", "2"]
    assert [(cell.value, cell.data_type) for cell in sheets[0][2]] == [("=1+1", "s"), ("-5", "s")]
    assert await write_tables(TABLES, "csv", plain, 0) == "table-1.csv"
    assert list(csv.reader(plain.read_text("utf-8-sig").splitlines())) == [["item", "price"], ["'=1+1", "-5"]]


async def test_without_tables_there_is_no_file(tmp_path: Path) -> None:
    for tables, number in (([], 0), (TABLES, 2), (TABLES, -1)):
        with pytest.raises(NotFound):
            await write_tables(tables, "csv", tmp_path / "none", number)
