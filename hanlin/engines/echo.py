"""The shipped fake: answers without a model, the same way every time, for tests, demonstrations and measurements."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from hanlin.engines.echo_skills import answer
from hanlin.engines.protocol import Health
from hanlin.engines.schema import check_schema, demanded, example
from hanlin.errors import EngineFailed, Misconfigured
from hanlin.types import (
    ChatRequest,
    Choice,
    Chunk,
    Delta,
    FunctionCall,
    Generation,
    Model,
    Skill,
    ToolCall,
    Usage,
    new_id,
)

Piece = str | ToolCall
PIECE = re.compile(r"[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]+|\s+")
"""A token here: a Han character, or a word with the blanks before it."""


class EchoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`options` of a model whose engine is `echo`."""

    answer: str = ""
    """Fixed text; empty: the last user message, echoed. With another skill: what is heard, or stands in a picture."""
    pieces: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Give exactly this many pieces, repeating the answer or cutting it; 0: as many as the answer has."""
    delay_seconds: Annotated[float, Meta(ge=0)] = 0.0
    """Before each piece."""
    prompt_tokens: Annotated[int, Meta(ge=0)] = 0
    """Reported usage; 0: the pieces of the messages."""
    fault: Literal["none", "error", "cut", "stall", "bad_finish"] = "none"
    """`error`: fails at once; `cut`: fails half way; `stall`: falls silent half way; `bad_finish`: an unknown
    finish_reason.
    """


class EchoEngine:
    """Echoes the last user message, or what the model's `options` say (`EchoOptions`)."""

    def __init__(self, model: Model) -> None:
        """Raises Misconfigured for options that are not `EchoOptions`."""
        try:
            self._options = msgspec.convert(model.options, EchoOptions)
        except msgspec.ValidationError as error:
            raise Misconfigured(
                f"Options of echo model {model.name!r}: {error}.", action="Mend the model's options."
            ) from None
        self._fixed = _split(self._options.answer)
        self._paced = bool(self._options.delay_seconds) or self._options.fault in ("cut", "stall")

    async def start(self) -> None:
        """Nothing to get ready."""

    async def stop(self) -> None:
        """Nothing is held."""

    def health(self) -> Health:
        return Health(ready=True, detail="ready")

    async def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        if self._options.fault == "error":
            raise EngineFailed("The echo engine was told to fail.", retryable=True)
        if job.model.skill is not Skill.CHAT:
            for chunk in answer(job, self._options.answer):
                yield chunk
            return
        chat = job.chat
        pieces, finish_reason = self._pieces(job)
        usage = self._usage(chat, len(pieces))
        if self._options.fault == "bad_finish":
            finish_reason = "unheard_of"
        choices = range(chat.n or 1)
        if not chat.stream:
            for position in range(len(pieces)) if self._paced else ():
                await self._pace(position, len(pieces))
            whole, probabilities = _whole(pieces), logprobs(chat, pieces)
            yield Chunk([Choice(index, whole, finish_reason, probabilities) for index in choices], usage)
            return
        yield Chunk([Choice(index, Delta(role="assistant")) for index in choices])
        for position, piece in enumerate(pieces):
            if self._paced:
                await self._pace(position, len(pieces))
            delta = Delta(content=piece) if isinstance(piece, str) else Delta(tool_calls=[piece])
            probabilities = logprobs(chat, [piece])
            yield Chunk([Choice(index, delta, None, probabilities) for index in choices])
        yield Chunk([Choice(index, finish_reason=finish_reason) for index in choices])
        yield Chunk([], usage)

    async def _pace(self, position: int, count: int) -> None:
        options = self._options
        if options.delay_seconds:
            await asyncio.sleep(options.delay_seconds)
        if options.fault == "none" or position != count // 2:
            return
        if options.fault == "cut":
            raise EngineFailed("The echo engine was told to end half way.", code="upstream_truncated")
        if options.fault == "stall":
            await asyncio.get_running_loop().create_future()

    def _pieces(self, job: Generation) -> tuple[list[Piece], str]:
        """The answer in pieces, a demanded tool call being one, and why it ends."""
        if tools := demanded(job.chat):
            function = tools[0].function
            arguments = msgspec.json.encode(example(function.parameters or {"type": "object"})).decode()
            call = ToolCall(FunctionCall(function.name, arguments), id=new_id("call"), type="function", index=0)
            return [call], "tool_calls"
        pieces = _stopped(self._words(job.chat), job.chat.stop)
        return list(pieces[: job.max_tokens]), "length" if len(pieces) > job.max_tokens else "stop"

    def _words(self, chat: ChatRequest) -> Sequence[str]:
        wanted = chat.response_format
        if wanted is not None and wanted.type != "text":
            schema = wanted.json_schema.schema if wanted.json_schema else {"type": "object"}
            check_schema(schema, "response_format")
            return _split(msgspec.json.encode(example(schema)).decode())
        words = self._fixed or _split(f"Echo: {_last_words(chat)}")
        if self._options.pieces:
            return list(itertools.islice(itertools.cycle(words), self._options.pieces))
        return words

    def _usage(self, chat: ChatRequest, pieces: int) -> Usage:
        prompt = self._options.prompt_tokens or sum(len(_split(message.text())) for message in chat.messages)
        completion = pieces * (chat.n or 1)
        return Usage(prompt, completion, prompt + completion)


def _split(text: str) -> list[str]:
    return PIECE.findall(text)


def _last_words(chat: ChatRequest) -> str:
    return next((message.text() for message in reversed(chat.messages) if message.role == "user"), "")


def _stopped(pieces: Sequence[str], stop: str | list[str] | None) -> Sequence[str]:
    """`pieces` up to the first stop sequence."""
    stops = [stop] if isinstance(stop, str) else stop
    if not stops:
        return pieces
    text = "".join(pieces)
    ends = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return _split(text[: min(ends)]) if ends else pieces


def _whole(pieces: list[Piece]) -> Delta:
    calls = [msgspec.structs.replace(piece, index=None) for piece in pieces if isinstance(piece, ToolCall)]
    if calls:
        return Delta(role="assistant", tool_calls=calls)
    return Delta(role="assistant", content="".join(piece for piece in pieces if isinstance(piece, str)))


def logprobs(chat: ChatRequest, pieces: list[Piece]) -> Raw | None:
    """OpenAI's logprobs object for `pieces`: each piece certain, its alternatives made up."""
    if not chat.logprobs:
        return None
    tokens = [_logprob(piece, chat.top_logprobs or 0) for piece in pieces if isinstance(piece, str)]
    return Raw(msgspec.json.encode({"content": tokens or None, "refusal": None}))


def _logprob(piece: str, top: int) -> dict[str, Any]:
    token = {"token": piece, "logprob": 0.0, "bytes": list(piece.encode())}
    others = [{"token": f"{piece}{rank}", "logprob": -10.0 * rank, "bytes": None} for rank in range(1, top)]
    return token | {"top_logprobs": [token, *others][:top]}
