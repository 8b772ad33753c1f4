"""Translations and their segments at rest. Every statement names the person and the workspace it acts for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Row, Select, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.assistants.translate.asking import Given
from hanlin.assistants.translate.memory import digest
from hanlin.assistants.translate.records import Filter, Flag, Order, Origin, Segment, Translation
from hanlin.assistants.translate.tables import segments, translations
from hanlin.errors import NotFound
from hanlin.files import File
from hanlin.storage import Database
from hanlin.types import Actor, new_id

LISTED = 200
ROWS_AT_ONCE = 500


class Draft(Struct, frozen=True):
    """A segment as it is read from a file."""

    source: str
    language: str
    place: str = ""
    role: str = ""
    """What it is in the document: `heading:2`, `cell:7:0:1`; for files that are written anew."""
    copied: bool = False
    """Nothing in it is to be translated."""


class Rows:
    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def create(self, actor: Actor, file: File, kind: str, order: Order) -> Translation:
        now = int(self._clock())
        translation_id = new_id("trn")
        values = {
            "id": translation_id,
            "workspace_id": actor.workspace,
            "person_id": actor.person,
            "file_id": file.id,
            "name": file.name[:255],
            "kind": kind,
            "source": order.source,
            "target": order.target,
            "service": order.service,
            "glossaries": msgspec.json.encode(order.glossaries).decode(),
            "use_memory": order.use_memory,
            "read": False,
            "created_at": now,
            "changed_at": now,
        }
        async with self._database.write() as connection:
            await connection.execute(insert(translations).values(**values))
        return await self.get(actor, translation_id)

    async def recent(self, actor: Actor) -> list[Translation]:
        statement = _counted().where(*_own(actor)).order_by(translations.c.id.desc()).limit(LISTED)
        async with self._database.read() as connection:
            return [_translation(row) for row in await connection.execute(statement)]

    async def get(self, actor: Actor, translation_id: str) -> Translation:
        """NotFound unless it is the actor's."""
        async with self._database.read() as connection:
            statement = _counted().where(translations.c.id == translation_id[:40], *_own(actor))
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise _not_found()
        return _translation(row)

    async def erase(self, actor: Actor, translation_id: str) -> None:
        async with self._database.write() as connection:
            await _require(connection, actor, translation_id)
            await _erase(connection, [translation_id])

    async def of_file(self, file_id: str) -> list[str]:
        """Ids of all translations made of a file."""
        async with self._database.read() as connection:
            found = await connection.execute(select(translations.c.id).where(translations.c.file_id == file_id))
            return list(found.scalars())

    async def erase_all(self, translation_ids: Sequence[str]) -> None:
        async with self._database.write() as connection:
            await _erase(connection, translation_ids)

    async def fill(self, translation_id: str, drafts: Sequence[Draft]) -> None:
        """Put down the segments that were read; the second time nothing is lost that was translated meanwhile."""
        rows = [_new_row(translation_id, number, draft) for number, draft in enumerate(drafts, 1)]
        mine = translations.c.id == translation_id
        async with self._database.write() as connection:
            if (await connection.execute(select(translations.c.read).where(mine))).scalar() is not False:
                return  # read before, or erased meanwhile
            for start in range(0, len(rows), ROWS_AT_ONCE):
                await connection.execute(insert(segments), rows[start : start + ROWS_AT_ONCE])
            await connection.execute(update(translations).where(mine).values(read=True, changed_at=int(self._clock())))

    async def page(
        self, actor: Actor, translation_id: str, *, which: Filter = Filter.ALL, after: int = 0, limit: int = 50
    ) -> list[Segment]:
        statement = _select(translation_id).where(segments.c.number > after)
        if which is Filter.FLAGGED:
            statement = statement.where(segments.c.flags != "")
        elif which is Filter.OPEN:
            statement = statement.where(segments.c.approved.is_(False))
        async with self._database.read() as connection:
            await _require(connection, actor, translation_id)
            rows = await connection.execute(statement.order_by(segments.c.number).limit(limit))
            return [_segment(row) for row in rows]

    async def all(self, actor: Actor, translation_id: str) -> list[tuple[Segment, str]]:
        """Every segment in order, with its role in the document."""
        async with self._database.read() as connection:
            await _require(connection, actor, translation_id)
            rows = await connection.execute(_select(translation_id).order_by(segments.c.number))
            return [(_segment(row), row.role) for row in rows]

    async def segment(self, actor: Actor, translation_id: str, number: int) -> Segment:
        """NotFound unless it is the actor's."""
        async with self._database.read() as connection:
            await _require(connection, actor, translation_id)
            row = (await connection.execute(_select(translation_id).where(segments.c.number == number))).one_or_none()
        if row is None:
            raise _not_found()
        return _segment(row)

    async def pending(self, translation_id: str, first: int, last: int) -> list[Segment]:
        """Segments of a range that nothing stands for yet."""
        own = _select(translation_id).where(segments.c.number.between(first, last), segments.c.origin == Origin.NONE)
        async with self._database.read() as connection:
            return [_segment(row) for row in await connection.execute(own.order_by(segments.c.number))]

    async def services(self, translation_id: str) -> str:
        """The service that answered most segments, "" when none did."""
        answered = segments.c.translation_id == translation_id, segments.c.service != ""
        statement = select(segments.c.service).where(*answered).group_by(segments.c.service)
        async with self._database.read() as connection:
            return str((await connection.execute(statement.order_by(func.count().desc()).limit(1))).scalar() or "")

    async def repeated(self, translation_id: str, source: str) -> str:
        """What stands for an equal segment of the same file without a flag; "" when nothing does."""
        statement = select(segments.c.target).where(
            segments.c.translation_id == translation_id,
            segments.c.source_hash == digest(source),
            segments.c.flags == "",
            segments.c.target != "",
        )
        async with self._database.read() as connection:
            return str((await connection.execute(statement.limit(1))).scalar() or "")

    async def save(
        self, translation_id: str, number: int, given: Given, origin: Origin, *, approved: bool = False
    ) -> None:
        """Write what stands for a segment. A model's answer does not overwrite what a person wrote meanwhile."""
        where = [segments.c.translation_id == translation_id, segments.c.number == number]
        if origin is not Origin.PERSON:
            where += [segments.c.approved.is_(False), segments.c.origin != Origin.PERSON]
        values = {
            "target": given.target,
            "flags": " ".join(given.flags),
            "origin": origin,
            "approved": approved,
            "service": given.service,
            "request_id": given.request_id,
        }
        async with self._database.write() as connection:
            await connection.execute(update(segments).where(*where).values(**values))
            mine = update(translations).where(translations.c.id == translation_id)
            await connection.execute(mine.values(changed_at=int(self._clock())))

    async def reopen(self, translation_id: str, number: int) -> None:
        """Let a model's next answer take the place of what stands there."""
        mine = segments.c.translation_id == translation_id, segments.c.number == number
        async with self._database.write() as connection:
            await connection.execute(update(segments).where(*mine).values(approved=False, origin=Origin.NONE))


def _own(actor: Actor) -> Sequence[ColumnElement[bool]]:
    return translations.c.workspace_id == actor.workspace, translations.c.person_id == actor.person


def _select(translation_id: str) -> Select[Any]:
    return select(segments).where(segments.c.translation_id == translation_id)


def _counted() -> Select[Any]:
    """Translations with what their segments count."""

    def total(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    counts = (
        select(
            segments.c.translation_id,
            func.count().label("segments"),
            total(segments.c.origin != Origin.NONE).label("translated"),
            total(segments.c.flags != "").label("flagged"),
            total(segments.c.approved).label("approved"),
        )
        .group_by(segments.c.translation_id)
        .subquery()
    )
    numbers = (
        func.coalesce(counts.c[name], 0).label(name) for name in ("segments", "translated", "flagged", "approved")
    )
    return select(translations, *numbers).outerjoin(counts, counts.c.translation_id == translations.c.id)


async def _require(connection: AsyncConnection, actor: Actor, translation_id: str) -> None:
    statement = select(translations.c.id).where(translations.c.id == translation_id[:40], *_own(actor))
    if (await connection.execute(statement)).scalar() is None:
        raise _not_found()


async def _erase(connection: AsyncConnection, translation_ids: Sequence[str]) -> None:
    await connection.execute(delete(segments).where(segments.c.translation_id.in_(translation_ids)))
    await connection.execute(delete(translations).where(translations.c.id.in_(translation_ids)))


def _new_row(translation_id: str, number: int, draft: Draft) -> dict[str, Any]:
    return {
        "translation_id": translation_id,
        "number": number,
        "place": draft.place[:200],
        "role": draft.role,
        "source": draft.source,
        "source_hash": digest(draft.source),
        "target": draft.source if draft.copied else "",
        "language": draft.language,
        "flags": "",
        "origin": Origin.COPY if draft.copied else Origin.NONE,
        "approved": False,
        "service": "",
        "request_id": "",
    }


def _segment(row: Row[Any]) -> Segment:
    return Segment(
        number=row.number,
        place=row.place,
        source=row.source,
        target=row.target,
        language=row.language,
        flags=tuple(Flag(flag) for flag in row.flags.split()),
        origin=Origin(row.origin),
        approved=row.approved,
        service=row.service,
        request_id=row.request_id,
    )


def _translation(row: Row[Any]) -> Translation:
    return Translation(
        id=row.id,
        file=row.file_id,
        name=row.name,
        kind=row.kind,
        source=row.source,
        target=row.target,
        service=row.service,
        glossaries=tuple(msgspec.json.decode(row.glossaries, type=list[str])),
        use_memory=row.use_memory,
        read=row.read,
        segments=row.segments,
        translated=int(row.translated),
        flagged=int(row.flagged),
        approved=int(row.approved),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _not_found() -> NotFound:
    return NotFound("There is no such translation or segment.", action="Open it from the list of your translations.")
