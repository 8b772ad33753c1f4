"""The slides of recordings: found by a job, kept as pictures."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from sqlalchemy import delete, insert, select

from hanlin.assistants.meetings.archive import Archive
from hanlin.assistants.meetings.records import Slide
from hanlin.assistants.meetings.slides import extract
from hanlin.assistants.meetings.tables import slides
from hanlin.errors import NotFound
from hanlin.files import Files
from hanlin.jobs import Work
from hanlin.sandbox import Sandbox
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, new_id


class Gallery:
    def __init__(self, database: Database, *, archive: Archive, files: Files, blobs: Blobs, sandbox: Sandbox) -> None:
        self._database = database
        self._archive = archive
        self._files = files
        self._blobs = blobs
        self._sandbox = sandbox

    async def run(self, work: Work) -> None:
        """The job's body."""
        await work.report(0, 1, "reading")
        await work.step("slides", self._find, work)
        await work.report(1, 1, "reading")

    async def slides(self, actor: Actor, recording: str) -> list[Slide]:
        await self._archive.read(actor, recording)
        statement = select(slides).where(slides.c.recording_id == recording).order_by(slides.c.number)
        async with self._database.read() as connection:
            return [
                Slide(row.number, row.start_seconds, row.width, row.height, row.size_bytes)
                for row in await connection.execute(statement)
            ]

    async def slide(self, actor: Actor, recording: str, number: int) -> bytes:
        """One as PNG."""
        await self._archive.read(actor, recording)
        statement = select(slides.c.blob).where(slides.c.recording_id == recording, slides.c.number == number)
        async with self._database.read() as connection:
            blob = (await connection.execute(statement)).scalar_one_or_none()
        if blob is None:
            raise NotFound("There is no such slide.", action="Look at the list of slides.")
        return await self._blobs.read(blob)

    async def erase(self, recording: str) -> None:
        """Delete the pictures and their rows."""
        mine = slides.c.recording_id == recording
        async with self._database.read() as connection:
            blobs = list((await connection.execute(select(slides.c.blob).where(mine))).scalars())
        for blob in blobs:
            await self._blobs.delete(blob)
        async with self._database.write() as connection:
            await connection.execute(delete(slides).where(mine))

    async def _find(self, work: Work) -> int:
        """Put the video's slides in the place of those before."""
        actor = await work.actor()
        seen = await self._archive.own(actor, work.job.subject)
        with tempfile.TemporaryDirectory() as folder:
            async with self._files.local(actor, seen.file) as path:
                found = await self._sandbox.run(extract, str(path), folder)
            await self.erase(seen.id)
            for number, one in enumerate(found, 1):
                picture = Path(folder) / one.name
                row = {
                    "recording_id": seen.id,
                    "number": number,
                    "start_seconds": one.start_seconds,
                    "width": one.width,
                    "height": one.height,
                    "size_bytes": (await asyncio.to_thread(picture.stat)).st_size,
                    "blob": new_id("blob"),
                }
                async with self._database.write() as connection:
                    await connection.execute(insert(slides).values(**row))
                await self._blobs.put(picture, blob=str(row["blob"]))
        return len(found)
