"""Jobs on one server: what they do, who sees them, how they end."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from hanlin.errors import BadFile, Conflict, NotAllowed, NotFound, TooLarge
from hanlin.jobs import Jobs, State, Work
from hanlin.storage import Database
from tests.jobs.conftest import Opening, Rights, finished, member, running, subject, until

OWNER, COLLEAGUE = member(), member("colleague")


async def test_a_job_runs_its_steps_on_the_servers_loop_and_ends_done(jobs: Jobs) -> None:
    seen: list[object] = []

    async def double(number: int) -> int:
        seen.append((threading.current_thread(), asyncio.get_running_loop()))
        return 2 * number

    async def body(work: Work) -> None:
        total = await work.step("double", double, work.arguments["number"])
        await work.report(1, 2, "reading")
        seen.append(await work.step("double again", double, total))

    jobs.define("doubling", body)
    about = subject()
    job = await jobs.start(OWNER, "doubling", about, {"number": 21})
    assert (job.kind, job.subject, job.person, job.total) == ("doubling", about, OWNER.person, 0)
    done = await finished(jobs, OWNER, job)
    here = (threading.current_thread(), asyncio.get_running_loop())
    assert seen == [here, here, 84]
    assert (done.state, done.done, done.total, done.note, done.code) == (State.DONE, 1, 2, "reading", "")
    assert done.created_at <= done.started_at <= done.ended_at


async def test_a_step_gives_the_same_on_its_first_run_and_from_the_record(opening: Opening) -> None:
    """A tuple is a list after JSON; a body must not see the difference only after a crash."""
    first = await opening()
    gate = asyncio.Event()
    given: list[object] = []

    async def pair() -> tuple[int, int]:
        return 1, 2

    async def body(work: Work) -> None:
        given.append(await work.step("pair", pair))
        await gate.wait()

    first.define("pairs", body)
    job = await first.start(OWNER, "pairs", subject())
    await until(lambda: len(given) == 1)
    await first.close()
    gate.set()
    second = await opening()
    second.define("pairs", body)
    await second.begin()
    assert (await finished(second, OWNER, job)).state is State.DONE
    assert given == [[1, 2], [1, 2]]


async def test_a_failing_step_ends_the_job_with_its_words_and_retry_goes_on_behind_the_last_finished_step(
    jobs: Jobs,
) -> None:
    ran: list[str] = []
    broken = True

    async def part(name: str) -> None:
        ran.append(name)
        if broken and name == "b":
            raise BadFile("Page 2 cannot be read.", action="Save it again.")

    async def body(work: Work) -> None:
        for name in "abc":
            await work.step(name, part, name)

    jobs.define("parts", body)
    job = await finished(jobs, OWNER, await jobs.start(OWNER, "parts", subject()))
    assert (job.state, job.code, job.problem, job.action) == (
        State.FAILED,
        "bad_file",
        "Page 2 cannot be read.",
        "Save it again.",
    )
    broken = False
    again = await jobs.retry(OWNER, job.id)
    assert (again.code, again.problem, again.ended_at) == ("", "", 0)
    assert (await finished(jobs, OWNER, job)).state is State.DONE
    assert ran == ["a", "b", "b", "c"]


async def test_retry_is_refused_unless_the_job_failed_or_was_cancelled(jobs: Jobs) -> None:
    gate = asyncio.Event()

    async def body(_: Work) -> None:
        await gate.wait()

    jobs.define("waiting", body)
    job = await jobs.start(OWNER, "waiting", subject())
    await running(jobs, OWNER, job)
    with pytest.raises(Conflict, match="this one is running"):
        await jobs.retry(OWNER, job.id)
    gate.set()
    await finished(jobs, OWNER, job)
    with pytest.raises(Conflict, match="this one is done"):
        await jobs.retry(OWNER, job.id)


async def test_what_a_body_did_not_foresee_is_logged_by_kind_and_place_only(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    said = "the patient's name"

    async def body(_: Work) -> None:
        raise ValueError(said)

    jobs.define("unforeseen", body)
    with caplog.at_level(logging.ERROR, "hanlin.jobs"):
        job = await finished(jobs, OWNER, await jobs.start(OWNER, "unforeseen", subject()))
    assert (job.state, job.code) == (State.FAILED, "server_error")
    assert "ValueError" in caplog.text
    assert "patient" not in caplog.text + job.problem


async def test_a_queued_job_that_is_cancelled_never_starts(jobs: Jobs) -> None:
    gate, started = asyncio.Event(), []

    async def body(work: Work) -> None:
        started.append(work.job.id)
        await gate.wait()

    jobs.define("one at a time", body)
    first = await jobs.start(OWNER, "one at a time", subject())
    await running(jobs, OWNER, first)
    second = await jobs.start(OWNER, "one at a time", subject())
    third = await jobs.start(OWNER, "one at a time", subject())
    assert (await jobs.cancel(OWNER, second.id)).state is State.CANCELLED
    gate.set()
    await finished(jobs, OWNER, third)
    assert started == [first.id, third.id]
    assert (await jobs.job(OWNER, second.id)).state is State.CANCELLED


async def test_a_running_job_that_is_cancelled_stops_inside_its_step_and_can_go_on(jobs: Jobs) -> None:
    gate, ran, stopped = asyncio.Event(), [], []

    async def part(number: int) -> None:
        ran.append(number)
        if number == 2:
            try:
                await gate.wait()
            except asyncio.CancelledError:
                stopped.append(number)
                raise

    async def body(work: Work) -> None:
        for number in (1, 2, 3):
            await work.step(f"part {number}", part, number)

    jobs.define("cancelled", body)
    job = await jobs.start(OWNER, "cancelled", subject())
    await until(lambda: 2 in ran)
    cancelled = await jobs.cancel(OWNER, job.id)
    assert (cancelled.state, stopped) == (State.CANCELLED, [2])
    gate.set()
    assert (await jobs.cancel(OWNER, job.id)).state is State.CANCELLED
    await jobs.retry(OWNER, job.id)
    assert (await finished(jobs, OWNER, job)).state is State.DONE
    assert ran == [1, 2, 2, 3]


async def test_a_cancelled_job_gives_its_place_to_the_next(jobs: Jobs) -> None:
    async def body(work: Work) -> None:
        if work.arguments["wait"]:
            await asyncio.Event().wait()

    jobs.define("places", body)
    first = await jobs.start(OWNER, "places", subject(), {"wait": True})
    await running(jobs, OWNER, first)
    second = await jobs.start(OWNER, "places", subject(), {"wait": False})
    await jobs.cancel(OWNER, first.id)
    assert (await finished(jobs, OWNER, second)).state is State.DONE


async def test_as_many_jobs_run_at_once_as_there_are_places_of_their_weight(jobs: Jobs) -> None:
    gate, now, most = asyncio.Event(), {"heavy": 0, "light": 0}, {"heavy": 0, "light": 0}

    async def body(work: Work) -> None:
        now[work.job.kind] += 1
        most[work.job.kind] = max(most[work.job.kind], now[work.job.kind])
        await gate.wait()
        now[work.job.kind] -= 1

    jobs.define("heavy", body)
    jobs.define("light", body, light=True)
    started = [await jobs.start(OWNER, kind, subject()) for kind in ("heavy", "light") for _ in range(4)]
    await until(lambda: most == {"heavy": 1, "light": 2})
    await asyncio.sleep(0.1)
    gate.set()
    for job in started:
        assert (await finished(jobs, OWNER, job)).state is State.DONE
    assert most == {"heavy": 1, "light": 2}


async def test_a_person_with_many_jobs_does_not_delay_anothers_first(jobs: Jobs) -> None:
    gate, order = asyncio.Event(), []

    async def body(work: Work) -> None:
        order.append(work.job.person)
        await gate.wait()

    jobs.define("fair", body)
    many = [await jobs.start(OWNER, "fair", subject()) for _ in range(12)]
    await until(lambda: bool(order))
    one = await jobs.start(COLLEAGUE, "fair", subject())
    gate.set()
    await finished(jobs, COLLEAGUE, one)
    for job in many:
        await finished(jobs, OWNER, job)
    assert order.index(COLLEAGUE.person) <= 2


async def test_progress_is_seen_by_who_watches_and_short_steps_of_it_are_put_together(jobs: Jobs) -> None:
    gate = asyncio.Event()

    async def body(work: Work) -> None:
        await gate.wait()
        for number in range(100):
            await work.report(number + 1, 100, "reading")
            if number == 49:
                await asyncio.sleep(0.1)

    jobs.define("progress", body)
    job = await jobs.start(OWNER, "progress", subject())
    seen = []
    async for one in jobs.watch(OWNER, job.id, interval_seconds=0.02):
        seen.append((one.state, one.done))
        gate.set()
    assert (State.RUNNING, 50) in seen
    assert seen[-1] == (State.DONE, 100)
    assert len(seen) < 12


async def test_a_note_is_a_word_of_the_table_never_a_text(jobs: Jobs) -> None:
    async def body(work: Work) -> None:
        await work.report(1, 1, "Reading Ms Li's letter")

    jobs.define("note", body)
    job = await finished(jobs, OWNER, await jobs.start(OWNER, "note", subject()))
    assert (job.state, job.note) == (State.FAILED, "")


async def test_a_stranger_and_the_same_person_elsewhere_see_nothing(jobs: Jobs) -> None:
    async def body(_: Work) -> None:
        await asyncio.Event().wait()

    jobs.define("mine", body)
    job = await jobs.start(OWNER, "mine", subject())
    for other in (member("stranger"), member(workspace="ws_2")):
        assert await jobs.recent(other) == []
        for call in (jobs.job, jobs.cancel, jobs.retry):
            with pytest.raises(NotFound) as theirs:
                await call(other, job.id)
            with pytest.raises(NotFound) as random:
                await call(other, "job_" + "0" * 32)
            assert str(theirs.value) == str(random.value)
        with pytest.raises(NotFound):
            await anext(jobs.watch(other, job.id))
    assert (await jobs.job(OWNER, job.id)).state is not State.CANCELLED


async def test_a_job_whose_owner_lost_the_right_fails_with_the_reason(jobs: Jobs, rights: Rights) -> None:
    gate = asyncio.Event()

    async def body(work: Work) -> None:
        await gate.wait()
        await work.actor()

    jobs.define("right", body)
    job = await jobs.start(OWNER, "right", subject())
    await running(jobs, OWNER, job)
    rights.gone.add(OWNER.person)
    gate.set()
    ended = await finished(jobs, OWNER, job)
    assert (ended.state, ended.code) == (State.FAILED, "no_longer_allowed")


@pytest.mark.slow
async def test_a_job_that_never_asks_ends_too_when_its_owner_lost_the_right(jobs: Jobs, rights: Rights) -> None:
    async def body(work: Work) -> None:
        await work.step("for ever", asyncio.Event().wait)

    jobs.define("deaf", body)
    job = await jobs.start(OWNER, "deaf", subject())
    await running(jobs, OWNER, job)
    rights.gone.add(OWNER.person)
    ended = await finished(jobs, OWNER, job)
    assert (ended.state, ended.code) == (State.FAILED, "no_longer_allowed")


async def test_a_job_has_no_more_rights_than_the_key_that_started_it(jobs: Jobs) -> None:
    from msgspec.structs import replace

    from hanlin.types import Permission

    seen = []

    async def body(work: Work) -> None:
        seen.append(await work.actor())

    jobs.define("scope", body)
    key = replace(OWNER, permissions=frozenset({Permission.GENERATE}), services=frozenset({"small"}))
    await finished(jobs, key, await jobs.start(key, "scope", subject()))
    assert (seen[0].permissions, seen[0].services) == (key.permissions, key.services)


async def test_two_steps_of_one_name_and_a_long_value_end_the_job(jobs: Jobs) -> None:
    async def text(length: int) -> str:
        return "a" * length

    async def twice(work: Work) -> None:
        await work.step("text", text, 1)
        await work.step("text", text, 1)

    async def long(work: Work) -> None:
        await work.step("text", text, 70_000)

    jobs.define("twice", twice)
    jobs.define("long", long)
    assert (await finished(jobs, OWNER, await jobs.start(OWNER, "twice", subject()))).code == "server_error"
    assert (await finished(jobs, OWNER, await jobs.start(OWNER, "long", subject()))).code == TooLarge.default_code


async def test_a_body_may_start_another_job(jobs: Jobs) -> None:
    inner = []

    async def small(_: Work) -> None:
        pass

    async def large(work: Work) -> None:
        async def start() -> str:
            return (await jobs.start(await work.actor(), "small", work.job.subject)).id

        inner.append(await work.step("start", start))

    jobs.define("small", small, light=True)
    jobs.define("large", large)
    about = subject()
    await finished(jobs, OWNER, await jobs.start(OWNER, "large", about))
    found = await jobs.of(about)
    assert found is not None
    assert found.id == inner[0]
    assert (await finished(jobs, OWNER, found)).state is State.DONE


async def test_of_and_recent_give_the_newest_first(jobs: Jobs) -> None:
    async def body(_: Work) -> None:
        pass

    jobs.define("a", body, light=True)
    jobs.define("b", body, light=True)
    about = subject()
    assert await jobs.of(about) is None
    first = await jobs.start(OWNER, "a", about)
    second = await jobs.start(OWNER, "b", about)
    found = await jobs.of(about)
    assert found is not None
    assert found.id == second.id
    assert [job.id for job in await jobs.recent(OWNER)] == [second.id, first.id]
    assert [job.id for job in await jobs.recent(OWNER, "a")] == [first.id]


async def test_prune_erase_and_forget_delete_rows_and_stop_what_runs(jobs: Jobs) -> None:
    async def quick(_: Work) -> None:
        pass

    async def endless(_: Work) -> None:
        await asyncio.Event().wait()

    jobs.define("quick", quick)
    jobs.define("endless", endless, light=True)
    old = await finished(jobs, OWNER, await jobs.start(OWNER, "quick", subject()))
    runs = await jobs.start(OWNER, "endless", subject())
    theirs = await jobs.start(COLLEAGUE, "endless", subject())
    await running(jobs, OWNER, runs)
    assert await jobs.prune(old.ended_at) == 0
    assert await jobs.prune(old.ended_at + 1) == 1
    assert [job.id for job in await jobs.recent(OWNER)] == [runs.id]
    await jobs.forget(runs.subject)
    assert await jobs.recent(OWNER) == []
    await jobs.erase(COLLEAGUE.person)
    with pytest.raises(NotFound):
        await jobs.job(COLLEAGUE, theirs.id)


async def test_a_second_server_in_one_process_is_told_so_and_may_begin_when_the_first_has_closed(
    opening: Opening,
) -> None:
    async def body(_: Work) -> None:
        pass

    first, second = await opening(), await opening()
    first.define("a", body)
    second.define("a", body)
    await first.start(OWNER, "a", subject())
    with pytest.raises(Conflict, match="Another server in this process") as refused:
        await second.start(OWNER, "a", subject())
    assert refused.value.code == "jobs_elsewhere"
    await first.close()
    assert (await finished(second, OWNER, await second.start(OWNER, "a", subject()))).state is State.DONE


async def test_a_server_without_jobs_never_brings_dbos_up(jobs: Jobs) -> None:
    before = threading.active_count()
    await jobs.begin()
    assert await jobs.recent(OWNER) == []
    assert threading.active_count() == before


async def test_nothing_of_dbos_reaches_the_console(jobs: Jobs, capfd: pytest.CaptureFixture[str]) -> None:
    async def body(_: Work) -> None:
        raise NotAllowed("No.")

    jobs.define("quiet", body)
    job = await jobs.start(OWNER, "quiet", subject())
    await finished(jobs, OWNER, job)
    await jobs.retry(OWNER, job.id)
    await finished(jobs, OWNER, job)
    await jobs.close()
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


async def test_what_a_step_says_when_it_fails_never_reaches_dbos(jobs: Jobs, database: Database) -> None:
    """An error may quote what a person wrote: DBOS keeps only that the step failed."""
    from dbos import DBOS

    async def fail() -> None:
        raise BadFile("the secret word")

    async def body(work: Work) -> None:
        await work.step("fail", fail)

    jobs.define("secret", body)
    job = await finished(jobs, OWNER, await jobs.start(OWNER, "secret", subject()))
    kept = await asyncio.to_thread(lambda: (DBOS.list_workflow_steps(job.id), DBOS.list_workflows()))
    assert "fail" in str(kept)
    assert "secret word" not in str(kept)
