"""A question is answered with the sentence that says it, or said to be not in the documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.errors import BadRequest, NotFound
from tests.assistants.documents.office import COLLEAGUE, OWNER, STRANGER, Office, answer, numbered

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEASE = """The lease begins on 1 March 2025 and runs for three years.
The monthly rent is 4,200 yuan, payable by the fifth day of each month.
Pets are not allowed in the building. The deposit is two monthly rents."""
RENT = "The monthly rent is 4,200 yuan, payable by the fifth day of each month."


async def test_an_answer_cites_the_sentence_it_comes_from(office: Office) -> None:
    document = await office.paste(LEASE, name="lease")
    office.calls.reply = lambda messages: answer("The rent is 4,200 yuan a month.", numbered(messages, "rent is"))
    result = await office.documents.ask(OWNER, "How much is the monthly rent?", documents=[document.id])
    (citation,) = result.citations
    assert result.text == "The rent is 4,200 yuan a month. [1]"
    assert (citation.sentence, citation.document, citation.page, citation.number) == (RENT, document.id, 1, 1)
    assert len(result.request_ids) == 2
    assert result.found


async def test_a_page_of_a_pdf_is_cited_with_its_place_in_the_picture(office: Office, shared: Path) -> None:
    document = await office.bring(shared / "docling_multi_page.pdf")
    office.calls.reply = lambda messages: answer("Google Docs came in 2006.", numbered(messages, "Google Docs (2006)"))
    result = await office.documents.ask(
        OWNER, "When was Google Docs introduced: cloud-based word processing, collaboration?", documents=[document.id]
    )
    (citation,) = result.citations
    assert citation.page == 2
    assert citation.boxes
    assert all(0 <= side <= 1 for box in citation.boxes for side in box)
    picture = await office.documents.picture(OWNER, document.id, 2, width_px=300)
    assert picture.startswith(b"\x89PNG")


async def test_what_nothing_bears_is_not_in_the_documents(office: Office) -> None:
    """Said by the model; invented; a number or a mark that stands nowhere; no JSON; not verified."""
    document = await office.paste(LEASE)
    for reply in (
        answer("The rent is 4,200 yuan.", 2, answered=False),
        answer("Volcanoes erupt because magma rises through the crust.", 1),
        answer("The monthly rent is 9,900 yuan.", 2),
        answer("Elephants sleep standing.", 77),
        "I cannot say.",
    ):
        office.calls.reply = lambda _, reply=reply: reply  # type: ignore[misc]
        result = await office.documents.ask(OWNER, "Why do volcanoes erupt?", documents=[document.id])
        assert (result.found, result.text, result.citations) == (False, "The documents do not say this.", ()), reply
    office.calls.reply = lambda _: answer("The rent is 4,200 yuan.", 2)
    office.calls.stated = "no"
    result = await office.documents.ask(OWNER, "租金什么时候上涨？", documents=[document.id])
    assert (result.found, result.text) == (False, "文件中没有提到这一点。")


async def test_the_sentence_nearest_to_the_question_answers_where_the_model_fails(office: Office) -> None:
    """As it stands there, and only if it is said to state the answer."""
    document = await office.paste(LEASE)
    office.calls.reply = lambda _: answer("Elephants sleep standing.", 77)
    question = "How much is the monthly rent, and by which day is it payable?"
    result = await office.documents.ask(OWNER, question, documents=[document.id])
    assert (result.text, result.citations[0].sentence) == (f"{RENT} [1]", RENT)
    office.calls.stated = "no"
    assert not (await office.documents.ask(OWNER, question, documents=[document.id])).found


async def test_without_any_passage_no_model_is_asked(office: Office) -> None:
    result = await office.documents.ask(STRANGER, "合同什么时候结束？")
    assert (result.found, result.text) == (False, "文件中没有提到这一点。")
    assert office.calls.asked == []


async def test_a_proposal_counts_across_languages_when_its_numbers_stand_there(office: Office) -> None:
    document = await office.paste(LEASE)
    office.calls.reply = lambda messages: answer("每月租金为4200元。", numbered(messages, "rent is"))
    right = await office.documents.ask(OWNER, "每月租金是多少？", documents=[document.id])
    assert [citation.sentence for citation in right.citations] == [RENT]
    office.calls.reply = lambda messages: answer("每月租金为5000元。", numbered(messages, "rent is"))
    wrong = await office.documents.ask(OWNER, "每月租金是多少？", documents=[document.id])
    assert not wrong.found


async def test_a_conversation_goes_on_in_its_scope(office: Office) -> None:
    """The model is shown the question and answer before, the search knows the question before."""
    document = await office.paste(LEASE)
    await office.paste("The monthly rent of the garage is 100 yuan, payable by the last day.", name="garage")
    office.calls.reply = lambda messages: answer("The rent is 4,200 yuan.", numbered(messages, "rent is"))
    first = await office.documents.ask(OWNER, "How much is the monthly rent?", documents=[document.id])
    office.calls.reply = lambda messages: answer("It is payable by the fifth day.", numbered(messages, "rent is"))
    second = await office.documents.ask(OWNER, "And when is it payable?", thread=first.id)
    shown = office.calls.asked[2]
    assert [message.text() for message in shown.messages[1:3]] == ["How much is the monthly rent?", first.text]
    assert "garage" not in shown.data
    assert [each.id for each in await office.documents.thread(OWNER, first.id)] == [first.id, second.id]
    with pytest.raises(NotFound):
        await office.documents.ask(COLLEAGUE, "And the deposit?", thread=first.id)


async def test_words_alone_are_searched_where_no_vectors_are_offered(office: Office) -> None:
    office.calls.vectors = False
    document = await office.paste(LEASE)
    office.calls.reply = lambda messages: answer("The deposit is two monthly rents.", numbered(messages, "deposit"))
    result = await office.documents.ask(OWNER, "What is the deposit?", documents=[document.id])
    assert result.found
    assert result.notices == ("no_vectors",)
    assert document.notices == ("no_vectors",)


async def test_a_question_has_bounds(office: Office) -> None:
    for question in ("", "  ", "x" * 2001):
        with pytest.raises(BadRequest):
            await office.documents.ask(OWNER, question)
