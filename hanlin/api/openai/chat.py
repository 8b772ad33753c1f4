"""POST /v1/chat/completions: whole and streamed, both through `serve`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec

from hanlin.api.asgi import (
    JSON,
    SECURITY,
    Gone,
    HangUp,
    Header,
    Receive,
    Scope,
    Send,
    encode,
    error_body,
    read_body,
    respond,
)
from hanlin.api.openai.moderations import Moderated
from hanlin.api.openai.rooms import Rooms
from hanlin.api.openai.wire import AnswerChoice, AnswerMessage, ChunkBody, Completion, Moderation, decode_chat
from hanlin.errors import EngineFailed, HanlinError, NotServing, NotSignedIn
from hanlin.labels import header as label_header
from hanlin.service import Request, serve
from hanlin.types import Actor, Choice, Chunk, Delta, FunctionCall, Label, ToolCall, Usage

EVENT_STREAM: Header = (b"content-type", b"text/event-stream; charset=utf-8")
PING_SECONDS = 15
"""A comment goes out after this long in silence, so that no proxy between takes the stream for dead."""
SLOW_READER_SECONDS = 60
"""A client that takes nothing for this long is gone; its answer ends."""
WATCH_SECONDS = 0.25
"""A whole answer that takes longer is watched for a client that hangs up."""


async def chat(rooms: Rooms, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request. Raises HanlinError as long as no byte has been sent."""
    body = await read_body(scope, receive, rooms.request_bytes)
    started = time.perf_counter()
    request = Request.of(actor, decode_chat(body), body)
    moderated = None if request.chat.moderation is None else await Moderated.begin(rooms, request)
    hang_up = HangUp(receive, 0 if request.chat.stream else WATCH_SECONDS)
    try:
        async with aclosing(serve(rooms.pipeline, request)) as chunks:
            if request.chat.stream:
                await _stream(rooms, request, chunks, send, moderated)
            else:
                await _whole(rooms, request, chunks, send, started=started, moderated=moderated)
    except HanlinError as error:
        error.request_id = request.id
        raise
    except asyncio.CancelledError as cancelled:
        if cancelled.args == ("hang-up",):
            raise Gone from None
        raise ended(cancelled) or cancelled from None
    finally:
        hang_up.stop()


def ended(cancelled: asyncio.CancelledError) -> HanlinError | None:
    """What to tell a client whose answer this server ended; None for a cancellation that is not ours."""
    if cancelled.args == ("revoked",):
        return NotSignedIn(
            "The API key was revoked while the answer was made.", action="Make a new key on the page Keys."
        )
    if cancelled.args == ("stopping",):
        return NotServing("This server is stopping.", action="Try again in a moment.", code="stopping")
    return None


def answer_headers(rooms: Rooms, request: Request, label: Label | None) -> list[Header]:
    """What every answer carries: its id, its receipt, its label, the caller's limits."""
    request_id = request.id.encode()
    headers = [
        *SECURITY,
        (b"x-request-id", request_id),
        (b"x-hanlin-receipt", b"/receipts/" + request_id),
        *rooms.limit_headers(request.actor),
    ]
    if label is not None:
        headers.append((b"x-aigc-label", label_header(label).encode("ascii")))
    return headers


async def _whole(
    rooms: Rooms,
    request: Request,
    chunks: AsyncIterator[Chunk],
    send: Send,
    *,
    started: float,
    moderated: Moderated | None,
) -> None:
    first: Chunk | None = None
    gathered: Gathered | None = None
    async for chunk in chunks:
        if first is None:
            first = chunk
        else:
            gathered = gathered or Gathered(first)
            gathered.add(chunk)
    if first is None:
        raise EngineFailed("The engine gave no answer.", code="empty_answer")
    whole = gathered.chunk() if gathered else first
    choices, moderation = whole.choices, None
    if moderated is not None:
        moderation, choices = await moderated.answered(choices)
    completion = Completion(
        id=_completion_id(request),
        created=int(time.time()),
        model=request.chat.model,
        choices=[_answer(choice) for choice in choices],
        usage=whole.usage or Usage(),
        receipt=f"/receipts/{request.id}",
        aigc=whole.label or msgspec.UNSET,
        moderation=moderation or msgspec.UNSET,
    )
    headers = answer_headers(rooms, request, whole.label)
    headers.append((b"openai-processing-ms", b"%d" % int((time.perf_counter() - started) * 1000)))
    await respond(send, 200, encode(completion), [JSON, *headers])


async def _stream(
    rooms: Rooms, request: Request, chunks: AsyncIterator[Chunk], send: Send, moderated: Moderated | None
) -> None:
    """Send events as they come. What fails before the first one is still a proper HTTP error."""
    events = Events(request)
    watched = None if moderated is None else Watched(chunks)
    chunks = watched or chunks
    first = await anext(chunks, None)
    if first is None:
        raise EngineFailed("The engine gave no answer.", code="empty_answer")
    headers = [EVENT_STREAM, *answer_headers(rooms, request, first.label)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    pace = Pace(send)
    try:
        await pace.event(events.encode(first))
        async for chunk in chunks:
            await pace.event(events.encode(chunk))
        if moderated is not None and watched is not None:
            whole = watched.gathered.chunk()
            moderation, _ = await moderated.answered(whole.choices)
            await pace.event(events.moderation(moderation, whole.label))
        await pace.event(b"data: [DONE]\n\n")
    except HanlinError as error:
        await pace.event(b"data: " + encode(error_body(error)) + b"\n\n")
    except asyncio.CancelledError as cancelled:
        failure = ended(cancelled)
        if failure is None:
            raise
        await pace.event(b"data: " + encode(error_body(failure)) + b"\n\n")
    finally:
        pace.stop()
    await send({"type": "http.response.body", "body": b""})


def _completion_id(request: Request) -> str:
    return "chatcmpl-" + request.id.removeprefix("req_")


class Events:
    """Encodes the chunks of one answer as events."""

    __slots__ = ("_created", "_id", "_include_usage", "_model", "_receipt")

    def __init__(self, request: Request) -> None:
        self._id = _completion_id(request)
        self._created = int(time.time())
        self._model = request.chat.model
        self._receipt = f"/receipts/{request.id}"
        options = request.chat.stream_options
        self._include_usage = options is not None and bool(options.include_usage)

    def encode(self, chunk: Chunk) -> bytes:
        """`data: {…}` with its blank line; empty for a chunk that says nothing the client asked for."""
        body = ChunkBody(self._id, self._created, self._model, chunk.choices)
        if chunk.usage is not None:
            if self._include_usage:
                body.usage = chunk.usage
            elif not chunk.choices:
                return b""
        if chunk.label is not None:
            body.aigc = chunk.label
            body.receipt = self._receipt
        return b"data: " + encode(body) + b"\n\n"

    def moderation(self, found: Moderation, label: Label | None) -> bytes:
        """The event that tells what was found, the last one; labelled as the last of the answer."""
        body = ChunkBody(self._id, self._created, self._model, [], moderation=found)
        if label is not None:
            body.aigc, body.receipt = label, self._receipt
        return b"data: " + encode(body) + b"\n\n"


class Pace:
    """Watches a stream from the side: a comment after silence, an end for a client that does not read."""

    __slots__ = ("_loop", "_send", "_since", "_stream", "_task", "_timer", "_writing")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._writing = False
        self._task: asyncio.Task[None] | None = None
        self._stream = asyncio.current_task()
        self._timer = self._loop.call_later(PING_SECONDS, self._due)

    async def event(self, event: bytes) -> None:
        """Send one event; waits while the client's buffers are full."""
        if event:
            self._since = self._loop.time()
            self._writing = True
            await self._send({"type": "http.response.body", "body": event, "more_body": True})
            self._writing = False

    def _due(self) -> None:
        silent = self._loop.time() - self._since
        if self._writing:
            if silent > SLOW_READER_SECONDS and self._stream is not None:
                self._stream.cancel("hang-up")
                return
        elif silent >= PING_SECONDS:
            self._task = asyncio.create_task(self.event(b": still here\n\n"))
        self._timer = self._loop.call_later(PING_SECONDS - silent % PING_SECONDS, self._due)

    def stop(self) -> None:
        self._timer.cancel()


class Gathered:
    """Many chunks made into one: for an engine or a rule that streams where the client wants the whole."""

    def __init__(self, *chunks: Chunk) -> None:
        self._choices: dict[int, GatheredChoice] = {}
        self._usage: Usage | None = None
        self._label: Label | None = None
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: Chunk) -> None:
        self._usage = chunk.usage or self._usage
        self._label = chunk.label or self._label
        for choice in chunk.choices:
            self._choices.setdefault(choice.index, GatheredChoice(choice.index)).add(choice)

    def chunk(self) -> Chunk:
        choices = [self._choices[index].choice() for index in sorted(self._choices)]
        return Chunk(choices, self._usage, self._label)


class Watched:
    """The same chunks, gathered on their way."""

    def __init__(self, chunks: AsyncIterator[Chunk]) -> None:
        self.gathered = Gathered()
        self._chunks = chunks

    def __aiter__(self) -> Watched:
        return self

    async def __anext__(self) -> Chunk:
        chunk = await anext(self._chunks)
        self.gathered.add(chunk)
        return chunk


class GatheredChoice:
    def __init__(self, index: int) -> None:
        self._index = index
        self._text: dict[str, list[str]] = {"content": [], "reasoning_content": [], "refusal": []}
        self._calls: dict[int, ToolCall] = {}
        self._finish_reason: str | None = None
        self._logprobs: msgspec.Raw | None = None

    def add(self, choice: Choice) -> None:
        for channel, parts in self._text.items():
            piece = getattr(choice.delta, channel)
            if piece is not None:
                parts.append(piece)
        for call in choice.delta.tool_calls or ():
            self._add_call(call)
        self._finish_reason = choice.finish_reason or self._finish_reason
        self._logprobs = choice.logprobs or self._logprobs

    def _add_call(self, piece: ToolCall) -> None:
        index = piece.index or 0
        call = self._calls.get(index, ToolCall(index=index))
        name = call.function.name + piece.function.name
        function = FunctionCall(name, call.function.arguments + piece.function.arguments)
        self._calls[index] = ToolCall(function, piece.id or call.id, "function", index)

    def choice(self) -> Choice:
        text = {channel: "".join(parts) if parts else None for channel, parts in self._text.items()}
        calls = [self._calls[index] for index in sorted(self._calls)] or None
        delta = Delta(role="assistant", tool_calls=calls, **text)
        return Choice(self._index, delta, self._finish_reason, self._logprobs)


def _answer(choice: Choice) -> AnswerChoice:
    delta = choice.delta
    message = AnswerMessage("assistant", delta.content, delta.refusal)
    if delta.content is None and not delta.tool_calls and delta.refusal is None:
        message.content = ""
    if delta.tool_calls:
        message.tool_calls = [ToolCall(call.function, call.id, "function") for call in delta.tool_calls]
    if delta.reasoning_content is not None:
        message.reasoning_content = delta.reasoning_content
    return AnswerChoice(choice.index, message, choice.finish_reason or "stop", choice.logprobs)
