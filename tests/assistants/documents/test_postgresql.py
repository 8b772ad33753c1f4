"""The statements of the room run on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hanlin.assistants.documents import Summary
from hanlin.errors import NotFound
from tests.assistants.documents.office import COLLEAGUE, OWNER, Office, answer, numbered
from tests.storage.databases import DATABASE, EMPTY
from tests.storage.postgresql import Server

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
TEXT = "The library opens at eight. " + "It lends books and maps to everybody in town. " * 40


@pytest.fixture(scope="module")
def database_url(postgresql_server: Server) -> Iterator[str]:
    yield postgresql_server.url(DATABASE)
    postgresql_server.execute(DATABASE, EMPTY)


async def test_on_postgresql_too(office: Office) -> None:
    shelf = await office.documents.create(OWNER, "Town", shared=True)
    document = await office.paste(TEXT, collection=shelf.id)
    office.calls.reply = lambda messages: answer("It opens at eight.", numbered(messages, "opens"))
    found = await office.documents.ask(COLLEAGUE, "When does the library open?", collection_id=shelf.id)
    assert found.found
    assert (await office.documents.results(COLLEAGUE, document_id=document.id))[0] == found
    assert await office.documents.thread(COLLEAGUE, found.id) == [found]
    assert await office.documents.search(COLLEAGUE, "library maps") != []
    assert len(await office.documents.documents(OWNER, search="LIBRARY")) == 1
    office.calls.window = 300
    made = await office.made(await office.documents.summarise(OWNER, [document.id], Summary()))
    assert len(made.request_ids) > 1
    await office.documents.change(OWNER, shelf.id, shared=False)
    with pytest.raises(NotFound):
        await office.documents.result(COLLEAGUE, found.id)
    await office.documents.remove(OWNER, shelf.id)
    await office.documents.open()
    assert await office.documents.results(OWNER) == []
