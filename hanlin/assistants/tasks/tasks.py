"""The room's face: save tasks, run them when they are due, show what came of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec.structs import replace

from hanlin.accounts import require
from hanlin.assistants.tasks.delivering import Delivering
from hanlin.assistants.tasks.records import Due, Records
from hanlin.assistants.tasks.schedule import check, due_after
from hanlin.assistants.tasks.tables import task_runs
from hanlin.assistants.tasks.task import Change, Run, Source, Task
from hanlin.errors import BadRequest, HanlinError, NotAllowed, NotFound, nearest
from hanlin.jobs import Jobs, State, Work, confined, scope
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Permission, new_id, unheard

KIND = "tasks:run"
NO_JOB = "none"
"""Stands for the job of a due time at which the owner had no right."""
NO_RIGHT = "Whose task it is had no right to run it."
TICK_SECONDS = 20.0
log = logging.getLogger("hanlin.tasks")


class Tasks:
    """Made once per server. A task runs with the rights that its owner has when it runs."""

    def __init__(
        self,
        database: Database,
        *,
        jobs: Jobs,
        sources: Mapping[str, Source],
        actor_of: Callable[[str, str], Awaitable[Actor]],
        delivering: Delivering,
        announce: Announce = unheard,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`sources`: the assistants by name; `actor_of`: (person, workspace) -> who that is there now."""
        self._records = Records(database)
        self._jobs = jobs
        self._sources = dict(sources)
        self._actor_of = actor_of
        self._delivering = delivering
        self._announce = announce
        self._clock = clock
        self._watch: asyncio.Task[None] | None = None
        jobs.define(KIND, self._body)

    async def open(self) -> None:
        """Look from now on which tasks are due; what was missed while the server was off runs once."""
        self._watch = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Look no longer. Before `jobs.close`."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    async def mine(self, actor: Actor) -> list[Task]:
        """The actor's tasks in this workspace, newest first."""
        return await self._records.mine(actor)

    async def task(self, actor: Actor, task_id: str) -> Task:
        """One task of the actor's. NotFound for an unknown one and for somebody else's."""
        return await self._records.task(actor, task_id)

    async def save(self, actor: Actor, said: Change) -> Task:
        """Save a new task. BadRequest for an unknown source, time zone or address; TooMany above 50."""
        require(actor, Permission.GENERATE)
        task = Task(
            id=new_id("task"),
            person=actor.person,
            workspace=actor.workspace,
            said=said,
            scope=scope(actor),
            next_at=self._next(said),
            created_at=int(self._clock()),
        )
        await self._records.add(task)
        await self._announce("task:saved", actor, {"task": task.id})
        return task

    async def change(self, actor: Actor, task_id: str, said: Change) -> Task:
        """Put other words in the place of a task's."""
        require(actor, Permission.GENERATE)
        task = await self.task(actor, task_id)
        await self._records.change(replace(task, said=said, scope=scope(actor), next_at=self._next(said)))
        await self._announce("task:saved", actor, {"task": task.id})
        return await self.task(actor, task_id)

    async def remove(self, actor: Actor, task_id: str) -> None:
        """Delete a task with all that came of it; what runs of it stops."""
        task = await self.task(actor, task_id)
        for run in await self._records.runs(task_runs.c.task_id == task.id, limit=10_000):
            await self._jobs.forget(run.id)
        await self._records.remove(task.id)
        await self._announce("task:removed", actor, {"task": task.id})

    async def run(self, actor: Actor, task_id: str) -> Run:
        """Run a task now, beside its schedule."""
        require(actor, Permission.GENERATE)
        task, now = await self.task(actor, task_id), int(self._clock())
        await self._records.run_now(task, now, await self._since(task, now))
        (due,) = await self._records.runs(task_runs.c.task_id == task.id, task_runs.c.due_at == now, limit=1)
        if not due.job:
            await self._start(actor, due)
        return await self.result(actor, task_id, due.id)

    async def runs(self, actor: Actor, task_id: str, *, limit: int = 50) -> list[Run]:
        """What came of a task, newest first."""
        task = await self.task(actor, task_id)
        return await self._shown(await self._records.runs(task_runs.c.task_id == task.id, limit=limit))

    async def result(self, actor: Actor, task_id: str, run_id: str) -> Run:
        """What came of a task at one due time."""
        task = await self.task(actor, task_id)
        found = await self._records.runs(task_runs.c.task_id == task.id, task_runs.c.id == run_id, limit=1)
        if not found:
            raise NotFound("There is no such run of this task.", action="List its runs.")
        return (await self._shown(found))[0]

    async def secret(self, actor: Actor, task_id: str) -> str:
        """What the receiver of a task's web hooks checks their signature with."""
        return self._delivering.secret((await self.task(actor, task_id)).id)

    async def prune(self, before: int) -> int:
        """Delete what came of tasks before a time in Unix seconds; how many due times."""
        return await self._records.prune(before)

    async def tick(self) -> None:
        """Run what is due, and what a crash kept from starting."""
        now = int(self._clock())
        for task in await self._records.due(now):
            next_at = due_after(task.said.schedule, now) or 0
            await self._records.claim(task, next_at, await self._since(task, task.next_at))
        for due in await self._records.runs(task_runs.c.job_id == "", limit=100):
            await self._take_up(due)

    async def _look(self) -> None:
        while True:
            try:
                await self.tick()
            except HanlinError as error:
                log.warning("cannot look after tasks: %s", error.code)
            await asyncio.sleep(TICK_SECONDS)

    async def _take_up(self, due: Due) -> None:
        task = await self._records.of(due)
        try:
            actor = confined(await self._actor_of(task.person, task.workspace), task.scope)
            require(actor, Permission.GENERATE)
        except NotAllowed as error:
            await self._records.switch_off(task, error.code)
            await self._records.note_job(due.id, NO_JOB)
            return
        await self._start(actor, due)

    async def _start(self, actor: Actor, due: Due) -> None:
        job = await self._jobs.of(due.id) or await self._jobs.start(actor, KIND, due.id)
        await self._records.note_job(due.id, job.id)

    async def _body(self, work: Work) -> None:
        due = await self._run_of(work.job.subject)
        task = await self._records.of(due)
        parts, items = task.said.parts, 0
        for number in range(len(parts)):
            await work.report(number, len(parts), "summarising")
            items += await work.step(f"part {number}", self._digest, work, due, number)
        await work.step("deliver", self._deliver, due, items)
        await work.report(len(parts), len(parts), "writing")

    async def _digest(self, work: Work, due: Due, number: int) -> int:
        """What is new in one part, with the rights the owner has at this moment."""
        actor = await work.actor()
        require(actor, Permission.GENERATE)
        said = (await self._records.of(due)).said
        if number >= len(said.parts):  # the task was changed meanwhile
            return 0
        part = said.parts[number]
        source = self._sources[part.source]
        digest = await source.digest(actor, part.subject, due.since, said.instructions, said.service)
        await self._records.keep(due.id, number, digest)
        return digest.items

    async def _deliver(self, due: Due, items: int) -> None:
        task = await self._records.of(due)
        sections = (await self._records.sections([due.id]))[due.id]
        if items:
            await self._delivering.deliver(task, due, sections, int(self._clock()))
        await self._records.note_delivered(due.id, task.said.delivery.kind if items else "nothing_new")

    async def _since(self, task: Task, due_at: int) -> int:
        """The due time before; for the first run one period ago, or the beginning."""
        period = task.said.schedule.period_seconds
        last = await self._records.last_due(task)
        return last if last is not None else (due_at - period if period else 0)

    async def _run_of(self, run_id: str) -> Due:
        found = await self._records.runs(task_runs.c.id == run_id, limit=1)
        if not found:
            raise NotFound("The task was deleted.", action="Save it anew.")
        return found[0]

    async def _shown(self, found: Sequence[Due]) -> list[Run]:
        sections = await self._records.sections([due.id for due in found])
        shown = []
        for due in found:
            job = await self._jobs.of(due.id)
            gone = State.DONE if due.delivered else State.FAILED if due.job else State.QUEUED
            shown.append(
                Run(
                    id=due.id,
                    task=due.task,
                    due_at=due.due_at,
                    since=due.since,
                    job=job.id if job else "",
                    state=job.state if job else gone,
                    delivered=due.delivered,
                    problem=job.problem if job else "" if due.job != NO_JOB else NO_RIGHT,
                    action=job.action if job else "",
                    sections=tuple(sections[due.id]),
                )
            )
        return shown

    def _next(self, said: Change) -> int:
        """When it is due first; checks what was said."""
        for part in said.parts:
            if part.source not in self._sources:
                raise BadRequest(
                    f"There is no source {part.source[:40]!r}.",
                    action=nearest(part.source, self._sources),
                    param="parts",
                )
        check(said.schedule)
        self._delivering.check(said.delivery)
        return (due_after(said.schedule, int(self._clock())) or 0) if said.enabled else 0
