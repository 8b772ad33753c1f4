"""Files over a real database and real blobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hanlin.files import Files
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Permission, Role
from tests.accounts.conftest import Announced, Clock, announced, clock
from tests.storage.databases import database, database_url, postgresql_server, sqlite_template

__all__ = ["announced", "clock", "database", "database_url", "postgresql_server", "sqlite_template"]

Opening = Callable[[], Awaitable[Files]]


def member(name: str = "owner", workspace: str = "ws_1") -> Actor:
    return Actor(f"per_{name}", workspace, Role.MEMBER, frozenset({Permission.GENERATE}))


@pytest.fixture
async def blobs(tmp_path: Path) -> Blobs:
    return await Blobs.open(tmp_path / "blobs")


@pytest.fixture
def opening(database: Database, blobs: Blobs, tmp_path: Path, clock: Clock, announced: Announced) -> Opening:
    """Opens Files as a server's start does."""

    async def open_files() -> Files:
        files = Files(
            database,
            blobs=blobs,
            folder=tmp_path / "incoming",
            announce=announced,
            limit_bytes=40_000_000,
            quota_bytes=50_000_000,
            clock=clock,
        )
        await files.open()
        return files

    return open_files


@pytest.fixture
async def files(opening: Opening) -> Files:
    return await opening()


@pytest.fixture
def bring(tmp_path: Path) -> Callable[[bytes], Path]:
    """Puts bytes where a form would have put them."""

    def put(data: bytes) -> Path:
        path = tmp_path / "brought"
        path.write_bytes(data)
        return path

    return put


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
