"""The rows of files and uploads, and how many bytes a person has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.errors import TooLarge
from hanlin.files.file import File, Part, Upload, file, no_file, no_upload, upload
from hanlin.files.tables import files, upload_parts, uploads
from hanlin.storage import Database
from hanlin.types import Actor

Condition = ColumnElement[bool]


class Records:
    def __init__(self, database: Database, quota_bytes: int) -> None:
        self._database = database
        self._quota_bytes = quota_bytes

    async def add(self, new: File, *, upload_id: str = "") -> None:
        """Add a file, the one that an upload becomes if it is one. TooLarge above the quota; twice is once."""
        values = {name: getattr(new, name) for name in File.__struct_fields__}
        async with self._database.write() as connection:
            await self._require_room(connection, new, new.size_bytes, but=upload_id)
            await connection.execute(self._database.insert(files).values(values).on_conflict_do_nothing())
            await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(file_id=new.id))

    async def file(self, actor: Actor, file_id: str) -> File:
        found = await self.files(files.c.id == file_id, *own(files, actor), limit=1)
        if not found:
            raise no_file()
        return found[0]

    async def files(self, *conditions: Condition, limit: int, oldest: bool = False) -> list[File]:
        """Newest first, or oldest."""
        order = files.c.id.asc() if oldest else files.c.id.desc()
        statement = select(files).where(*conditions).order_by(order).limit(limit)
        async with self._database.read() as connection:
            return [file(row) for row in await connection.execute(statement)]

    async def remove(self, file_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(files).where(files.c.id == file_id))

    async def begin(self, new: Upload) -> None:
        """Add an upload. TooLarge above the quota."""
        values = {name: getattr(new, name) for name in Upload.__struct_fields__}
        values["received_bytes"], values["file_id"] = values.pop("offset"), values.pop("file")
        async with self._database.write() as connection:
            await self._require_room(connection, new, new.size_bytes)
            await connection.execute(uploads.insert().values(values))

    async def upload(self, actor: Actor, upload_id: str, now: int) -> Upload:
        found = await self.uploads(uploads.c.id == upload_id, uploads.c.expires_at > now, *own(uploads, actor))
        if not found:
            raise no_upload()
        return found[0]

    async def uploads(self, *conditions: Condition) -> list[Upload]:
        async with self._database.read() as connection:
            return [upload(row) for row in await connection.execute(select(uploads).where(*conditions))]

    async def received(self, upload_id: str, offset: int, expires_at: int) -> None:
        """Note how many bytes of an upload are on disk."""
        values = {"received_bytes": offset, "expires_at": expires_at}
        async with self._database.write() as connection:
            await connection.execute(update(uploads).where(uploads.c.id == upload_id).values(values))

    async def forget(self, upload_ids: Sequence[str]) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(uploads).where(uploads.c.id.in_(upload_ids)))

    async def add_part(self, part: Part, limit_bytes: int) -> None:
        """Note a part. TooLarge when all of them would hold more than `limit_bytes`."""
        held = select(func.coalesce(func.sum(upload_parts.c.size_bytes), 0)).where(
            upload_parts.c.upload_id == part.upload
        )
        async with self._database.write() as connection:
            if (await connection.execute(held)).scalar_one() + part.size_bytes > limit_bytes:
                raise TooLarge(f"The parts hold more than the {limit_bytes} bytes that were announced.")
            values = {"id": part.id, "upload_id": part.upload, "size_bytes": part.size_bytes}
            await connection.execute(upload_parts.insert().values(created_at=part.created_at, **values))

    async def parts(self, upload_id: str) -> list[Part]:
        statement = select(upload_parts).where(upload_parts.c.upload_id == upload_id)
        async with self._database.read() as connection:
            rows = await connection.execute(statement)
            return [Part(row.id, row.upload_id, row.size_bytes, row.created_at) for row in rows]

    async def _require_room(
        self, connection: AsyncConnection, owner: File | Upload, size_bytes: int, *, but: str = ""
    ) -> None:
        held = 0
        for table, coming in ((files, ()), (uploads, (uploads.c.file_id == "", uploads.c.id != but))):
            total = select(func.coalesce(func.sum(table.c.size_bytes), 0)).where(*own(table, owner), *coming)
            held += (await connection.execute(total)).scalar_one()
        if held + size_bytes > self._quota_bytes:
            raise TooLarge(
                f"Your files hold {held} bytes; with this one they would be over the {self._quota_bytes} "
                "that each person has.",
                action="Delete files that you no longer need.",
                code="file_quota_exceeded",
            )


def own(table: Table, owner: Actor | File | Upload) -> tuple[Condition, Condition]:
    """What is this person's in this workspace."""
    return table.c.person == owner.person, table.c.workspace == owner.workspace


def whose(table: Table, person: str, workspace: str) -> tuple[Any, ...]:
    """What is a person's, in one workspace or, with an empty one, everywhere."""
    return (table.c.person == person, *((table.c.workspace == workspace,) if workspace else ()))
