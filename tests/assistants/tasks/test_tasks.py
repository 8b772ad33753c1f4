"""Tasks: run when they are due, once, with their owner's rights; what came of them is his alone."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from msgspec.structs import replace

from hanlin.accounts import Accounts
from hanlin.assistants.tasks import Delivery, Part, Schedule
from hanlin.errors import BadFile, BadRequest, NotAllowed, NotFound, TooMany
from hanlin.jobs import State
from hanlin.types import Role
from tests.accounts.conftest import Announced, Cast
from tests.assistants.tasks.conftest import MONDAY, Office, change

EIGHT = MONDAY + 8 * 3600
WEEK = 7 * 86_400


async def test_a_task_runs_when_it_is_due_and_keeps_what_came_of_it(office: Office, cast: Cast) -> None:
    said = change(
        parts=(Part("documents", "col_1"), Part("meetings")), instructions="Only what is urgent.", service="large"
    )
    task = await office.tasks.save(cast.owner, said)
    assert task.next_at == EIGHT
    await office.due(EIGHT - 1)
    assert await office.tasks.runs(cast.owner, task.id) == []
    await office.due(EIGHT)
    (run,) = await office.ended(cast.owner, task)
    assert (run.state, run.due_at, run.since, run.delivered) == (State.DONE, EIGHT, EIGHT - WEEK, "page")
    assert [section.title for section in run.sections] == ["New in col_1", "New in "]
    assert run.sections[0].request_ids == ("req_1",)
    asked = (cast.owner.person, "col_1", EIGHT - WEEK, "Only what is urgent.", "large")
    assert (office.documents.asked, len(office.meetings.asked)) == ([asked], 1)
    assert (await office.tasks.task(cast.owner, task.id)).next_at == EIGHT + WEEK


async def test_a_due_time_is_run_once_however_often_it_is_looked_at(office: Office, cast: Cast) -> None:
    task = await office.tasks.save(cast.owner, change())
    for _ in range(3):
        await office.due(EIGHT + 5)
    assert len(await office.ended(cast.owner, task)) == 1
    await office.due(EIGHT + WEEK)
    runs = await office.ended(cast.owner, task)
    assert [(run.due_at, run.since) for run in runs] == [(EIGHT + WEEK, EIGHT), (EIGHT, EIGHT - WEEK)]


async def test_times_that_were_missed_are_run_as_one(office: Office, cast: Cast) -> None:
    task = await office.tasks.save(cast.owner, change())
    await office.due(EIGHT + 5 * WEEK + 60)
    (run,) = await office.ended(cast.owner, task)
    assert (run.due_at, run.since) == (EIGHT, EIGHT - WEEK)
    assert (await office.tasks.task(cast.owner, task.id)).next_at == EIGHT + 6 * WEEK


async def test_a_crash_between_the_due_time_and_its_job_is_made_good(office: Office, cast: Cast) -> None:
    task = await office.tasks.save(cast.owner, change())
    await office.tasks._records.claim(task, EIGHT + WEEK, 0)
    await office.due(MONDAY + 60)
    (run,) = await office.ended(cast.owner, task)
    assert run.state is State.DONE


async def test_a_single_time_and_a_switched_off_task(office: Office, cast: Cast) -> None:
    once = await office.tasks.save(
        cast.owner, change(schedule=Schedule(kind="once", zone="UTC", hour=8, on=date(2026, 11, 30)))
    )
    off = await office.tasks.save(cast.owner, change(enabled=False))
    await office.due(EIGHT)
    (run,) = await office.ended(cast.owner, once)
    assert run.since == 0
    assert (await office.tasks.task(cast.owner, once.id)).next_at == 0
    assert await office.tasks.runs(cast.owner, off.id) == []
    assert (await office.tasks.change(cast.owner, off.id, change())).next_at == EIGHT + WEEK


async def test_nothing_new_is_said_and_not_delivered(office: Office, cast: Cast) -> None:
    office.documents.items = 0
    task = await office.tasks.save(cast.owner, change(delivery=Delivery("webhook", "https://hooks.example/a")))
    run = await office.tasks.run(cast.owner, task.id)
    (run,) = await office.ended(cast.owner, task)
    assert (run.state, run.delivered) == (State.DONE, "nothing_new")


async def test_a_failure_says_why_and_going_on_asks_only_for_what_is_missing(office: Office, cast: Cast) -> None:
    task = await office.tasks.save(cast.owner, change(parts=(Part("documents", "a"), Part("meetings"))))
    office.meetings.error = BadFile("The recording cannot be read.", action="Erase it.")
    await office.due(EIGHT)
    (run,) = await office.ended(cast.owner, task)
    assert (run.state, run.problem, run.action) == (State.FAILED, "The recording cannot be read.", "Erase it.")
    assert len(run.sections) == 1
    office.meetings.error = None
    await office.jobs.retry(cast.owner, run.job)
    (run,) = await office.ended(cast.owner, task)
    assert (run.state, len(run.sections)) == (State.DONE, 2)
    assert len(office.documents.asked) == 1
    await office.due(EIGHT + WEEK)
    assert (await office.ended(cast.owner, task))[0].since == EIGHT


async def test_a_task_whose_owner_lost_the_right_is_switched_off_with_the_reason(
    office: Office, cast: Cast, accounts: Accounts
) -> None:
    task = await office.tasks.save(cast.colleague, change())
    gone = await office.tasks.save(cast.stranger, change())
    await accounts.people.set_role(cast.owner, cast.colleague.person, Role.AUDITOR)
    await accounts.people.set_disabled(cast.operator, cast.stranger.person, disabled=True)
    await office.due(EIGHT)
    off = await office.tasks.task(cast.colleague, task.id)
    assert (off.said.enabled, off.next_at, off.code) == (False, 0, "permission_denied")
    assert (await office.tasks.task(cast.stranger, gone.id)).code == "no_longer_allowed"
    assert office.documents.asked == []
    (run,) = await office.tasks.runs(cast.colleague, task.id)
    assert (run.state, run.problem) == (State.FAILED, "Whose task it is had no right to run it.")


async def test_a_task_has_no_more_rights_than_the_key_that_saved_it(office: Office, cast: Cast) -> None:
    key = replace(cast.owner, services=frozenset({"small"}))
    task = await office.tasks.save(key, change())
    seen = []

    async def digest(actor: object, *_: object) -> object:
        seen.append(actor.services)  # type: ignore[attr-defined]
        raise BadFile("Enough.")

    office.documents.digest = digest  # type: ignore[method-assign, assignment]
    await office.due(EIGHT)
    await office.ended(cast.owner, task)
    assert seen == [frozenset({"small"})]


async def test_a_task_is_unknown_to_everybody_else(office: Office, cast: Cast) -> None:
    task = await office.tasks.save(cast.owner, change())
    run = await office.tasks.run(cast.owner, task.id)
    for other in (cast.colleague, cast.stranger):
        assert await office.tasks.mine(other) == []
        for call in (office.tasks.task, office.tasks.remove, office.tasks.runs, office.tasks.run, office.tasks.secret):
            with pytest.raises(NotFound) as theirs:
                await call(other, task.id)
            with pytest.raises(NotFound) as random:
                await call(other, "task_" + "0" * 32)
            assert str(theirs.value) == str(random.value)
        with pytest.raises(NotFound):
            await office.tasks.change(other, task.id, change())
        with pytest.raises(NotFound):
            await office.tasks.result(other, task.id, run.id)
    with pytest.raises(NotAllowed):
        await office.tasks.save(cast.auditor, change())
    with pytest.raises(NotFound):
        await office.tasks.result(cast.owner, task.id, "run_" + "0" * 32)


async def test_a_deleted_task_takes_what_came_of_it_along(office: Office, cast: Cast, announced: Announced) -> None:
    announced.clear()
    task = await office.tasks.save(cast.owner, change())
    run = await office.tasks.run(cast.owner, task.id)
    await office.ended(cast.owner, task)
    await office.tasks.remove(cast.owner, task.id)
    with pytest.raises(NotFound):
        await office.jobs.job(cast.owner, run.job)
    assert await office.tasks.mine(cast.owner) == []
    assert announced == [("task:saved", cast.owner.person), ("task:removed", cast.owner.person)]


async def test_an_erased_person_leaves_no_task(office: Office, cast: Cast, accounts: Accounts) -> None:
    await office.tasks.save(cast.colleague, change())
    await accounts.people.erase(cast.operator, cast.colleague.person)
    await office.due(EIGHT)
    assert await office.tasks.mine(cast.colleague) == []


async def test_old_results_are_pruned(office: Office, cast: Cast) -> None:
    task = await office.tasks.save(cast.owner, change())
    await office.due(EIGHT)
    await office.ended(cast.owner, task)
    assert await office.tasks.prune(EIGHT) == 0
    assert await office.tasks.prune(EIGHT + 1) == 1
    assert await office.tasks.runs(cast.owner, task.id) == []


async def test_what_makes_no_sense_is_refused(office: Office, cast: Cast) -> None:
    wrong = [
        change(parts=(Part("document", "a"),)),
        change(schedule=Schedule(kind="daily", zone="Nowhere")),
        change(delivery=Delivery("page", "somewhere")),
        change(delivery=Delivery("email", "a@example.org")),
        change(delivery=Delivery("webhook", "ftp://example.org")),
        change(delivery=Delivery("webhook", "https://user:secret@example.org/")),
    ]
    for said in wrong:
        with pytest.raises(BadRequest):
            await office.tasks.save(cast.owner, said)
    with pytest.raises(BadRequest, match="Known: documents"):
        await office.tasks.save(cast.owner, wrong[0])
    for _ in range(50):
        await office.tasks.save(cast.owner, change(enabled=False))
    with pytest.raises(TooMany):
        await office.tasks.save(cast.owner, change())


async def test_open_looks_by_itself(office: Office, cast: Cast) -> None:
    task = await office.tasks.save(cast.owner, change())
    office.clock.now = EIGHT
    await office.tasks.open()
    while not await office.tasks.runs(cast.owner, task.id):
        await asyncio.sleep(0.01)
    assert (await office.ended(cast.owner, task))[0].state is State.DONE
