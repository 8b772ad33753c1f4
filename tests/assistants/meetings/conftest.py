"""Meetings over a real database, real files, blobs, index and sandbox; models and the queue are doubles."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast as typed

import pytest

from hanlin.assistants.meetings import Consent, Meetings, NewRecording, Recording, State
from hanlin.assistants.meetings.speaking import Turn
from hanlin.assistants.meetings.transcription import put_transcript
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.retrieval import Index
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Calls
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor
from tests.accounts.conftest import Announced, Clock, accounts, announced, cast, clock, monotonic
from tests.assistants.meetings.doubles import Line, Script
from tests.storage.databases import database, postgresql_server, sqlite_template

__all__ = ["accounts", "announced", "cast", "clock", "database", "monotonic", "postgresql_server", "sqlite_template"]

YES = Consent(confirmed=True, participants=3)


@pytest.fixture
def database_url(tmp_path: Path, sqlite_template: Path) -> str:
    """SQLite; that statements run on PostgreSQL too is tested once, in test_postgresql."""
    file = tmp_path / "hanlin.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def blobs(tmp_path: Path) -> Blobs:
    return await Blobs.open(tmp_path / "blobs")


@pytest.fixture
async def files(database: Database, blobs: Blobs, tmp_path: Path) -> Files:
    made = Files(database, blobs=blobs, folder=tmp_path / "incoming")
    await made.open()
    return made


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    made = await Index.open(tmp_path / "index")
    yield made
    await made.close()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(Ceilings(seconds=60))
    yield made
    await made.close()


@pytest.fixture
async def meetings(
    database: Database,
    files: Files,
    blobs: Blobs,
    sandbox: Sandbox,
    index: Index,
    line: Line,
    script: Script,
    announced: Announced,
    clock: Clock,
) -> AsyncIterator[Meetings]:
    made = Meetings(
        database,
        files=files,
        blobs=blobs,
        sandbox=sandbox,
        index=index,
        jobs=typed(Jobs, line),
        calls=typed(Calls, script),
        announce=announced,
        clock=clock,
    )
    yield made
    await made.close()


async def told(
    meetings: Meetings, actor: Actor, lines: Sequence[tuple[int, str]], *, language: str = "en", **asked: str
) -> Recording:
    """A recording whose transcript is these lines, (voice, text), five seconds each; nothing was decoded for it."""
    made = await meetings.archive.create(actor, NewRecording(language=language, **asked), YES)  # type: ignore[arg-type]
    turns = [Turn(voice, 5.0 * number, 5.0 * number + 4.5, text, 0.9, ()) for number, (voice, text) in enumerate(lines)]
    async with meetings._database.write() as connection:
        await put_transcript(connection, made.id, turns)
    await meetings.archive.change(made.id, state=State.READY, seconds=5.0 * len(lines), edited_at=1)
    await meetings._indexing.write(actor, made.id)
    return await meetings.archive.read(actor, made.id)
