"""Conversations over a real database, and a generator whose script each test writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from hanlin.assistants.chat import Conversations
from hanlin.errors import HanlinError
from hanlin.service import Request
from hanlin.storage import Database
from hanlin.types import Choice, Chunk, Delta, Usage
from tests.accounts.conftest import Cast, accounts, announced, cast, clock, monotonic
from tests.storage.databases import database, database_url, postgresql_server, sqlite_template

__all__ = [
    "Cast",
    "accounts",
    "announced",
    "cast",
    "clock",
    "database",
    "database_url",
    "monotonic",
    "postgresql_server",
    "sqlite_template",
]


@dataclass
class Script:
    """Generates `pieces`, then waits for `gate` if it is closed, then fails with `error` or ends with `reason`."""

    pieces: list[str] = field(default_factory=lambda: ["Well", ", yes."])
    reason: str = "stop"
    error: HanlinError | None = None
    gate: asyncio.Event | None = None
    requests: list[Request] = field(default_factory=list)
    closed: int = 0

    async def generate(self, request: Request) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        try:
            for piece in self.pieces:
                yield Chunk([Choice(delta=Delta(content=piece))])
            if self.gate:
                await self.gate.wait()
            if self.error:
                raise self.error
            yield Chunk([Choice(finish_reason=self.reason)], usage=Usage(7, len(self.pieces), 7 + len(self.pieces)))
        finally:
            self.closed += 1


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def conversations(database: Database, script: Script) -> AsyncIterator[Conversations]:
    made = Conversations(database, script.generate)
    await made.open()
    yield made
    await made.close()
