"""What a saved task sends of meetings: those that concern somebody, with what was noted of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hanlin.assistants.meetings.archive import Archive
from hanlin.assistants.meetings.noting import Noting
from hanlin.assistants.meetings.records import Digest, DigestItem, Note, Recording, State
from hanlin.assistants.meetings.transcripts import Transcripts
from hanlin.types import Actor

_TITLES = {"en": "Meetings that concern you", "zh": "与您有关的会议"}
_NONE = {"en": "No new meeting concerns you.", "zh": "没有与您有关的新会议。"}
_NO_NOTES = {"en": "No notes were made of it yet.", "zh": "尚未生成会议纪要。"}
_TODO = {"en": "To do", "zh": "待办"}


class Digesting:
    def __init__(self, *, archive: Archive, transcripts: Transcripts, noting: Noting) -> None:
        self._archive = archive
        self._transcripts = transcripts
        self._noting = noting

    async def digest(self, actor: Actor, since: int, name: str, language: str) -> Digest:
        """Own recordings since a time, and shared ones where `name` is a speaker's or is spoken."""
        words = "zh" if language[:2] == "zh" else "en"
        items: list[DigestItem] = []
        ids: list[str] = []
        service = ""
        for recording in await self._archive.recent(actor):
            if recording.state is not State.READY or recording.created_at < since:
                continue
            why = await self._why(actor, recording, " ".join(name.split()))
            if why:
                notes = await self._noting.read(recording)
                text = _text(notes, words)
                items.append(DigestItem(recording.id, recording.title, recording.held_on, why, text))
                ids += [one for note in notes for one in note.request_ids]
                service = next((note.service for note in notes if note.service), service)
        text = "\n\n".join(f"{item.title} ({item.held_on})\n{item.text}" for item in items) or _NONE[words]
        return Digest(_TITLES[words], text, tuple(dict.fromkeys(ids)), service, tuple(items))

    async def _why(self, actor: Actor, recording: Recording, name: str) -> str:
        if recording.person == actor.person:
            return "mine"
        if not name:
            return ""
        speakers = await self._transcripts.named(recording.id)
        if any(name.lower() == speaker.name.lower() for speaker in speakers):
            return "speaker"
        found = await self._transcripts.page(actor, recording.id, search=name, limit=500)
        spoken = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)" if name.isascii() else re.escape(name), re.IGNORECASE)
        return "named" if any(spoken.search(segment.text) for segment in found.segments) else ""


def _text(notes: Sequence[Note], language: str) -> str:
    """The summary and the to-dos, as far as they were made."""
    lines = [str(item["text"]) for note in notes if note.kind == "summary" for item in note.items]
    todos = [item for note in notes if note.kind == "todos" for item in note.items]
    if todos:
        lines.append(f"{_TODO[language]}:")
        lines += ["- " + " · ".join(filter(None, (one["text"], one["owner"], one["due"]))) for one in todos]
    return "\n".join(lines) or _NO_NOTES[language]
