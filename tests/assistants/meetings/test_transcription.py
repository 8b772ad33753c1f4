"""From a file to a transcript: who said what when, once, through failures; nothing without consent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from hanlin.assistants.meetings import Consent, Meetings, NewRecording, State
from hanlin.errors import HanlinError, NotAllowed, NotServing
from hanlin.files import Files
from hanlin.types import Skill
from tests.accounts.conftest import Announced, Cast
from tests.assistants.meetings.conftest import YES
from tests.assistants.meetings.doubles import Line, Script
from tests.assistants.meetings.voices import Samples, say, silence, write


async def brought(files: Files, cast: Cast, tmp_path: Path, *channels: Sequence[Samples]) -> str:
    path = write(tmp_path / "talk.wav", *channels)
    return (await files.add(cast.owner, path, "talk.wav", "meetings")).id


TALK = [silence(0.5), say("low", 6), silence(0.8), say("high", 6), silence(0.8), say("low", 4), silence(0.5)]


async def test_a_file_becomes_segments_with_speakers_times_and_words(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path
) -> None:
    file = await brought(files, cast, tmp_path, TALK)
    made = await meetings.create(cast.owner, NewRecording(), YES, file=file)
    assert (made.state, made.title, made.language, made.notices) == (State.READY, "talk", "en", ())
    assert made.seconds == pytest.approx(sum(map(len, TALK)) / 16000, abs=0.01)
    page = await meetings.transcripts.page(cast.owner, made.id)
    said = [
        (page.speakers.index(speaker) + 1, one.text)
        for one in page.segments
        for speaker in page.speakers
        if speaker.id == one.speaker
    ]
    assert said == [(1, "low low low low low low"), (2, "high high high high high high"), (1, "low low low low")]
    first = page.segments[0]
    assert first.start_seconds == pytest.approx(0.5, abs=0.05)
    assert [word.text for word in first.words] == [" low"] * 6
    assert first.words[1].start_seconds == pytest.approx(0.5 + 0.52, abs=0.05)
    assert first.confidence == 0.9


async def test_without_consent_nothing_is_made_and_with_it_the_notice_is_on_record(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path, announced: Announced
) -> None:
    file = await brought(files, cast, tmp_path, TALK)
    for consent in (None, Consent(confirmed=False)):
        with pytest.raises(NotAllowed) as refused:
            await meetings.create(cast.owner, NewRecording(), consent, file=file)
        assert refused.value.code == "no_consent"
    assert await meetings.archive.recent(cast.owner) == []
    assert "recording:consented" not in [event for event, _ in announced]
    made = await meetings.create(cast.owner, NewRecording(), Consent(confirmed=True, language="zh", participants=4))
    assert ("recording:consented", cast.owner.person) in announced
    assert (made.consent_by, made.participants, made.consent_language) == (cast.owner.person, 4, "zh")
    assert made.consent_notice.startswith("本次谈话将被录音")
    assert made.state is State.WAITING


async def test_a_failed_job_goes_on_at_the_piece_where_it_broke(
    meetings: Meetings,
    files: Files,
    cast: Cast,
    tmp_path: Path,
    script: Script,
    line: Line,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hanlin.assistants.meetings.cutting.PIECE_SECONDS", 5.0)
    talk = [piece for _ in range(4) for piece in (silence(5.0), say("low", 4))]
    file = await brought(files, cast, tmp_path, talk)
    script.fail_at = 2
    made = await meetings.create(cast.owner, NewRecording(speakers=1), YES, file=file)
    (job,) = line.done
    assert (job.job.code, made.state) == ("engine_failed", State.TRANSCRIBING)
    await line.retry(cast.owner, job.job.id)
    assert len(script.transcribed) == 5
    assert job.ran.count("decode") == 1
    page = await meetings.transcripts.page(cast.owner, made.id)
    assert [one.text for one in page.segments] == ["low low low low"] * 4
    starts = [one.start_seconds for one in page.segments]
    assert starts == pytest.approx([5.0, 12.08, 19.16, 26.24], abs=0.1)


async def test_each_channel_can_be_a_speaker(meetings: Meetings, files: Files, cast: Cast, tmp_path: Path) -> None:
    left = [silence(0.5), say("low", 3), silence(3.0), say("low", 2)]
    right = [silence(2.9), say("high", 3)]
    file = await brought(files, cast, tmp_path, left, right)
    made = await meetings.create(cast.owner, NewRecording(channels=True), YES, file=file)
    page = await meetings.transcripts.page(cast.owner, made.id)
    assert [one.text for one in page.segments] == ["low low low", "high high high", "low low"]
    assert [speaker.number for speaker in page.speakers] == [1, 2]
    assert page.segments[0].speaker == page.segments[2].speaker != page.segments[1].speaker


async def test_where_no_voices_are_told_apart_all_is_one_speaker_and_says_so(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path, script: Script
) -> None:
    script.skills -= {Skill.VOICES, Skill.EMBEDDING}
    made = await meetings.create(cast.owner, NewRecording(), YES, file=await brought(files, cast, tmp_path, TALK))
    assert made.notices == ("no_voices",)
    assert len(await meetings.transcripts.speakers(cast.owner, made.id)) == 1


async def test_silence_is_a_transcript_without_segments(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path, script: Script
) -> None:
    file = await brought(files, cast, tmp_path, [silence(3.0)])
    made = await meetings.create(cast.owner, NewRecording(), YES, file=file)
    assert (made.state, made.notices, script.transcribed) == (State.READY, ("no_speech",), [])


async def test_hot_words_of_recording_and_workspace_are_the_hint(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path, script: Script
) -> None:
    await meetings.archive.set_hot_words(cast.colleague, ["Hanlin", " Wenwen "])
    wanted = NewRecording(hot_words=("Qiaoqiao", "Hanlin"))
    await meetings.create(cast.owner, wanted, YES, file=await brought(files, cast, tmp_path, TALK))
    assert set(script.hints) == {"Qiaoqiao, Hanlin, Wenwen"}


async def test_a_file_without_sound_ends_the_job_with_a_word(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path, line: Line
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a sound\n" * 40)
    file = await files.add(cast.owner, path, "notes.txt", "meetings")
    await meetings.create(cast.owner, NewRecording(), YES, file=file.id)
    assert line.done[-1].job.code == "unknown_sound"


async def test_where_nothing_transcribes_that_is_said_before_anything_is_kept(
    meetings: Meetings, cast: Cast, script: Script
) -> None:
    script.skills -= {Skill.TRANSCRIPTION}
    with pytest.raises(NotServing):
        await meetings.create(cast.owner, NewRecording(), YES)
    assert await meetings.archive.recent(cast.owner) == []


async def test_transcribing_again_replaces_the_transcript(
    meetings: Meetings, files: Files, cast: Cast, tmp_path: Path
) -> None:
    made = await meetings.create(cast.owner, NewRecording(), YES, file=await brought(files, cast, tmp_path, TALK))
    await meetings.transcribe(cast.owner, made.id, NewRecording(speakers=1, language="de"))
    page = await meetings.transcripts.page(cast.owner, made.id)
    assert {one.speaker for one in page.segments} == {speaker.id for speaker in page.speakers}
    assert len(page.speakers) == 1
    assert (await meetings.archive.read(cast.owner, made.id)).language == "de"


async def test_the_day_of_a_meeting_is_a_day(meetings: Meetings, cast: Cast) -> None:
    with pytest.raises(HanlinError) as refused:
        await meetings.create(cast.owner, NewRecording(held_on="2026-02-30"), YES)
    assert refused.value.param == "held_on"
