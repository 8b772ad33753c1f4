"""The room's face: files of a person, from upload to erasure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from hanlin.errors import TooLarge
from hanlin.files.arriving import sha256
from hanlin.files.file import File, Part, Upload
from hanlin.files.records import Records, own, whose
from hanlin.files.sniff import Kind, sniff
from hanlin.files.tables import files as table
from hanlin.files.uploads import Uploads, checked_purpose
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.storage.uploads import plain_name
from hanlin.types import Actor, Announce, new_id, unheard

Listener = Callable[[File], Awaitable[None]]
BATCH = 100


class Files:
    """A file belongs to the person who brought it, in one workspace: its id is unknown to everybody else.

    The permission is asked for by the caller (`accounts.require`), for this room stands beside accounts.
    """

    def __init__(
        self,
        database: Database,
        *,
        blobs: Blobs,
        folder: Path,
        announce: Announce = unheard,
        limit_bytes: int = 6 * 1024**3,
        quota_bytes: int = 20 * 1024**3,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`folder`: where uploads lie until they are finished; `quota_bytes` is one person's, unfinished included."""
        self.limit_bytes = limit_bytes
        self.folder = folder
        self._records = Records(database, quota_bytes)
        self._blobs = blobs
        self._announce = announce
        self._clock = clock
        self._listeners: list[Listener] = []
        self._uploads = Uploads(self._records, folder, limit_bytes=limit_bytes, clock=clock, take=self._take_upload)
        self.upload = self._uploads.find
        """(actor, upload id) -> how far an upload is. NotFound for an unknown, expired or another's one."""

    async def open(self) -> None:
        """At start: uploads that have expired go, and bytes that a crash left without a row."""
        await self._uploads.open()

    async def add(self, actor: Actor, path: Path, name: str, purpose: str = "") -> File:
        """Take a file over from `path`. BadFile for a kind that is not known, TooLarge above limit or quota."""
        size = (await asyncio.to_thread(path.stat)).st_size
        if size > self.limit_bytes:
            raise TooLarge(f"A file has at most {self.limit_bytes} bytes, this one has {size}.", param="file")
        number = new_id("file").removeprefix("file_")
        return await self._take(actor, path, plain_name(name), checked_purpose(purpose), number)

    async def get(self, actor: Actor, file_id: str) -> File:
        """One file of the actor's. NotFound for an unknown one and for somebody else's."""
        return await self._records.file(actor, file_id)

    async def recent(
        self, actor: Actor, *, after: str = "", limit: int = 100, purpose: str = "", oldest: bool = False
    ) -> list[File]:
        """The actor's files, newest (or oldest) first; `after`: the last id that was seen."""
        rest = (table.c.id > after if oldest else table.c.id < after,) if after else ()
        chosen = (table.c.purpose == purpose,) if purpose else ()
        return await self._records.files(*own(table, actor), *rest, *chosen, limit=limit, oldest=oldest)

    @asynccontextmanager
    async def local(self, actor: Actor, file_id: str) -> AsyncIterator[Path]:
        """The file's content as a path to read from while the context lasts."""
        file = await self.get(actor, file_id)
        async with self._blobs.local(file.blob) as path:
            yield path

    def stream(self, file: File, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The content from `start` up to `end` (not included)."""
        return self._blobs.stream(file.blob, start, end)

    async def erase(self, actor: Actor, file_id: str) -> None:
        """Delete a file with its bytes; everybody who listens lets go of what was made of it first."""
        await self._erase(await self.get(actor, file_id), actor)

    async def erase_all(self, person: str, workspace: str = "") -> None:
        """Delete all files and uploads of a person, in one workspace or everywhere."""
        await self._uploads.erase_all(person, workspace)
        while chosen := await self._records.files(*whose(table, person, workspace), limit=BATCH):
            for file in chosen:
                await self._erase(file, None)

    def on_erased(self, listener: Listener) -> None:
        """Await `listener(file)` for every file that goes, before its bytes do."""
        self._listeners.append(listener)

    async def begin(self, actor: Actor, name: str, size_bytes: int, purpose: str = "") -> Upload:
        """Announce a file that comes in pieces. TooLarge above limit or quota."""
        return await self._uploads.begin(actor, name, size_bytes, purpose)

    async def append(self, actor: Actor, upload_id: str, offset: int, chunks: AsyncIterator[bytes]) -> Upload:
        """Add what comes; what came before a break stays. Conflict when `offset` is not the upload's, or two write."""
        return await self._uploads.append(actor, upload_id, offset, chunks)

    async def finish(self, actor: Actor, upload_id: str) -> File:
        """Make the file of a whole upload. Conflict while bytes are missing; the same file when asked again."""
        return await self._uploads.finish(actor, upload_id)

    async def add_part(self, actor: Actor, upload_id: str, path: Path) -> Part:
        """Take over a part of an upload; parts come in any order. TooLarge above what was announced."""
        return await self._uploads.add_part(actor, upload_id, path)

    async def complete(self, actor: Actor, upload_id: str, part_ids: Sequence[str], md5: str = "") -> File:
        """Make the file of these parts in this order. BadRequest when they are not what was announced."""
        return await self._uploads.complete(actor, upload_id, part_ids, md5)

    async def abandon(self, actor: Actor, upload_id: str) -> Upload:
        """Give up an upload with what has come of it."""
        return await self._uploads.abandon(actor, upload_id)

    async def expire(self) -> int:
        """Delete uploads to which nothing came for a day; how many."""
        return await self._uploads.expire()

    async def _take_upload(self, actor: Actor, upload: Upload, path: Path) -> File:
        number = upload.id.removeprefix("upload_")
        return await self._take(actor, path, upload.name, upload.purpose, number, upload_id=upload.id)

    async def _take(
        self, actor: Actor, path: Path, name: str, purpose: str, number: str, *, upload_id: str = ""
    ) -> File:
        """Look at a file, keep its bytes, then its row; after a crash in between it goes on from its blob."""
        blob = f"blob_{number}"
        kind, digest, size = await self._look(path, blob, name)
        file = File(
            id=f"file_{number}",
            person=actor.person,
            workspace=actor.workspace,
            name=name,
            media_type=kind.media_type,
            size_bytes=size,
            sha256=digest,
            purpose=purpose,
            blob=await self._blobs.put(path, blob=blob),
            created_at=int(self._clock()),
        )
        try:
            await self._records.add(file, upload_id=upload_id)
        except TooLarge:
            await self._blobs.delete(blob)
            raise
        await self._announce("file:added", actor, {"file": file.id, "media_type": kind.media_type, "bytes": size})
        return file

    async def _look(self, path: Path, blob: str, name: str) -> tuple[Kind, str, int]:
        if await asyncio.to_thread(path.exists):
            return await asyncio.to_thread(_look, path, name)
        async with self._blobs.local(blob) as kept:
            return await asyncio.to_thread(_look, kept, name)

    async def _erase(self, file: File, actor: Actor | None) -> None:
        for listener in self._listeners:
            await listener(file)
        await self._blobs.delete(file.blob)
        await self._records.remove(file.id)
        await self._announce("file:erased", actor, {"file": file.id, "person": file.person})


def _look(path: Path, name: str) -> tuple[Kind, str, int]:
    return sniff(path, name), sha256(path), path.stat().st_size
