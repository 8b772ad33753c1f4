"""Calls that a model wrote as text, of its own accord."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hanlin.engines.llama_calls import spot_calls
from hanlin.types import Choice, Chunk, Delta, Usage

CALL = '{"name": "get_weather", "arguments": {"city": "Paris"}}'


async def answered(pieces: list[str], finish_reason: str = "stop") -> tuple[str, list[tuple[str, str]], str | None]:
    """Text, calls and finish_reason of what comes out when a model says `pieces`."""

    async def said() -> AsyncIterator[Chunk]:
        yield Chunk([Choice(0, Delta(role="assistant"))])
        for piece in pieces:
            yield Chunk([Choice(0, Delta(content=piece))])
        yield Chunk([Choice(0, Delta(), finish_reason)])
        yield Chunk([], Usage(1, 2, 3))

    text, calls, finish = "", [], None
    usage = None
    async for chunk in spot_calls(said(), {"get_weather"}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            calls += [(call.function.name, call.function.arguments) for call in choice.delta.tool_calls or ()]
            finish = choice.finish_reason or finish
    assert usage == Usage(1, 2, 3)
    return text, calls, finish


@pytest.mark.parametrize(
    "whole", [CALL, f"```json\n{CALL}\n```", f"<tool_call>\n{CALL}\n</tool_call>", f"  \n[{CALL}]", f"```\n{CALL}```"]
)
async def test_an_answer_that_is_nothing_but_a_call_becomes_one(whole: str) -> None:
    for pieces in ([whole], list(whole)):
        assert await answered(pieces) == ("", [("get_weather", '{"city": "Paris"}')], "tool_calls")


@pytest.mark.parametrize(
    "whole",
    [
        "It is sunny.",
        '{"name": "unknown_tool", "arguments": {}}',
        '{"city": "Paris"}',
        "```python\nprint(1)\n```",
        f"Here you are: {CALL}",
        "{ not json",
        "",
    ],
)
async def test_any_other_answer_passes_unchanged(whole: str) -> None:
    for pieces in ([whole], list(whole)):
        assert await answered(pieces) == (whole, [], "stop")


async def test_half_a_call_cut_by_the_token_ceiling_stays_text() -> None:
    assert await answered([CALL[:20]], "length") == (CALL[:20], [], "length")


async def test_an_answer_that_begins_otherwise_is_not_held() -> None:
    async def said() -> AsyncIterator[Chunk]:
        yield Chunk([Choice(0, Delta(content="It "))])
        raise AssertionError("asked for more before handing on what it had")

    chunks = spot_calls(said(), {"get_weather"})
    assert (await anext(chunks)).choices[0].delta.content == "It "
