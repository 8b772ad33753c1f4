"""`serve`: however a generation ends, its intent has one outcome that says how, and nothing stays reserved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from hanlin.errors import (
    AuditUnavailable,
    EngineFailed,
    EngineTimeout,
    NotAllowed,
    NotFound,
    NotServing,
    Refused,
    TooMany,
)
from hanlin.types import Status
from tests.service.rig import ACTOR, AUDITOR, Rig, ends, opened, text
from tests.storage.databases import sqlite_template

__all__ = ["sqlite_template"]


@pytest.fixture
async def rig(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path, sqlite_template) as rig:
        yield rig


async def until(condition: object) -> None:
    """Wait until the called condition holds."""
    assert callable(condition)
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("what was waited for did not happen")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_whole_and_a_streamed_answer_are_completed_and_counted(rig: Rig, stream: bool) -> None:
    chunks = await rig.ask("plain", stream=stream)
    assert (text(chunks), ends(chunks)) == ("one two three four", ["stop"])
    outcome = await rig.outcome()
    assert (outcome.status, outcome.counted) == (Status.COMPLETED, "reported")
    assert (outcome.prompt_tokens, outcome.completion_tokens) == (1, 4)
    assert (outcome.service, outcome.model and outcome.model.name) == ("plain", "plain-model")
    assert [decision.verdict for decision in outcome.decisions] == ["allow", "allow"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_first_and_the_last_chunk_carry_the_label_that_the_record_names(rig: Rig, stream: bool) -> None:
    chunks = await rig.ask("plain", stream=stream)
    first, last = chunks[0].label, chunks[-1].label
    assert first == last
    outcome = await rig.outcome()
    assert first is not None
    assert outcome.label == first.produce_id == outcome.request.removeprefix("req_")


async def test_a_refused_input_reaches_no_engine(rig: Rig) -> None:
    with pytest.raises(Refused) as refused:
        await rig.ask("plain", "Tell me about a red plum.")
    assert (refused.value.rule, refused.value.stage) == ("no-plums", "input")
    assert not rig.jobs
    outcome = await rig.outcome()
    assert (outcome.status, outcome.label) == (Status.REFUSED_INPUT, "")
    assert [(decision.rule, decision.verdict) for decision in outcome.decisions] == [("no-plums", "refuse")]


async def test_an_answer_refused_half_way_leaves_a_prefix_and_the_engine_closed(rig: Rig) -> None:
    chunks = await rig.ask("plum", stream=True)
    assert (text(chunks), ends(chunks)) == ("a nice ", ["content_filter"])
    assert rig.closed == 1
    outcome = await rig.outcome()
    assert (outcome.status, outcome.counted) == (Status.REFUSED_OUTPUT, "estimated")
    assert [decision.verdict for decision in outcome.decisions] == ["allow", "refuse"]


async def test_a_whole_answer_that_is_refused_ends_the_same_way(rig: Rig) -> None:
    chunks = await rig.ask("plum")
    assert "plum" not in text(chunks)
    assert ends(chunks) == ["content_filter"]
    assert (await rig.outcome()).status == Status.REFUSED_OUTPUT


async def test_an_engine_that_fails_at_once_is_engine_failed_and_costs_nothing(rig: Rig) -> None:
    with pytest.raises(EngineFailed):
        await rig.ask("broken", stream=True)
    outcome = await rig.outcome()
    assert (outcome.status, outcome.prompt_tokens, outcome.completion_tokens) == (Status.ENGINE_FAILED, 0, 0)


async def test_an_engine_that_ends_half_way_is_truncated_and_what_left_is_counted(rig: Rig) -> None:
    with pytest.raises(EngineFailed):
        await rig.ask("cut", stream=True)
    outcome = await rig.outcome()
    assert (outcome.status, outcome.counted, outcome.completion_tokens) == (Status.TRUNCATED, "estimated", 2)


async def test_a_reader_who_leaves_half_way_is_cancelled(rig: Rig) -> None:
    async with aclosing(rig.serve("slow", stream=True)) as chunks:
        async for chunk in chunks:
            if text([chunk]):
                break
    assert rig.closed == 1
    assert (await rig.outcome()).status == Status.CANCELLED


@pytest.mark.parametrize("word", ["hang-up", "stopping"])
async def test_a_task_cancelled_before_the_first_word_is_cancelled(rig: Rig, word: str) -> None:
    task = asyncio.create_task(rig.ask("silent"))
    await until(lambda: rig.jobs)
    task.cancel(word)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await rig.outcome()).status == Status.CANCELLED


async def test_a_reader_who_leaves_while_the_outcome_is_written_cannot_keep_it_from_being_written(rig: Rig) -> None:
    rig.on_job = rig.disk.blocked.clear  # from now on the disk does not come back
    task = asyncio.create_task(rig.ask("plain"))
    await until(lambda: rig.closed)
    await asyncio.sleep(0.05)
    task.cancel("hang-up")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not rig.finished
    rig.disk.blocked.set()
    assert (await rig.outcome()).status == Status.COMPLETED


async def test_a_key_that_ends_ends_its_answers_and_no_others(rig: Rig) -> None:
    mine = asyncio.create_task(rig.ask("slow", stream=True))
    await until(lambda: rig.jobs)
    assert rig.running.end("key_of_somebody_else") == 0
    assert rig.running.end(ACTOR.key) == 1
    with pytest.raises(asyncio.CancelledError):
        await mine
    assert (await rig.outcome()).status == Status.REVOKED


async def test_a_key_that_ends_while_its_reader_takes_nothing_is_still_revoked(rig: Rig) -> None:
    stuck = asyncio.Event()

    async def read() -> None:
        async with aclosing(rig.serve("slow", stream=True)) as chunks:
            async for _ in chunks:
                stuck.set()
                await asyncio.sleep(60)  # as a send into full buffers

    task = asyncio.create_task(read())
    await stuck.wait()
    assert rig.running.end(ACTOR.key) == 1
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await rig.outcome()).status == Status.REVOKED


@pytest.mark.parametrize(
    ("model", "error"), [("nowhere", NotFound), ("untested", NotServing), ("suspended", NotServing)]
)
async def test_what_may_not_serve_is_not_served(rig: Rig, model: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await rig.ask(model)
    assert not rig.jobs
    outcome = await rig.outcome()
    assert (outcome.status, outcome.service, outcome.model) == (Status.NOT_SERVED, "", None)


async def test_who_may_not_generate_is_not_served(rig: Rig) -> None:
    with pytest.raises(NotAllowed):
        await rig.ask("plain", actor=AUDITOR)
    assert not rig.jobs
    assert (await rig.outcome()).status == Status.NOT_SERVED


async def test_a_used_up_quota_is_not_served_and_takes_nothing(tmp_path: Path, sqlite_template: Path) -> None:
    async with opened(tmp_path, sqlite_template, tokens_per_day=100) as rig:
        with pytest.raises(TooMany) as error:
            await rig.ask("plain", max_tokens=1000)
        assert error.value.code == "insufficient_quota"
        assert not rig.jobs
        assert (await rig.outcome()).status == Status.NOT_SERVED


async def test_answers_at_once_are_limited_and_their_places_come_back(tmp_path: Path, sqlite_template: Path) -> None:
    async with opened(tmp_path, sqlite_template, concurrent_generations=1) as rig:
        first = asyncio.create_task(rig.ask("silent"))
        await until(lambda: rig.jobs)
        with pytest.raises(TooMany):
            await rig.ask("plain")
        first.cancel()
        await asyncio.wait([first])
        assert text(await rig.ask("plain")) == "one two three four"


async def test_an_answer_that_takes_too_long_is_ended(rig: Rig) -> None:
    rig.pipeline = replace(rig.pipeline, generation_seconds=0.1)
    with pytest.raises(EngineTimeout):
        await rig.ask("slow", stream=True)
    outcome = await rig.outcome()
    assert outcome.status == Status.ENGINE_FAILED
    assert 0 < outcome.completion_tokens < 100


@pytest.mark.parametrize("model", ["quiet", "silent"])
async def test_an_engine_that_falls_silent_is_ended_too(rig: Rig, model: str) -> None:
    rig.pipeline = replace(rig.pipeline, generation_seconds=0.2)
    with pytest.raises(EngineTimeout):
        await asyncio.wait_for(rig.ask(model, stream=True), 5)
    assert (await rig.outcome()).status == Status.ENGINE_FAILED


async def test_a_stopping_server_waits_for_what_runs_and_takes_nothing_new(rig: Rig) -> None:
    running = asyncio.create_task(rig.ask("slow", stream=True, max_tokens=20))
    await until(lambda: rig.jobs)
    draining = asyncio.create_task(rig.running.drain(30))
    await asyncio.sleep(0)
    with pytest.raises(NotServing) as refused:
        await rig.ask("plain")
    assert refused.value.code == "stopping"
    assert ends(await running) == ["length"]
    await draining
    intents, outcomes = await rig.leaves()
    assert [leaf.status for leaf in reversed(outcomes)] == [Status.NOT_SERVED, Status.COMPLETED]
    assert {leaf.request for leaf in intents} == {leaf.request for leaf in outcomes}


async def test_a_stopping_server_ends_what_does_not_end_by_itself(rig: Rig) -> None:
    running = asyncio.create_task(rig.ask("silent"))
    await until(lambda: rig.jobs)
    await rig.running.drain(0.05)
    assert running.cancelled()
    assert (await rig.outcome()).status == Status.CANCELLED


@pytest.mark.parametrize("fault", ["full", "broken_commits"])
async def test_without_a_durable_intent_nothing_is_generated(rig: Rig, fault: str) -> None:
    setattr(rig.disk, fault, True)
    for _ in range(2):  # the first breaks the record, the second finds it broken
        with pytest.raises(AuditUnavailable):
            await rig.ask("plain")
        assert not rig.jobs
        assert len(rig.running) == 0
        assert rig.quota.running == 0


@pytest.mark.parametrize("fault", ["full", "broken_commits"])
async def test_without_a_durable_outcome_the_reader_is_told_of_a_failure(rig: Rig, fault: str) -> None:
    rig.on_job = lambda: setattr(rig.disk, fault, True)
    with pytest.raises(AuditUnavailable):
        await rig.ask("plain", stream=True)
    assert rig.quota.running == 0
    assert len(rig.running) == 0
    assert not rig.finished


async def test_the_service_speaks_first_and_the_models_ceiling_holds(rig: Rig) -> None:
    route = rig.registry.resolve("plain", ACTOR)
    service = changed(route.service, system_prompt="Be short.")
    short = changed(route.model, max_output_tokens=2)
    rig.pipeline = replace(rig.pipeline, resolve=lambda name, actor: changed(route, service=service, model=short))
    chunks = await rig.ask("plain", max_tokens=1000)
    assert (text(chunks), ends(chunks)) == ("one two", ["length"])
    (job,) = rig.jobs
    assert [(message.role, message.content) for message in job.chat.messages] == [
        ("system", "Be short."),
        ("user", "hello"),
    ]
