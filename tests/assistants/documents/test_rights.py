"""Who may read what: one's own, what is shared in the workspace, and nothing else, anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hanlin.assistants.documents import Documents, Summary
from hanlin.errors import BadRequest, Conflict, NotAllowed, NotFound
from hanlin.types import Actor, new_id
from tests.assistants.documents.office import COLLEAGUE, OWNER, STRANGER, Office, answer, numbered
from tests.review.conftest import AUDITOR

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "The merger with Osprey Mills closes on 14 September. " + "It is worth 88 million yuan in all. " * 9

ByDocument = Callable[[Documents, Actor, str], Awaitable[Any]]
BY_DOCUMENT: dict[str, ByDocument] = {
    "document": lambda room, actor, each: room.document(actor, each),
    "parts": lambda room, actor, each: room.parts(actor, each),
    "picture": lambda room, actor, each: room.picture(actor, each, 1),
    "outline": lambda room, actor, each: room.outline(actor, each),
    "tables": lambda room, actor, each: room.tables(actor, each),
    "erase": lambda room, actor, each: room.erase(actor, each),
    "read_again": lambda room, actor, each: room.read_again(actor, each),
    "search": lambda room, actor, each: room.search(actor, "merger", documents=[each]),
    "ask": lambda room, actor, each: room.ask(actor, "When is the merger?", documents=[each]),
    "summarise": lambda room, actor, each: room.summarise(actor, [each], Summary()),
    "draft": lambda room, actor, each: room.draft(actor, "Write of the merger.", documents=[each]),
    "compare": lambda room, actor, each: room.compare(actor, each, new_id("doc")),
}


async def test_a_private_document_is_unknown_to_everybody_else(fresh: Office) -> None:
    """With the words of a random id: not even its existence is told."""
    document = await fresh.paste(SECRET, name="merger")
    with pytest.raises(NotFound) as random:
        await fresh.documents.document(OWNER, new_id("doc"))
    for actor in (COLLEAGUE, STRANGER):
        for name, call in BY_DOCUMENT.items():
            for each in (document.id, document.id.upper(), "doc_1", "' OR 1=1 --"):
                with pytest.raises(NotFound) as caught:
                    await call(fresh.documents, actor, each)
                assert str(caught.value) == str(random.value), name
        assert await fresh.documents.search(actor, "merger Osprey") == []
        assert await fresh.documents.documents(actor) == []
        assert not (await fresh.documents.ask(actor, "When does the merger with Osprey Mills close?")).found
    assert fresh.calls.asked == []


async def test_a_shared_collection_is_read_in_its_workspace_and_changed_by_its_owner(fresh: Office) -> None:
    shelf = await fresh.documents.create(OWNER, "Deals", shared=True)
    document = await fresh.paste(SECRET, collection=shelf.id)
    assert [each.text for each in await fresh.documents.search(COLLEAGUE, "Osprey Mills")] != []
    assert (await fresh.documents.document(COLLEAGUE, document.id)).id == document.id
    assert shelf.id in {each.id for each in await fresh.documents.collections(COLLEAGUE)}
    for change in (
        fresh.documents.change(COLLEAGUE, shelf.id, name="Mine"),
        fresh.documents.remove(COLLEAGUE, shelf.id),
        fresh.documents.erase(COLLEAGUE, document.id),
        fresh.documents.read_again(COLLEAGUE, document.id),
        fresh.documents.paste(COLLEAGUE, "Something of my own.", collection_id=shelf.id),
    ):
        with pytest.raises(NotAllowed):
            await change
    with pytest.raises(NotFound):
        await fresh.documents.collection(STRANGER, shelf.id)
    assert await fresh.documents.search(STRANGER, "Osprey Mills") == []


async def test_the_end_of_sharing_ends_what_was_made_of_it(fresh: Office) -> None:
    """At once, in search, lists, citations and results."""
    shelf = await fresh.documents.create(OWNER, "Deals", shared=True)
    await fresh.paste(SECRET, collection=shelf.id)
    fresh.calls.reply = lambda messages: answer("It closes on 14 September.", numbered(messages, "closes"))
    found = await fresh.documents.ask(COLLEAGUE, "When does the merger with Osprey Mills close?")
    assert found.found
    with pytest.raises(NotFound):
        await fresh.documents.result(OWNER, found.id)
    await fresh.documents.change(OWNER, shelf.id, shared=False)
    assert await fresh.documents.search(COLLEAGUE, "Osprey Mills") == []
    assert await fresh.documents.results(COLLEAGUE) == []
    with pytest.raises(NotFound):
        await fresh.documents.result(COLLEAGUE, found.id)
    with pytest.raises(NotFound):
        await fresh.documents.thread(COLLEAGUE, found.id)


async def test_everybody_has_a_collection_of_their_own(office: Office) -> None:
    (mine,) = await office.documents.collections(OWNER)
    assert (mine.personal, mine.shared, mine.name) == (True, False, "")
    assert [each.id for each in await office.documents.collections(OWNER)] == [mine.id]
    for change in (
        office.documents.change(OWNER, mine.id, shared=True),
        office.documents.change(OWNER, mine.id, name="Mine"),
        office.documents.remove(OWNER, mine.id),
    ):
        with pytest.raises(Conflict):
            await change


async def test_names_have_bounds_and_searches_take_characters_as_they_are(office: Office) -> None:
    for name in ("", " ", "x" * 121):
        with pytest.raises(BadRequest):
            await office.documents.create(OWNER, name)
    await office.paste("A text about percent signs. ", name="100_ sure")
    assert len(await office.documents.documents(OWNER, search="100_")) == 1
    assert await office.documents.documents(OWNER, search="1_0") == []


async def test_without_the_permission_to_generate_there_is_nothing(office: Office) -> None:
    for call in (
        office.documents.collections(AUDITOR),
        office.documents.documents(AUDITOR),
        office.documents.search(AUDITOR, "x"),
        office.documents.results(AUDITOR),
        office.documents.paste(AUDITOR, "text"),
        office.documents.ask(AUDITOR, "why?"),
        office.documents.polish(AUDITOR, "text"),
        office.documents.draft(AUDITOR, "write"),
    ):
        with pytest.raises(NotAllowed):
            await call


async def test_what_changes_rights_is_announced(office: Office) -> None:
    shelf = await office.documents.create(OWNER, "Deals")
    await office.documents.change(OWNER, shelf.id, shared=True)
    document = await office.paste(SECRET, collection=shelf.id)
    await office.documents.erase(OWNER, document.id)
    await office.documents.remove(OWNER, shelf.id)
    told = [(event, facts) for event, facts in office.announced if event.startswith("collection:")]
    assert told == [
        ("collection:changed", {"collection": shelf.id, "shared": 0}),
        ("collection:changed", {"collection": shelf.id, "shared": 1}),
        ("collection:changed", {"collection": shelf.id, "document": document.id, "shared": 1}),
        ("collection:changed", {"collection": shelf.id, "document": document.id}),
        ("collection:erased", {"collection": shelf.id, "documents": 0}),
    ]
