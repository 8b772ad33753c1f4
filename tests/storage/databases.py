"""Empty, migrated databases of both kinds: SQLite's is a copy for each test, PostgreSQL's is emptied after each."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hanlin.storage import Database
from hanlin.storage.database import MIGRATIONS
from tests.storage.postgresql import Server, serve

DATABASE = "hanlin"
NEWEST = max(file.stem for file in MIGRATIONS.glob("versions/[0-9]*.py"))
EMPTY = f"""
DO $$ DECLARE one text; BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE 'DELETE FROM ' || quote_ident(one);
  END LOOP;
END $$;
UPDATE alembic_version SET version_num = '{NEWEST}';
"""
"""DELETE without looking at foreign keys: of tables with a few rows it takes a third of what TRUNCATE takes."""


async def _migrate(url: str) -> None:
    await (await Database.open(url)).close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    with serve() as server:
        server.create(DATABASE)
        asyncio.run(_migrate(server.url(DATABASE)))
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database."""
    if request.param == "sqlite":
        file = tmp_path / "hanlin.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server: Server = request.getfixturevalue("postgresql_server")
    yield server.url(DATABASE)
    server.execute(DATABASE, EMPTY)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url)
    yield opened
    await opened.close()
