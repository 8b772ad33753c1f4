"""Jobs over a real database and a real DBOS; a person's rights are what the test says."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hanlin.errors import NotAllowed
from hanlin.jobs import Job, Jobs, State
from hanlin.storage import Database
from hanlin.types import Actor, Permission, Role, new_id
from tests.storage.databases import database, postgresql_server, sqlite_template

__all__ = ["database", "postgresql_server", "sqlite_template"]


def member(name: str = "owner", workspace: str = "ws_1") -> Actor:
    return Actor(
        person=f"per_{name}",
        workspace=workspace,
        role=Role.MEMBER,
        permissions=frozenset({Permission.GENERATE, Permission.READ_USAGE}),
        key="key_1",
    )


@pytest.fixture
def database_url(tmp_path: Path, sqlite_template: Path) -> str:
    """SQLite, except where a test says otherwise."""
    file = tmp_path / "hanlin.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@dataclass
class Rights:
    """Who still has a right; `gone` are the persons who have none."""

    gone: set[str] = field(default_factory=set)

    async def __call__(self, person: str, workspace: str) -> Actor:
        if person in self.gone:
            raise NotAllowed("This person is not in the workspace any more.", code="no_longer_allowed")
        return member(person.removeprefix("per_"), workspace)


@pytest.fixture
def rights() -> Rights:
    return Rights()


Opening = Callable[[], Awaitable[Jobs]]


@pytest.fixture
async def opening(database: Database, tmp_path: Path, rights: Rights) -> AsyncIterator[Opening]:
    """Opens Jobs as a server's start does; whatever is open is closed at the end."""
    opened: list[Jobs] = []

    async def open_jobs() -> Jobs:
        jobs = await Jobs.open(database, folder=tmp_path, actor_of=rights, poll_seconds=0.05)
        opened.append(jobs)
        return jobs

    yield open_jobs
    for jobs in opened:
        await jobs.close()


@pytest.fixture
async def jobs(opening: Opening) -> Jobs:
    return await opening()


async def finished(jobs: Jobs, actor: Actor, job: Job) -> Job:
    """The job at its end."""
    async for seen in jobs.watch(actor, job.id, interval_seconds=0.01):
        last = seen
    return last


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def running(jobs: Jobs, actor: Actor, job: Job) -> None:
    """Wait until the job's body runs."""
    async for seen in jobs.watch(actor, job.id, interval_seconds=0.01):
        if seen.state is State.RUNNING:
            return


def subject() -> str:
    return new_id("doc")
