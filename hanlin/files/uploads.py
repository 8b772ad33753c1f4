"""Uploads that go on after a break: bytes in order (as tus 1.0 does), or in parts (as OpenAI does)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from hanlin.errors import BadRequest, Conflict, TooLarge
from hanlin.files.arriving import Arriving
from hanlin.files.file import File, Part, Upload
from hanlin.files.records import Records, whose
from hanlin.files.tables import uploads as table
from hanlin.storage.uploads import plain_name
from hanlin.types import Actor, new_id

DAY_SECONDS = 86_400
SYNC_BYTES = 8 * 1024 * 1024
"""So much at most comes again after a crash."""
_PURPOSE = re.compile(r"[a-z0-9_\-]{0,60}")


class Take(Protocol):
    """Makes the file of an upload whose data is whole; twice is once."""

    async def __call__(self, actor: Actor, upload: Upload, path: Path, /) -> File: ...


class Uploads:
    """See `Files`, whose part it is."""

    def __init__(
        self, records: Records, folder: Path, *, limit_bytes: int, clock: Callable[[], float], take: Take
    ) -> None:
        self._records = records
        self._arriving = Arriving(folder)
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._take = take
        self._writing: set[str] = set()

    async def open(self) -> None:
        await asyncio.to_thread(self._arriving.prepare)
        await self.expire()
        known = {upload.id for upload in await self._records.uploads()}
        await asyncio.to_thread(self._arriving.sweep, known)

    async def begin(self, actor: Actor, name: str, size_bytes: int, purpose: str = "") -> Upload:
        if not 1 <= size_bytes <= self._limit_bytes:
            raise TooLarge(
                f"A file has 1 to {self._limit_bytes} bytes, {size_bytes} were announced.", param="size_bytes"
            )
        now = int(self._clock())
        upload = Upload(
            id=new_id("upload"),
            person=actor.person,
            workspace=actor.workspace,
            name=plain_name(name),
            size_bytes=size_bytes,
            offset=0,
            purpose=checked_purpose(purpose),
            file="",
            created_at=now,
            expires_at=now + DAY_SECONDS,
        )
        await self._records.begin(upload)
        return upload

    async def find(self, actor: Actor, upload_id: str) -> Upload:
        return await self._records.upload(actor, upload_id, int(self._clock()))

    async def append(self, actor: Actor, upload_id: str, offset: int, chunks: AsyncIterator[bytes]) -> Upload:
        with self._only_writer(upload_id):
            upload = await self.find(actor, upload_id)
            if offset != upload.offset or upload.file:
                raise Conflict(
                    f"The next bytes are expected at {upload.offset}, these begin at {offset}.",
                    action="Ask how far the upload is, and go on from there.",
                    code="upload_offset",
                )
            return await self._write(upload, chunks)

    async def add_part(self, actor: Actor, upload_id: str, path: Path) -> Part:
        upload = await self.find(actor, upload_id)
        _require_open(upload)
        size = (await asyncio.to_thread(path.stat)).st_size
        part = Part(new_id("part"), upload.id, size, int(self._clock()))
        await self._records.add_part(part, upload.size_bytes)
        await asyncio.to_thread(self._arriving.keep_part, upload.id, part.id, path)
        return part

    async def complete(self, actor: Actor, upload_id: str, part_ids: Sequence[str], md5: str = "") -> File:
        with self._only_writer(upload_id):
            upload = await self.find(actor, upload_id)
            if upload.file:
                return await self._records.file(actor, upload.file)
            known = {part.id: part.size_bytes for part in await self._records.parts(upload.id)}
            if len(set(part_ids)) != len(part_ids) or not known.keys() >= set(part_ids):
                raise BadRequest("part_ids must name parts of this upload, each once.", param="part_ids")
            size = sum(known[part_id] for part_id in part_ids)
            if size != upload.size_bytes:
                raise BadRequest(
                    f"{upload.size_bytes} bytes were announced, these parts hold {size}.", param="part_ids"
                )
            digest = await asyncio.to_thread(self._arriving.join, upload.id, part_ids)
            if md5 and md5.lower() != digest:
                raise BadRequest("The MD5 of what arrived is another one.", action="Send the parts again.", param="md5")
            await self._received(upload, size)
            return await self._finish(actor, upload)

    async def finish(self, actor: Actor, upload_id: str) -> File:
        with self._only_writer(upload_id):
            upload = await self.find(actor, upload_id)
            if upload.file:
                return await self._records.file(actor, upload.file)
            if upload.offset != upload.size_bytes:
                raise Conflict(
                    f"{upload.offset} of {upload.size_bytes} bytes are here.",
                    action="Send the rest first.",
                    code="upload_incomplete",
                )
            return await self._finish(actor, upload)

    async def abandon(self, actor: Actor, upload_id: str) -> Upload:
        with self._only_writer(upload_id):
            upload = await self.find(actor, upload_id)
            _require_open(upload)
            await self._remove([upload])
        return upload

    async def expire(self) -> int:
        expired = await self._records.uploads(table.c.expires_at <= int(self._clock()))
        return await self._remove(expired)

    async def erase_all(self, person: str, workspace: str) -> None:
        await self._remove(await self._records.uploads(*whose(table, person, workspace)))

    async def _finish(self, actor: Actor, upload: Upload) -> File:
        try:
            file = await self._take(actor, upload, self._arriving.data(upload.id))
        except (BadRequest, TooLarge):
            await self._remove([upload])  # what it is will not become another thing
            raise
        await asyncio.to_thread(self._arriving.remove, upload.id)
        return file

    async def _remove(self, chosen: Sequence[Upload]) -> int:
        for upload in chosen:
            await asyncio.to_thread(self._arriving.remove, upload.id)
        if chosen:
            await self._records.forget([upload.id for upload in chosen])
        return len(chosen)

    async def _write(self, upload: Upload, chunks: AsyncIterator[bytes]) -> Upload:
        """Write what comes, and note it durably every few MiB and at the end, however it ends."""
        file = await asyncio.to_thread(self._arriving.open, upload.id, upload.offset)
        offset = noted = upload.offset
        try:
            async for chunk in chunks:
                if offset + len(chunk) > upload.size_bytes:
                    raise TooLarge(f"More came than the {upload.size_bytes} bytes that were announced.")
                await asyncio.to_thread(file.write, chunk)
                offset += len(chunk)
                if offset - noted >= SYNC_BYTES:
                    await self._note(upload, file, offset)
                    noted = offset
        finally:
            try:
                await asyncio.shield(self._note(upload, file, offset))
            finally:
                file.close()
        return replace(upload, offset=offset, expires_at=int(self._clock()) + DAY_SECONDS)

    async def _note(self, upload: Upload, file: object, offset: int) -> None:
        await asyncio.to_thread(self._arriving.sync, file)  # type: ignore[arg-type]
        await self._received(upload, offset)

    async def _received(self, upload: Upload, offset: int) -> None:
        await self._records.received(upload.id, offset, int(self._clock()) + DAY_SECONDS)

    @contextmanager
    def _only_writer(self, upload_id: str) -> Iterator[None]:
        if upload_id in self._writing:
            raise Conflict(
                "Somebody else is writing to this upload.", action="Wait until that has ended.", code="upload_busy"
            )
        self._writing.add(upload_id)
        try:
            yield
        finally:
            self._writing.discard(upload_id)


def _require_open(upload: Upload) -> None:
    if upload.file:
        raise Conflict("This upload has become a file.", action="Delete the file instead.", code="upload_finished")


def checked_purpose(purpose: str) -> str:
    if not _PURPOSE.fullmatch(purpose):
        raise BadRequest("purpose is one word of OpenAI's (`user_data`, `assistants` …).", param="purpose")
    return purpose
