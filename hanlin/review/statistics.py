"""How the review does: what waits, how long it takes, and which rules people overturn."""

from __future__ import annotations

from statistics import median
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, select
from sqlalchemy.sql.elements import Label

from hanlin.review.tables import cases
from hanlin.storage import Database

MEASURED = 10_000
"""The median is of that many newest decisions."""
RULES = 500


class RuleCount(Struct, frozen=True):
    """How often people decided over a rule, and how often against it."""

    rule: str
    decided: int
    overturned: int


class Statistics(Struct, frozen=True):
    """Plain counts; `open` and `overdue` are of now, the rest since a time."""

    open: int
    overdue: int
    decided: int
    released: int
    withdrawn: int
    median_hours: float | None
    """From opening to decision; None without one."""
    rules: tuple[RuleCount, ...]
    """The most overturned first."""


async def count(database: Database, within: ColumnElement[bool], *, since: int, now: int) -> Statistics:
    """Count what `within` takes in."""
    decided = and_(cases.c.state == "decided", cases.c.decided_at >= since)
    sums = select(
        _sum("open", cases.c.state == "open"),
        _sum("overdue", and_(cases.c.state == "open", cases.c.due_at < now)),
        _sum("decided", decided),
        _sum("released", and_(decided, cases.c.outcome == "release")),
        _sum("withdrawn", and_(cases.c.state == "closed", cases.c.decided_at >= since)),
    ).where(within)
    took = select(cases.c.decided_at - cases.c.opened_at).where(within, decided).order_by(cases.c.id.desc())
    async with database.read() as connection:
        counts = (await connection.execute(sums)).one()._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
        seconds = (await connection.execute(took.limit(MEASURED))).scalars().all()
        rules = (await connection.execute(_by_rule(and_(within, decided)))).mappings().all()
    hours = round(median(seconds) / 3600, 2) if seconds else None
    return Statistics(**counts, median_hours=hours, rules=tuple([RuleCount(**row) for row in rules]))


def _by_rule(which: ColumnElement[bool]) -> Select[Any]:
    overturned = _sum("overturned", cases.c.outcome == "release")
    grouped = select(cases.c.rule, func.count().label("decided"), overturned).where(which).group_by(cases.c.rule)
    return grouped.order_by(overturned.desc(), cases.c.rule).limit(RULES)


def _sum(name: str, which: ColumnElement[bool]) -> Label[int]:
    return cast(func.coalesce(func.sum(case((which, 1), else_=0)), 0), Integer).label(name)
