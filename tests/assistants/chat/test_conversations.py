from __future__ import annotations

import asyncio

import pytest

from hanlin.assistants.chat import Conversations, Exchange, Message, State
from hanlin.errors import BadRequest, Conflict, EngineFailed, NotAllowed, NotFound, Refused
from hanlin.storage import Database
from hanlin.types import Actor, new_id
from tests.assistants.chat.conftest import Cast, Script


async def ask(conversations: Conversations, actor: Actor, text: str = "Is it?", **where: str) -> Exchange:
    return await conversations.start(actor, text, service="assistant", **where)


async def finish(conversations: Conversations, actor: Actor, exchange: Exchange) -> Message:
    return await conversations.finish(actor, exchange.answer.conversation_id, exchange.answer.id)


async def texts(conversations: Conversations, actor: Actor, conversation: str) -> list[tuple[str, str, State]]:
    _, messages = await conversations.history.read(actor, conversation)
    return [(message.role, message.text, message.state) for message in messages]


async def test_an_answer_is_kept_with_its_receipt_tokens_and_time(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    exchange = await ask(conversations, cast.owner)
    answer = await finish(conversations, cast.owner, exchange)
    assert (answer.text, answer.state, answer.tokens) == ("Well, yes.", State.DONE, 2)
    assert answer.request_id == script.requests[0].id
    stored = await conversations.history.message(cast.owner, answer.conversation_id, answer.id)
    assert stored == answer


async def test_the_request_carries_the_actor_and_its_own_canonical_body(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    await finish(conversations, cast.owner, await ask(conversations, cast.owner))
    (request,) = script.requests
    assert request.actor == cast.owner
    assert request.chat.model == "assistant"
    assert request.body == b'{"model":"assistant","messages":[{"role":"user","content":"Is it?"}],"stream":true}'


async def test_the_next_question_carries_what_was_said_before(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    first = await ask(conversations, cast.owner)
    await finish(conversations, cast.owner, first)
    await finish(
        conversations,
        cast.owner,
        await ask(conversations, cast.owner, "Sure?", conversation=first.answer.conversation_id),
    )
    said = [(message.role, message.content) for message in script.requests[1].chat.messages]
    assert said == [("user", "Is it?"), ("assistant", "Well, yes."), ("user", "Sure?")]


async def test_the_title_is_the_first_line_of_the_first_question(conversations: Conversations, cast: Cast) -> None:
    await finish(conversations, cast.owner, await ask(conversations, cast.owner, "  A  letter\nto a supplier"))
    await finish(conversations, cast.owner, await ask(conversations, cast.owner, "长" * 70))
    titles = {conversation.title for conversation in await conversations.history.recent(cast.owner)}
    assert titles == {"A letter", "长" * 59 + "…"}


async def test_stopping_keeps_what_was_written_and_closes_the_generator(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    exchange = await ask(conversations, cast.owner)
    async for message in conversations.subscribe(cast.owner, exchange.answer.conversation_id, exchange.answer.id):
        if message.text == "Well, yes.":
            break
    stopped = await conversations.stop(cast.owner, exchange.answer.conversation_id, exchange.answer.id)
    assert (stopped.text, stopped.state, script.closed) == ("Well, yes.", State.STOPPED, 1)


async def test_an_answer_that_has_not_begun_can_end_too(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    exchange = await ask(conversations, cast.owner)
    await conversations.close()  # cancels before the answer's task has taken its first step
    stored = await conversations.history.message(cast.owner, exchange.answer.conversation_id, exchange.answer.id)
    assert (stored.state, script.requests) == (State.INTERRUPTED, [])


async def test_stopping_a_finished_answer_changes_nothing(conversations: Conversations, cast: Cast) -> None:
    exchange = await ask(conversations, cast.owner)
    done = await finish(conversations, cast.owner, exchange)
    assert await conversations.stop(cast.owner, done.conversation_id, done.id) == done


async def test_two_readers_see_the_same_answer_grow_to_the_same_end(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    exchange = await ask(conversations, cast.owner)

    async def read() -> list[str]:
        where = exchange.answer.conversation_id, exchange.answer.id
        seen = conversations.subscribe(cast.owner, *where, interval_seconds=0)
        return [message.text async for message in seen]

    readers = [asyncio.create_task(read()) for _ in range(2)]
    await asyncio.sleep(0.05)
    script.gate.set()
    for seen in await asyncio.gather(*readers):
        assert seen[-1] == "Well, yes."
        assert seen == sorted(seen, key=len)


async def test_a_reader_who_leaves_does_not_stop_the_answer(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    exchange = await ask(conversations, cast.owner)
    seen = conversations.subscribe(cast.owner, exchange.answer.conversation_id, exchange.answer.id)
    await anext(seen)
    await seen.aclose()
    script.gate.set()
    assert (await finish(conversations, cast.owner, exchange)).state is State.DONE


async def test_retrying_replaces_the_answer_and_what_followed(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    first = await ask(conversations, cast.owner)
    await finish(conversations, cast.owner, first)
    where = first.answer.conversation_id
    await finish(conversations, cast.owner, await ask(conversations, cast.owner, "Sure?", conversation=where))
    script.pieces = ["No."]
    again = await conversations.retry(cast.owner, where, first.answer.id)
    await finish(conversations, cast.owner, again)
    assert await texts(conversations, cast.owner, where) == [
        ("user", "Is it?", State.DONE),
        ("assistant", "No.", State.DONE),
    ]
    assert again.answer.request_id != first.answer.request_id


async def test_editing_replaces_the_question_and_what_followed(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    first = await ask(conversations, cast.owner)
    await finish(conversations, cast.owner, first)
    assert first.question
    edited = await conversations.edit(cast.owner, first.answer.conversation_id, first.question.id, "Was it?")
    await finish(conversations, cast.owner, edited)
    said = await texts(conversations, cast.owner, first.answer.conversation_id)
    assert [text for _, text, _ in said] == ["Was it?", "Well, yes."]
    assert [message.content for message in script.requests[1].chat.messages] == ["Was it?"]


async def test_retrying_stops_an_answer_that_is_still_being_written(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    first = await ask(conversations, cast.owner)
    again = await conversations.retry(cast.owner, first.answer.conversation_id, first.answer.id)
    script.gate.set()
    await finish(conversations, cast.owner, again)
    assert len(await texts(conversations, cast.owner, first.answer.conversation_id)) == 2


async def test_a_second_question_waits_for_the_first_answer(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    first = await ask(conversations, cast.owner)
    with pytest.raises(Conflict):
        await ask(conversations, cast.owner, "And?", conversation=first.answer.conversation_id)


async def test_a_refusal_names_its_rule_and_is_not_shown_to_the_model_again(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.error, script.pieces = Refused("Not here.", rule="personal data", stage="input"), []
    first = await ask(conversations, cast.owner, "Whose number is this?")
    refused = await finish(conversations, cast.owner, first)
    assert (refused.state, refused.rule, refused.text) == (State.REFUSED, "personal data", "")
    script.error = None
    await finish(
        conversations, cast.owner, await ask(conversations, cast.owner, "Hi", conversation=refused.conversation_id)
    )
    assert [message.content for message in script.requests[1].chat.messages] == ["Hi"]


async def test_a_failure_keeps_its_words_and_the_text_so_far(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.error = EngineFailed("The model stopped.", action="Try again.")
    failed = await finish(conversations, cast.owner, await ask(conversations, cast.owner))
    assert (failed.state, failed.text) == (State.FAILED, "Well, yes.")
    assert (failed.code, failed.problem, failed.action) == ("engine_failed", "The model stopped.", "Try again.")


@pytest.mark.parametrize(("reason", "state"), [("length", State.CUT), ("content_filter", State.REFUSED)])
async def test_the_finish_reason_says_how_an_answer_ended(
    conversations: Conversations, cast: Cast, script: Script, reason: str, state: State
) -> None:
    script.reason = reason
    assert (await finish(conversations, cast.owner, await ask(conversations, cast.owner))).state is state


async def test_answers_running_at_shutdown_are_interrupted_with_their_text(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    exchange = await ask(conversations, cast.owner)
    await asyncio.sleep(0.05)
    await conversations.close()
    said = await texts(conversations, cast.owner, exchange.answer.conversation_id)
    assert said[-1] == ("assistant", "Well, yes.", State.INTERRUPTED)


async def test_answers_that_a_crash_left_pending_are_interrupted_at_the_next_start(
    conversations: Conversations, database: Database, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    exchange = await ask(conversations, cast.owner)
    await Conversations(database, script.generate).open()
    said = await texts(conversations, cast.owner, exchange.answer.conversation_id)
    assert said[-1][2] is State.INTERRUPTED


async def test_deleting_a_conversation_stops_its_answer_and_leaves_no_row(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.gate = asyncio.Event()
    exchange = await ask(conversations, cast.owner)
    await asyncio.sleep(0)
    await conversations.delete(cast.owner, exchange.answer.conversation_id)
    assert await conversations.history.recent(cast.owner) == []
    with pytest.raises(NotFound):
        await conversations.history.message(cast.owner, exchange.answer.conversation_id, exchange.answer.id)


async def test_nobody_else_reaches_a_conversation(conversations: Conversations, cast: Cast, script: Script) -> None:
    """Colleague and stranger alike get, for every function, the NotFound of an id that never was."""
    script.gate = asyncio.Event()
    exchange = await ask(conversations, cast.owner)
    assert exchange.question
    where, question, answer = exchange.answer.conversation_id, exchange.question.id, exchange.answer.id
    for actor in (cast.colleague, cast.stranger):
        for target in ((where, question, answer), (new_id("con"), new_id("msg"), new_id("msg")), ("x", "y", "z")):
            attempts = (
                conversations.history.read(actor, target[0]),
                conversations.history.message(actor, target[0], target[2]),
                conversations.history.rename(actor, target[0], "mine"),
                conversations.start(actor, "Hi", service="assistant", conversation=target[0]),
                conversations.stop(actor, target[0], target[2]),
                conversations.retry(actor, target[0], target[2]),
                conversations.edit(actor, target[0], target[1], "Hi"),
                conversations.delete(actor, target[0]),
                conversations.finish(actor, target[0], target[2]),
            )
            for attempt in attempts:
                with pytest.raises(NotFound, match=r"There is no such conversation or message\."):
                    await attempt
        assert await conversations.history.recent(actor) == []
        assert await conversations.history.recent(actor, "it") == []
    script.gate.set()
    assert (await finish(conversations, cast.owner, exchange)).state is State.DONE


async def test_an_auditor_generates_nothing(conversations: Conversations, cast: Cast, script: Script) -> None:
    with pytest.raises(NotAllowed):
        await ask(conversations, cast.auditor)
    assert script.requests == []


@pytest.mark.parametrize("text", ["", " \n ", "x" * 100_001])
async def test_a_question_has_between_one_and_a_hundred_thousand_characters(
    conversations: Conversations, cast: Cast, text: str
) -> None:
    with pytest.raises(BadRequest):
        await ask(conversations, cast.owner, text)


async def test_search_finds_titles_and_texts_and_takes_wildcards_as_they_are(
    conversations: Conversations, cast: Cast, script: Script
) -> None:
    script.pieces = ["木兰 100% sure"]
    first = await finish(conversations, cast.owner, await ask(conversations, cast.owner, "Who wrote the ballad?"))
    script.pieces = ["Nobody"]
    await finish(conversations, cast.owner, await ask(conversations, cast.owner, "And the other?"))
    for search in ("BALLAD", "木兰", "100%"):
        found = await conversations.history.recent(cast.owner, search)
        assert [conversation.id for conversation in found] == [first.conversation_id]
    assert await conversations.history.recent(cast.owner, "_%") == []


async def test_renaming_takes_one_to_a_hundred_and_twenty_characters(conversations: Conversations, cast: Cast) -> None:
    answer = await finish(conversations, cast.owner, await ask(conversations, cast.owner))
    await conversations.history.rename(cast.owner, answer.conversation_id, "  The  answer ")
    assert (await conversations.history.read(cast.owner, answer.conversation_id))[0].title == "The answer"
    for title in ("", " ", "x" * 121):
        with pytest.raises(BadRequest):
            await conversations.history.rename(cast.owner, answer.conversation_id, title)
