"""Questions are answered from what the asker may hear, with the time it was said; what is not said is said so."""

from __future__ import annotations

import json

import pytest

from hanlin.assistants.meetings import Meetings
from hanlin.errors import NotFound
from hanlin.types import Skill
from tests.accounts.conftest import Cast
from tests.assistants.meetings.conftest import told
from tests.assistants.meetings.doubles import Script

TALK = [(0, "The printer is in room 12."), (1, "The exhibition opens on the third of May.")]
SECRET = [(0, "The secret recipe of the exhibition is plum vinegar.")]


def reply(answer: str, *passages: int, found: bool = True) -> str:
    return json.dumps({"found": found, "answer": answer, "passages": list(passages)})


@pytest.mark.parametrize("embedding", [True, False])
async def test_an_answer_cites_recording_segments_and_times(
    meetings: Meetings, cast: Cast, script: Script, embedding: bool
) -> None:
    script.skills -= set() if embedding else {Skill.EMBEDDING}
    made = await told(meetings, cast.owner, TALK)
    script.answers = [reply("In room 12.", 1, 7)]
    answer = await meetings.ask(cast.owner, "Where is the printer?", recording=made.id)
    assert (answer.text, answer.found) == ("In room 12.", True)
    (cited,) = answer.cited
    assert (cited.number, cited.recording, cited.start_seconds, cited.end_seconds) == (1, made.id, 0.0, 9.5)
    assert "Speaker 1: The printer is in room 12." in cited.text
    assert answer.request_id.startswith("req_")


async def test_all_recordings_are_those_that_the_asker_may_see(meetings: Meetings, cast: Cast, script: Script) -> None:
    mine = await told(meetings, cast.owner, TALK)
    hidden = await told(meetings, cast.colleague, SECRET)
    script.answers = [reply("In May.", 1)]
    await meetings.ask(cast.owner, "What of the exhibition?")
    shown = script.asked[-1]["messages"][1].text()
    assert "third of May" in shown
    assert "plum" not in shown
    await meetings.archive.share(cast.colleague, hidden.id, shared=True)
    answer = await meetings.ask(cast.owner, "What of the exhibition?")
    assert "plum" in script.asked[-1]["messages"][1].text()
    assert {mine.id, hidden.id} > {cited.recording for cited in answer.cited}
    await meetings.archive.share(cast.colleague, hidden.id, shared=False)
    await meetings.ask(cast.owner, "What of the exhibition?")
    assert "plum" not in script.asked[-1]["messages"][1].text()
    with pytest.raises(NotFound):
        await meetings.ask(cast.owner, "What of it?", recording=hidden.id)
    assert (await meetings.ask(cast.stranger, "What of the exhibition?")).found is False


@pytest.mark.parametrize("answer", [reply("", found=False), reply("It is blue."), "nonsense"])
async def test_what_no_passage_says_is_said_to_be_unsaid(
    meetings: Meetings, cast: Cast, script: Script, answer: str
) -> None:
    await told(meetings, cast.owner, TALK)
    script.answers = [answer]
    found = await meetings.ask(cast.owner, "Which colour has the printer?")
    assert (found.text, found.cited, found.found) == ("The recordings do not say.", (), False)
    found = await meetings.ask(cast.owner, "打印机是什么颜色？")
    assert found.text == "录音中没有提到这一点。"


async def test_an_answer_is_read_from_the_corrected_text_with_the_speakers_names(
    meetings: Meetings, cast: Cast, script: Script
) -> None:
    made = await told(meetings, cast.owner, TALK)
    segment = (await meetings.transcripts.page(cast.owner, made.id)).segments[0]
    await meetings.transcripts.correct(cast.owner, made.id, segment.id, "The printer is in the cellar.")
    await meetings.transcripts.rename_speaker(cast.owner, made.id, segment.speaker, "Anna")
    script.answers = [reply("In the cellar.", 1)]
    answer = await meetings.ask(cast.owner, "Where is the printer?")
    assert "Anna: The printer is in the cellar." in answer.cited[0].text
