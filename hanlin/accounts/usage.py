"""What was used: counters per day, in memory at once, in the database within a second, exactly once.

Each flush writes, in one transaction, the counters and the number of the last audit entry they contain. After a crash
the entries behind that number are read from the audit log again, so no answer is counted twice or not at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts.permissions import require, sees_whole_workspace
from hanlin.accounts.quota import Quota
from hanlin.accounts.tables import keys, people, sessions, usage, usage_cursor
from hanlin.errors import HanlinError
from hanlin.storage import Database
from hanlin.types import Actor, Permission

FLUSH_SECONDS = 1.0
LINES = 1000
"""Most lines of one report."""

_logger = logging.getLogger(__name__)
_KEY_COLUMNS = [column.name for column in usage.primary_key]
_COUNTERS = ("requests", "prompt_tokens", "completion_tokens")


class Used(Struct, frozen=True):
    """One finished answer, as the outcome entry of the audit log tells it."""

    seq: int
    time: float
    """Unix seconds."""
    workspace: str
    key: str
    """Id of the API key or of the browser session."""
    service: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    person: str = ""
    """Known when the answer has just ended; else found through `key`."""


class Line(Struct, frozen=True):
    """One line of a report. `name` is a person's name where the report is by person, else the same as `key`."""

    key: str
    name: str
    requests: int
    prompt_tokens: int
    completion_tokens: int


class UsageCounters:
    """Made by `open`, ended by `close`, which flushes."""

    def __init__(self, database: Database, log: str, cursor: int, clock: Callable[[], float]) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self.cursor = cursor
        """Number of the last audit entry counted; -1 before the first."""
        self._counters: dict[tuple[str, ...], list[int]] = {}
        self._batch: tuple[dict[tuple[str, ...], list[int]], int] | None = None
        self._changed = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._task = asyncio.create_task(self._keep_flushing())

    @classmethod
    async def open(cls, database: Database, *, log: str = "", clock: Callable[[], float] = time.time) -> UsageCounters:
        """`log` is the audit log's origin: each log that feeds this database has its own cursor."""
        async with database.read() as connection:
            cursor = await _read_cursor(connection, log)
        return cls(database, log, cursor, clock)

    def count(self, used: Used) -> None:
        """Count an answer. Call in the order of `seq`, best as a done-callback of what resolves to it."""
        key = used.key if used.key.startswith("key_") else ""
        group = (used.workspace, _day(used.time), used.person, key, used.service, used.model)
        counters = self._counters.get(group)
        if counters is None:
            counters = self._counters[group] = [0, 0, 0]
        counters[0] += 1
        counters[1] += used.prompt_tokens
        counters[2] += used.completion_tokens
        self.cursor = max(self.cursor, used.seq)
        self._changed.set()

    async def replay(self, outcomes: AsyncIterator[Used]) -> int:
        """Count what a crash left uncounted and write it; entries up to `cursor` are skipped. Returns how many."""
        counted = 0
        persons: dict[str, str] = {}
        async for used in outcomes:
            if used.seq <= self.cursor:
                continue
            if used.key not in persons:
                persons[used.key] = await self._person_of(used.key)
            self.count(used if used.person else _with_person(used, persons[used.key]))
            counted += 1
        await self.flush()
        return counted

    async def seed(self, quota: Quota) -> None:
        """Tell the quota what was used today (UTC), before it serves anybody."""
        tokens = func.sum(usage.c.prompt_tokens + usage.c.completion_tokens)
        today = usage.c.day == _day(self._clock())
        async with self._database.read() as connection:
            for column in (usage.c.workspace_id, usage.c.key_id):
                statement = select(column, tokens).where(today, column != "").group_by(column)
                for identifier, spent in await connection.execute(statement):
                    quota.seed(identifier, int(spent))

    async def flush(self) -> None:
        """Write what was counted, in one transaction. A failed flush is tried again; it never counts twice."""
        async with self._flushing:
            again = self._batch is not None
            if self._batch is None:
                if not self._counters:
                    return
                self._batch, self._counters = (self._counters, self.cursor), {}
            counters, cursor = self._batch
            async with self._database.write() as connection:
                # the first try may have been committed and only its answer lost on the way
                if not again or await _read_cursor(connection, self._log) < cursor:
                    await self._add(connection, counters)
                    await self._move_cursor(connection, cursor)
            self._batch = None

    async def report(
        self, actor: Actor, *, by: Literal["day", "person", "service", "model"], first_day: date, last_day: date
    ) -> list[Line]:
        """Sums over the days (UTC, both included) of the actor's workspace, or of a member's own use.

        By day in their order, otherwise the most tokens first; at most 1000 lines.
        """
        require(actor, Permission.READ_USAGE)
        column = {"day": usage.c.day, "person": usage.c.person_id, "service": usage.c.service, "model": usage.c.model}[
            by
        ]
        sums = [func.sum(usage.c[name]).label(name) for name in _COUNTERS]
        where = [
            usage.c.workspace_id == actor.workspace,
            usage.c.day.between(first_day.isoformat(), last_day.isoformat()),
        ]
        if not sees_whole_workspace(actor):
            where.append(usage.c.person_id == actor.person)
        name = func.max(people.c.name) if by == "person" else func.max(column)
        source = usage.outerjoin(people, people.c.id == usage.c.person_id)
        statement = select(column, name, *sums).select_from(source).where(*where).group_by(column).limit(LINES)
        most = func.sum(usage.c.prompt_tokens + usage.c.completion_tokens).desc()
        async with self._database.read() as connection:
            rows = await connection.execute(statement.order_by(*([column] if by == "day" else [most, column])))
            return [Line(key, label or "", *map(int, counters)) for key, label, *counters in rows]

    async def close(self) -> None:
        """Stop the background task and write the rest."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self.flush()

    async def _keep_flushing(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except (HanlinError, SQLAlchemyError) as error:
                _logger.warning("usage not written, will try again: %s", type(error).__name__)
                self._changed.set()

    async def _add(self, connection: AsyncConnection, counters: dict[tuple[str, ...], list[int]]) -> None:
        rows = [
            dict(zip([*_KEY_COLUMNS, *_COUNTERS], [*key, *values], strict=True)) for key, values in counters.items()
        ]
        statement = self._database.insert(usage)
        sums = {name: usage.c[name] + statement.excluded[name] for name in _COUNTERS}
        await connection.execute(statement.on_conflict_do_update(index_elements=_KEY_COLUMNS, set_=sums), rows)

    async def _move_cursor(self, connection: AsyncConnection, cursor: int) -> None:
        statement = self._database.insert(usage_cursor).values(log=self._log, seq=cursor)
        await connection.execute(statement.on_conflict_do_update(index_elements=["log"], set_={"seq": cursor}))

    async def _person_of(self, identifier: str) -> str:
        table = keys if identifier.startswith("key_") else sessions
        async with self._database.read() as connection:
            row = await connection.execute(select(table.c.person_id).where(table.c.id == identifier))
            return str(row.scalar_one_or_none() or "")


def _with_person(used: Used, person: str) -> Used:
    values: dict[str, Any] = {name: getattr(used, name) for name in Used.__struct_fields__}
    return Used(**{**values, "person": person})


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


async def _read_cursor(connection: AsyncConnection, log: str) -> int:
    row = await connection.execute(select(usage_cursor.c.seq).where(usage_cursor.c.log == log))
    seq = row.scalar_one_or_none()
    return -1 if seq is None else int(seq)
