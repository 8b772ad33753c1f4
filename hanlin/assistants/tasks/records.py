"""The rows of tasks and their runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Row, delete, func, select, update

from hanlin.assistants.tasks.tables import task_runs, task_sections, tasks
from hanlin.assistants.tasks.task import Change, Digest, Section, Task
from hanlin.errors import NotFound, TooMany
from hanlin.storage import Database
from hanlin.types import Actor, new_id

TASKS = 50
"""Of one person in one workspace."""
TITLE_CHARACTERS = 200
Condition = ColumnElement[bool]


class Due(Struct, frozen=True):
    """A due time as it is stored."""

    id: str
    task: str
    due_at: int
    since: int
    job: str
    delivered: str


class Records:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, task: Task) -> None:
        """Add a task. TooMany above TASKS."""
        held = select(func.count()).where(*_of(task.person, task.workspace))
        async with self._database.write() as connection:
            if (await connection.execute(held)).scalar_one() >= TASKS:
                raise TooMany(
                    f"You have {TASKS} tasks already.",
                    action="Delete one that you no longer need.",
                    code="too_many_tasks",
                    retry_after_seconds=0,
                )
            owner = {"person_id": task.person, "workspace_id": task.workspace}
            values = {"id": task.id, "code": "", "next_at": task.next_at, "created_at": task.created_at}
            await connection.execute(tasks.insert().values(scope=task.scope, **owner, **values, **_said(task.said)))

    async def task(self, actor: Actor, task_id: str) -> Task:
        """The actor's task. NotFound for an unknown one and for somebody else's."""
        found = await self.tasks(tasks.c.id == task_id, *_of(actor.person, actor.workspace))
        if not found:
            raise NotFound("There is no such task.", action="List your tasks, and take its id from there.")
        return found[0]

    async def of(self, due: Due) -> Task:
        """The task of a due time, for who acts for its owner."""
        found = await self.tasks(tasks.c.id == due.task)
        if not found:
            raise NotFound("The task was deleted.", action="Save it anew.")
        return found[0]

    async def mine(self, actor: Actor) -> list[Task]:
        """Newest first."""
        return await self.tasks(*_of(actor.person, actor.workspace))

    async def due(self, now: int) -> list[Task]:
        return await self.tasks(tasks.c.enabled, tasks.c.next_at > 0, tasks.c.next_at <= now)

    async def tasks(self, *conditions: Condition) -> list[Task]:
        statement = select(tasks).where(*conditions).order_by(tasks.c.id.desc())
        async with self._database.read() as connection:
            return [_task(row) for row in await connection.execute(statement)]

    async def change(self, task: Task) -> None:
        """Put another task in the place of the one of its id."""
        values = {**_said(task.said), "scope": task.scope, "code": "", "next_at": task.next_at}
        async with self._database.write() as connection:
            await connection.execute(update(tasks).where(tasks.c.id == task.id).values(values))

    async def switch_off(self, task: Task, code: str) -> None:
        """Note why a task does not run any more."""
        said = msgspec.structs.replace(task.said, enabled=False)
        async with self._database.write() as connection:
            values = {**_said(said), "code": code, "next_at": 0}
            await connection.execute(update(tasks).where(tasks.c.id == task.id).values(values))

    async def remove(self, task_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(tasks).where(tasks.c.id == task_id))

    async def claim(self, task: Task, next_at: int, since: int) -> None:
        """Make a run of a due time and set the next one, both or neither; of two servers one does."""
        async with self._database.write() as connection:
            mine = tasks.c.id == task.id, tasks.c.next_at == task.next_at, tasks.c.enabled
            if (await connection.execute(update(tasks).where(*mine).values(next_at=next_at))).rowcount:
                await connection.execute(self._insert_run(task.id, task.next_at, since))

    async def run_now(self, task: Task, now: int, since: int) -> None:
        """Make a run outside of the schedule; twice within a second is once."""
        async with self._database.write() as connection:
            await connection.execute(self._insert_run(task.id, now, since))

    async def last_due(self, task: Task) -> int | None:
        """The newest due time that gave something."""
        newest = select(func.max(task_runs.c.due_at)).where(task_runs.c.task_id == task.id, task_runs.c.delivered != "")
        async with self._database.read() as connection:
            found: int | None = (await connection.execute(newest)).scalar_one()
        return found

    async def runs(self, *conditions: Condition, limit: int) -> list[Due]:
        """Newest first."""
        statement = select(task_runs).where(*conditions).order_by(task_runs.c.due_at.desc()).limit(limit)
        async with self._database.read() as connection:
            return [
                Due(row.id, row.task_id, row.due_at, row.since, row.job_id, row.delivered)
                for row in await connection.execute(statement)
            ]

    async def note_job(self, run_id: str, job_id: str) -> None:
        await self._update_run(run_id, job_id=job_id)

    async def note_delivered(self, run_id: str, how: str) -> None:
        await self._update_run(run_id, delivered=how)

    async def keep(self, run_id: str, number: int, digest: Digest) -> None:
        """Store what came of a part; writing twice is once."""
        values = {
            "title": digest.title[:TITLE_CHARACTERS],
            "text": digest.text,
            "request_ids": list(digest.request_ids),
            "service": digest.service[:200],
            "items": digest.items,
        }
        key = [task_sections.c.run_id, task_sections.c.number]
        statement = self._database.insert(task_sections).values(run_id=run_id, number=number, **values)
        async with self._database.write() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values))

    async def sections(self, run_ids: Sequence[str]) -> dict[str, list[Section]]:
        """By run, in order."""
        chosen = task_sections.c.run_id.in_(run_ids)
        statement = select(task_sections).where(chosen).order_by(task_sections.c.run_id, task_sections.c.number)
        found: dict[str, list[Section]] = {run_id: [] for run_id in run_ids}
        async with self._database.read() as connection:
            for row in await connection.execute(statement):
                found[row.run_id].append(
                    Section(
                        title=row.title,
                        text=row.text,
                        request_ids=tuple(row.request_ids),
                        service=row.service,
                        items=row.items,
                    )
                )
        return found

    async def prune(self, before: int) -> int:
        """Delete runs that were due before a time; how many."""
        async with self._database.write() as connection:
            return (await connection.execute(delete(task_runs).where(task_runs.c.due_at < before))).rowcount

    async def _update_run(self, run_id: str, **values: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(task_runs).where(task_runs.c.id == run_id).values(values))

    def _insert_run(self, task_id: str, due_at: int, since: int) -> Any:
        values = {"id": new_id("run"), "task_id": task_id, "due_at": due_at, "since": since}
        return self._database.insert(task_runs).values(job_id="", delivered="", **values).on_conflict_do_nothing()


def _of(person: str, workspace: str) -> tuple[Condition, Condition]:
    return tasks.c.person_id == person, tasks.c.workspace_id == workspace


def _said(said: Change) -> dict[str, Any]:
    return {"said": msgspec.to_builtins(said), "enabled": said.enabled}


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        person=row.person_id,
        workspace=row.workspace_id,
        said=msgspec.convert(row.said, Change),
        scope=row.scope,
        code=row.code,
        next_at=row.next_at,
        created_at=row.created_at,
    )
