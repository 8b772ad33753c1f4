"""The ladder's rows: what one server counted is written behind, and read by the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, case, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.review.counting import Account
from hanlin.review.sanctions import Sanction, row_of, sanction_of
from hanlin.review.tables import accounts, attempts, sanctions
from hanlin.storage import Database

_MOST_READ = 100_000
"""Attempts read at a start, the newest; more than any server has in 30 days that is not under attack."""


@dataclass
class Changes:
    """What waits to be written."""

    attempts: list[tuple[str, str, str, int]] = field(default_factory=list)
    """Person, account, request id, milliseconds."""
    accounts: set[tuple[str, str]] = field(default_factory=set)
    sanctions: list[Sanction] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.attempts or self.accounts or self.sanctions)

    def then(self, later: Changes) -> Changes:
        return Changes(self.attempts + later.attempts, self.accounts | later.accounts, self.sanctions + later.sanctions)


@dataclass
class Found:
    """What was read."""

    attempts: list[tuple[str, str, str, int, bool]]
    """Person, account, request id, milliseconds, overturned; the oldest first."""
    accounts: list[tuple[str, str, int, int]]
    """Person, account, clean_ms, spent_ms."""
    sanctions: list[Sanction]


async def read(connection: AsyncConnection, since_ms: int, now: int) -> Found:
    """What changed since, and every sanction that holds."""
    columns = (attempts.c.person_id, attempts.c.account, attempts.c.request_id, attempts.c.at_ms, attempts.c.overturned)
    newest = select(*columns).where(attempts.c.changed_ms >= since_ms).order_by(attempts.c.at_ms.desc())
    states = select(accounts.c.person_id, accounts.c.account, accounts.c.clean_ms, accounts.c.spent_ms)
    standing = (sanctions.c.lifted_at == 0) & or_(sanctions.c.until == 0, sanctions.c.until > now)
    imposed = select(sanctions).where(or_(standing, sanctions.c.changed_ms >= since_ms))
    rows = (await connection.execute(newest.limit(_MOST_READ))).all()
    return Found(
        [(*row,) for row in reversed(rows)],
        [(*row,) for row in await connection.execute(states.where(accounts.c.changed_ms >= since_ms))],
        [sanction_of(row) for row in (await connection.execute(imposed)).mappings()],
    )


async def write(
    database: Database,
    connection: AsyncConnection,
    changes: Changes,
    states: dict[tuple[str, str], Account],
    now_ms: int,
) -> None:
    """Write it; may be repeated. Times of accounts only ever grow, whoever writes last."""
    rows: list[dict[str, Any]] = [
        {"person_id": person, "account": name, "request_id": request, "at_ms": at_ms}
        for person, name, request, at_ms in changes.attempts
    ]
    for row in rows:
        row |= {"overturned": False, "changed_ms": now_ms}
    await _insert(database, connection, attempts, rows)
    await _insert(database, connection, sanctions, [row_of(sanction, now_ms) for sanction in changes.sanctions])
    if not states:
        return
    statement = database.insert(accounts)
    kept = {name: _later(name, statement) for name in ("clean_ms", "spent_ms", "changed_ms")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["person_id", "account"], set_=kept),
        [
            {
                "person_id": person,
                "account": name,
                "clean_ms": state.clean_ms,
                "spent_ms": state.spent_ms,
                "changed_ms": now_ms,
            }
            for (person, name), state in states.items()
        ],
    )


async def _insert(database: Database, connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(database.insert(table).on_conflict_do_nothing(), rows)


def _later(name: str, statement: Any) -> Any:
    old, new = accounts.c[name], statement.excluded[name]
    return case((new > old, new), else_=old)
