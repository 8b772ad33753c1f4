"""The same statements on SQLite and PostgreSQL, and the job in the real queue."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import cast as typed

import pytest

from hanlin.accounts import Accounts
from hanlin.assistants.meetings import Meetings, NewRecording, State
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.retrieval import Index
from hanlin.sandbox import Sandbox
from hanlin.service import Calls
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from tests.accounts.conftest import Cast
from tests.assistants.meetings.conftest import YES, told
from tests.assistants.meetings.doubles import Script
from tests.assistants.meetings.voices import say, silence, write
from tests.storage.databases import database_url

__all__ = ["database_url"]

TALK = [(n % 2, f"The printer number {n} is repaired by Anna before Friday.") for n in range(8)]


async def test_a_meeting_lives_in_either_database(
    meetings: Meetings, files: Files, cast: Cast, script: Script, tmp_path: Path
) -> None:
    path = write(tmp_path / "talk.wav", [silence(0.5), say("low", 4), silence(0.8), say("high", 4)])
    file = await files.add(cast.owner, path, "talk.wav", "meetings")
    heard = await meetings.create(cast.owner, NewRecording(), YES, file=file.id)
    assert [one.text for one in (await meetings.transcripts.page(cast.owner, heard.id)).segments] == [
        "low low low low",
        "high high high high",
    ]
    made = await told(meetings, cast.owner, TALK)
    one, two = await meetings.transcripts.speakers(cast.owner, made.id)
    await meetings.transcripts.merge(cast.owner, made.id, two.id, one.id)
    segment = (await meetings.transcripts.page(cast.owner, made.id, search="NUMBER 3")).segments[0]
    await meetings.transcripts.correct(cast.owner, made.id, segment.id, "The printer is sold.")
    script.answers = [json.dumps({"keywords": ["printer"]})]
    for _ in range(2):
        await meetings.make_notes(cast.owner, made.id, ["keywords"])
    (note,) = await meetings.notes(cast.owner, made.id)
    assert note.items[0]["count"] == 8
    script.answers = ["打印机由安娜修理。"]
    await meetings.translate(cast.owner, made.id, "zh")
    assert len(await meetings.subtitles(cast.owner, made.id, "zh")) == 8
    await meetings.archive.set_hot_words(cast.owner, ["Hanlin"])
    live = await meetings.live.begin(cast.owner, NewRecording(), YES)
    assert await meetings.live.hear(cast.owner, live.id, 0, bytes(32_000)) == 32_000
    await meetings.erase_all(cast.owner.person)
    assert await meetings.archive.recent(cast.owner) == []


@pytest.mark.slow
async def test_a_job_that_a_restart_interrupts_transcribes_every_piece_once(
    database: Database,
    accounts: Accounts,
    files: Files,
    blobs: Blobs,
    sandbox: Sandbox,
    index: Index,
    cast: Cast,
    script: Script,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hanlin.assistants.meetings.cutting.PIECE_SECONDS", 5.0)
    reached, free = asyncio.Event(), asyncio.Event()
    transcribe = script.transcribe

    async def held(*given: object, **named: object) -> object:
        if len(script.transcribed) == 2 and not free.is_set():
            reached.set()
            await asyncio.Event().wait()
        return await transcribe(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(script, "transcribe", held)

    async def opened() -> tuple[Jobs, Meetings]:
        jobs = await Jobs.open(database, folder=tmp_path / "jobs", actor_of=accounts.actor_of, poll_seconds=0.05)
        calls = typed(Calls, script)
        made = Meetings(database, files=files, blobs=blobs, sandbox=sandbox, index=index, jobs=jobs, calls=calls)
        await jobs.begin()
        return jobs, made

    (tmp_path / "jobs").mkdir()
    talk = [piece for _ in range(4) for piece in (silence(5.0), say("low", 4))]
    file = await files.add(cast.owner, write(tmp_path / "talk.wav", talk), "talk.wav", "meetings")
    jobs, meetings = await opened()
    made = await meetings.create(cast.owner, NewRecording(speakers=1), YES, file=file.id)
    await asyncio.wait_for(reached.wait(), 60)
    await jobs.close()
    free.set()
    jobs, meetings = await opened()
    async with asyncio.timeout(60):
        while (await meetings.archive.read(cast.owner, made.id)).state is not State.READY:
            await asyncio.sleep(0.05)
    page = await meetings.transcripts.page(cast.owner, made.id)
    assert ([one.text for one in page.segments], len(script.transcribed)) == (["low low low low"] * 4, 4)
    await jobs.close()
