"""Translations over a real database, real jobs, files and sandbox; only the model's words are a script."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from hanlin.assistants.translate import Order, Translation, Translations
from hanlin.files import File, Files
from hanlin.jobs import Job, Jobs
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor
from tests.accounts.conftest import Announced, Cast, Clock, move_in, open_accounts
from tests.assistants.translate.script import Script
from tests.storage.databases import sqlite_template

__all__ = ["sqlite_template"]

SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="session")
def documents() -> Path:
    folder = SHARED / "documents"
    if not folder.is_dir():
        pytest.skip("shared/data/documents absent")
    return folder


@dataclass
class Desk:
    """Translations with what stands around them."""

    translations: Translations
    files: Files
    jobs: Jobs
    cast: Cast
    script: Script
    folder: Path

    async def bring(self, actor: Actor, content: bytes, name: str) -> File:
        path = self.folder / "brought"
        path.write_bytes(content)
        return await self.files.add(actor, path, name)

    async def translate(self, actor: Actor, content: bytes, name: str, **order: object) -> Translation:
        """A finished translation of a file."""
        file = await self.bring(actor, content, name)
        made = await self.translations.start(actor, file.id, Order(**{"target": "zh", **order}))  # type: ignore[arg-type]
        await self.finish(actor, made.id)
        return await self.translations.get(actor, made.id)

    async def finish(self, actor: Actor, translation_id: str) -> Job:
        job = await self.translations.job(actor, translation_id)
        assert job is not None
        async for last in self.jobs.watch(actor, job.id, interval_seconds=0.01):
            job = last
        return job


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """One for all tests of a file: jobs take seconds to open."""
    folder = tmp_path_factory.mktemp("translate")
    shutil.copy(sqlite_template, folder / "hanlin.db")
    database = await Database.open(f"sqlite:///{folder / 'hanlin.db'}")
    cast = await move_in(open_accounts(database, Clock(), Clock(now=1000.0), Announced()))
    people = {actor.person: actor for actor in (cast.owner, cast.colleague, cast.stranger)}

    async def actor_of(person: str, _: str) -> Actor:
        return people[person]

    (folder / "uploads").mkdir()
    script, sandbox = Script(), Sandbox(Ceilings(), processes=1)
    files = Files(database, blobs=await Blobs.open(folder / "blobs"), folder=folder / "uploads")
    jobs = await Jobs.open(database, folder=folder, actor_of=actor_of, poll_seconds=0.02)
    translations = Translations(database, files=files, sandbox=sandbox, jobs=jobs, calls=script.calls())
    await jobs.begin()
    yield Desk(translations, files, jobs, cast, script, folder)
    await jobs.close()
    await sandbox.close()
    await database.close()


@pytest.fixture
def desk(room: Desk) -> Desk:
    """The room with a model that translates what it is given."""
    fresh = Script()
    for name in ("says", "services", "reason", "error", "requests"):
        setattr(room.script, name, getattr(fresh, name))
    return room
