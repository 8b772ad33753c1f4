"""From llama.cpp's events to chunks."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from hanlin.engines.llama_answer import gather, read
from hanlin.engines.llama_calls import as_calls
from hanlin.engines.llama_wire import Kind
from hanlin.errors import BadRequest, EngineFailed, EngineTimeout, HanlinError
from hanlin.types import Chunk, Usage
from tests.engines.llama_jobs import collect, finish_of, job, text_of

Queue = asyncio.Queue[bytes | Kind | HanlinError]


def events(*items: dict[str, Any] | Kind | HanlinError) -> Queue:
    queue: Queue = asyncio.Queue()
    for item in items:
        queue.put_nowait(json.dumps(item).encode() if isinstance(item, dict) else item)
    return queue


def piece(index: int = 0, finish: str | None = None, logprobs: Any = None, **delta: Any) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "finish_reason": finish, "delta": delta}
    return {"choices": [choice | ({"logprobs": logprobs} if logprobs else {})], "object": "chat.completion.chunk"}


def usage(completion: int, prompt: int = 10) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 99}}


async def answer(*items: dict[str, Any] | Kind | HanlinError, **fields: Any) -> list[Chunk]:
    return await collect(read(events(*items), job(**fields).chat))


async def test_usage_comes_last_and_counts_every_choice_but_the_prompt_once() -> None:
    chunks = await answer(
        piece(1, content="b"),
        piece(0, content="a"),
        piece(1, "stop"),
        usage(2),
        piece(0, "length"),
        usage(3),
        Kind.END,
        n=2,
    )
    assert chunks[-1] == Chunk([], Usage(10, 5, 15))
    assert (text_of(chunks, 0), text_of(chunks, 1)) == ("a", "b")
    assert (finish_of(chunks, 0), finish_of(chunks, 1)) == (["length"], ["stop"])


@pytest.mark.parametrize("items", [(), (piece(content="a"),), (piece(0, "stop"),)])
async def test_every_choice_must_be_finished(items: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(EngineFailed) as caught:
        await answer(*items, Kind.END, n=2)
    assert caught.value.code == "upstream_truncated"


async def test_an_error_in_the_queue_ends_the_answer() -> None:
    with pytest.raises(EngineTimeout):
        await answer(piece(content="a"), EngineTimeout("late"))


async def test_a_prompt_longer_than_the_context_is_told_with_both_numbers() -> None:
    error = {"type": "exceed_context_size_error", "message": "…", "code": 400, "n_prompt_tokens": 900, "n_ctx": 512}
    with pytest.raises(BadRequest, match=r"900 tokens.*512") as caught:
        await answer({"error": error}, Kind.END)
    assert caught.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "messages"),
        ({"tools": [{"type": "function", "function": {"name": "a"}}]}, "tools"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, "response_format"),
    ],
)
async def test_what_llama_cpp_refuses_is_named_by_the_parameter_it_must_be(fields: dict[str, Any], param: str) -> None:
    for item in (Kind.REFUSED, {"error": {"type": "invalid_request_error", "message": "secret"}}):
        with pytest.raises(BadRequest) as caught:
            await answer(item, **fields)
        assert caught.value.param == param
        assert "secret" not in str(caught.value)


async def test_another_error_of_llama_cpp_is_the_engines() -> None:
    for item in (Kind.BROKEN, {"error": {"type": "server_error", "message": "secret"}}):
        with pytest.raises(EngineFailed) as caught:
            await answer(item)
        assert "secret" not in str(caught.value)


async def test_logprobs_have_openais_fields_and_the_number_of_alternatives_asked_for() -> None:
    token = {"id": 5, "token": "a", "bytes": [97], "logprob": -0.5}
    given = {"content": [token | {"top_logprobs": [token, token, token]}]}
    chunks = await answer(piece(content="a", logprobs=given), piece(0, "stop"), Kind.END, logprobs=True, top_logprobs=2)
    bare = {"token": "a", "bytes": [97], "logprob": -0.5}
    raw = chunks[0].choices[0].logprobs
    assert raw is not None
    assert msgspec.json.decode(raw) == {"content": [bare | {"top_logprobs": [bare, bare]}], "refusal": None}
    whole = await gather(read(events(piece(logprobs=given), piece(0, "stop", given), Kind.END), job().chat), 1)
    joined = whole.choices[0].logprobs
    assert joined is not None
    assert len(msgspec.json.decode(joined)["content"]) == 2


async def test_a_demanded_call_is_held_back_and_given_as_one_delta() -> None:
    text = ['{"name": "weather",', ' "arguments": {"city": "Paris"}}']
    given = events(
        piece(role="assistant"), *[piece(content=part) for part in text], piece(0, "stop"), usage(9), Kind.END
    )
    chunks = await collect(as_calls(read(given, job().chat)))
    assert text_of(chunks) == ""
    assert finish_of(chunks) == ["tool_calls"]
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    assert [(call.index, call.type, call.function.name) for call in calls] == [(0, "function", "weather")]
    assert json.loads(calls[0].function.arguments) == {"city": "Paris"}
    assert chunks[-1].usage == Usage(10, 9, 19)


async def test_half_a_call_is_not_given() -> None:
    given = events(piece(content='{"name": "wea'), piece(0, "length"), Kind.END)
    chunks = await collect(as_calls(read(given, job().chat)))
    assert (text_of(chunks), finish_of(chunks)) == ("", ["length"])
    assert not [choice for chunk in chunks for choice in chunk.choices if choice.delta.tool_calls]


async def test_pieces_of_calls_are_joined_in_a_whole_answer() -> None:
    def call(index: int, arguments: str, **first: Any) -> dict[str, Any]:
        return piece(
            tool_calls=[{"index": index, "function": {"arguments": arguments, **first.pop("function", {})}, **first}]
        )

    given = events(
        call(0, '{"a"', id="c0", type="function", function={"name": "f"}),
        call(0, ":1}"),
        call(1, "{}", id="c1", type="function", function={"name": "g"}),
        piece(0, "tool_calls"),
        Kind.END,
    )
    (choice,) = (await gather(read(given, job().chat), 1)).choices
    assert choice.delta.content is None
    assert [(c.id, c.index, c.function.name, c.function.arguments) for c in choice.delta.tool_calls or ()] == [
        ("c0", None, "f", '{"a":1}'),
        ("c1", None, "g", "{}"),
    ]


async def test_reasoning_is_kept_apart_from_the_answer() -> None:
    given = events(piece(reasoning_content="hm"), piece(content="a"), piece(0, "stop"), Kind.END)
    (choice,) = (await gather(read(given, job().chat), 1)).choices
    assert (choice.delta.reasoning_content, choice.delta.content) == ("hm", "a")
