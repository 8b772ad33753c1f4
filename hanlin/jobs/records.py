"""The rows of jobs: written by whoever runs one, read by pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, delete, func, select, update

from hanlin.errors import NotFound
from hanlin.jobs.job import Job, State, job
from hanlin.jobs.tables import jobs
from hanlin.storage import Database
from hanlin.types import Actor

UNFINISHED = jobs.c.state.in_([State.QUEUED.value, State.RUNNING.value])
RETRYABLE = jobs.c.state.in_([State.FAILED.value, State.CANCELLED.value])
Condition = ColumnElement[bool]


class Begun(Struct, frozen=True):
    """A job whose body is about to run."""

    job: Job
    arguments: dict[str, str | int | bool]
    scope: dict[str, Any]
    starts: int
    """How often it began since it last made progress."""


class Records:
    """Each change of a state asks for the state it assumes, so that of two at once one wins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, values: dict[str, Any]) -> int:
        """Add a queued job; how many of its owner's jobs of that weight were unfinished before."""
        before = select(func.count()).where(
            UNFINISHED, jobs.c.person == values["person"], jobs.c.light.is_(values["light"])
        )
        async with self._database.write() as connection:
            count: int = (await connection.execute(before)).scalar_one()
            await connection.execute(jobs.insert().values(values))
        return count

    async def find(self, actor: Actor, job_id: str) -> Job:
        """The actor's job. NotFound for an unknown one and for somebody else's."""
        rows = await self.all(jobs.c.id == job_id, *own(actor), limit=1)
        if not rows:
            raise NotFound("There is no such job.", action="List your jobs, and take its id from there.")
        return rows[0]

    async def all(self, *conditions: Condition, limit: int, oldest: bool = False) -> list[Job]:
        """Newest first, or oldest."""
        order = jobs.c.id.asc() if oldest else jobs.c.id.desc()
        statement = select(jobs).where(*conditions).order_by(order).limit(limit)
        async with self._database.read() as connection:
            return [job(row) for row in await connection.execute(statement)]

    async def begin(self, job_id: str, now: int) -> Begun | None:
        """Note that a job's body begins; None when the job has ended or is gone."""
        row = await self._change(
            jobs.c.id == job_id, UNFINISHED, state=State.RUNNING.value, starts=jobs.c.starts + 1, started_at=now
        )
        return None if row is None else Begun(job(row), row.arguments, row.scope, row.starts)

    async def report(self, job_id: str, done: int, total: int, note: str) -> bool:
        """Note how far a job is; False when it no longer runs."""
        row = await self._change(jobs.c.id == job_id, UNFINISHED, done=done, total=total, note=note, starts=0)
        return row is not None

    async def end(self, job_id: str, state: State, now: int, **told: str) -> bool:
        """Note how a job ended; False when it had ended before."""
        row = await self._change(jobs.c.id == job_id, UNFINISHED, state=state.value, ended_at=now, **told)
        return row is not None

    async def requeue(self, job_id: str) -> bool:
        """Make an ended job a queued one; False when it is not ended, or is done."""
        row = await self._change(
            jobs.c.id == job_id,
            RETRYABLE,
            state=State.QUEUED.value,
            starts=0,
            code="",
            problem="",
            action="",
            ended_at=0,
        )
        return row is not None

    async def interrupt(self, job_ids: Collection[str]) -> None:
        """Note that the server stops: these go on after the next start, and no crash was theirs."""
        statement = update(jobs).where(jobs.c.id.in_(job_ids), UNFINISHED)
        async with self._database.write() as connection:
            await connection.execute(statement.values(state=State.QUEUED.value, starts=0))

    async def delete(self, job_ids: Collection[str]) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(jobs).where(jobs.c.id.in_(job_ids)))

    async def _change(self, *conditions: Condition, **values: Any) -> Row[Any] | None:
        async with self._database.write() as connection:
            statement = update(jobs).where(*conditions).values(values).returning(jobs)
            row: Row[Any] | None = (await connection.execute(statement)).one_or_none()
        return row


def own(actor: Actor) -> tuple[Condition, Condition]:
    """What is the actor's in this workspace."""
    return jobs.c.person == actor.person, jobs.c.workspace == actor.workspace
