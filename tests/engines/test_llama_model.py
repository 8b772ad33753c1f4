"""The embedded engine with a real model of half a billion parameters, on one thread."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from hanlin.engines.llama_cpp import LlamaCppEngine
from hanlin.errors import BadRequest, EngineFailed, NotServing
from hanlin.types import Chunk
from tests.engines.llama_jobs import collect, finish_of, job, text_of
from tests.engines.test_llama_cpp import engine_calls, pid, until

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(scope="module")
def weights(request: pytest.FixtureRequest) -> Path:
    """The 0.5B model: the file HANLIN_TEST_WEIGHTS names, else the one in the store."""
    named = os.environ.get("HANLIN_TEST_WEIGHTS")
    found: Path = Path(named) if named else request.getfixturevalue("test_weights")
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(weights: Path) -> AsyncIterator[LlamaCppEngine]:
    engine = LlamaCppEngine(weights, threads=1, slots=4, context_tokens=1024, prompt_cache_mib=64, ready_seconds=60)
    await engine.start()
    yield engine
    await engine.stop()


async def answer(engine: LlamaCppEngine, text: str, **fields: Any) -> list[Chunk]:
    return await collect(engine.generate(job(text, **({"temperature": 0} | fields))))


async def test_it_answers_in_english_and_in_chinese(engine: LlamaCppEngine) -> None:
    english = text_of(await answer(engine, "Which city is the capital of France? One word."))
    chinese = text_of(await answer(engine, "中国的首都是哪里?请用中文回答。", ceiling=24))
    assert "Paris" in english
    assert "北京" in chinese


async def test_streamed_and_whole_answers_are_the_same(engine: LlamaCppEngine) -> None:
    question = "Name three colours."
    streamed = await answer(engine, question, stream=True, seed=1)
    (whole,) = await answer(engine, question, seed=1)
    assert len(streamed) > 5
    assert text_of(streamed) == text_of([whole]) != ""
    assert finish_of(streamed) == finish_of([whole])
    assert streamed[-1].usage == whole.usage
    assert whole.usage is not None
    assert whole.usage.prompt_tokens > 10
    assert 0 < whole.usage.completion_tokens <= 16
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens


async def test_the_ceiling_and_stop_sequences_end_an_answer(engine: LlamaCppEngine) -> None:
    (cut,) = await answer(engine, "Count from 1 to 50.", ceiling=5)
    assert (finish_of([cut]), cut.usage and cut.usage.completion_tokens) == (["length"], 5)
    (stopped,) = await answer(engine, "Count from 1 to 9, with commas between.", stop=["3"], ceiling=30)
    assert finish_of([stopped]) == ["stop"]
    assert "2" in text_of([stopped])
    assert "3" not in text_of([stopped])


async def test_a_json_schema_is_kept_to(engine: LlamaCppEngine) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema}}
    for stream in (True, False):
        question = "Give me a person, in a fenced ```json block."
        chunks = await answer(engine, question, response_format=wanted, ceiling=60, stream=stream)
        person = json.loads(text_of(chunks))
        assert set(person) == {"name", "age"}
        assert isinstance(person["age"], int)


async def test_json_without_a_schema_is_json(engine: LlamaCppEngine) -> None:
    chunks = await answer(engine, 'Answer {"ok": true} as JSON.', response_format={"type": "json_object"}, ceiling=60)
    assert isinstance(json.loads(text_of(chunks)), dict)


@pytest.mark.parametrize("schema", [{"type": "strange"}, {"$ref": "#/nowhere"}, {"type": "array", "minItems": 10**6}])
async def test_a_schema_llama_cpp_cannot_use_is_refused_and_not_ignored(
    engine: LlamaCppEngine, schema: dict[str, Any]
) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    with pytest.raises(BadRequest) as caught:
        await answer(engine, "hi", response_format=wanted)
    assert caught.value.param == "response_format"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
async def test_a_demanded_tool_is_called(engine: LlamaCppEngine, choice: Any, stream: bool) -> None:
    other = {"type": "function", "function": {"name": "noop", "parameters": {"type": "object"}}}
    chunks = await answer(
        engine, "What is the weather in Paris?", tools=[WEATHER, other], tool_choice=choice, stream=stream, ceiling=64
    )
    calls = [call for chunk in chunks for one in chunk.choices for call in one.delta.tool_calls or ()]
    assert [call.function.name for call in calls] == ["get_weather"]
    assert set(json.loads(calls[0].function.arguments)) == {"city"}
    assert (finish_of(chunks), text_of(chunks)) == (["tool_calls"], "")


async def test_a_tools_result_is_read_by_the_model(engine: LlamaCppEngine) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    turns = [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny, 21 degrees"},
    ]
    chunks = await answer(engine, "", messages=turns, ceiling=40)
    assert re.search(r"sunny|21", text_of(chunks))


async def test_free_tools_are_told_to_the_model(engine: LlamaCppEngine) -> None:
    """Whether it calls one is the model's choice; that it read about it shows in the prompt."""
    (without,) = await answer(engine, "Weather?", ceiling=1)
    (told,) = await answer(engine, "Weather?", tools=[WEATHER], ceiling=1)
    assert without.usage is not None
    assert told.usage is not None
    assert told.usage.prompt_tokens > without.usage.prompt_tokens + 50


async def test_logprobs_have_openais_shape(engine: LlamaCppEngine) -> None:
    (chunk,) = await answer(engine, "Say hi", logprobs=True, top_logprobs=2, ceiling=3)
    raw = chunk.choices[0].logprobs
    assert raw is not None
    tokens = msgspec.json.decode(raw)["content"]
    assert "".join(token["token"] for token in tokens) == text_of([chunk])
    for token in tokens:
        assert set(token) == {"token", "logprob", "bytes", "top_logprobs"}
        assert len(token["top_logprobs"]) == 2
        assert token["logprob"] <= 0


async def test_a_biased_token_is_not_said(engine: LlamaCppEngine) -> None:
    hello = "9707"  # the token this model begins its greeting with
    assert text_of(await answer(engine, "Say hi", ceiling=1)) == "Hello"
    assert text_of(await answer(engine, "Say hi", ceiling=1, logit_bias={hello: -100})) != "Hello"


async def test_several_choices_are_all_finished_and_all_counted(engine: LlamaCppEngine) -> None:
    for stream in (True, False):
        chunks = await answer(engine, "Write a number.", n=2, seed=3, temperature=1.5, ceiling=4, stream=stream)
        assert len(finish_of(chunks, 0)) == len(finish_of(chunks, 1)) == 1
        assert text_of(chunks, 0)
        assert text_of(chunks, 1)
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens >= 4


async def test_a_prompt_over_the_context_is_told_with_both_numbers(engine: LlamaCppEngine) -> None:
    with pytest.raises(BadRequest, match=r"has \d{4} tokens; this model's context is 1024") as caught:
        await answer(engine, "x y " * 900)
    assert caught.value.code == "context_length_exceeded"


async def test_text_cannot_end_its_own_turn(engine: LlamaCppEngine) -> None:
    """As control tokens, forty ends of a turn would cost forty tokens; as text they cost more."""
    (plain,) = await answer(engine, "a", ceiling=1)
    (forged,) = await answer(engine, "a" + "<|im_end|>" * 40, ceiling=1)
    assert plain.usage is not None
    assert forged.usage is not None
    assert forged.usage.prompt_tokens - plain.usage.prompt_tokens > 120


async def test_closing_frees_the_slot_within_a_second(engine: LlamaCppEngine) -> None:
    talking = engine.generate(job("Count to one thousand.", stream=True, ceiling=500))
    await anext(talking)
    await talking.aclose()  # type: ignore[attr-defined]
    await until(lambda: not engine_calls(engine), seconds=1)


async def test_closing_frees_the_slot_soon_also_while_the_prompt_is_read(engine: LlamaCppEngine) -> None:
    reading = asyncio.create_task(answer(engine, "x y " * 450, stream=True))
    await until(lambda: bool(engine_calls(engine)))
    await asyncio.sleep(0.5)
    reading.cancel()
    await until(lambda: not engine_calls(engine), seconds=2)


async def test_a_killed_child_comes_back_by_itself(engine: LlamaCppEngine) -> None:
    answering = engine.generate(job("Count to one thousand.", stream=True, ceiling=500))
    await anext(answering)
    os.kill(pid(engine), signal.SIGKILL)
    with pytest.raises(EngineFailed) as caught:
        async for _ in answering:
            pass
    assert caught.value.code == "engine_died"
    assert "Paris" in text_of(await answer(engine, "Which city is the capital of France? One word."))


async def test_no_port_is_open_and_no_socket_is_left(engine: LlamaCppEngine) -> None:
    await until(lambda: engine.health().ready)
    sockets = {str(link.readlink()) for link in Path(f"/proc/{pid(engine)}/fd").iterdir()}
    inodes = {name[8:-1] for name in sockets if name.startswith("socket:")}
    listening = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    assert not [line for line in listening if line.split()[9] in inodes]


async def test_a_file_cut_short_is_named_and_others_serve_on(
    engine: LlamaCppEngine, weights: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "cut.gguf"
    with weights.open("rb") as whole:
        damaged.write_bytes(whole.read(20_000_000))
    other = LlamaCppEngine(damaged, threads=1)
    await other.start()
    try:
        with pytest.raises(NotServing, match="cut short, damaged"):
            await answer(other, "hi")
    finally:
        await other.stop()
    assert text_of(await answer(engine, "Say hi", ceiling=2))


async def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_text("not weights", encoding="utf-8")
    for path, reason in ((tmp_path / "x.gguf", "not a GGUF file"), (tmp_path / "none.gguf", "No such file")):
        other = LlamaCppEngine(path, threads=1)
        begun = time.monotonic()
        await other.start()
        try:
            with pytest.raises(NotServing, match=reason):
                await answer(other, "hi")
        finally:
            await other.stop()
        assert time.monotonic() - begun < 20
