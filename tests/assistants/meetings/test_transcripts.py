"""A transcript is corrected by its owner: texts, names, who said what; what was recognised is kept."""

from __future__ import annotations

import pytest

from hanlin.assistants.meetings import Meetings
from hanlin.errors import BadRequest, NotAllowed, NotFound
from hanlin.types import new_id
from tests.accounts.conftest import Cast, Clock
from tests.assistants.meetings.conftest import told
from tests.assistants.meetings.doubles import Line

TALK = [(0, "We ship on Friday."), (1, "Who tests the printer?"), (0, "Anna tests it."), (2, "Good.")]


async def test_segments_come_in_pages_and_are_searched(meetings: Meetings, cast: Cast) -> None:
    made = await told(meetings, cast.owner, TALK)
    first = await meetings.transcripts.page(cast.owner, made.id, limit=3)
    assert ([one.number for one in first.segments], first.total, first.next) == ([1, 2, 3], 4, 4)
    rest = await meetings.transcripts.page(cast.owner, made.id, start=first.next, limit=3)
    assert ([one.text for one in rest.segments], rest.next) == (["Good."], 0)
    found = await meetings.transcripts.page(cast.owner, made.id, search="TESTS")
    assert ([one.number for one in found.segments], found.total) == ([2, 3], 2)
    assert (await meetings.transcripts.page(cast.owner, made.id, search="%")).total == 0


async def test_a_correction_keeps_what_was_recognised_first_and_says_who_made_it(
    meetings: Meetings, cast: Cast, clock: Clock, line: Line
) -> None:
    made = await told(meetings, cast.owner, TALK)
    segment = (await meetings.transcripts.page(cast.owner, made.id)).segments[0]
    await meetings.transcripts.correct(cast.owner, made.id, segment.id, "We ship on  Monday.")
    clock.now += 60
    changed = await meetings.transcripts.correct(cast.owner, made.id, segment.id, "We ship on Tuesday.")
    assert (changed.text, changed.original) == ("We ship on Tuesday.", "We ship on Friday.")
    assert (changed.corrected_by, changed.corrected_at) == (cast.owner.person, int(clock.now))
    assert "".join(word.text for word in changed.words) == changed.text
    assert [job.job.kind for job in line.done] == ["meetings:index"] * 2
    assert "Tuesday" in (await meetings._index.passages(made.id))[0].text


async def test_speakers_are_named_merged_and_given_segments(meetings: Meetings, cast: Cast) -> None:
    made = await told(meetings, cast.owner, TALK)
    one, two, three = await meetings.transcripts.speakers(cast.owner, made.id)
    assert [speaker.seconds for speaker in (one, two, three)] == [9.0, 4.5, 4.5]
    await meetings.transcripts.rename_speaker(cast.owner, made.id, one.id, " Anna  Li ")
    await meetings.transcripts.merge(cast.owner, made.id, three.id, two.id)
    assert [
        (speaker.name, speaker.seconds) for speaker in await meetings.transcripts.speakers(cast.owner, made.id)
    ] == [
        ("Anna Li", 9.0),
        ("", 9.0),
    ]
    last = (await meetings.transcripts.page(cast.owner, made.id)).segments[-1]
    moved = await meetings.transcripts.reassign(cast.owner, made.id, last.id)
    people = await meetings.transcripts.speakers(cast.owner, made.id)
    assert [speaker.number for speaker in people] == [1, 2, 3]
    assert moved.speaker == people[2].id
    with pytest.raises(BadRequest):
        await meetings.transcripts.merge(cast.owner, made.id, one.id, one.id)


async def test_a_voice_is_known_by_up_to_five_excerpts_from_all_over(meetings: Meetings, cast: Cast) -> None:
    made = await told(
        meetings, cast.owner, [(number % 2, f"This is sentence number {number}.") for number in range(40)]
    )
    one, _ = await meetings.transcripts.speakers(cast.owner, made.id)
    excerpts = await meetings.transcripts.excerpts(cast.owner, made.id, one.id)
    assert [excerpt.text for excerpt in excerpts] == [f"This is sentence number {n}." for n in (0, 8, 16, 24, 32)]
    assert excerpts[1].end_seconds - excerpts[1].start_seconds == 4.5


async def test_a_colleague_reads_what_is_shared_and_changes_nothing(meetings: Meetings, cast: Cast) -> None:
    made = await told(meetings, cast.owner, TALK)
    segment = (await meetings.transcripts.page(cast.owner, made.id)).segments[0]
    for other in (cast.colleague, cast.stranger):
        with pytest.raises(NotFound):
            await meetings.transcripts.page(other, made.id)
    await meetings.archive.share(cast.owner, made.id, shared=True)
    assert (await meetings.transcripts.page(cast.colleague, made.id)).total == 4
    with pytest.raises(NotAllowed):
        await meetings.transcripts.correct(cast.colleague, made.id, segment.id, "Never.")
    with pytest.raises(NotFound):
        await meetings.transcripts.page(cast.stranger, made.id)
    await meetings.archive.share(cast.owner, made.id, shared=False)
    with pytest.raises(NotFound):
        await meetings.transcripts.page(cast.colleague, made.id)


async def test_ids_of_another_recording_are_unknown(meetings: Meetings, cast: Cast) -> None:
    made, other = await told(meetings, cast.owner, TALK), await told(meetings, cast.owner, TALK)
    segment = (await meetings.transcripts.page(cast.owner, other.id)).segments[0]
    speaker = (await meetings.transcripts.speakers(cast.owner, other.id))[0]
    for wanted in (segment.id, new_id("seg"), "seg_", "%"):
        with pytest.raises(NotFound):
            await meetings.transcripts.correct(cast.owner, made.id, wanted, "text")
    with pytest.raises(NotFound):
        await meetings.transcripts.merge(
            cast.owner, made.id, speaker.id, (await meetings.transcripts.speakers(cast.owner, made.id))[0].id
        )
