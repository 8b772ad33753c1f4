"""A document of any length is read whole, part by part, and what is left out is said."""

from __future__ import annotations

import pytest

from hanlin.assistants.documents import ResultKind, ResultState, Summary
from hanlin.assistants.documents.summarising import whole
from hanlin.errors import BadRequest, EngineFailed
from hanlin.jobs import State
from tests.assistants.documents.office import OWNER, Office

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACTS = [f"Order number {1000 + number} was delivered to warehouse {number % 7} on time." for number in range(400)]
LONG = "\n\n".join(" ".join(FACTS[start : start + 8]) for start in range(0, len(FACTS), 8))


def notes(messages: object) -> str:
    return "- Orders were delivered to warehouses on time."


async def test_every_sentence_of_a_long_document_is_read(office: Office) -> None:
    document = await office.paste(LONG)
    office.calls.reply = notes
    office.calls.window = 2000
    started = await office.documents.summarise(OWNER, [document.id])
    assert started.state is ResultState.RUNNING
    job = await office.jobs.job(OWNER, started.job)
    made = await office.made(started)
    assert (made.state, made.text) == (ResultState.DONE, notes(None))
    shown = "\n".join(call.data for call in office.calls.asked)
    assert all(fact in shown for fact in FACTS)
    assert len(made.request_ids) == len(office.calls.asked) > 6
    assert (made.left_out, job.kind) == (0, "documents.summarise")
    assert max(len(call.data) * 0.3 for call in office.calls.asked) < office.calls.window


async def test_the_quick_way_shows_the_best_sentences_and_says_what_it_left_out(office: Office) -> None:
    document = await office.paste(LONG)
    office.calls.reply = notes
    office.calls.window = 2000
    made = await office.documents.summarise(OWNER, [document.id], Summary(quick=True, focus="warehouse 3"))
    assert made.state is ResultState.DONE
    assert len(office.calls.asked) == 1
    assert "quick" in made.notices
    assert made.left_out == sum(map(len, FACTS)) - sum(
        len(fact) for fact in FACTS if fact in office.calls.asked[0].data
    )


async def test_a_short_document_takes_one_call_and_cites_its_sentences(office: Office) -> None:
    document = await office.paste("The bridge was opened in 1931. " + "It carries two lanes of traffic each day. " * 8)
    office.calls.reply = lambda _: "The bridge was opened in 1931.\nNobody knows why it is blue."
    made = await office.documents.summarise(OWNER, [document.id], Summary(length="short"))
    assert made.text == "The bridge was opened in 1931. [1]\nNobody knows why it is blue."
    assert [citation.sentence for citation in made.citations] == ["The bridge was opened in 1931."]
    assert made.service == "chat"


async def test_a_text_below_250_characters_gets_no_summary(office: Office) -> None:
    document = await office.paste("Short.")
    with pytest.raises(BadRequest, match="needs no summary"):
        await office.documents.summarise(OWNER, [document.id])


async def test_what_the_ceiling_of_tokens_cut_is_said(office: Office) -> None:
    document = await office.paste(LONG[:1000])
    office.calls.finish_reason = "length"
    office.calls.reply = notes
    assert "cut" in (await office.documents.summarise(OWNER, [document.id])).notices


async def test_a_text_that_the_ceiling_cut_ends_after_a_whole_sentence() -> None:
    assert whole("It opened in 1931. It carries two lanes. Nobody kno") == "It opened in 1931. It carries two lanes."
    assert whole("一九三一年通车。每天都有很多车。没有人知") == "一九三一年通车。每天都有很多车。"
    assert whole("One sentence without an e") == "One sentence without an e"
    assert whole("It opened in 1931. It carries two.") == "It opened in 1931. It carries two."


async def test_headings_are_the_outline_where_there_are_some(office: Office) -> None:
    text = "# Guide\n\n## Start\n\nSome words here.\n\n## End\n\nMore words. " + "And more words to read. " * 20
    path = office.folder / "guide.md"
    path.write_text(text, encoding="utf-8")
    document = await office.bring(path)
    made = await office.documents.summarise(OWNER, [document.id], kind=ResultKind.OUTLINE)
    assert made.text.splitlines() == ["- Guide (1)", "  - Start (1)", "  - End (1)"]
    assert office.calls.asked == []


async def test_shape_length_language_and_focus_reach_the_model(office: Office) -> None:
    document = await office.paste(LONG[:1500])
    office.calls.reply = notes
    wish = Summary(shape="simple", characters=77, language="zh", focus="delays")
    await office.documents.summarise(OWNER, [document.id], wish)
    await office.documents.summarise(OWNER, [document.id], kind=ResultKind.POINTS)
    first, second = (call.task for call in office.calls.asked)
    assert all(word in first for word in ("child of ten", "77 characters", "Simplified Chinese", "delays"))
    assert "8 most important points" in second


async def test_a_failed_summary_says_why_and_goes_on_where_it_stopped(office: Office) -> None:
    document = await office.paste(LONG)
    office.calls.window = 2000
    done: list[int] = []

    def breaks(_: object) -> str:
        if len(done) == 3:
            raise EngineFailed("The model broke.", code="engine_failed")
        done.append(1)
        return "- One note on this part."

    office.calls.reply = breaks
    failed = await office.made(await office.documents.summarise(OWNER, [document.id]))
    assert (failed.state, failed.code, failed.problem) == (ResultState.FAILED, "engine_failed", "The model broke.")
    asked = len(office.calls.asked)
    office.calls.reply = notes
    await office.jobs.retry(OWNER, failed.job)
    job = [job async for job in office.jobs.watch(OWNER, failed.job)][-1]
    made = await office.documents.result(OWNER, failed.id)
    assert (job.state, made.state) == (State.DONE, ResultState.DONE)
    texts = [call.data for call in office.calls.asked]
    assert len(set(texts[: asked - 1]) & set(texts[asked:])) == 0


async def test_a_cancelled_summary_is_not_running(office: Office) -> None:
    document = await office.paste(LONG)
    office.calls.window = 2000
    started = await office.documents.summarise(OWNER, [document.id])
    await office.jobs.cancel(OWNER, started.job)
    assert (await office.made(started)).state in {ResultState.FAILED, ResultState.DONE}
