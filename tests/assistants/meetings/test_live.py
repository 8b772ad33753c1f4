"""Live captions follow what is said, and the recording survives a server that goes away."""

from __future__ import annotations

import asyncio

import pytest

from hanlin.assistants.meetings import Caption, Meetings, NewRecording, Recording, State
from hanlin.errors import BadRequest, Conflict, NotAllowed, NotFound
from tests.accounts.conftest import Cast
from tests.assistants.meetings.conftest import YES
from tests.assistants.meetings.doubles import Script
from tests.assistants.meetings.voices import pcm, say, silence

TALK = pcm(silence(0.5), say("low", 5), silence(1.2), say("high", 3), silence(1.2))
SECOND = 32_000


async def posted(meetings: Meetings, cast: Cast, made: Recording, sound: bytes, start: int = 0) -> None:
    for place in range(start, len(sound), SECOND):
        await meetings.live.hear(cast.owner, made.id, place, sound[place : place + SECOND])
        await asyncio.sleep(0.02)


async def test_captions_grow_while_somebody_speaks_and_are_final_after_a_pause(meetings: Meetings, cast: Cast) -> None:
    made = await meetings.live.begin(cast.owner, NewRecording(title="Stand-up"), YES)
    assert made.state is State.LIVE
    captions: list[Caption] = []

    async def watch() -> None:
        async for caption in meetings.live.captions(cast.owner, made.id):
            captions.append(caption)  # noqa: PERF401 - what came so far is looked at

    await meetings.live.hear(cast.owner, made.id, 0, TALK[:2])
    watching = asyncio.create_task(watch())
    await posted(meetings, cast, made, TALK)
    done = await meetings.live.finish(cast.owner, made.id)
    await watching
    finals = [caption.text for caption in captions if caption.final]
    assert finals[0] == "low low low low low"
    partial = next(caption for caption in captions if not caption.final)
    assert (partial.number, set(partial.text.split())) == (1, {"low"})
    assert done.state is State.READY
    assert done.seconds == pytest.approx(len(TALK) / SECOND)
    page = await meetings.transcripts.page(cast.owner, made.id)
    assert [one.text for one in page.segments] == ["low low low low low", "high high high"]


async def test_the_sound_goes_on_after_the_server_went_away(meetings: Meetings, cast: Cast) -> None:
    made = await meetings.live.begin(cast.owner, NewRecording(), YES)
    half = len(TALK) // 2 // 2 * 2
    await posted(meetings, cast, made, TALK[:half])
    await meetings.close()
    assert (await meetings.archive.read(cast.owner, made.id)).state is State.LIVE
    with pytest.raises(Conflict) as refused:
        await meetings.live.hear(cast.owner, made.id, half + 2, TALK[half + 2 :][:SECOND])
    assert (refused.value.code, str(half) in refused.value.message) == ("gap", True)
    assert await meetings.live.hear(cast.owner, made.id, half - 1000, TALK[half - 1000 :]) == len(TALK)
    done = await meetings.live.finish(cast.owner, made.id)
    assert done.seconds == pytest.approx(len(TALK) / SECOND)
    assert (await meetings.transcripts.page(cast.owner, made.id)).total == 2


async def test_only_its_owner_feeds_a_live_recording_and_only_with_whole_samples(
    meetings: Meetings, cast: Cast
) -> None:
    with pytest.raises(NotAllowed):
        await meetings.live.begin(cast.owner, NewRecording(), None)
    made = await meetings.live.begin(cast.owner, NewRecording(), YES)
    with pytest.raises(NotFound):
        await meetings.live.hear(cast.stranger, made.id, 0, b"\0\0")
    for sound in (b"\0", bytes(31 * SECOND)):
        with pytest.raises(BadRequest):
            await meetings.live.hear(cast.owner, made.id, 0, sound)
    with pytest.raises(Conflict) as refused:
        await meetings.live.finish(cast.owner, made.id)
    assert refused.value.code == "no_sound"


async def test_a_caption_that_fails_is_skipped_and_the_recording_is_whole(
    meetings: Meetings, cast: Cast, script: Script
) -> None:
    script.fail_at = 0
    made = await meetings.live.begin(cast.owner, NewRecording(), YES)
    await posted(meetings, cast, made, TALK)
    done = await meetings.live.finish(cast.owner, made.id)
    assert (await meetings.transcripts.page(cast.owner, done.id)).total == 2
