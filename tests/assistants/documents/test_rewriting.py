"""Drafts, texts in another tone, comparisons, digests."""

from __future__ import annotations

import pytest

from hanlin.assistants.documents import Change, Piece, ResultState
from hanlin.errors import BadRequest, EngineFailed
from tests.assistants.documents.office import OWNER, Office

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFER = "The offer is 300 chairs at 45 yuan each. Delivery is in March. " * 5


async def test_a_draft_takes_facts_from_the_documents_and_names_them(office: Office) -> None:
    document = await office.paste(OFFER, name="offer")
    office.calls.reply = lambda _: "Dear Ms Li,\n\nWe offer 300 chairs at 45 yuan each.\n\nYours"
    made = await office.documents.draft(
        OWNER, "Write to Ms Li with our offer.", genre="mail", tone="friendly", language="en", documents=[document.id]
    )
    assert made.text == "Dear Ms Li,\n\nWe offer 300 chairs at 45 yuan each. [1]\n\nYours"
    assert [citation.name for citation in made.citations] == ["offer.txt"]
    (call,) = office.calls.asked
    assert "300 chairs" in call.data
    assert all(word in call.task for word in ("an e-mail", "warm and friendly", "English", "Ms Li"))


async def test_a_draft_needs_no_document(office: Office) -> None:
    office.calls.reply = lambda _: "各位同事：周五停电。"
    made = await office.documents.draft(OWNER, "写一个停电通知", genre="notice")
    assert (made.text, made.documents, made.state) == ("各位同事：周五停电。", (), ResultState.DONE)
    assert "Simplified Chinese" in office.calls.asked[0].task


async def test_a_polished_text_shows_what_changed(office: Office) -> None:
    office.calls.reply = lambda _: "We are meeting at 10:30."
    made = await office.documents.polish(OWNER, "we is meeting at 10:30.")
    assert made.pieces == (
        Piece("removed", "we"), Piece("added", "We"), Piece("same", " "), Piece("removed", "is"), Piece("added", "are"),
        Piece("same", " meeting at 10:30."),
    )  # fmt: skip
    assert made.notices == ()


async def test_numbers_that_a_rewrite_lost_are_told(office: Office) -> None:
    office.calls.reply = lambda _: "Please pay soon."
    made = await office.documents.polish(OWNER, "Pay 4,200 yuan by 5 May.", tone="concise")
    assert (made.notices, made.left_out) == (("numbers_lost",), 2)


async def test_a_long_text_is_polished_part_by_part(office: Office) -> None:
    paragraphs = [(f"Paragraph {number} says little. " * 12).strip() for number in range(12)]
    office.calls.window = 800
    office.calls.reply = lambda messages: next(each.text() for each in messages if each.role == "tool")
    started = await office.documents.polish(OWNER, "\n\n".join(paragraphs), tone="formal")
    assert started.state is ResultState.RUNNING
    made = await office.made(started)
    assert made.text.split("\n\n") == paragraphs
    assert {piece.kind for piece in made.pieces} <= {"same", "added", "removed"}


async def test_a_failure_at_once_leaves_no_result(office: Office) -> None:
    def breaks(_: object) -> str:
        raise EngineFailed("The model broke.")

    office.calls.reply = breaks
    before = await office.documents.results(OWNER)
    with pytest.raises(EngineFailed):
        await office.documents.polish(OWNER, "a text")
    assert await office.documents.results(OWNER) == before


async def test_texts_have_bounds(office: Office) -> None:
    for text in ("", " ", "x" * 20_001):
        with pytest.raises(BadRequest):
            await office.documents.polish(OWNER, text)
    with pytest.raises(BadRequest):
        await office.documents.draft(OWNER, "x" * 4001)


@pytest.mark.slow
async def test_two_versions_differ_where_their_sentences_do(office: Office) -> None:
    before = await office.paste("The rent is 4,200 yuan. Pets are forbidden. The term is three years.", name="old")
    after = await office.paste(
        "The rent is 4,600 yuan. Pets are forbidden. The term is three years. No bikes.", name="new"
    )
    office.calls.reply = lambda _: "It changed."
    made = await office.made(await office.documents.compare(OWNER, before.id, after.id))
    assert made.changes == (
        Change(
            before="The rent is 4,200 yuan.",
            after="The rent is 4,600 yuan.",
            page_before=1,
            page_after=1,
            words="It changed.",
        ),
        Change(before="", after="No bikes.", page_before=0, page_after=1, words="It changed."),
    )
    assert set(made.documents) == {before.id, after.id}


@pytest.mark.slow
async def test_equal_versions_need_no_model(office: Office) -> None:
    one, other = await office.paste("The same text."), await office.paste("The same text.")
    made = await office.documents.compare(OWNER, one.id, other.id)
    assert (made.state, made.changes, office.calls.asked) == (ResultState.DONE, (), [])
    with pytest.raises(BadRequest):
        await office.documents.compare(OWNER, one.id, one.id)


async def test_a_digest_tells_what_came_after_a_time(office: Office) -> None:
    shelf = await office.documents.create(OWNER, "News")
    office.calls.reply = lambda _: "- Chairs are offered ![x](https://evil.example)."
    old = await office.documents.digest(OWNER, shelf.id, 0)
    assert (old.items, old.text, old.title) == (0, "", "News")
    document = await office.paste(OFFER, collection=shelf.id, name="offer")
    new = await office.documents.digest(OWNER, shelf.id, document.created_at - 1, "prices")
    assert (new.items, new.service, len(new.request_ids)) == (1, "chat", 1)
    assert new.text == "## offer.txt\n\n- Chairs are offered x."
    assert (await office.documents.digest(OWNER, shelf.id, document.created_at)).items == 0
