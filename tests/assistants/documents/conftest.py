"""One office for all tests of a file, and a fresh one for those that look at everything there is."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hanlin.accounts.tables import memberships, people, workspaces
from hanlin.storage import Database
from tests.assistants.documents.office import CAST, Office, Script, opened
from tests.storage.databases import postgresql_server, sqlite_template

__all__ = ["postgresql_server", "sqlite_template"]
DATA = Path(__file__).parents[3] / ".." / "shared" / "data" / "documents"


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> str:
    """SQLite, except where a file says otherwise."""
    file = tmp_path_factory.mktemp("database") / "hanlin.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_office(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    database = await Database.open(database_url)
    await move_in(database)
    async with opened(database, tmp_path_factory.mktemp("office"), Script(lambda _: "")) as office:
        yield office
    await database.close()


@pytest.fixture
def office(shared_office: Office) -> Office:
    """The file's office, with a model that has nothing to say until the test gives it a `reply`."""
    shared_office.calls.reset()
    shared_office.announced.clear()
    return shared_office


@pytest_asyncio.fixture(loop_scope="module")
async def peopled(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Database]:
    """A database of the test's own with the standing cast in it."""
    shutil.copy(sqlite_template, tmp_path / "hanlin.db")
    database = await Database.open(f"sqlite:///{tmp_path}/hanlin.db")
    await move_in(database)
    yield database
    await database.close()


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(peopled: Database, tmp_path: Path) -> AsyncIterator[Office]:
    """An office of the test's own."""
    async with opened(peopled, tmp_path, Script(lambda _: "")) as office:
        yield office


async def move_in(database: Database) -> None:
    async with database.write() as connection:
        for workspace in {one.workspace for one in CAST}:
            row = {"id": workspace, "name": workspace, "folded_name": workspace, "created_at": 0}
            await connection.execute(workspaces.insert().values(row))
        for one in CAST:
            row = {"id": one.person, "name": one.person, "folded_name": one.person, "language": "", "created_at": 0}
            flags = {"administrator": one.administrator, "disabled": False}
            await connection.execute(people.insert().values(row | flags))
            member = {"person_id": one.person, "workspace_id": one.workspace, "role": one.role.value}
            await connection.execute(memberships.insert().values(member))


@pytest.fixture
def shared() -> Path:
    """The shared documents, where they are."""
    if not DATA.is_dir():
        pytest.skip("the shared documents are absent")
    return DATA
