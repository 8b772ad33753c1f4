"""Reading a document: its content, scanned pages, passages; what fails, what is erased."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.assistants.documents import DocumentState
from hanlin.errors import BadRequest, NotFound
from hanlin.types import Line, Recognised
from tests.assistants.documents.office import OWNER, Office, answer, numbered

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "The ferry to the island leaves at nine. " + "It takes an hour to cross the strait. " * 9


async def test_a_pasted_text_is_read_and_found(office: Office) -> None:
    document = await office.paste(TEXT)
    assert (document.state, document.pages, document.kind) == (DocumentState.READY, 1, "text")
    assert document.name == "The ferry to the island leaves at nine. It takes an hour to cross the strait. It.txt"
    assert document.passages >= 1
    (hit, *_) = await office.documents.search(OWNER, "ferry island")
    assert (hit.document, hit.page) == (document.id, 1)
    assert [hit.text[start:end] for start, end in hit.marks][:2] == ["ferry", "island"]


async def test_a_scanned_page_is_recognised_and_then_read(office: Office, shared: Path) -> None:
    lines = (
        Line("Docling bundles PDF conversion", (100, 100, 900, 140)),
        Line("in one package.", (100, 150, 500, 190)),
    )
    office.calls.recognised = Recognised(lines, 1600, 2200)
    document = await office.bring(shared / "docling_ocr_test.pdf")
    assert (document.state, document.scanned, document.notices) == (DocumentState.READY, 0, ())
    office.calls.reply = lambda messages: answer("Docling bundles PDF conversion.", numbered(messages, "Docling"))
    result = await office.documents.ask(OWNER, "What does Docling bundle?", documents=[document.id])
    assert result.citations[0].boxes


async def test_without_recognition_a_scan_says_so_and_can_be_read_later(office: Office, shared: Path) -> None:
    document = await office.bring(shared / "docling_ocr_test.pdf")
    assert (document.state, document.scanned) == (DocumentState.READY, 1)
    assert "ocr_missing" in document.notices
    office.calls.recognised = Recognised((Line("Now it can be read.", (1, 1, 9, 9)),), 10, 10)
    again = await office.read(await office.documents.read_again(OWNER, document.id))
    assert (again.scanned, again.notices) == (0, ())
    assert await office.documents.search(OWNER, "Now it can be read") != []


async def test_a_file_that_cannot_be_read_says_why(office: Office) -> None:
    path = office.folder / "broken.pdf"
    path.write_bytes(b"%PDF-1.7\nthis is no document\n")
    document = await office.bring(path)
    assert document.state is DocumentState.FAILED
    assert document.problem
    with pytest.raises(NotFound):
        await office.documents.result(OWNER, document.id.replace("doc_", "work_"))


async def test_removing_a_collection_erases_its_documents_and_keeps_uploaded_files(office: Office) -> None:
    shelf = await office.documents.create(OWNER, "Ferries")
    path = office.folder / "ferry.txt"
    path.write_text(TEXT, encoding="utf-8")
    document = await office.bring(path, collection=shelf.id)
    await office.documents.remove(OWNER, shelf.id)
    assert await office.index.count(document.id) == 0
    assert (await office.files.get(OWNER, document.file)).id == document.file


async def test_a_pasted_text_has_bounds(office: Office) -> None:
    for text in ("", " \n", "x" * 1_000_001):
        with pytest.raises(BadRequest):
            await office.documents.paste(OWNER, text)


async def test_parts_tables_and_outline_stand_as_in_the_file(office: Office, shared: Path) -> None:
    document = await office.bring(shared / "docling_word_sample.docx")
    parts = await office.documents.parts(OWNER, document.id)
    assert [part.block for part in parts] == list(range(len(parts)))
    assert "Summer activities" in {part.text for part in parts}
    (table,) = await office.documents.tables(OWNER, document.id)
    assert "200" in {cell for row in table.rows for cell in row}
    assert "Let’s swim!" in {entry.text for entry in await office.documents.outline(OWNER, document.id)}
    path = office.folder / "tables"
    assert await office.documents.write_tables(OWNER, document.id, path) == "tables.xlsx"
    assert path.read_bytes().startswith(b"PK")
