"""The sound of recordings: decoded once, kept as WAV, cut into pieces without reading the whole."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import delete, select

from hanlin.assistants.meetings.cutting import Stretch
from hanlin.assistants.meetings.tables import live_parts, sounds
from hanlin.errors import NotFound
from hanlin.files import Files
from hanlin.sandbox import Sandbox
from hanlin.sound import SAMPLE_RATE, Limits, Sound, decode, peaks, speech
from hanlin.sound.wave import create
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, new_id

MIXED = -1
"""The number of all channels in one."""
HEADER_BYTES = 44
"""Of a WAV file as `hanlin.sound` writes it."""
BYTES_A_SECOND = SAMPLE_RATE * 2
PEAKS = 2000
LIMITS = Limits()


class Sounds:
    """Keeps one WAV for every channel that is heard on its own, and one with all."""

    def __init__(self, database: Database, *, files: Files, blobs: Blobs, sandbox: Sandbox) -> None:
        self._database = database
        self._files = files
        self._blobs = blobs
        self._sandbox = sandbox

    async def decode(self, actor: Actor, recording: str, file: str, channel: int = MIXED) -> Sound:
        """Keep one channel of an upload. BadFile for what has no sound or more than six hours of it."""
        async with self._files.local(actor, file) as source:
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder) / "sound.wav"
                sound = await self._sandbox.run(decode, str(source), str(target), LIMITS, channel)
                await self._keep(recording, channel, target)
        return sound

    async def assemble(self, recording: str) -> float:
        """Make one sound of what was heard live; its seconds."""
        statement = select(live_parts).where(live_parts.c.recording_id == recording)
        async with self._database.read() as connection:
            parts = list(await connection.execute(statement.order_by(live_parts.c.start_bytes)))
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "sound.wav"
            with create(str(target)) as file:
                for part in parts:
                    file.writeframesraw(await self._blobs.read(part.blob))
            await self._keep(recording, MIXED, target)
        async with self._database.write() as connection:
            await connection.execute(delete(live_parts).where(live_parts.c.recording_id == recording))
        for part in parts:
            await self._blobs.delete(part.blob)
        return float(sum(part.size_bytes for part in parts) / BYTES_A_SECOND)

    async def blob(self, recording: str, channel: int = MIXED) -> str:
        """The id of the WAV. NotFound before there is one."""
        statement = select(sounds.c.blob).where(sounds.c.recording_id == recording, sounds.c.channel == channel)
        async with self._database.read() as connection:
            blob = (await connection.execute(statement)).scalar_one_or_none()
        if blob is None:
            raise NotFound("The recording has no sound yet.", action="Wait until it was decoded.")
        return str(blob)

    async def speech(self, recording: str, channel: int = MIXED) -> list[Stretch]:
        """Where somebody speaks."""
        async with self._blobs.local(await self.blob(recording, channel)) as path:
            return await self._sandbox.run(speech, str(path))

    async def peaks(self, recording: str) -> bytes:
        """The wave form, a byte for each of PEAKS stretches."""
        async with self._blobs.local(await self.blob(recording)) as path:
            return bytes(await self._sandbox.run(peaks, str(path), PEAKS))

    @asynccontextmanager
    async def piece(self, recording: str, channel: int, start: float, end: float) -> AsyncIterator[Path]:
        """A stretch as a WAV file of its own, while the context lasts."""
        first, last = (HEADER_BYTES + int(seconds * SAMPLE_RATE) * 2 for seconds in (start, end))
        data = [part async for part in self._blobs.stream(await self.blob(recording, channel), first, last)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "piece.wav"
            await asyncio.to_thread(write_wav, path, b"".join(data))
            yield path

    async def erase(self, recording: str) -> None:
        """Delete the bytes; the rows go with the recording's."""
        async with self._database.read() as connection:
            for table in (sounds, live_parts):
                statement = select(table.c.blob).where(table.c.recording_id == recording)
                for blob in list((await connection.execute(statement)).scalars()):
                    await self._blobs.delete(blob)

    async def _keep(self, recording: str, channel: int, path: Path) -> None:
        """Put a file in the place of the one before. The row comes first: what is kept is known, and erased with it."""
        key = {"recording_id": recording, "channel": channel}
        blob = new_id("blob")
        old = select(sounds.c.blob).where(sounds.c.recording_id == recording, sounds.c.channel == channel)
        statement = self._database.insert(sounds).values(**key, blob=blob)
        async with self._database.write() as connection:
            before = (await connection.execute(old)).scalar_one_or_none()
            await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_={"blob": blob}))
        await self._blobs.put(path, blob=blob)
        if before is not None:
            await self._blobs.delete(before)


def write_wav(path: Path, samples: bytes) -> None:
    """16-bit samples as a file."""
    with create(str(path)) as file:
        file.writeframes(samples)
