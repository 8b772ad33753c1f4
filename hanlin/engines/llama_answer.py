"""From llama.cpp's events to `Chunk`s of OpenAI's shape."""

from __future__ import annotations

from asyncio import Queue
from collections.abc import AsyncIterator

import msgspec
from msgspec import Raw, Struct

from hanlin.engines.llama_wire import Kind
from hanlin.errors import BadRequest, EngineFailed, HanlinError
from hanlin.types import ChatRequest, Choice, Chunk, Delta, FunctionCall, ToolCall, Usage


class _Error(Struct):
    type: str = "invalid_request_error"
    n_prompt_tokens: int = 0
    n_ctx: int = 0


class _TopLogprob(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Logprob(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[_TopLogprob] = []


class _Logprobs(Struct):
    content: list[_Logprob] = []
    refusal: None = None


class _Choice(Struct):
    index: int
    delta: Delta = Delta()
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Event(Struct):
    choices: list[_Choice] = []
    usage: Usage | None = None
    error: _Error | None = None


_event = msgspec.json.Decoder(_Event)
_logprobs = msgspec.json.Decoder(_Logprobs)


async def read(events: Queue[bytes | Kind | HanlinError], chat: ChatRequest) -> AsyncIterator[Chunk]:
    """Chunks until the queue gives END; the usage of all choices comes last. Raises whatever else ended the request."""
    prompt_tokens = completion_tokens = 0
    unfinished = set(range(chat.n or 1))
    while not isinstance(event := await events.get(), Kind):
        if isinstance(event, HanlinError):
            raise event
        parsed = _event.decode(event)
        if parsed.error is not None:
            raise refusal(chat, parsed.error)
        if parsed.usage is not None:  # one for each choice, each counting the prompt
            prompt_tokens = parsed.usage.prompt_tokens
            completion_tokens += parsed.usage.completion_tokens
        if parsed.choices:
            yield Chunk([_choice(choice, chat.top_logprobs or 0) for choice in parsed.choices])
            unfinished.difference_update(choice.index for choice in parsed.choices if choice.finish_reason)
    if event is not Kind.END:
        raise refusal(chat) if event is Kind.REFUSED else EngineFailed("The engine failed at this request.")
    if unfinished:
        raise EngineFailed("The engine ended the answer without finishing it.", code="upstream_truncated")
    yield Chunk([], Usage(prompt_tokens, completion_tokens, prompt_tokens + completion_tokens))


def _choice(choice: _Choice, top: int) -> Choice:
    """The choice, its logprobs cut to OpenAI's fields and to as many alternatives as were asked for."""
    logprobs = None
    if choice.logprobs is not None:
        for token in choice.logprobs.content:
            del token.top_logprobs[top:]
        logprobs = Raw(msgspec.json.encode(choice.logprobs))
    return Choice(choice.index, choice.delta, choice.finish_reason, logprobs)


def refusal(chat: ChatRequest, error: _Error | None = None) -> HanlinError:
    """What a request llama.cpp would not take is told; llama.cpp's own words quote the request, so they stay out."""
    error = error or _Error()
    if error.type == "exceed_context_size_error":
        return BadRequest(
            f"The prompt has {error.n_prompt_tokens} tokens; this model's context is {error.n_ctx}.",
            action="Send less text.",
            code="context_length_exceeded",
            param="messages",
        )
    if error.type != "invalid_request_error":
        return EngineFailed("The engine failed at this request.")
    if chat.response_format is not None and chat.response_format.type == "json_schema":
        return BadRequest("The JSON schema is not valid or not supported by this engine.", param="response_format")
    if chat.tools:
        return BadRequest("The parameters of a tool are not a valid or supported JSON schema.", param="tools")
    return BadRequest("The model's chat template does not take these messages.", param="messages")


async def gather(chunks: AsyncIterator[Chunk], count: int) -> Chunk:
    """The whole answer as one chunk, `count` choices in order."""
    parts: list[list[Choice]] = [[] for _ in range(count)]
    usage: Usage | None = None
    async for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            parts[choice.index].append(choice)
    return Chunk([_joined(index, pieces) for index, pieces in enumerate(parts)], usage)


def _joined(index: int, pieces: list[Choice]) -> Choice:
    deltas = [piece.delta for piece in pieces]
    calls = _joined_calls([call for delta in deltas for call in delta.tool_calls or ()])
    content = "".join(delta.content or "" for delta in deltas)
    reasoning = "".join(delta.reasoning_content or "" for delta in deltas)
    delta = Delta(
        role="assistant",
        content=None if calls and not content else content,
        reasoning_content=reasoning or None,
        tool_calls=calls or None,
    )
    finish_reason = next((piece.finish_reason for piece in pieces if piece.finish_reason), None)
    return Choice(index, delta, finish_reason, _joined_logprobs(pieces))


def _joined_calls(pieces: list[ToolCall]) -> list[ToolCall]:
    calls: dict[int | None, list[ToolCall]] = {}
    for piece in pieces:
        calls.setdefault(piece.index, []).append(piece)
    return [
        ToolCall(
            FunctionCall(first.function.name, "".join(piece.function.arguments for piece in (first, *rest))),
            id=first.id,
            type="function",
        )
        for first, *rest in calls.values()
    ]


def _joined_logprobs(pieces: list[Choice]) -> Raw | None:
    found = [_logprobs.decode(piece.logprobs) for piece in pieces if piece.logprobs is not None]
    if not found:
        return None
    return Raw(msgspec.json.encode(_Logprobs([token for logprobs in found for token in logprobs.content])))
