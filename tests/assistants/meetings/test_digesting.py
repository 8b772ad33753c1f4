"""A digest holds the meetings that concern somebody, and no other."""

from __future__ import annotations

import json

from hanlin.assistants.meetings import Meetings
from tests.accounts.conftest import Cast, Clock
from tests.assistants.meetings.conftest import told
from tests.assistants.meetings.doubles import Script


async def test_own_meetings_and_shared_ones_where_the_name_speaks_or_is_spoken(
    meetings: Meetings, cast: Cast, script: Script, clock: Clock
) -> None:
    await told(meetings, cast.colleague, [(0, "Annabel is on holiday, nothing else.")], title="not me")
    named = await told(meetings, cast.colleague, [(0, "We should ask Anna.")], title="named")
    speaking = await told(meetings, cast.colleague, [(0, "Hello.")], title="speaking")
    hidden = await told(meetings, cast.colleague, [(0, "Anna must not hear of it.")], title="hidden")
    speaker = (await meetings.transcripts.speakers(cast.colleague, speaking.id))[0]
    await meetings.transcripts.rename_speaker(cast.colleague, speaking.id, speaker.id, "anna")
    for recording in await meetings.archive.recent(cast.colleague):
        if recording.id != hidden.id:
            await meetings.archive.share(cast.colleague, recording.id, shared=True)
    clock.now += 100
    mine = await told(meetings, cast.owner, [(0, "The printer is broken. " * 15)], title="mine")
    script.answers = [json.dumps({"summary": "The printer is broken."})]
    await meetings.make_notes(cast.owner, mine.id, ["summary"])
    digest = await meetings.digest(cast.owner, name="Anna")
    assert {(item.title, item.why) for item in digest.items} == {
        ("mine", "mine"),
        ("named", "named"),
        ("speaking", "speaker"),
    }
    assert "The printer is broken." in digest.text
    assert "must not hear" not in digest.text
    assert len(digest.request_ids) == 1
    assert digest.service == "chat"
    assert [item.recording for item in (await meetings.digest(cast.owner, since=int(clock.now))).items] == [mine.id]
    assert named.id not in {item.recording for item in (await meetings.digest(cast.stranger, name="Anna")).items}
    assert (await meetings.digest(cast.stranger, language="zh")).text == "没有与您有关的新会议。"
