"""The workspace's memory: segments that people approved, found again exactly or nearly."""

from __future__ import annotations

import time
from collections.abc import Callable
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, or_, select

from hanlin.accounts import require
from hanlin.assistants.translate import markup
from hanlin.assistants.translate.records import Remembered, Suggestion
from hanlin.assistants.translate.tables import memory
from hanlin.errors import NotAllowed, NotFound
from hanlin.storage import Database
from hanlin.types import Actor, Permission, Role, new_id

LIKE = 0.75
"""Least likeness of what is suggested (difflib's ratio of the texts without markers)."""
COMPARED = 2000
"""Most entries of a fitting length that one search compares."""
LISTED = 100


class Memory:
    """A workspace's; every entry names who approved it, and goes with them."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def exact(self, actor: Actor, source: str, target_language: str) -> str:
        """The target of exactly this source, markers included; "" when nobody approved one."""
        statement = select(memory.c.target).where(*_own(actor, target_language), memory.c.source_hash == digest(source))
        async with self._database.read() as connection:
            return str((await connection.execute(statement)).scalar() or "")

    async def near(self, actor: Actor, source: str, target_language: str, limit: int = 3) -> list[Suggestion]:
        """Entries at least `LIKE` like a source, the likest first."""
        wanted = markup.plain(source)
        length = len(wanted)
        # a ratio of r needs lengths within r / (2 - r) of one another
        shortest, longest = int(length * LIKE / (2 - LIKE)), int(length * (2 - LIKE) / LIKE) + 1
        statement = (
            select(memory.c.source, memory.c.target)
            .where(*_own(actor, target_language), memory.c.characters.between(shortest, longest))
            .order_by(memory.c.at.desc())
            .limit(COMPARED)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        found = [Suggestion(row.source, row.target, likeness(wanted, row.source)) for row in rows]
        found = [one for one in found if one.likeness >= LIKE]
        return sorted(found, key=lambda one: -one.likeness)[:limit]

    async def learn(self, actor: Actor, source: str, target: str, languages: tuple[str, str]) -> None:
        """Keep a pair that the actor approved, in the place of what the workspace had for this source."""
        values: dict[str, Any] = {
            "id": new_id("mem"),
            "workspace_id": actor.workspace,
            "person_id": actor.person,
            "source_language": languages[0],
            "target_language": languages[1],
            "source_hash": digest(source),
            "source": source,
            "target": target,
            "characters": len(markup.plain(source)),
            "at": int(self._clock()),
        }
        statement = self._database.insert(memory).values(**values)
        key = [memory.c.workspace_id, memory.c.target_language, memory.c.source_hash]
        changed = {name: values[name] for name in ("person_id", "source_language", "target", "at")}
        async with self._database.write() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))

    async def recent(self, actor: Actor, search: str = "", *, before: str = "") -> list[Remembered]:
        """Entries of the workspace, newest first, at most 100; `before`: the last id seen."""
        require(actor, Permission.GENERATE)
        statement = select(memory).where(memory.c.workspace_id == actor.workspace)
        if search:
            says = (column.icontains(search[:200], autoescape=True) for column in (memory.c.source, memory.c.target))
            statement = statement.where(or_(*says))
        if before:
            statement = statement.where(memory.c.id < before)
        statement = statement.order_by(memory.c.id.desc()).limit(LISTED)
        async with self._database.read() as connection:
            return [_remembered(row, actor) for row in await connection.execute(statement)]

    async def forget(self, actor: Actor, entry_id: str) -> None:
        """Erase one entry: one's own, or any of the workspace for its owner."""
        require(actor, Permission.GENERATE)
        statement = delete(memory).where(memory.c.id == entry_id, *_erasable(actor))
        async with self._database.write() as connection:
            if not (await connection.execute(statement)).rowcount:
                raise NotFound("There is no such entry of yours.", action="Open it from the list of the memory.")

    async def forget_all(self, actor: Actor, *, mine: bool = True) -> int:
        """Erase all of one's own entries, or (an owner) all of the workspace; how many."""
        require(actor, Permission.GENERATE)
        if not mine and actor.role is not Role.OWNER:
            raise NotAllowed("Only an owner erases the memory of a workspace.", action="Erase your own entries.")
        own = [memory.c.person_id == actor.person] if mine else []
        statement = delete(memory).where(memory.c.workspace_id == actor.workspace, *own)
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount


def digest(source: str) -> str:
    """What equal sources have in common: SHA-256, 32 hex digits."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def likeness(wanted: str, source: str) -> float:
    other = markup.plain(source)
    matcher = SequenceMatcher(None, wanted, other, autojunk=False)
    if matcher.quick_ratio() < LIKE:
        return 0
    return round(matcher.ratio(), 3)


def _own(actor: Actor, target_language: str) -> tuple[ColumnElement[bool], ...]:
    return memory.c.workspace_id == actor.workspace, memory.c.target_language == target_language


def _erasable(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    workspace = memory.c.workspace_id == actor.workspace
    return (workspace,) if actor.role is Role.OWNER else (workspace, memory.c.person_id == actor.person)


def _remembered(row: Row[Any], actor: Actor) -> Remembered:
    return Remembered(
        id=row.id,
        source_language=row.source_language,
        target_language=row.target_language,
        source=row.source,
        target=row.target,
        mine=row.person_id == actor.person,
        at=row.at,
    )
