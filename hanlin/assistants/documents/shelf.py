"""Collections and documents at rest: found by right, added, changed, erased."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts import require
from hanlin.assistants.documents import rows
from hanlin.assistants.documents.records import Collection, Document, DocumentState
from hanlin.assistants.documents.rights import absent, checked, readable, readable_documents
from hanlin.assistants.documents.tables import collections, documents, results, uses
from hanlin.errors import BadRequest, Conflict, NotAllowed
from hanlin.files import File
from hanlin.retrieval import Index
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Permission, new_id

NAME_CHARACTERS = 120
LISTED = 200
"""Most documents of one answer."""


class Shelf:
    """Every function that takes an actor asks for the permission to generate, and sees what the actor may read."""

    def __init__(
        self, database: Database, index: Index, announce: Announce, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.database = database
        self._index = index
        self._announce = announce
        self._clock = clock

    async def collections(self, actor: Actor) -> list[Collection]:
        require(actor, Permission.GENERATE)
        await self.personal(actor)
        order = collections.c.personal.desc(), (collections.c.person == actor.person).desc(), collections.c.id
        async with self.database.read() as connection:
            found = list(await connection.execute(select(collections).where(readable(actor)).order_by(*order)))
            counts = await _counts(connection, [row.id for row in found])
        return [rows.collection(row, counts.get(row.id, 0)) for row in found]

    async def collection(self, actor: Actor, collection_id: str) -> Collection:
        require(actor, Permission.GENERATE)
        async with self.database.read() as connection:
            row = await _find(connection, actor, collection_id)
            counts = await _counts(connection, [row.id])
        return rows.collection(row, counts.get(row.id, 0))

    async def personal(self, actor: Actor) -> str:
        """The id of the collection that everybody has."""
        whose = sha256(f"{actor.workspace} {actor.person}".encode()).hexdigest()[:32]
        row = self._row(actor, "", shared=False) | {"id": f"coll_{whose}", "personal": True}
        async with self.database.read() as connection:
            if await connection.scalar(select(collections.c.id).where(collections.c.id == row["id"])):
                return f"coll_{whose}"
        async with self.database.write() as connection:
            await connection.execute(self.database.insert(collections).values(row).on_conflict_do_nothing())
        return f"coll_{whose}"

    async def create(self, actor: Actor, name: str, *, shared: bool) -> Collection:
        require(actor, Permission.GENERATE)
        row = self._row(actor, _name(name), shared=shared)
        await self._announce("collection:changed", actor, {"collection": row["id"], "shared": int(shared)})
        async with self.database.write() as connection:
            await connection.execute(insert(collections).values(row))
        return await self.collection(actor, row["id"])

    async def change(self, actor: Actor, collection_id: str, *, name: str | None, shared: bool | None) -> Collection:
        require(actor, Permission.GENERATE)
        values: dict[str, Any] = {"changed_at": int(self._clock())}
        values |= {} if name is None else {"name": _name(name)}
        values |= {} if shared is None else {"shared": shared}
        async with self.database.write() as connection:
            row = await self._own(connection, actor, collection_id)
            facts: dict[str, str | int] = {"collection": row.id, "shared": int(values.get("shared", row.shared))}
            await self._announce("collection:changed", actor, facts)
            await connection.execute(update(collections).where(collections.c.id == row.id).values(values))
        return await self.collection(actor, collection_id)

    async def remove(self, actor: Actor, collection_id: str) -> list[Document]:
        """Delete a collection of the actor's with all that is in it; the documents that were."""
        require(actor, Permission.GENERATE)
        async with self.database.read() as connection:
            row = await self._own(connection, actor, collection_id)
            inside = select(documents).where(documents.c.collection == row.id)
            gone = [rows.document(each) for each in await connection.execute(inside)]
        await self._announce("collection:erased", actor, {"collection": row.id, "documents": len(gone)})
        await self.drop([each.id for each in gone])
        async with self.database.write() as connection:
            await connection.execute(delete(collections).where(collections.c.id == row.id))
        return gone

    async def put(self, actor: Actor, file: File, collection_id: str) -> Document:
        """A waiting document of a file, in a collection of the actor's."""
        row = _document(actor, file, int(self._clock()))
        async with self.database.write() as connection:
            where = await _find(connection, actor, collection_id)
            if where.person != actor.person:
                raise _not_own()
            facts: dict[str, str | int] = {"collection": where.id, "document": row["id"], "shared": int(where.shared)}
            await self._announce("collection:changed", actor, facts)
            await connection.execute(insert(documents).values({**row, "collection": where.id}))
            await _touch(connection, where.id, row["created_at"])
        return await self.document(actor, row["id"])

    async def documents(
        self, actor: Actor, collection_id: str = "", *, search: str = "", after: str = "", limit: int = 100
    ) -> list[Document]:
        require(actor, Permission.GENERATE)
        statement = readable_documents(actor).order_by(documents.c.id.desc()).limit(max(1, min(limit, LISTED)))
        if collection_id:
            statement = statement.where(documents.c.collection == (await self.collection(actor, collection_id)).id)
        if search:
            columns = documents.c.name, documents.c.title
            statement = statement.where(or_(*[each.icontains(search[:200], autoescape=True) for each in columns]))
        if after:
            statement = statement.where(documents.c.id < checked(after))
        async with self.database.read() as connection:
            return [rows.document(row) for row in await connection.execute(statement)]

    async def document(self, actor: Actor, document_id: str) -> Document:
        return rows.document(await self.row(actor, document_id))

    async def row(self, actor: Actor, document_id: str) -> Any:
        """The whole row of a document, with `blob`."""
        require(actor, Permission.GENERATE)
        async with self.database.read() as connection:
            statement = readable_documents(actor).where(documents.c.id == checked(document_id))
            found = (await connection.execute(statement)).one_or_none()
        if found is None:
            raise absent()
        return found

    async def chosen(self, actor: Actor, document_ids: Sequence[str]) -> list[Document]:
        """These documents in this order. NotFound if one may not be seen, Conflict while one has not been read."""
        found = [await self.document(actor, each) for each in dict.fromkeys(document_ids)]
        for each in found:
            if each.state is not DocumentState.READY:
                raise Conflict(
                    f"A document is {each.state.value}, not ready.",
                    action="Wait until it has been read, or choose others.",
                    code="not_read",
                )
        return found

    async def scope(self, actor: Actor, collection_id: str = "") -> list[str]:
        """The ids of all documents that the actor may read now: of one collection, or of all."""
        require(actor, Permission.GENERATE)
        statement = readable_documents(actor, documents.c.id).where(documents.c.state == DocumentState.READY)
        if collection_id:
            statement = statement.where(documents.c.collection == (await self.collection(actor, collection_id)).id)
        async with self.database.read() as connection:
            return list(await connection.scalars(statement))

    async def known(self, actor: Actor, document_ids: Sequence[str]) -> dict[str, Document]:
        """Those of some documents that the actor may read, by id."""
        statement = readable_documents(actor).where(documents.c.id.in_(list(document_ids)))
        async with self.database.read() as connection:
            return {row.id: rows.document(row) for row in await connection.execute(statement)}

    async def update(self, document_id: str, **values: Any) -> None:
        async with self.database.write() as connection:
            await connection.execute(update(documents).where(documents.c.id == document_id).values(values))

    async def erase(self, actor: Actor, document_id: str) -> Document:
        """Delete a document of the actor's, its passages and what was made of it; the document that was."""
        document = await self.owned(actor, document_id)
        facts: dict[str, str | int] = {"collection": document.collection, "document": document.id}
        await self._announce("collection:changed", actor, facts)
        await self.drop([document.id])
        return document

    async def owned(self, actor: Actor, document_id: str) -> Document:
        """A document of the actor's own; NotAllowed for one that he may only read."""
        document = await self.document(actor, document_id)
        if document.person != actor.person:
            raise _not_own()
        return document

    async def begun(self, document_id: str, job_id: str) -> None:
        """Note the job that reads a document; one that has begun already has set the state further."""
        where = documents.c.id == document_id, documents.c.state != DocumentState.READING
        async with self.database.write() as connection:
            waiting = {"state": DocumentState.WAITING, "code": "", "problem": "", "action": ""}
            await connection.execute(update(documents).where(*where).values(waiting))
            await connection.execute(update(documents).where(documents.c.id == document_id).values(job=job_id))

    async def drop(self, document_ids: Sequence[str]) -> None:
        """Delete documents whoever asks: passages first, so that what is left after a crash can be erased again."""
        for each in document_ids:
            await self._index.remove(each)
        async with self.database.write() as connection:
            await _forget(connection, document_ids)

    async def of_file(self, file_id: str) -> list[str]:
        """The ids of the documents that were made of a file."""
        async with self.database.read() as connection:
            return list(await connection.scalars(select(documents.c.id).where(documents.c.file == file_id)))

    async def sweep(self) -> None:
        """Delete results of documents that are gone."""
        async with self.database.write() as connection:
            gone = select(uses.c.result).where(uses.c.document.not_in(select(documents.c.id)))
            await connection.execute(delete(results).where(results.c.id.in_(gone)))

    async def _own(self, connection: AsyncConnection, actor: Actor, collection_id: str) -> Any:
        row = await _find(connection, actor, collection_id)
        if row.person != actor.person:
            raise _not_own()
        if row.personal:
            raise Conflict(
                "Your own files are neither renamed nor shared nor removed.",
                action="Make a collection for what others should read.",
                code="personal_collection",
            )
        return row

    def _row(self, actor: Actor, name: str, *, shared: bool) -> dict[str, Any]:
        now = int(self._clock())
        owner = {"workspace": actor.workspace, "person": actor.person, "personal": False}
        return {"id": new_id("coll"), "name": name, "shared": shared, "created_at": now, "changed_at": now, **owner}


async def _find(connection: AsyncConnection, actor: Actor, collection_id: str) -> Any:
    statement = select(collections).where(collections.c.id == checked(collection_id), readable(actor))
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise absent()
    return row


async def _counts(connection: AsyncConnection, collection_ids: Sequence[str]) -> dict[str, int]:
    inside = documents.c.collection.in_(collection_ids)
    statement = select(documents.c.collection, func.count()).where(inside).group_by(documents.c.collection)
    return {row[0]: row[1] for row in await connection.execute(statement)}


async def _forget(connection: AsyncConnection, document_ids: Sequence[str]) -> None:
    made = select(uses.c.result).where(uses.c.document.in_(document_ids))
    await connection.execute(delete(results).where(results.c.id.in_(made)))
    await connection.execute(delete(documents).where(documents.c.id.in_(document_ids)))


async def _touch(connection: AsyncConnection, collection_id: str, now: int) -> None:
    await connection.execute(update(collections).where(collections.c.id == collection_id).values(changed_at=now))


def _document(actor: Actor, file: File, now: int) -> dict[str, Any]:
    empty = dict.fromkeys(("title", "kind", "notices", "code", "problem", "action", "job"), "")
    counts = dict.fromkeys(("pages", "characters", "passages", "scanned"), 0)
    return {
        "id": new_id("doc"),
        "workspace": actor.workspace,
        "person": actor.person,
        "file": file.id,
        "blob": file.blob,
        "name": file.name[:255],
        "media_type": file.media_type[:120],
        "size_bytes": file.size_bytes,
        "state": DocumentState.WAITING,
        "pictures": False,
        "created_at": now,
        **empty,
        **counts,
    }


def _name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= NAME_CHARACTERS:
        raise BadRequest(f"A name has 1 to {NAME_CHARACTERS} characters, got {len(cleaned)}.", param="name")
    return cleaned


def _not_own() -> NotAllowed:
    return NotAllowed(
        "This collection is somebody else's; you may read it.", action="Add to one of your own.", code="not_owner"
    )
