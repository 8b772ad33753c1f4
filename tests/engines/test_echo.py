"""The shipped fake keeps to OpenAI's shapes, so that what passes with it passes with a model."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from hanlin.engines.echo import EchoEngine
from hanlin.errors import BadRequest, EngineFailed, Misconfigured
from hanlin.types import Chunk, Model, Usage
from tests.engines.llama_jobs import collect, finish_of, job, text_of

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def engine(**options: Any) -> EchoEngine:
    return EchoEngine(Model(name="echo", engine="echo", options=options))


async def answer(text: str = "one two", options: dict[str, Any] | None = None, **fields: Any) -> list[Chunk]:
    return await collect(engine(**options or {}).generate(job(text, **fields)))


async def both(
    text: str = "one two", options: dict[str, Any] | None = None, **fields: Any
) -> tuple[list[Chunk], Chunk]:
    """The answer streamed, and whole."""
    (whole,) = await answer(text, options, **fields)
    return await answer(text, options, stream=True, **fields), whole


async def test_it_is_ready_and_echoes_the_last_user_message_the_same_way_every_time() -> None:
    assert engine().health().ready
    streamed, whole = await both("one two")
    assert text_of(streamed) == text_of([whole]) == "Echo: one two"
    assert finish_of(streamed) == finish_of([whole]) == ["stop"]
    assert streamed[-1] == Chunk([], Usage(2, 3, 5))
    assert whole.usage == Usage(2, 3, 5)
    assert streamed[0].choices[0].delta.role == whole.choices[0].delta.role == "assistant"


async def test_han_characters_are_pieces_of_their_own() -> None:
    streamed, _ = await both("你好")
    assert text_of(streamed) == "Echo: 你好"
    assert streamed[-1].usage == Usage(2, 4, 6)


async def test_options_fix_the_answer_its_pieces_and_the_usage() -> None:
    streamed, whole = await both(options={"answer": "a b", "pieces": 5, "prompt_tokens": 70}, ceiling=100)
    assert text_of(streamed) == text_of([whole]) == "a ba ba"
    assert len(streamed) == 5 + 3
    assert whole.usage == Usage(70, 5, 75)


async def test_options_that_are_none_are_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="anwser"):
        engine(anwser="x")


async def test_the_ceiling_cuts_with_length() -> None:
    streamed, whole = await both("a b c d", ceiling=3)
    assert text_of(streamed) == text_of([whole]) == "Echo: a b"
    assert finish_of(streamed) == finish_of([whole]) == ["length"]


@pytest.mark.parametrize(("stop", "text"), [("b", "Echo: a "), (["zz", " b"], "Echo: a"), (["", "zz"], "Echo: a b c")])
async def test_the_first_stop_sequence_ends_the_answer(stop: str | list[str], text: str) -> None:
    streamed, whole = await both("a b c", stop=stop)
    assert text_of(streamed) == text_of([whole]) == text
    assert finish_of(streamed) == ["stop"]


async def test_several_choices_each_finish_once() -> None:
    streamed, whole = await both(n=2)
    assert [choice.index for choice in whole.choices] == [0, 1]
    assert finish_of(streamed, 0) == finish_of(streamed, 1) == ["stop"]
    assert text_of(streamed, 1) == text_of([whole], 1) == "Echo: one two"
    assert whole.usage == Usage(2, 6, 8)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
async def test_a_demanded_tool_is_called_with_fitting_arguments(choice: Any) -> None:
    streamed, whole = await both(tools=[WEATHER], tool_choice=choice)
    for chunks in (streamed, [whole]):
        calls = [call for chunk in chunks for one in chunk.choices for call in one.delta.tool_calls or ()]
        assert [(call.type, call.function.name) for call in calls] == [("function", "weather")]
        assert json.loads(calls[0].function.arguments) == {"city": "echo"}
        assert finish_of(chunks) == ["tool_calls"]
        assert text_of(chunks) == ""
    assert whole.choices[0].delta.content is None


async def test_free_tools_are_not_called() -> None:
    streamed, _ = await both(tools=[WEATHER])
    assert text_of(streamed) == "Echo: one two"


async def test_a_json_schema_is_kept_to() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    streamed, whole = await both(response_format=wanted)
    assert json.loads(text_of(streamed)) == json.loads(text_of([whole])) == {"age": 1}
    assert json.loads(text_of(await answer(response_format={"type": "json_object"}))) == {}


async def test_logprobs_have_openais_shape() -> None:
    streamed, whole = await both("a", logprobs=True, top_logprobs=2)
    raw = whole.choices[0].logprobs
    assert raw is not None
    tokens = msgspec.json.decode(raw)["content"]
    assert [token["token"] for token in tokens] == ["Echo:", " a"]
    assert tokens[1] == {
        "token": " a",
        "logprob": 0.0,
        "bytes": [32, 97],
        "top_logprobs": [
            {"token": " a", "logprob": 0.0, "bytes": [32, 97]},
            {"token": " a1", "logprob": -10.0, "bytes": None},
        ],
    }
    assert sum(1 for chunk in streamed for choice in chunk.choices if choice.logprobs) == 2
    assert (await answer("a"))[0].choices[0].logprobs is None


@pytest.mark.parametrize("stream", [True, False])
async def test_faults_are_those_of_real_engines(stream: bool) -> None:
    with pytest.raises(EngineFailed) as failed:
        await answer(options={"fault": "error"}, stream=stream)
    assert failed.value.retryable
    with pytest.raises(EngineFailed) as cut:
        await answer(options={"fault": "cut"}, stream=stream)
    assert (cut.value.code, cut.value.retryable) == ("upstream_truncated", False)
    assert finish_of(await answer(options={"fault": "bad_finish"}, stream=stream)) == ["unheard_of"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await answer(options={"fault": "stall"}, stream=stream)


async def test_pieces_can_be_slow() -> None:
    begun = asyncio.get_running_loop().time()
    await answer("a", {"delay_seconds": 0.05})
    assert asyncio.get_running_loop().time() - begun >= 0.1


async def test_a_demanded_tool_must_be_there() -> None:
    with pytest.raises(BadRequest):
        await answer(tool_choice="required")
