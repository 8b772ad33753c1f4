"""The job that makes a transcript: decode, find speech, cut, transcribe piece by piece, tell voices apart, write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.assistants.meetings import chinese, cutting
from hanlin.assistants.meetings.archive import Archive
from hanlin.assistants.meetings.clustering import clustered
from hanlin.assistants.meetings.cutting import Stretch
from hanlin.assistants.meetings.records import Recording, State
from hanlin.assistants.meetings.sounds import MIXED, Sounds
from hanlin.assistants.meetings.speaking import Timeline, Turn, turns
from hanlin.assistants.meetings.tables import pieces, recordings, segments, speakers
from hanlin.errors import NotServing
from hanlin.jobs import Work
from hanlin.service import Calls
from hanlin.storage import Database
from hanlin.types import Actor, Media, Skill, Spoken, Word, new_id

MOST_CHANNELS = 8
HINT_CHARACTERS = 400
"""Whisper reads at most 224 tokens of a hint."""
SURE_SECONDS = 60.0
"""After so much speech in one language the rest is not asked for its language again."""
ROWS = 500

_encode = msgspec.json.encode
_spoken = msgspec.json.Decoder(Spoken).decode
_stretches = msgspec.json.Decoder(list[Stretch]).decode


class Voices(Struct, frozen=True):
    """The windows of one piece, and their vectors in one row of bytes."""

    windows: list[Stretch]
    dimensions: int = 0
    vectors: bytes = b""


_voices = msgspec.msgpack.Decoder(Voices).decode


class Transcription:
    """`written` is awaited with the recording's id when its transcript stands."""

    def __init__(
        self,
        database: Database,
        *,
        archive: Archive,
        sounds: Sounds,
        calls: Calls,
        written: Callable[[Actor, str], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._archive = archive
        self._sounds = sounds
        self._calls = calls
        self._written = written
        self._clock = clock

    async def run(self, work: Work) -> None:
        """The job's body; its subject is the recording."""
        recording = work.job.subject
        await work.report(0, 0, "reading")
        channels = await work.step("decode", self._decode, work, recording)
        counts = [await work.step(f"cut {channel}", self._cut, work, recording, channel) for channel in channels]
        done, total = 0, sum(counts)
        for channel, count in zip(channels, counts, strict=True):
            for number in range(count):
                await work.report(done, total, "transcribing")
                await work.step(f"piece {channel} {number}", self._hear, work, recording, channel, number)
                done += 1
        await work.report(total, total, "writing")
        await work.step("write", self._write, work, recording)
        await work.report(total, total, "indexing")
        await work.step("index", self._index, work, recording)

    async def _decode(self, work: Work, recording: str) -> list[int]:
        """Keep the sound; the numbers of the channels that are transcribed."""
        actor = await work.actor()
        seen = await self._archive.own(actor, recording)
        if not seen.file:
            seconds = seen.seconds or await self._sounds.assemble(recording)
            peaks = await self._sounds.peaks(recording)
            await self._archive.change(recording, seconds=seconds, peaks=peaks, state=State.TRANSCRIBING)
            return [MIXED]
        sound = await self._sounds.decode(actor, recording, seen.file)
        channels = [MIXED]
        if seen.channels and 1 < sound.channels <= MOST_CHANNELS:
            channels = list(range(sound.channels))
            for channel in channels:
                await self._sounds.decode(actor, recording, seen.file, channel)
        await self._archive.change(
            recording,
            seconds=sound.seconds,
            video=sound.video,
            peaks=await self._sounds.peaks(recording),
            notices=["damaged"] if sound.damaged else [],
            state=State.TRANSCRIBING,
        )
        return channels

    async def _cut(self, work: Work, recording: str, channel: int) -> int:
        """Note the pieces of a channel; how many there are."""
        await work.actor()
        cut = cutting.pieces(await self._sounds.speech(recording, channel))
        rows = [
            {
                "recording_id": recording,
                "channel": channel,
                "number": number,
                "start_seconds": piece.start_seconds,
                "end_seconds": piece.end_seconds,
                "speech": _encode(piece.speech),
                "spoken": b"",
                "voices": b"",
            }
            for number, piece in enumerate(cut)
        ]
        stale = delete(pieces).where(pieces.c.recording_id == recording, pieces.c.channel == channel)
        async with self._database.write() as connection:
            await connection.execute(stale)
            for start in range(0, len(rows), ROWS):
                await connection.execute(insert(pieces), rows[start : start + ROWS])
        return len(rows)

    async def _hear(self, work: Work, recording: str, channel: int, number: int) -> int:
        """Transcribe one piece and keep what was heard; how many words."""
        actor = await work.actor()
        seen = await self._archive.own(actor, recording)
        key = _piece(recording, channel, number)
        async with self._database.read() as connection:
            row = (await connection.execute(select(pieces).where(*key))).one()
            language = seen.language or await _language(connection, recording)
        speech = [(start - row.start_seconds, end - row.start_seconds) for start, end in _stretches(row.speech)]
        async with self._sounds.piece(recording, channel, row.start_seconds, row.end_seconds) as path:
            media = Media(str(path), language=language)
            spoken = await self._calls.transcribe(actor, media, hint=await self._hint(actor, seen))
            voices = await self._tell(actor, seen, channel, replace(media, windows=tuple(cutting.windows(speech))))
        spoken = _later(spoken, row.start_seconds, row.end_seconds)
        values = {"spoken": _encode(spoken), "voices": msgspec.msgpack.encode(voices)}
        async with self._database.write() as connection:
            await connection.execute(update(pieces).where(*key).values(**values))
        return sum(len(segment.words) for segment in spoken.segments)

    async def _tell(self, actor: Actor, seen: Recording, channel: int, media: Media) -> Voices:
        """The vectors of a piece's windows; none where voices are not told apart, or cannot be."""
        if seen.speakers == 1 or channel != MIXED or not media.windows:
            return Voices([])
        try:
            found = await self._calls.voices(actor, media)
        except NotServing as error:
            if error.code != "skill_missing":
                raise
            return Voices([])
        return Voices(list(media.windows), found.dimensions, b"".join(found.rows))

    async def _hint(self, actor: Actor, seen: Recording) -> str:
        words = [*seen.hot_words, *await self._archive.hot_words(actor)]
        return ", ".join(dict.fromkeys(words))[:HINT_CHARACTERS]

    async def _write(self, work: Work, recording: str) -> int:
        """Put the transcript in the place of the one before; how many segments it has."""
        actor = await work.actor()
        seen = await self._archive.own(actor, recording)
        async with self._database.read() as connection:
            statement = select(pieces).where(pieces.c.recording_id == recording)
            rows = list(await connection.execute(statement.order_by(pieces.c.channel, pieces.c.number)))
        heard = _heard(rows, seen)
        notices = _notices(seen, rows, heard)
        async with self._database.write() as connection:
            await put_transcript(connection, recording, heard)
            values = {
                "language": seen.language or _most_spoken(rows),
                "notices": notices,
                "service": self._calls.route(actor, "", Skill.TRANSCRIPTION).service.name,
                "state": State.READY,
                "edited_at": int(self._clock()),
                "indexed": False,
            }
            await connection.execute(update(recordings).where(recordings.c.id == recording).values(**values))
            await connection.execute(delete(pieces).where(pieces.c.recording_id == recording))
        return len(heard)

    async def _index(self, work: Work, recording: str) -> bool:
        await self._written(await work.actor(), recording)
        return True


def _piece(recording: str, channel: int, number: int) -> tuple[Any, ...]:
    return pieces.c.recording_id == recording, pieces.c.channel == channel, pieces.c.number == number


async def _language(connection: AsyncConnection, recording: str) -> str:
    """The language that was found in a minute of speech and more, if it was always the same; "" before."""
    statement = select(pieces).where(pieces.c.recording_id == recording, func.length(pieces.c.spoken) > 0)
    rows = list(await connection.execute(statement.limit(20)))
    found = {_spoken(row.spoken).language for row in rows}
    heard = sum(row.end_seconds - row.start_seconds for row in rows)
    return found.pop() if len(found) == 1 and heard >= SURE_SECONDS else ""


def _later(spoken: Spoken, by_seconds: float, end_seconds: float) -> Spoken:
    """Times of the recording instead of the piece's, none behind the piece's end."""

    def time(seconds: float) -> float:
        return min(seconds + by_seconds, end_seconds)

    def moved(word: Word) -> Word:
        return replace(word, start_seconds=time(word.start_seconds), end_seconds=time(word.end_seconds))

    return replace(
        spoken,
        segments=tuple(
            replace(
                segment,
                start_seconds=time(segment.start_seconds),
                end_seconds=time(segment.end_seconds),
                words=tuple(map(moved, segment.words)),
            )
            for segment in spoken.segments
        ),
    )


def _heard(rows: list[Any], seen: Recording) -> list[Turn]:
    """All turns in order of time, with voices numbered from 0."""
    timelines = {channel: _timeline(rows, channel, seen) for channel in {row.channel for row in rows}}
    found: list[Turn] = []
    for row in rows:
        spoken = _spoken(row.spoken)
        said = turns(chinese.written(spoken.segments, spoken.language), timelines[row.channel])
        found += [turn if row.channel == MIXED else replace(turn, voice=row.channel) for turn in said]
    return sorted(found, key=lambda turn: turn.start_seconds)


def _timeline(rows: list[Any], channel: int, seen: Recording) -> Timeline:
    windows: list[Stretch] = []
    vectors: list[np.typing.NDArray[np.float32]] = []
    for row in rows:
        told = _voices(row.voices) if row.channel == channel and row.voices else Voices([])
        if told.windows:
            windows += [(start + row.start_seconds, end + row.start_seconds) for start, end in told.windows]
            vectors.append(np.frombuffer(told.vectors, "<f4").reshape(-1, told.dimensions))
    if not windows:
        return Timeline([], np.zeros(0, np.int64), seen.seconds)
    return Timeline(windows, clustered(np.concatenate(vectors), voices=seen.speakers), seen.seconds)


def _notices(seen: Recording, rows: list[Any], heard: list[Turn]) -> list[str]:
    notices = [word for word in seen.notices if word == "damaged"]
    wanted = seen.speakers != 1 and any(row.channel == MIXED for row in rows)
    if wanted and not any(_voices(row.voices).windows for row in rows if row.voices):
        notices.append("no_voices")
    return notices if heard else [*notices, "no_speech"]


def _most_spoken(rows: list[Any]) -> str:
    seconds: dict[str, float] = {}
    for row in rows:
        language = _spoken(row.spoken).language
        seconds[language] = seconds.get(language, 0) + row.end_seconds - row.start_seconds
    return max(seconds, key=lambda language: seconds[language], default="")[:8]


async def put_transcript(connection: AsyncConnection, recording: str, heard: list[Turn]) -> None:
    """Put turns in the place of a recording's segments and speakers."""
    await connection.execute(delete(segments).where(segments.c.recording_id == recording))
    await connection.execute(delete(speakers).where(speakers.c.recording_id == recording))
    ids = {voice: new_id("spk") for voice in dict.fromkeys(turn.voice for turn in heard)}
    people = [
        {"id": one, "recording_id": recording, "number": number, "name": ""}
        for number, one in enumerate(ids.values(), 1)
    ]
    if people:
        await connection.execute(insert(speakers), people)
    rows = [
        {
            "id": new_id("seg"),
            "recording_id": recording,
            "number": number,
            "speaker_id": ids[turn.voice],
            "start_seconds": round(turn.start_seconds, 3),
            "end_seconds": round(turn.end_seconds, 3),
            "text": turn.text,
            "original": "",
            "words": _encode(turn.words),
            "confidence": turn.confidence,
            "corrected_by": "",
            "corrected_at": 0,
        }
        for number, turn in enumerate(heard, 1)
    ]
    for start in range(0, len(rows), ROWS):
        await connection.execute(insert(segments), rows[start : start + ROWS])
