"""Segments and speakers: read, searched, and corrected by the recording's owner."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.assistants.meetings.aligning import aligned
from hanlin.assistants.meetings.archive import Archive
from hanlin.assistants.meetings.records import Excerpt, Page, Speaker, SpokenWord, Utterance
from hanlin.assistants.meetings.tables import recordings, segments, speakers
from hanlin.errors import BadRequest, NotFound
from hanlin.storage import Database
from hanlin.types import Actor, new_id

PAGE = 500
TEXT_CHARACTERS = 10_000
"""Longest text of one segment."""
EXCERPTS = 5
EXCERPT_SECONDS = (1.5, 12.0)
"""A voice is known after a second and a half; nobody listens to more than twelve."""
SPEAKERS = 50
_ID = re.compile(r"(seg|spk)_[0-9a-f]{32}")

_encode = msgspec.json.encode
_words = msgspec.json.Decoder(tuple[SpokenWord, ...]).decode


class Transcripts:
    """`edited` is told of every change to a text."""

    def __init__(
        self,
        database: Database,
        archive: Archive,
        clock: Callable[[], float],
        edited: Callable[[Actor, str], Awaitable[None]],
    ) -> None:
        self._database = database
        self._archive = archive
        self._clock = clock
        self._edited = edited

    async def page(self, actor: Actor, recording: str, *, start: int = 1, limit: int = 200, search: str = "") -> Page:
        """Up to `limit` (at most 500) segments from number `start` on; with `search`, those that contain it."""
        await self._archive.read(actor, recording)
        wanted = [segments.c.recording_id == recording]
        if search:
            wanted.append(segments.c.text.icontains(search, autoescape=True))
        limit = min(max(limit, 1), PAGE)
        statement = select(segments).where(*wanted, segments.c.number >= start).order_by(segments.c.number)
        async with self._database.read() as connection:
            rows = list(await connection.execute(statement.limit(limit + 1)))
            total = (await connection.execute(select(func.count()).select_from(segments).where(*wanted))).scalar_one()
            people = await speakers_of(connection, recording)
        shown = tuple(utterance(row) for row in rows[:limit])
        return Page(shown, tuple(people), total, rows[limit].number if len(rows) > limit else 0)

    async def all(self, recording: str) -> list[Utterance]:
        """The whole transcript in order, for what is made of it; the caller has asked for the right."""
        statement = select(segments).where(segments.c.recording_id == recording).order_by(segments.c.number)
        async with self._database.read() as connection:
            return [utterance(row) for row in await connection.execute(statement)]

    async def between(self, recording: str, first: int, last: int) -> list[Utterance]:
        """Segments from number `first` to `last`; the caller has asked for the right."""
        statement = select(segments).where(
            segments.c.recording_id == recording, segments.c.number >= first, segments.c.number <= last
        )
        async with self._database.read() as connection:
            return [utterance(row) for row in await connection.execute(statement.order_by(segments.c.number))]

    async def speakers(self, actor: Actor, recording: str) -> list[Speaker]:
        """In the order of their numbers."""
        await self._archive.read(actor, recording)
        async with self._database.read() as connection:
            return await speakers_of(connection, recording)

    async def named(self, recording: str) -> list[Speaker]:
        """As `speakers`; the caller has asked for the right."""
        async with self._database.read() as connection:
            return await speakers_of(connection, recording)

    async def excerpts(self, actor: Actor, recording: str, speaker: str) -> list[Excerpt]:
        """Up to five passages to know a voice by: long enough, surely recognised, from all over the recording."""
        await self._archive.read(actor, recording)
        statement = select(segments).where(segments.c.recording_id == recording, segments.c.speaker_id == speaker)
        async with self._database.read() as connection:
            await _find(connection, speakers, recording, speaker)
            found = [utterance(row) for row in await connection.execute(statement.order_by(segments.c.number))]
        return [_excerpt(segment) for segment in _telling(found)]

    async def correct(self, actor: Actor, recording: str, segment: str, text: str) -> Utterance:
        """Replace what was recognised; the first recognised text is kept, the words get the times of the new text."""
        await self._archive.own(actor, recording)
        cleaned = " ".join(text.split())
        if not 1 <= len(cleaned) <= TEXT_CHARACTERS:
            raise BadRequest(f"A segment has 1 to {TEXT_CHARACTERS} characters, got {len(cleaned)}.", param="text")
        async with self._database.write() as connection:
            old = utterance(await _find(connection, segments, recording, segment))
            if cleaned == old.text:
                return old
            values = {
                "text": cleaned,
                "original": old.original or old.text,
                "words": _encode(aligned(cleaned, old.words, old.start_seconds, old.end_seconds)),
                "corrected_by": actor.person,
                "corrected_at": int(self._clock()),
            }
            await connection.execute(update(segments).where(segments.c.id == segment).values(**values))
            await self._mark(connection, recording)
            new = utterance(await _find(connection, segments, recording, segment))
        await self._edited(actor, recording)
        return new

    async def reassign(self, actor: Actor, recording: str, segment: str, speaker: str = "") -> Utterance:
        """Give a segment to another speaker of the recording; to a new one without `speaker`."""
        await self._archive.own(actor, recording)
        async with self._database.write() as connection:
            await _find(connection, segments, recording, segment)
            if speaker:
                await _find(connection, speakers, recording, speaker)
            else:
                speaker = await _add_speaker(connection, recording)
            await connection.execute(update(segments).where(segments.c.id == segment).values(speaker_id=speaker))
            await self._mark(connection, recording)
            return utterance(await _find(connection, segments, recording, segment))

    async def rename_speaker(self, actor: Actor, recording: str, speaker: str, name: str) -> None:
        """At most 120 characters; an empty name is none."""
        await self._archive.own(actor, recording)
        cleaned = " ".join(name.split())
        if len(cleaned) > 120:
            raise BadRequest(f"A name has at most 120 characters, got {len(cleaned)}.", param="name")
        async with self._database.write() as connection:
            await _find(connection, speakers, recording, speaker)
            await connection.execute(update(speakers).where(speakers.c.id == speaker).values(name=cleaned))
            await self._mark(connection, recording)

    async def merge(self, actor: Actor, recording: str, speaker: str, into: str) -> None:
        """Two voices that are one person: all that `speaker` says is `into`'s, and `speaker` is gone."""
        await self._archive.own(actor, recording)
        if speaker == into:
            raise BadRequest("A speaker is not merged into itself.", param="into")
        async with self._database.write() as connection:
            await _find(connection, speakers, recording, speaker)
            await _find(connection, speakers, recording, into)
            await connection.execute(update(segments).where(segments.c.speaker_id == speaker).values(speaker_id=into))
            await connection.execute(delete(speakers).where(speakers.c.id == speaker))
            await self._mark(connection, recording)

    async def _mark(self, connection: AsyncConnection, recording: str) -> None:
        now = int(self._clock())
        statement = update(recordings).where(recordings.c.id == recording)
        await connection.execute(statement.values(edited_at=now, changed_at=now))


def utterance(row: Any) -> Utterance:
    return Utterance(
        id=row.id,
        number=row.number,
        speaker=row.speaker_id,
        start_seconds=row.start_seconds,
        end_seconds=row.end_seconds,
        text=row.text,
        original=row.original,
        corrected_by=row.corrected_by,
        corrected_at=row.corrected_at,
        confidence=row.confidence,
        words=_words(row.words),
    )


async def speakers_of(connection: AsyncConnection, recording: str) -> list[Speaker]:
    """A recording's speakers, with how long each speaks."""
    length = func.coalesce(func.sum(segments.c.end_seconds - segments.c.start_seconds), 0.0)
    statement = (
        select(speakers.c.id, speakers.c.number, speakers.c.name, length.label("seconds"))
        .outerjoin(segments, segments.c.speaker_id == speakers.c.id)
        .where(speakers.c.recording_id == recording)
        .group_by(speakers.c.id, speakers.c.number, speakers.c.name)
        .order_by(speakers.c.number)
    )
    return [Speaker(row.id, row.number, row.name, row.seconds) for row in await connection.execute(statement)]


async def _find(connection: AsyncConnection, table: Any, recording: str, wanted: str) -> Any:
    row = None
    if _ID.fullmatch(wanted):
        statement = select(table).where(table.c.id == wanted, table.c.recording_id == recording)
        row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise NotFound("There is no such segment or speaker in the recording.", action="Load the transcript again.")
    return row


async def _add_speaker(connection: AsyncConnection, recording: str) -> str:
    statement = select(func.count(), func.max(speakers.c.number)).where(speakers.c.recording_id == recording)
    count, highest = (await connection.execute(statement)).one()
    if count >= SPEAKERS:
        raise BadRequest(f"A recording has at most {SPEAKERS} speakers.", action="Merge two of them first.")
    row = {"id": new_id("spk"), "recording_id": recording, "number": (highest or 0) + 1, "name": ""}
    await connection.execute(insert(speakers).values(**row))
    return str(row["id"])


def _telling(found: Sequence[Utterance]) -> list[Utterance]:
    """The best of each fifth of what one voice says, best first where there are fewer."""
    low, high = EXCERPT_SECONDS
    long = [one for one in found if low <= one.end_seconds - one.start_seconds] or list(found)
    groups = [long[len(long) * n // EXCERPTS : len(long) * (n + 1) // EXCERPTS] for n in range(EXCERPTS)]
    return [max(group, key=lambda one: min(one.end_seconds - one.start_seconds, high)) for group in groups if group]


def _excerpt(segment: Utterance) -> Excerpt:
    end = min(segment.end_seconds, segment.start_seconds + EXCERPT_SECONDS[1])
    return Excerpt(segment.id, segment.start_seconds, end, segment.text)
