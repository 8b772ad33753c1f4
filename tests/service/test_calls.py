"""What is no chat goes through `serve` too, and what lies beside a text leaves only with the text it belongs to."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from hanlin.errors import BadRequest, EngineFailed, NotServing, TooMany
from hanlin.service import Calls, Request, serve
from hanlin.types import (
    Actor,
    Choice,
    Chunk,
    Delta,
    Detail,
    Generation,
    Media,
    Message,
    Route,
    Segment,
    Service,
    Skill,
    Spoken,
    Status,
    Usage,
    Vectors,
    Word,
)
from tests.service.rig import ACTOR, Rig, opened
from tests.storage.databases import sqlite_template

__all__ = ["sqlite_template"]


@pytest.fixture
async def rig(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path, sqlite_template) as rig:
        yield rig


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    return path


def heard(*texts: str) -> Spoken:
    """A segment a text, each of one word."""
    return Spoken(tuple(Segment(n, n + 1, text, (Word(text, n, n + 1, 0.9),)) for n, text in enumerate(texts)), "en", 9)


def calls(rig: Rig, skill: Skill, detail: Detail, text: str, *failures: Exception) -> Calls:
    """Calls of a house whose one service has `skill`, and whose engine fails as told and then gives text and detail."""
    due = list(failures)

    async def generate(job: Generation) -> AsyncIterator[Chunk]:
        if due:
            raise due.pop(0)
        assert job.model.skill is skill
        yield Chunk([Choice(0, Delta("assistant", text), "stop")], Usage(3, 4, 7), detail=detail)

    route = rig.registry.resolve("plain", ACTOR)
    mine = Route(Service("special", ("m",)), changed(route.model, name="m", skill=skill))
    pipeline = replace(rig.pipeline, generate=generate, resolve=lambda name, actor: mine)

    def routes(actor: Actor, wanted: Skill) -> list[Route]:
        return [mine] if wanted is skill else []

    async def at_once(seconds: float) -> None:
        waited.append(seconds)

    waited: list[float] = []
    made = Calls(lambda request: serve(pipeline, request), routes, wait=at_once)
    made.waited = waited  # type: ignore[attr-defined]
    return made


async def test_a_transcription_comes_with_its_words_and_is_on_record(rig: Rig, sound: Path) -> None:
    spoken = await calls(rig, Skill.TRANSCRIPTION, heard("Good", " morning."), "Good morning.").transcribe(
        ACTOR, Media(str(sound)), hint="names"
    )
    assert [segment.words[0].text for segment in spoken.segments] == ["Good", " morning."]
    outcome = (await rig.leaves())[1][0]
    assert (outcome.status, outcome.service, outcome.completion_tokens) == (Status.COMPLETED, "special", 4)


async def test_words_beside_a_text_that_the_policy_ended_do_not_leave(rig: Rig, sound: Path) -> None:
    given = heard("a nice", " red plum", " and more")
    spoken = await calls(rig, Skill.TRANSCRIPTION, given, given.text).transcribe(ACTOR, Media(str(sound), 0, 9))
    assert "plum" not in spoken.text
    assert all(not segment.words for segment in spoken.segments)
    assert (await rig.leaves())[1][0].status == Status.REFUSED_OUTPUT


async def test_a_detail_that_says_something_else_than_the_text_does_not_leave(rig: Rig, sound: Path) -> None:
    spoken = await calls(rig, Skill.TRANSCRIPTION, heard("another"), "Good.").transcribe(ACTOR, Media(str(sound), 0, 9))
    assert spoken.segments == (Segment(0, 9, "Good."),)


async def test_vectors_come_in_order(rig: Rig) -> None:
    vectors = Vectors((b"\0" * 8, b"\1" * 8), 2)
    assert await calls(rig, Skill.EMBEDDING, vectors, "").embed(ACTOR, ["one", "two"]) == vectors


async def test_what_is_embedded_is_judged_like_any_input(rig: Rig) -> None:
    with pytest.raises(Exception, match="No\\."):
        await calls(rig, Skill.EMBEDDING, Vectors((), 2), "").embed(ACTOR, ["a red plum"])


async def test_a_service_is_not_asked_for_what_it_does_not_do(rig: Rig) -> None:
    with pytest.raises(BadRequest, match="is for chat, not for embedding"):
        [chunk async for chunk in serve(rig.pipeline, Request.about(ACTOR, Skill.EMBEDDING, "plain", ["one"]))]
    with pytest.raises(NotServing, match="No service for voices"):
        await calls(rig, Skill.CHAT, heard(), "").voices(ACTOR, Media(""))


async def test_the_record_commits_to_the_sound_itself(rig: Rig, sound: Path) -> None:
    before = Request.about(ACTOR, Skill.TRANSCRIPTION, "s", (), Media(str(sound)))
    sound.write_bytes(sound.read_bytes()[:-1] + b"\x07")
    assert Request.about(ACTOR, Skill.TRANSCRIPTION, "s", (), Media(str(sound))).body != before.body


async def test_a_full_server_is_waited_for_and_a_failure_half_way_is_not_tried_again(rig: Rig) -> None:
    full = TooMany("Full.", retry_after_seconds=7)
    patient = calls(rig, Skill.CHAT, heard(), "Yes.", full, EngineFailed("Gone.", retryable=True))
    assert (await patient.chat(ACTOR, [Message("user", "Well?")])).text == "Yes."
    assert patient.waited == [7, 4]  # type: ignore[attr-defined]
    with pytest.raises(EngineFailed):
        await calls(rig, Skill.CHAT, heard(), "Yes.", EngineFailed("Cut.")).chat(ACTOR, [Message("user", "Well?")])
