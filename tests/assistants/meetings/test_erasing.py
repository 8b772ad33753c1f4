"""What is erased is gone everywhere; what is somebody else's is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.assistants.meetings import PURPOSE, Meetings, NewRecording
from hanlin.errors import Conflict, NotAllowed, NotFound
from hanlin.files import Files
from hanlin.types import new_id
from tests.accounts.conftest import Announced, Cast
from tests.assistants.meetings.conftest import YES, told
from tests.assistants.meetings.doubles import Line
from tests.assistants.meetings.voices import say, silence, write

TABLES = (
    "recordings", "recording_sounds", "recording_pieces", "recording_speakers", "recording_segments",
    "recording_notes", "recording_subtitles", "recording_slides",
)  # fmt: skip


async def test_an_erased_recording_leaves_no_row_no_byte_no_passage_and_no_job(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path, line: Line, announced: Announced
) -> None:
    path = write(tmp_path / "talk.wav", [silence(0.5), say("low", 5)])
    file = await files.add(cast.owner, path, "talk.wav", PURPOSE)
    made = await meetings.create(cast.owner, NewRecording(speakers=1), YES, file=file.id)
    size, stream = await meetings.sound(cast.owner, made.id)
    assert size == sum([len(piece) async for piece in stream(0, size)])
    assert len(await meetings.peaks(cast.owner, made.id)) == 2000
    assert await meetings._index.count(made.id) == 1
    with pytest.raises(NotFound):
        await meetings.erase(cast.colleague, made.id)
    await meetings.erase(cast.owner, made.id)
    with pytest.raises(NotFound):
        await meetings.archive.read(cast.owner, made.id)
    with pytest.raises(NotFound):
        await files.get(cast.owner, file.id)
    async with meetings._database.read() as connection:
        counts = [(await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one() for table in TABLES]
    assert counts == [0] * len(TABLES)
    assert [one for one in (tmp_path / "blobs").rglob("*") if one.is_file()] == []
    assert (await meetings._index.count(made.id), await line.of(made.id)) == (0, None)
    assert ("recording:erased", cast.owner.person) in announced


async def test_an_upload_that_is_erased_leaves_the_recording_its_sound(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path
) -> None:
    path = write(tmp_path / "talk.wav", [silence(0.5), say("low", 5)])
    file = await files.add(cast.owner, path, "talk.wav", PURPOSE)
    made = await meetings.create(cast.owner, NewRecording(speakers=1), YES, file=file.id)
    await files.erase(cast.owner, file.id)
    assert (await meetings.archive.read(cast.owner, made.id)).file == ""
    assert (await meetings.sound(cast.owner, made.id))[0] > 10_000
    await meetings.transcribe(cast.owner, made.id)
    assert (await meetings.transcripts.page(cast.owner, made.id)).total == 1
    with pytest.raises(Conflict) as refused:
        await meetings.find_slides(cast.owner, made.id)
    assert refused.value.code == "no_video"


async def test_all_recordings_of_a_person_go_with_them(meetings: Meetings, cast: Cast) -> None:
    mine, other = await told(meetings, cast.owner, [(0, "One.")]), await told(meetings, cast.colleague, [(0, "Two.")])
    await meetings.erase_all(cast.owner.person)
    with pytest.raises(NotFound):
        await meetings.archive.read(cast.owner, mine.id)
    assert (await meetings.archive.read(cast.colleague, other.id)).id == other.id
    assert await meetings._index.count(mine.id) == 0


async def test_nobody_sees_what_is_not_shared_with_them(meetings: Meetings, cast: Cast) -> None:
    made = await told(meetings, cast.owner, [(0, "Plum.")])
    await meetings.archive.share(cast.owner, made.id, shared=True)
    assert [one.id for one in await meetings.archive.recent(cast.colleague, "plum")] == [made.id]
    assert await meetings.archive.recent(cast.stranger, "plum") == []
    with pytest.raises(NotAllowed):  # an auditor reads no content
        await meetings.archive.recent(cast.auditor)
    messages = []
    for wanted in (made.id, new_id("rec"), "x"):
        with pytest.raises(NotFound) as unknown:
            await meetings.sound(cast.stranger, wanted)
        messages.append(str(unknown.value))
    assert len(set(messages)) == 1
    for change in (
        meetings.archive.rename(cast.colleague, made.id, "x"),
        meetings.archive.share(cast.colleague, made.id, shared=False),
        meetings.erase(cast.colleague, made.id),
        meetings.transcribe(cast.colleague, made.id),
        meetings.translate(cast.colleague, made.id, "zh"),
        meetings.attach(cast.colleague, made.id, new_id("file")),
    ):
        with pytest.raises(NotAllowed):
            await change
