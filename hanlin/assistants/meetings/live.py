"""Live captions: the browser posts sound as it comes, and reads captions as they change.

The sound is kept as it comes (at most 15 seconds are lost when the server dies); at the end the whole goes through the
same job as an upload, so that captions are a help while people speak, and never the transcript.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from sqlalchemy import func, insert, select

from hanlin.assistants.meetings import chinese
from hanlin.assistants.meetings.archive import Archive
from hanlin.assistants.meetings.listening import BYTES_A_SECOND, Ear, Heard
from hanlin.assistants.meetings.records import Caption, Consent, NewRecording, Recording, State
from hanlin.assistants.meetings.sounds import LIMITS, write_wav
from hanlin.assistants.meetings.tables import live_parts
from hanlin.errors import BadRequest, Conflict, HanlinError, TooLarge
from hanlin.service import Calls
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Media

log = logging.getLogger("hanlin.assistants.meetings")

CHUNK_SECONDS = 30
"""Longest piece of sound in one post."""
PART_BYTES = 15 * BYTES_A_SECOND
"""So much is kept in memory before it is stored."""
LIMIT_BYTES = int(LIMITS.seconds) * BYTES_A_SECOND


class Session:
    """One recording that is being heard."""

    def __init__(self, recording: Recording, actor: Actor, stored_bytes: int) -> None:
        self.recording = recording
        self.actor = actor
        self.stored_bytes = stored_bytes
        self.kept = bytearray()
        """What came and is not stored yet."""
        self.ear = Ear(stored_bytes)
        self.finals: list[Caption] = []
        self.partial: Caption | None = None
        self.version = 0
        self.changed = asyncio.Event()
        self.busy = asyncio.Lock()
        self.queue: asyncio.Queue[Heard] = asyncio.Queue()
        self.task: asyncio.Task[None] | None = None
        self.ended = False

    @property
    def received_bytes(self) -> int:
        return self.stored_bytes + len(self.kept)

    def tell(self) -> None:
        self.version += 1
        self.changed.set()  # wakes everybody who waits now, and only them
        self.changed.clear()


class Live:
    """`finished` starts the transcription of a recording that has ended."""

    def __init__(
        self,
        database: Database,
        *,
        archive: Archive,
        blobs: Blobs,
        calls: Calls,
        finished: Callable[[Actor, Recording], Awaitable[None]],
    ) -> None:
        self._database = database
        self._archive = archive
        self._blobs = blobs
        self._calls = calls
        self._finished = finished
        self._sessions: dict[str, Session] = {}

    async def begin(self, actor: Actor, wanted: NewRecording, consent: Consent | None) -> Recording:
        """A recording that is heard from now on. NotAllowed (`no_consent`) without consent."""
        made = await self._archive.create(actor, wanted, consent)
        await self._archive.change(made.id, state=State.LIVE)
        return await self._archive.read(actor, made.id)

    async def hear(self, actor: Actor, recording: str, start_bytes: int, samples: bytes) -> int:
        """Take in 16-bit little-endian samples, 16 kHz, one channel; how many bytes are here now.

        `start_bytes` is where they stand in the whole: what is here already is passed over, so a post may be repeated.
        Conflict (`gap`) when bytes before them are missing: send from the offset that it names.
        """
        if len(samples) % 2 or len(samples) > CHUNK_SECONDS * BYTES_A_SECOND:
            raise BadRequest(
                f"A piece of sound has whole samples of 16 bits and at most {CHUNK_SECONDS} seconds.", param="body"
            )
        session = await self._session(actor, recording)
        async with session.busy:
            known = session.received_bytes - start_bytes
            if known < 0:
                raise Conflict(
                    f"The sound is here up to byte {session.received_bytes}, got a piece from {start_bytes}.",
                    action="Send what lies between, or silence.",
                    code="gap",
                )
            if start_bytes + len(samples) > LIMIT_BYTES:
                raise TooLarge("A recording has at most six hours.", action="End it and begin another.")
            await self._take(session, samples[known:])
            session.actor = actor
            return session.received_bytes

    async def captions(self, actor: Actor, recording: str) -> AsyncGenerator[Caption]:
        """What was heard so far, and what changes from now on; ends with the recording.

        A caption that is not final comes again, longer, under the same number.
        """
        seen = await self._archive.read(actor, recording)
        if seen.state is State.LIVE and seen.person == actor.person:
            await self._session(actor, recording)
        session = self._sessions.get(recording)
        shown, version = 0, -1
        while session is not None:
            if version != session.version:
                version = session.version
                for caption in [*session.finals[shown:], *([session.partial] if session.partial else [])]:
                    yield caption
                shown = len(session.finals)
            elif session.ended:
                return
            else:
                await session.changed.wait()

    async def finish(self, actor: Actor, recording: str) -> Recording:
        """End the recording; its transcription starts. Conflict when nothing was heard."""
        session = await self._session(actor, recording)
        async with session.busy:
            await self._store(session)
            if not session.stored_bytes:
                raise Conflict("Nothing was heard yet.", action="Speak, or erase the recording.", code="no_sound")
            await self._end(session)
        await self._archive.change(recording, state=State.TRANSCRIBING)
        await self._finished(actor, await self._archive.read(actor, recording))
        return await self._archive.read(actor, recording)

    async def drop(self, recording: str) -> None:
        """Let go of a recording that is erased."""
        session = self._sessions.get(recording)
        if session is not None:
            session.kept.clear()
            await self._end(session)

    async def close(self) -> None:
        """Store what was heard; recordings stay open to go on."""
        for session in list(self._sessions.values()):
            async with session.busy:
                await self._store(session)
                await self._end(session)

    async def _session(self, actor: Actor, recording: str) -> Session:
        """The open session, or one that goes on after a restart. Conflict when the recording is not live."""
        seen = await self._archive.own(actor, recording)
        if seen.state is not State.LIVE:
            raise Conflict("This recording is not heard live.", action="Begin another one.", code="not_live")
        if recording not in self._sessions:
            statement = select(func.coalesce(func.sum(live_parts.c.size_bytes), 0))
            async with self._database.read() as connection:
                stored = await connection.execute(statement.where(live_parts.c.recording_id == recording))
            session = self._sessions.setdefault(recording, Session(seen, actor, int(stored.scalar_one())))
            if session.task is None:
                session.task = asyncio.create_task(self._caption(session))
        return self._sessions[recording]

    async def _take(self, session: Session, samples: bytes) -> None:
        session.kept += samples
        if len(session.kept) >= PART_BYTES:
            await self._store(session)
        heard = await asyncio.to_thread(session.ear.hear, samples)
        if heard is not None:
            session.queue.put_nowait(heard)

    async def _store(self, session: Session) -> None:
        if not session.kept:
            return
        data = bytes(session.kept)
        row = {
            "recording_id": session.recording.id,
            "start_bytes": session.stored_bytes,
            "size_bytes": len(data),
            "blob": await self._blobs.put_bytes(data),
        }
        async with self._database.write() as connection:
            await connection.execute(insert(live_parts).values(**row))
        session.stored_bytes += len(data)
        session.kept.clear()

    async def _end(self, session: Session) -> None:
        session.ended = True
        self._sessions.pop(session.recording.id, None)
        if session.task is not None:
            session.task.cancel()
            await asyncio.gather(session.task, return_exceptions=True)
        session.tell()

    async def _caption(self, session: Session) -> None:
        """Transcribe what is due, for as long as the recording lasts; a partial caption that is outdated is skipped."""
        while True:
            heard = await session.queue.get()
            if not heard.final and not session.queue.empty():
                continue
            try:
                text = await self._text(session, heard)
            except HanlinError as error:
                log.warning("A live caption failed (%s)", error.code)
                continue
            caption = Caption(
                len(session.finals) + 1,
                round(heard.start_seconds, 2),
                round(heard.end_seconds, 2),
                text,
                heard.final,
            )
            if heard.final:
                session.finals += [caption] if text else []
                session.partial = None
            else:
                session.partial = caption if text else None
            session.tell()

    async def _text(self, session: Session, heard: Heard) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "live.wav"
            await asyncio.to_thread(write_wav, path, heard.samples)
            hint = ", ".join(session.recording.hot_words)
            media = Media(str(path), language=session.recording.language)
            spoken = await self._calls.transcribe(session.actor, media, hint=hint)
        return "".join(one.text for one in chinese.written(spoken.segments, spoken.language)).strip()
