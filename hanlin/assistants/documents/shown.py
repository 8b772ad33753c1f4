"""Results at rest: kept while they are made and after, and shown to their owner while he may read what they rest on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from hanlin.accounts import require
from hanlin.assistants.documents import rows
from hanlin.assistants.documents.records import Result, ResultKind, ResultState
from hanlin.assistants.documents.rights import absent, checked, readable_results
from hanlin.assistants.documents.tables import makings, results, uses
from hanlin.storage import Database
from hanlin.types import Actor, Permission, new_id

LISTED = 200
THREAD = 100
"""Most answers of one conversation that are shown."""


class Shown:
    """One a server."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def new(self, kind: ResultKind, documents: Sequence[str], **fields: Any) -> Result:
        """A result that is begun; it is not stored yet."""
        made = {"id": new_id("work"), "kind": kind, "state": ResultState.RUNNING, "created_at": int(self._clock())}
        return Result(**{**made, "documents": tuple(documents), **fields})

    async def add(self, actor: Actor, result: Result) -> Result:
        """Store a new result."""
        names = "id", "kind", "state", "thread", "job", "created_at"
        row = {name: getattr(result, name) for name in names} | {"data": msgspec.json.encode(result)}
        owner = {"workspace": actor.workspace, "person": actor.person}
        async with self._database.write() as connection:
            await connection.execute(insert(results).values(row | owner))
            if result.documents:
                rests = [{"result": result.id, "document": each} for each in dict.fromkeys(result.documents)]
                await connection.execute(insert(uses), rests)
        return result

    async def save(self, result: Result) -> Result:
        """Write what a result has become. One that was deleted meanwhile stays deleted."""
        values = {"data": msgspec.json.encode(result), "state": result.state, "job": result.job}
        async with self._database.write() as connection:
            await connection.execute(update(results).where(results.c.id == result.id).values(values))
        return result

    async def get(self, actor: Actor, result_id: str) -> Result:
        require(actor, Permission.GENERATE)
        async with self._database.read() as connection:
            statement = readable_results(actor).where(results.c.id == checked(result_id))
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise absent()
        return rows.result(row)

    async def recent(
        self, actor: Actor, *, document_id: str, kind: ResultKind | None, after: str, limit: int
    ) -> list[Result]:
        require(actor, Permission.GENERATE)
        statement = readable_results(actor).order_by(results.c.id.desc()).limit(max(1, min(limit, LISTED)))
        if document_id:
            used = select(uses.c.result).where(uses.c.document == checked(document_id))
            statement = statement.where(results.c.id.in_(used))
        if kind is not None:
            statement = statement.where(results.c.kind == kind)
        if after:
            statement = statement.where(results.c.id < checked(after))
        async with self._database.read() as connection:
            return [rows.result(row) for row in await connection.execute(statement)]

    async def thread(self, actor: Actor, first: str) -> list[Result]:
        """All answers of a conversation, oldest first; NotFound when its first one is not shown."""
        await self.get(actor, first)
        statement = readable_results(actor).where(results.c.thread == first).order_by(results.c.id).limit(THREAD)
        async with self._database.read() as connection:
            return [rows.result(row) for row in await connection.execute(statement)]

    async def remove(self, actor: Actor, result_id: str) -> None:
        await self.get(actor, result_id)
        async with self._database.write() as connection:
            await connection.execute(delete(results).where(results.c.id == result_id))

    async def note(self, result_id: str, step: str, data: bytes) -> None:
        """Keep what a step of making gave; the same step again takes its place."""
        values = {"result": result_id, "step": step, "data": data}
        statement = self._database.insert(makings).values(values)
        async with self._database.write() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["result", "step"], set_={"data": data})
            )

    async def noted(self, result_id: str) -> dict[str, bytes]:
        """What all steps gave, by step."""
        statement = select(makings.c.step, makings.c.data).where(makings.c.result == result_id)
        async with self._database.read() as connection:
            return {row.step: row.data for row in await connection.execute(statement)}

    async def forget_notes(self, result_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(makings).where(makings.c.result == result_id))
