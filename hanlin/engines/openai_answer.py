"""Reading what an OpenAI-compatible upstream answers: Server-Sent Events or one JSON body, into `types.Chunk`.

Nothing of the upstream's own text leaves this file but the generated answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from hanlin.errors import EngineFailed
from hanlin.types import Choice, Chunk, Delta, FunctionCall, ToolCall, Usage

EVENT_BYTES = 1024 * 1024
DONE = b"[DONE]"
REASONING = b'"reasoning"'
"""What some servers call `reasoning_content`; only the loose decoder knows it."""
TRUNCATED = "upstream_truncated"

FINISH_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "max_tokens": "length",
    "sensitive": "content_filter",
}
"""OpenAI's words, and what others say for them; any other word means `stop`."""
BROKEN_OFF = frozenset({"abort", "error", "insufficient_system_resource", "network_error"})


class Event(Struct):
    """One streamed event, decoded straight into the words Hanlin uses. Unknown fields are ignored."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None


class WholeChoice(Struct):
    message: Delta
    index: int = 0
    finish_reason: str | None = None
    logprobs: Raw | None = None


class Whole(Struct):
    """An answer that was not streamed."""

    choices: list[WholeChoice]
    usage: Usage | None = None
    error: Any = None


class LooseFunction(Struct):
    name: str | None = None
    arguments: str | None = None


class LooseCall(Struct):
    function: LooseFunction | None = None
    id: str | None = None
    index: int | None = None


class LooseDelta(Struct):
    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[LooseCall] | None = None


class LooseChoice(Struct):
    index: int | None = None
    delta: LooseDelta | None = None
    message: LooseDelta | None = None
    finish_reason: str | None = None
    logprobs: Raw = Raw()
    """Absent, null or an object, each as it came: msgspec reads only null into `Raw | None`."""


class LooseUsage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class LooseEvent(Struct):
    """The same with every null and dialect seen in the field; also the shape of a whole answer."""

    choices: list[LooseChoice] | None = None
    usage: LooseUsage | None = None
    error: Any = None


_event = msgspec.json.Decoder(Event)
_whole = msgspec.json.Decoder(Whole)
_loose = msgspec.json.Decoder(LooseEvent)
_object = msgspec.json.Decoder(dict[str, Any])


class UpstreamError(Exception):
    """The upstream sent an error where an answer was expected."""

    def __init__(self, error: Any) -> None:
        super().__init__()
        self.error: dict[str, Any] = error if isinstance(error, dict) else {}
        """OpenAI's error object, of which only known words and numbers are used: the message stays here."""


class EventStream:
    """Server-Sent Events, cut into the payloads of their `data` fields, however the bytes arrive."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterable[bytes]:
        """The payloads of the events that `piece` completes. Raises EngineFailed above 1 MiB for one event."""
        if not self._size and len(piece) < EVENT_BYTES and piece.startswith(b"data: ") and piece.endswith(b"\n\n"):
            payloads = piece[6:-2].split(b"\n\ndata: ")
            # No other line break means: whole events of one line each, as nearly every piece is.
            if piece.count(b"\n") == 2 * len(payloads) and b"\r" not in piece:
                return payloads
        return self._feed_lines(piece)

    def _feed_lines(self, piece: bytes) -> Iterator[bytes]:
        if b"\n" not in piece:
            self._hold(self._rest, piece)
            return
        if self._rest:
            piece = b"".join((*self._rest, piece))
            self._rest.clear()
            self._size = sum(map(len, self._data))
        lines = piece.split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line.startswith(b"data:"):
                end = -1 if line.endswith(b"\r") else None
                self._hold(self._data, line[6 if line.startswith(b" ", 5) else 5 : end])
            elif self._data and (not line or line == b"\r"):
                payload = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data.clear()
                self._size = 0
                yield payload
        if rest:
            self._hold(self._rest, rest)

    def _hold(self, pieces: list[bytes], piece: bytes) -> None:
        self._size += len(piece)
        if self._size > EVENT_BYTES:
            raise invalid(f"sent an event longer than {EVENT_BYTES} bytes")
        pieces.append(piece)


class StreamedAnswer:
    """Follows one stream to its end: which choices are open and finished, what was used, whether it ended in order."""

    def __init__(self, choices: int, *, logprobs: bool) -> None:
        self._events = EventStream()
        self._expected = choices
        self._logprobs = logprobs
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._usage: Usage | None = None
        self.started = False
        """Some part of the answer has come."""
        self.finished = False
        """Every choice has its finish_reason, so that only the usage can still follow."""
        self.done = False
        """The upstream said that nothing follows."""

    def feed(self, piece: bytes, chunks: list[Chunk]) -> None:
        """Add to `chunks` what `piece` says, in order, so that what came before an error is not lost.

        Raises EngineFailed (`upstream_invalid`) or UpstreamError.
        """
        for payload in self._events.feed(piece):
            if self.done:
                return
            if payload == DONE:
                self.done = True
            elif payload:
                self._read(payload, chunks)

    def end(self) -> list[Chunk]:
        """The closing chunks. Raises EngineFailed (`upstream_truncated`) when the answer did not end in order."""
        if not self.done and not self.finished:
            # A last event without its blank line is cut off, unless it says that nothing follows.
            self.done = DONE in self._events.feed(b"\n\n")
        if not self.started or not (self.done or self.finished):
            raise EngineFailed("The upstream ended its stream before the answer was complete.", code=TRUNCATED)
        chunks = []
        if self._open:
            chunks.append(Chunk([Choice(index, finish_reason="stop") for index in sorted(self._open)]))
        if self._usage is not None:
            chunks.append(Chunk(usage=self._usage))
        return chunks

    def _read(self, payload: bytes, chunks: list[Chunk]) -> None:
        try:
            event = _loosely(payload) if REASONING in payload else _event.decode(payload)
        except (ValueError, RecursionError):
            event = _loosely(payload)
        if event.error is not None:
            raise UpstreamError(event.error)
        if event.usage is not None:
            self._usage = event.usage
        choices = event.choices
        if not choices:
            return
        choice = choices[0]
        # Nearly every event is one more piece of one open choice, and passes as it was decoded.
        plain = choice.finish_reason is None and choice.logprobs is None and choice.index in self._open
        if len(choices) > 1 or not plain:
            choices = list(self._checked(choices))
        if choices:
            chunks.append(Chunk(choices))

    def _checked(self, choices: Iterable[Choice]) -> Iterator[Choice]:
        for choice in choices:
            if not 0 <= choice.index < self._expected:
                raise invalid(f"answered choice {choice.index} where {self._expected} were asked for")
            if choice.index in self._finished:
                continue
            tidy = _tidy(choice, logprobs=self._logprobs)
            self.started = True
            if tidy.finish_reason is None:
                self._open.add(choice.index)
            else:
                self._open.discard(choice.index)
                self._finished.add(choice.index)
                self.finished = len(self._finished) == self._expected
            yield tidy


def read_whole(body: bytes, choices: int, *, logprobs: bool) -> Chunk:
    """A whole answer as one chunk. Raises EngineFailed (`upstream_invalid`) or UpstreamError."""
    try:
        whole: Whole | Event = _loosely(body) if REASONING in body else _whole.decode(body)
    except (ValueError, RecursionError):
        whole = _loosely(body)
    if whole.error is not None:
        raise UpstreamError(whole.error)
    answered = [_tidy(_streamlike(choice), logprobs=logprobs, last=True) for choice in whole.choices or ()]
    if not 0 < len(answered) <= choices or sorted([choice.index for choice in answered]) != list(range(len(answered))):
        raise invalid(f"answered with {len(answered)} choices where {choices} were asked for")
    return Chunk(answered, whole.usage)


def _streamlike(choice: Choice | WholeChoice) -> Choice:
    if isinstance(choice, Choice):
        return choice
    return Choice(choice.index, choice.message, choice.finish_reason, choice.logprobs)


def read_error_body(body: bytes) -> dict[str, Any]:
    """The error object of a body `{"error": {...}}`, or an empty one."""
    try:
        error = _object.decode(body).get("error")
    except (ValueError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {}


def invalid(what: str) -> EngineFailed:
    return EngineFailed(f"The upstream {what}.", code="upstream_invalid")


def _loosely(payload: bytes) -> Event:
    try:
        loose = _loose.decode(payload)
    except (ValueError, RecursionError):
        raise invalid("sent JSON or UTF-8 that is not valid") from None
    choices = [
        Choice(
            choice.index or 0,
            _delta(choice.delta or choice.message),
            choice.finish_reason or None,
            None if bytes(choice.logprobs) in (b"", b"null") else choice.logprobs,
        )
        for choice in loose.choices or ()
    ]
    return Event(choices, _usage(loose.usage), loose.error)


def _delta(loose: LooseDelta | None) -> Delta:
    if loose is None:
        return Delta()
    calls = None if loose.tool_calls is None else [_call(call) for call in loose.tool_calls]
    role: Literal["assistant"] | None = "assistant" if loose.role else None
    return Delta(role, loose.content, loose.reasoning_content or loose.reasoning, loose.refusal, calls)


def _call(loose: LooseCall) -> ToolCall:
    function = loose.function or LooseFunction()
    return ToolCall(
        FunctionCall(function.name or "", function.arguments or ""),
        id=loose.id or None,
        type="function" if loose.id else None,
        index=loose.index,
    )


def _usage(loose: LooseUsage | None) -> Usage | None:
    if loose is None:
        return None
    prompt, completion = loose.prompt_tokens or 0, loose.completion_tokens or 0
    return Usage(prompt, completion, loose.total_tokens or prompt + completion)


def _tidy(choice: Choice, *, logprobs: bool, last: bool = False) -> Choice:
    """The choice in OpenAI's words. Log probabilities repeat the text, so they pass only when asked for (copied, as
    Raw keeps the whole event alive). Raises EngineFailed when the upstream says that it broke off.
    """
    reason = choice.finish_reason or ("stop" if last else None)
    if reason in BROKEN_OFF:
        raise EngineFailed("The upstream broke off its answer.", code=TRUNCATED)
    if reason is not None:
        reason = FINISH_REASONS.get(reason, "stop")
    kept = choice.logprobs.copy() if choice.logprobs is not None and logprobs else None
    if reason is choice.finish_reason and kept is choice.logprobs:
        return choice
    return replace(choice, finish_reason=reason, logprobs=kept)
