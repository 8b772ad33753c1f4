"""Tasks over real jobs and a scripted source, at a time that the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hanlin.accounts import Accounts
from hanlin.assistants.tasks import Change, Delivery, Part, Run, Schedule, Section, Task, Tasks
from hanlin.assistants.tasks.delivering import Delivering
from hanlin.errors import HanlinError
from hanlin.jobs import Jobs
from hanlin.net.mail import Mail
from hanlin.storage import Database
from hanlin.types import Actor
from tests.accounts.conftest import Announced, Cast, Clock, accounts, announced, cast, clock, monotonic
from tests.jobs.conftest import database_url
from tests.storage.databases import database, sqlite_template

__all__ = [
    "Cast",
    "accounts",
    "announced",
    "cast",
    "clock",
    "database",
    "database_url",
    "monotonic",
    "sqlite_template",
]

MONDAY = 1_795_996_800
"""2026-11-30 00:00 UTC."""
EVERY_MONDAY = Schedule(kind="weekly", zone="UTC", hour=8, weekday=1)


@dataclass
class Source:
    """Says `items` new things of a subject; fails with `error` if there is one."""

    items: int = 2
    error: HanlinError | None = None
    asked: list[tuple[str, str, int, str, str]] = field(default_factory=list)

    async def digest(self, actor: Actor, subject: str, since: int, instructions: str, service: str, /) -> Section:
        self.asked.append((actor.person, subject, since, instructions, service))
        if self.error is not None:
            raise self.error
        return Section(
            title=f"New in {subject}", text="Two letters came.", request_ids=("req_1",), service="s", items=self.items
        )


def change(**said: object) -> Change:
    """What a person says of a task: every Monday at eight, of one collection."""
    usual = {"name": "Monday's digest", "parts": (Part("documents", "col_1"),), "schedule": EVERY_MONDAY}
    return Change(**{**usual, **said})  # type: ignore[arg-type]


@dataclass
class Office:
    """Tasks that are open, and what they stand on."""

    tasks: Tasks
    jobs: Jobs
    clock: Clock
    documents: Source
    meetings: Source
    pauses: list[float] = field(default_factory=list)

    async def due(self, now: int) -> None:
        """What happens when the clock says `now`: everything due is run to its end."""
        self.clock.now = now
        await self.tasks.tick()

    async def ended(self, actor: Actor, task: Task) -> list[Run]:
        """The runs of a task when all of them have ended."""
        while True:
            runs = await self.tasks.runs(actor, task.id)
            for run in (run for run in runs if run.job):
                async for _ in self.jobs.watch(actor, run.job, interval_seconds=0.01):
                    pass
            if all(run.state.final for run in runs):
                return runs
            await asyncio.sleep(0.01)


@pytest.fixture
def mail() -> Mail | None:
    return None


@pytest.fixture
async def office(
    database: Database, accounts: Accounts, cast: Cast, clock: Clock, announced: Announced, tmp_path: Path, mail: Mail
) -> AsyncIterator[Office]:
    jobs = await Jobs.open(database, folder=tmp_path, actor_of=accounts.actor_of, poll_seconds=0.05)
    documents, meetings, pauses = Source(), Source(), []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    tasks = Tasks(
        database,
        jobs=jobs,
        sources={"documents": documents, "meetings": meetings},
        actor_of=accounts.actor_of,
        delivering=Delivering(
            mail=mail, key=bytes(32), url="https://hanlin.example", trusted_hosts=("127.0.0.1",), pause=pause
        ),
        announce=announced,
        clock=clock,
    )
    clock.now = MONDAY
    yield Office(tasks, jobs, clock, documents, meetings, pauses)
    await tasks.close()
    await jobs.close()


def hook(port: int) -> Delivery:
    return Delivery("webhook", f"http://127.0.0.1:{port}/hook")
