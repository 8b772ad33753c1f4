"""The recordings themselves. Every statement names the workspace and the person it acts for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts import require
from hanlin.assistants.meetings.consent import check, notice
from hanlin.assistants.meetings.records import Consent, NewRecording, Recording, State
from hanlin.assistants.meetings.tables import hot_words, recordings, segments
from hanlin.errors import BadRequest, NotAllowed, NotFound
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Permission, new_id

LISTED = 300
"""Recordings in one list; older ones are found by searching."""
HOT_WORDS = 200
WORD_CHARACTERS = 60
ID = re.compile(r"rec_[0-9a-f]{32}")


class Archive:
    """Reads and writes rows of recordings; knows nothing of jobs."""

    def __init__(self, database: Database, announce: Announce, clock: Callable[[], float]) -> None:
        self._database = database
        self._announce = announce
        self._clock = clock

    async def recent(self, actor: Actor, search: str = "") -> list[Recording]:
        """Own and shared ones, the newest first; with `search`, those whose title or transcript contains it."""
        require(actor, Permission.GENERATE)
        statement = select(recordings).where(visible(actor))
        if search:
            said = exists().where(
                segments.c.recording_id == recordings.c.id, segments.c.text.icontains(search, autoescape=True)
            )
            statement = statement.where(or_(recordings.c.title.icontains(search, autoescape=True), said))
        statement = statement.order_by(recordings.c.created_at.desc(), recordings.c.id.desc()).limit(LISTED)
        async with self._database.read() as connection:
            return [_recording(row) for row in await connection.execute(statement)]

    async def read(self, actor: Actor, recording: str) -> Recording:
        """One that the actor may see, or NotFound."""
        require(actor, Permission.GENERATE)
        async with self._database.read() as connection:
            return await found(connection, actor, recording)

    async def own(self, actor: Actor, recording: str) -> Recording:
        """One that the actor may change: NotAllowed for a colleague's that is shared, NotFound for others."""
        seen = await self.read(actor, recording)
        if seen.person != actor.person:
            raise NotAllowed(
                "Only its owner changes a recording.", action="Ask its owner, or export a copy.", code="not_owner"
            )
        return seen

    async def visible_ids(self, actor: Actor) -> list[str]:
        """Ids of all that the actor may see: what a search is limited to."""
        require(actor, Permission.GENERATE)
        statement = select(recordings.c.id).where(visible(actor))
        async with self._database.read() as connection:
            return list((await connection.execute(statement)).scalars())

    async def create(self, actor: Actor, wanted: NewRecording, consent: Consent | None) -> Recording:
        """A recording that waits for its sound. NotAllowed without consent, which is on record before it exists."""
        require(actor, Permission.GENERATE)
        agreed = check(consent)
        now = int(self._clock())
        row = _new_row(actor, wanted, agreed, now)
        facts: dict[str, str | int] = {
            "recording": row["id"],
            "language": row["consent_language"],
            "participants": agreed.participants,
        }
        await self._announce("recording:consented", actor, facts)
        async with self._database.write() as connection:
            await connection.execute(insert(recordings).values(**row))
        return await self.read(actor, row["id"])

    async def rename(self, actor: Actor, recording: str, title: str) -> None:
        """1 to 200 characters."""
        await self.own(actor, recording)
        cleaned = " ".join(title.split())
        if not 1 <= len(cleaned) <= 200:
            raise BadRequest(f"A title has 1 to 200 characters, got {len(cleaned)}.", param="title")
        await self.change(recording, title=cleaned)

    async def share(self, actor: Actor, recording: str, *, shared: bool) -> None:
        """Let the whole workspace read it, or end that at once."""
        await self.own(actor, recording)
        await self._announce("collection:changed", actor, {"recording": recording, "shared": int(shared)})
        await self.change(recording, shared=shared)

    async def change(self, recording: str, **values: Any) -> None:
        """Write columns of a row; the caller has asked for the right."""
        statement = update(recordings).where(recordings.c.id == recording)
        async with self._database.write() as connection:
            await connection.execute(statement.values(changed_at=int(self._clock()), **values))

    async def hot_words(self, actor: Actor) -> list[str]:
        """Names and terms of the workspace."""
        require(actor, Permission.GENERATE)
        statement = select(hot_words.c.word).where(hot_words.c.workspace_id == actor.workspace)
        async with self._database.read() as connection:
            return list((await connection.execute(statement.order_by(hot_words.c.word))).scalars())

    async def set_hot_words(self, actor: Actor, words: Sequence[str]) -> list[str]:
        """Replace the workspace's words: at most 200, of at most 60 characters each."""
        require(actor, Permission.GENERATE)
        cleaned = sorted({" ".join(word.split()) for word in words} - {""})
        if len(cleaned) > HOT_WORDS or any(len(word) > WORD_CHARACTERS for word in cleaned):
            raise BadRequest(f"At most {HOT_WORDS} words of {WORD_CHARACTERS} characters are kept.", param="words")
        async with self._database.write() as connection:
            await connection.execute(delete(hot_words).where(hot_words.c.workspace_id == actor.workspace))
            if cleaned:
                rows = [{"workspace_id": actor.workspace, "word": word} for word in cleaned]
                await connection.execute(insert(hot_words), rows)
        return cleaned


def visible(actor: Actor) -> ColumnElement[bool]:
    """What an actor may see, as a condition on `recordings`."""
    mine = or_(recordings.c.person_id == actor.person, recordings.c.shared)
    return and_(recordings.c.workspace_id == actor.workspace, mine)


async def found(connection: AsyncConnection, actor: Actor, recording: str) -> Recording:
    """A visible recording, or NotFound."""
    row = None
    if ID.fullmatch(recording):
        statement = select(recordings).where(recordings.c.id == recording, visible(actor))
        row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise NotFound("There is no such recording.", action="Open it from the list of recordings.")
    return _recording(row)


def _recording(row: Any) -> Recording:
    values = {name: getattr(row, name) for name in _SAME}
    return Recording(
        person=row.person_id,
        workspace=row.workspace_id,
        state=State(row.state),
        hot_words=tuple(row.hot_words),
        notices=tuple(row.notices),
        **values,
    )


_SAME = [
    name for name in Recording.__struct_fields__ if name not in ("person", "workspace", "state", "hot_words", "notices")
]


def _new_row(actor: Actor, wanted: NewRecording, consent: Consent, now: int) -> dict[str, Any]:
    return {
        "id": new_id("rec"),
        "workspace_id": actor.workspace,
        "person_id": actor.person,
        "title": " ".join(wanted.title.split())[:200],
        "state": State.WAITING,
        "shared": False,
        "seconds": 0.0,
        "video": False,
        "file": "",
        "notices": [],
        "peaks": b"",
        "consent_by": actor.person,
        "consent_at": now,
        "consent_notice": notice(consent.language),
        "consent_language": "zh" if consent.language[:2] == "zh" else "en",
        "participants": consent.participants,
        "service": "",
        "created_at": now,
        "changed_at": now,
        "edited_at": 0,
        "indexed": False,
        **asked(wanted, now),
    }


def asked(wanted: NewRecording, now: int) -> dict[str, Any]:
    """The columns that a transcription goes by. BadRequest for a day that is none."""
    try:
        day = date.fromisoformat(wanted.held_on) if wanted.held_on else datetime.fromtimestamp(now, UTC).date()
    except ValueError:
        raise BadRequest(f"`held_on` is a day as 2026-11-24, got {wanted.held_on!r}.", param="held_on") from None
    return {
        "language": wanted.language,
        "held_on": day.isoformat(),
        "speakers": wanted.speakers,
        "channels": wanted.channels,
        "hot_words": list(dict.fromkeys(" ".join(word.split()) for word in wanted.hot_words)),
    }
