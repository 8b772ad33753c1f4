"""Glossaries at rest: a person's own, or shared with the workspace."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts import require
from hanlin.assistants.translate import term_files
from hanlin.assistants.translate.languages import language
from hanlin.assistants.translate.records import Glossary, GlossaryForm, Term
from hanlin.assistants.translate.tables import glossaries, terms
from hanlin.errors import BadRequest, NotFound, TooLarge
from hanlin.sandbox import Sandbox
from hanlin.storage import Database
from hanlin.types import Actor, Permission, Role, new_id

LISTED = 500
ROWS_AT_ONCE = 500


class Glossaries:
    """Seen by its maker, and when shared by the workspace; changed by its maker, and when shared by an owner."""

    def __init__(self, database: Database, sandbox: Sandbox, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._sandbox = sandbox
        self._clock = clock

    async def list(self, actor: Actor) -> list[Glossary]:
        """All that the actor may use, by name."""
        require(actor, Permission.GENERATE)
        statement = _select().where(_visible(actor)).order_by(glossaries.c.name, glossaries.c.id).limit(LISTED)
        async with self._database.read() as connection:
            return [_glossary(row, actor) for row in await connection.execute(statement)]

    async def create(self, actor: Actor, form: GlossaryForm, new: Sequence[Term] = ()) -> Glossary:
        """BadRequest for an unknown language or two equal ones."""
        require(actor, Permission.GENERATE)
        glossary_id = new_id("gls")
        owner = {"workspace_id": actor.workspace, "person_id": actor.person}
        async with self._database.write() as connection:
            row = {"id": glossary_id, **owner, **_checked(form), "changed_at": int(self._clock())}
            await connection.execute(insert(glossaries).values(**row))
            await _put(connection, glossary_id, new)
        return await self.get(actor, glossary_id)

    async def get(self, actor: Actor, glossary_id: str) -> Glossary:
        require(actor, Permission.GENERATE)
        async with self._database.read() as connection:
            return _glossary(await _find(connection, actor, glossary_id, _visible(actor)), actor)

    async def terms(self, actor: Actor, glossary_id: str) -> Sequence[Term]:
        """Its terms in order, at most 20,000."""
        require(actor, Permission.GENERATE)
        async with self._database.read() as connection:
            await _find(connection, actor, glossary_id, _visible(actor))
            return await _terms(connection, glossary_id)

    async def usable(self, actor: Actor, glossary_ids: Sequence[str], source: str, target: str) -> Sequence[Term]:
        """All terms of these glossaries, in their order, for a translation into `target`.

        NotFound for one that the actor may not see, BadRequest for one of other languages; one that was made for the
        other direction is used the other way round.
        """
        found: list[Term] = []
        for glossary_id in glossary_ids:
            glossary = await self.get(actor, glossary_id)
            own = await self.terms(actor, glossary_id)
            if glossary.target == target and source in ("", glossary.source):
                found += own
            elif glossary.source == target and source in ("", glossary.target):
                found += [Term(term.target, term.source, term.note) for term in own]
            else:
                raise BadRequest(
                    f"The glossary {glossary.name!r} is from {glossary.source} to {glossary.target}, not to {target}.",
                    action="Leave it out, or choose its languages.",
                    code="wrong_glossary",
                    param="glossaries",
                )
        return found

    async def change(self, actor: Actor, glossary_id: str, form: GlossaryForm) -> Glossary:
        """Only its maker decides whether it is shared."""
        values = _checked(form)
        async with self._database.write() as connection:
            row = await _find(connection, actor, glossary_id, _changeable(actor))
            if row.person_id != actor.person:
                values["shared"] = row.shared
            statement = update(glossaries).where(glossaries.c.id == glossary_id)
            await connection.execute(statement.values(**values, changed_at=int(self._clock())))
        return await self.get(actor, glossary_id)

    async def replace(self, actor: Actor, glossary_id: str, new: Sequence[Term]) -> Glossary:
        """These terms in the place of those it has."""
        async with self._database.write() as connection:
            await _find(connection, actor, glossary_id, _changeable(actor))
            await self._replace(connection, glossary_id, new)
        return await self.get(actor, glossary_id)

    async def take_in(self, actor: Actor, glossary_id: str, path: Path, name: str) -> Glossary:
        """Add the terms of a CSV, TSV or TBX file; a term it has is replaced. BadFile when it cannot be read."""
        glossary = await self.get(actor, glossary_id)
        came = await self._sandbox.run(term_files.read, str(path), name, glossary.source, glossary.target)
        async with self._database.write() as connection:
            await _find(connection, actor, glossary_id, _changeable(actor))
            kept = {term.source.casefold(): term for term in await _terms(connection, glossary_id)}
            kept |= {term.source.casefold(): term for term in came}
            await self._replace(connection, glossary_id, list(kept.values()))
        return await self.get(actor, glossary_id)

    async def written(self, actor: Actor, glossary_id: str, kind: str) -> bytes:
        """It as `csv` (UTF-8 with a byte-order mark: source, target, note) or `tbx` (ISO 30042, TBX-Basic)."""
        glossary, own = await self.get(actor, glossary_id), await self.terms(actor, glossary_id)
        if kind == "csv":
            return term_files.written_csv(own)
        if kind == "tbx":
            return term_files.written_tbx(own, glossary.source, glossary.target)
        raise BadRequest(f"Glossaries are written as csv or tbx, not as {kind[:12]!r}.", param="kind")

    async def erase(self, actor: Actor, glossary_id: str) -> None:
        async with self._database.write() as connection:
            await _find(connection, actor, glossary_id, _changeable(actor))
            await connection.execute(delete(terms).where(terms.c.glossary_id == glossary_id))
            await connection.execute(delete(glossaries).where(glossaries.c.id == glossary_id))

    async def _replace(self, connection: AsyncConnection, glossary_id: str, new: Sequence[Term]) -> None:
        await connection.execute(delete(terms).where(terms.c.glossary_id == glossary_id))
        await _put(connection, glossary_id, new)
        changed = update(glossaries).where(glossaries.c.id == glossary_id)
        await connection.execute(changed.values(changed_at=int(self._clock())))


def _checked(form: GlossaryForm) -> dict[str, Any]:
    source, target = language(form.source, "source").code, language(form.target, "target").code
    name = " ".join(form.name.split())
    if source == target or not name:
        raise BadRequest(
            "A glossary has a name and two different languages.", action="Say from which language into which it is."
        )
    return {"name": name, "source": source, "target": target, "shared": form.shared}


def _visible(actor: Actor) -> ColumnElement[bool]:
    """Within the workspace: one's own, and what is shared."""
    own = glossaries.c.person_id == actor.person
    return and_(glossaries.c.workspace_id == actor.workspace, or_(own, glossaries.c.shared))


def _changeable(actor: Actor) -> ColumnElement[bool]:
    own = glossaries.c.person_id == actor.person
    if actor.role is Role.OWNER:
        return and_(glossaries.c.workspace_id == actor.workspace, or_(own, glossaries.c.shared))
    return and_(glossaries.c.workspace_id == actor.workspace, own)


def _select() -> Any:
    count = select(func.count()).where(terms.c.glossary_id == glossaries.c.id).scalar_subquery()
    return select(glossaries, count.label("terms"))


async def _find(connection: AsyncConnection, actor: Actor, glossary_id: str, right: ColumnElement[bool]) -> Row[Any]:
    require(actor, Permission.GENERATE)
    statement = _select().where(glossaries.c.id == glossary_id[:40], right)
    row: Row[Any] | None = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise NotFound("There is no such glossary of yours.", action="Choose one from the list of glossaries.")
    return row


async def _terms(connection: AsyncConnection, glossary_id: str) -> list[Term]:
    statement = select(terms).where(terms.c.glossary_id == glossary_id).order_by(terms.c.number)
    return [Term(row.source, row.target, row.note) for row in await connection.execute(statement)]


async def _put(connection: AsyncConnection, glossary_id: str, new: Sequence[Term]) -> None:
    if len(new) > term_files.TERMS:
        raise TooLarge(f"A glossary has at most {term_files.TERMS:,} terms, got {len(new):,}.")
    rows = [
        {"glossary_id": glossary_id, "number": number, "source": term.source, "target": term.target, "note": term.note}
        for number, term in enumerate(new, 1)
        if term.source.strip() and term.target.strip()
    ]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        await connection.execute(insert(terms), rows[start : start + ROWS_AT_ONCE])


def _glossary(row: Row[Any], actor: Actor) -> Glossary:
    mine = row.person_id == actor.person
    return Glossary(
        id=row.id,
        name=row.name,
        source=row.source,
        target=row.target,
        shared=row.shared,
        mine=mine or (row.shared and actor.role is Role.OWNER),
        terms=row.terms,
        changed_at=row.changed_at,
    )
