"""An upstream for speech, embeddings and pictures: every form of answer that servers give, and none that is wrong."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hanlin.engines.openai import OpenAIEngine
from hanlin.errors import BadRequest, EngineFailed, Misconfigured
from hanlin.evaluation.skills import tone
from hanlin.net.connection import Limits
from hanlin.types import Media, Model, Recognised, Segment, Skill, Spoken, Word
from tests.engines.skills import answer, collect, job, vectors, write
from tests.engines.upstream import Exchange, Upstream

VERBOSE = {
    "task": "transcribe",
    "language": "english",
    "duration": 4.0,
    "text": "Hello there. We begin.",
    "segments": [
        {"id": 0, "start": 0.0, "end": 1.5, "text": " Hello there.", "avg_logprob": -0.1, "no_speech_prob": 0.02},
        {"id": 1, "start": 1.5, "end": 4.0, "text": " We begin."},
    ],
    "words": [
        {"word": "Hello", "start": 0.1, "end": 0.5},
        {"word": "there", "start": 0.6, "end": 1.2},
        {"word": "We", "start": 1.6, "end": 2.0},
        {"word": "begin", "start": 2.0, "end": 2.6},
    ],
}


@asynccontextmanager
async def engine_for(skill: Skill, *answers: Any) -> AsyncIterator[tuple[OpenAIEngine, Upstream, Model]]:
    """An engine whose upstream gives these answers in order, the last one again and again; a string is a status."""
    left = list(answers)

    async def script(exchange: Exchange) -> None:
        told = left.pop(0) if len(left) > 1 else left[0]
        status = told if isinstance(told, str) else "200 OK"
        await exchange.answer(status, b"{}" if isinstance(told, str) else json.dumps(told).encode())

    async with Upstream(script) as upstream:
        model = Model("far", "openai", skill, options={"base_url": upstream.url, "model": "far-1"})
        engine = OpenAIEngine(model, trusted=True, limits=Limits(total_seconds=5), retry_seconds=0.01)
        await engine.start()
        try:
            yield engine, upstream, model
        finally:
            await engine.stop()


@pytest.fixture
def spoken(tmp_path: Path) -> str:
    return write(tmp_path / "sound.wav", tone(140, 6, 700))


async def test_a_transcription_comes_with_segments_and_words(spoken: str) -> None:
    async with engine_for(Skill.TRANSCRIPTION, VERBOSE) as (engine, upstream, model):
        media = Media(spoken, start_seconds=2, end_seconds=6, language="en")
        text, detail = await answer(engine, job(model, "Names: Hanlin", media=media))
    assert text == "Hello there. We begin."
    assert isinstance(detail, Spoken)
    assert (detail.text, detail.language, detail.seconds) == (text, "en", 4.0)
    first, second = detail.segments
    assert [(word.text, word.start_seconds) for word in first.words] == [("Hello", 2.1), (" there.", 2.6)]
    assert (second.start_seconds, [word.text for word in second.words]) == (3.5, [" We", " begin."])
    sent = upstream.exchanges[0]
    assert sent.head.startswith(b"POST /v1/audio/transcriptions ")
    for field in (b'name="model"\r\n\r\nfar-1', b'name="language"\r\n\r\nen', b'name="prompt"\r\n\r\nNames: Hanlin'):
        assert field in sent.body
    assert sent.body.count(b"timestamp_granularities[]") == 2
    sound = sent.body[sent.body.index(b"RIFF") :]
    assert int.from_bytes(sound[40:44], "little") == 4 * 32_000


async def test_a_server_that_gives_only_text_works_too(spoken: str) -> None:
    """First asked for times, which it refuses; then, and from then on, for the text alone."""
    async with engine_for(Skill.TRANSCRIPTION, "400 Bad Request", {"text": "你好。"}) as (engine, upstream, model):
        first = await answer(engine, job(model, media=Media(spoken, language="zh")))
        second = await answer(engine, job(model, media=Media(spoken, language="zh")))
    assert first == second == ("你好。", Spoken((Segment(0, 6, "你好。"),), "zh", 6.0))
    forms = [b"verbose_json" in exchange.body for exchange in upstream.exchanges]
    assert forms == [True, False, False]


async def test_a_translation_goes_to_its_own_address(spoken: str) -> None:
    async with engine_for(Skill.TRANSCRIPTION, VERBOSE) as (engine, upstream, model):
        await answer(engine, job(model, media=Media(spoken, language="zh", translate=True)))
    assert upstream.exchanges[0].head.startswith(b"POST /v1/audio/translations ")
    assert b'name="language"' not in upstream.exchanges[0].body


@pytest.mark.parametrize(
    ("given", "text", "words"),
    [
        ({"text": "", "segments": []}, "", []),
        ({"segments": [{"text": "One.", "end": 1}, {"text": "Two.", "start": 1, "end": 2}]}, "One. Two.", []),
        ({"segments": [{"text": "一。", "end": 1}, {"text": "二。", "start": 1, "end": 2}]}, "一。二。", []),
        (
            {"segments": [{"text": " Yes.", "end": 1}], "words": [{"word": "No", "start": 0, "end": 1}]},
            "Yes.",
            [],
        ),
        (
            {"text": "Yes.", "segments": [{"text": " Yes.", "end": 1}], "words": [{"word": " Yes", "end": 1}]},
            "Yes.",
            [Word("Yes.", 0, 1, 1.0)],
        ),
    ],
)
async def test_segments_joined_are_the_text_whatever_the_server_leaves_out(
    given: Any, text: str, words: list[Word], spoken: str
) -> None:
    async with engine_for(Skill.TRANSCRIPTION, given) as (engine, _, model):
        said, detail = await answer(engine, job(model, media=Media(spoken)))
    assert isinstance(detail, Spoken)
    assert (said, detail.text) == (text, text)
    assert [word for one in detail.segments for word in one.words] == words


async def test_embeddings_come_in_either_encoding_in_order_and_of_length_one() -> None:
    packed = b64encode(np.array([0, 3, 4], "<f4").tobytes()).decode()
    given = {
        "data": [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [2.0, 0, 0]}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    async with engine_for(Skill.EMBEDDING, given) as (engine, upstream, model):
        rows = await vectors(engine, job(model, "one", "two"))
    assert rows.tolist() == [[1, 0, 0], [0, pytest.approx(0.6), pytest.approx(0.8)]]
    assert upstream.exchanges[0].json == {"model": "far-1", "input": ["one", "two"], "encoding_format": "float"}


@pytest.mark.parametrize(
    "given",
    [
        {"data": []},
        {"data": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0], "index": 1}]},
        {"data": [{"embedding": [0.0, 0.0]}, {"embedding": [1.0, 0.0], "index": 1}]},
        {"data": [{"embedding": "%%%"}, {"embedding": "%%%", "index": 1}]},
        {"data": "nothing"},
        ["wrong"],
    ],
)
async def test_vectors_that_do_not_fit_are_refused(given: Any) -> None:
    async with engine_for(Skill.EMBEDDING, given) as (engine, _, model):
        with pytest.raises(EngineFailed) as failed:
            await collect(engine, job(model, "one", "two"))
    assert failed.value.code == "upstream_invalid"


async def test_a_long_list_goes_in_several_requests() -> None:
    async with engine_for(Skill.EMBEDDING, "503 Service Unavailable", {"data": []}) as (engine, upstream, model):

        async def script(exchange: Exchange) -> None:
            count = len(exchange.json["input"])
            rows = [{"index": place, "embedding": [1.0, float(place)]} for place in range(count)]
            await exchange.answer("200 OK", json.dumps({"data": rows}).encode())

        upstream.script = script
        rows = await vectors(engine, job(model, *[f"text {number}" for number in range(300)]))
    assert rows.shape == (300, 2)
    assert [len(exchange.json["input"]) for exchange in upstream.exchanges] == [128, 128, 44]


async def test_a_picture_is_read_by_a_vision_model(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "page.png")
    given = {"choices": [{"message": {"content": "Invoice\n\n  Total 5 \n"}}], "usage": {"prompt_tokens": 9}}
    async with engine_for(Skill.RECOGNITION, given) as (engine, upstream, model):
        text, detail = await answer(engine, job(model, media=Media(str(tmp_path / "page.png"))))
    assert isinstance(detail, Recognised)
    assert (text, detail.text, detail.lines[0].box) == ("Invoice\nTotal 5", text, (0, 0, 0, 0))
    picture = upstream.exchanges[0].json["messages"][0]["content"][1]["image_url"]["url"]
    assert picture.startswith("data:image/png;base64,iVBOR")


async def test_a_refused_request_is_told_and_voices_are_not_offered(tmp_path: Path) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "page.png")
    async with engine_for(Skill.RECOGNITION, "400 Bad Request") as (engine, _, model):
        with pytest.raises(BadRequest) as refused:
            await collect(engine, job(model, media=Media(str(tmp_path / "page.png"))))
    assert refused.value.code == "upstream_rejected"
    with pytest.raises(Misconfigured, match="no upstream offers"):
        OpenAIEngine(Model("far", "openai", Skill.VOICES, options={"base_url": "https://ai.example/v1"}))
