"""Tool calls that a model wrote as JSON text: demanded by a grammar, or made of its own accord."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from hanlin.errors import EngineFailed
from hanlin.types import Choice, Chunk, Delta, FunctionCall, ToolCall, new_id

OPENINGS = ("{", "[", "```", "<tool_call>")
"""How an answer begins that may be nothing but calls."""
_AROUND = re.compile(r"^```\w*\s*|\s*```$|</?tool_call>")


class _Call(Struct):
    name: str
    arguments: Raw


_call = msgspec.json.Decoder(_Call)
_calls = msgspec.json.Decoder(list[_Call])


async def as_calls(chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
    """Turn each choice's text, a demanded `{name, arguments}`, into one tool call, held back until it is whole."""
    held: dict[int, list[str]] = {}
    async for chunk in chunks:
        choices: list[Choice] = []
        for choice in chunk.choices:
            text = held.setdefault(choice.index, [])
            text.append(choice.delta.content or "")
            if choice.delta.role:
                choices.append(Choice(choice.index, Delta(role=choice.delta.role)))
            if choice.finish_reason == "stop":
                choices.append(Choice(choice.index, Delta(tool_calls=[_tool_call("".join(text))])))
                choices.append(Choice(choice.index, Delta(), "tool_calls"))
            elif choice.finish_reason:  # cut by the token ceiling: half a call is of no use to anyone
                choices.append(Choice(choice.index, Delta(), choice.finish_reason))
        if choices or chunk.usage:
            yield Chunk(choices, chunk.usage)


def _tool_call(text: str) -> ToolCall:
    try:
        call = _call.decode(text)
    except msgspec.DecodeError:
        raise EngineFailed("The engine did not keep to the tool's schema.") from None
    return _made(call, 0)


async def spot_calls(chunks: AsyncIterator[Chunk], tools: Collection[str]) -> AsyncIterator[Chunk]:
    """Turn an answer that is nothing but calls of known tools into tool calls.

    Small models know the form, not always the tags their template wants around it. An answer that begins like a call is
    held until its end; any other passes as it comes.
    """
    held: dict[int, str | None] = {}
    async for chunk in chunks:
        choices = [piece for choice in chunk.choices for piece in _spot(choice, held, tools)]
        if choices or chunk.usage:
            yield Chunk(choices, chunk.usage)


def _spot(choice: Choice, held: dict[int, str | None], tools: Collection[str]) -> list[Choice]:
    text = held.get(choice.index, "")
    if text is None or choice.delta.tool_calls:
        held[choice.index] = None
        return [choice]
    text += choice.delta.content or ""
    may_be_calls = _begins_like_calls(text)
    if may_be_calls and choice.finish_reason is None:
        held[choice.index] = text
        return [Choice(choice.index, Delta(role=choice.delta.role))] if choice.delta.role else []
    held[choice.index] = None
    calls = _read(text, tools) if may_be_calls and choice.finish_reason == "stop" else []
    if calls:
        return [
            Choice(choice.index, Delta(role=choice.delta.role, tool_calls=calls)),
            Choice(choice.index, Delta(), "tool_calls"),
        ]
    return [replace(choice, delta=replace(choice.delta, content=text or None))]


def _begins_like_calls(text: str) -> bool:
    start = text.lstrip()
    return any(start.startswith(opening) or opening.startswith(start) for opening in OPENINGS)


def _read(text: str, tools: Collection[str]) -> list[ToolCall]:
    """The calls that `text` consists of; none when it is anything else."""
    bare = _AROUND.sub("", text.strip()).strip()
    try:
        calls = _calls.decode(bare) if bare.startswith("[") else [_call.decode(bare)]
    except msgspec.DecodeError:
        return []
    if any(call.name not in tools for call in calls):
        return []
    return [_made(call, index) for index, call in enumerate(calls)]


def _made(call: _Call, index: int) -> ToolCall:
    function = FunctionCall(call.name, bytes(call.arguments).decode())
    return ToolCall(function, id=new_id("call"), type="function", index=index)
