"""What is erased is gone everywhere; what a stop interrupted goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Table, func, select

from hanlin.assistants.documents import DocumentState
from hanlin.assistants.documents.tables import contents, documents, makings, readings, results, uses
from hanlin.errors import NotFound
from hanlin.storage import Database
from tests.assistants.documents.office import OWNER, Office, Script, answer, numbered, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")
TEXT = "The ferry to the island leaves at nine. " + "It takes an hour to cross the strait. " * 9


async def count(office: Office, table: Table) -> int:
    async with office.database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


async def test_erasing_a_document_leaves_nothing_of_it(fresh: Office) -> None:
    document = await fresh.paste(TEXT)
    fresh.calls.reply = lambda messages: answer("The ferry leaves at nine.", numbered(messages, "ferry"))
    made = await fresh.documents.ask(OWNER, "When does the ferry leave?", documents=[document.id])
    await fresh.documents.erase(OWNER, document.id)
    assert [await count(fresh, table) for table in (documents, contents, readings, results, uses, makings)] == [0] * 6
    assert await fresh.index.count(document.id) == 0
    for call in (fresh.documents.result(OWNER, made.id), fresh.files.get(OWNER, document.file)):
        with pytest.raises(NotFound):
            await call
    assert await fresh.jobs.of(document.id) is None


async def test_erasing_a_file_erases_its_documents(fresh: Office) -> None:
    path = fresh.folder / "ferry.txt"
    path.write_text(TEXT, encoding="utf-8")
    document = await fresh.bring(path)
    await fresh.files.erase(OWNER, document.file)
    assert await fresh.documents.documents(OWNER) == []
    assert await fresh.documents.search(OWNER, "ferry") == []
    assert await fresh.index.count(document.id) == 0


async def test_reading_goes_on_after_a_stop(peopled: Database, tmp_path: Path) -> None:
    """Stopped while it waits, begun anew by another server over the same folder."""
    async with opened(peopled, tmp_path, Script(lambda _: "")) as office:
        started = await office.documents.paste(OWNER, TEXT)
    async with opened(peopled, tmp_path, Script(lambda _: "")) as office:
        document = await office.read(await office.documents.document(OWNER, started.id))
        assert document.state is DocumentState.READY
        assert len(await office.documents.search(OWNER, "ferry")) == document.passages
