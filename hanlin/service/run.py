"""What is known of one generation while it runs, and what the record will say of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from hanlin.errors import AuditUnavailable, EngineFailed, HanlinError, NotServing, Refused, TooMany
from hanlin.types import Actor, Chunk, Decision, Detail, Route, Status, Usage, Verdict

FIELD_SEPARATOR = "\x1e"
"""ASCII record separator: stands between the parts of an answer in what the record commits to."""


_ENDING = frozenset({Verdict.REPLACE, Verdict.HOLD, Verdict.REFUSE})


class Finished(Struct, frozen=True):
    """One ended generation whose closing entry is durable: for usage, metrics and traces. No text."""

    seq: int
    """Number of its closing entry in the record."""
    request_id: str
    actor: Actor
    service: str
    model: str
    status: Status
    usage: Usage
    seconds: float
    seconds_to_first: float | None
    decisions: tuple[Decision, ...] = ()
    end_user: str = ""
    """See `Request.end_user`."""


class Run:
    """Gathers what one generation did: text that left, usage, decisions, how it ended."""

    __slots__ = (
        "_given", "decisions", "detail", "first_at", "label", "parts", "route", "started_at", "status", "usage",
    )  # fmt: skip

    def __init__(self) -> None:
        self.started_at = time.perf_counter()
        self.first_at: float | None = None
        self.label = ""
        self.route: Route | None = None
        self.decisions: list[Decision] = []
        self.parts: dict[tuple[int, str], list[str]] = {}
        self.usage: Usage | None = None
        self.status = Status.FAILED
        self.detail: Detail | None = None
        self._given: list[str] = []

    async def set_aside(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk]:
        """What an engine gives, without its detail: rules judge texts, and what is beside them must not slip by."""
        async with aclosing(cast("AsyncGenerator[Chunk]", chunks)) as given:
            async for chunk in given:
                self.detail = chunk.detail or self.detail
                self._given += [choice.delta.content for choice in chunk.choices if choice.delta.content]
                yield replace(chunk, detail=None) if chunk.detail is not None else chunk

    def left_as_given(self) -> bool:
        """Whether no rule changed or kept back any of the text that the detail belongs to."""
        given = "".join(self._given)
        return self.detail is not None and self.detail.text == given and self.output == given.encode()

    def saw(self, chunk: Chunk) -> None:
        """Note a chunk that is about to leave."""
        if self.first_at is None:
            self.first_at = time.perf_counter()
        if chunk.usage is not None:
            self.usage = chunk.usage
        for choice in chunk.choices:
            delta = choice.delta
            if delta.content:
                self._add(choice.index, "content", delta.content)
            if delta.reasoning_content:
                self._add(choice.index, "reasoning", delta.reasoning_content)
            if delta.refusal:
                self._add(choice.index, "refusal", delta.refusal)
            if delta.tool_calls:
                for call in delta.tool_calls:
                    self._add(choice.index, f"tool {call.index or 0}", call.function.name + call.function.arguments)

    def _add(self, index: int, channel: str, text: str) -> None:
        parts = self.parts.get((index, channel))
        if parts is None:
            self.parts[index, channel] = [text]
        else:
            parts.append(text)

    @property
    def output(self) -> bytes:
        """All that left, as the record commits to it: the parts in order of choice and channel."""
        if len(self.parts) == 1:
            return "".join(next(iter(self.parts.values()))).encode()
        return FIELD_SEPARATOR.join("".join(self.parts[key]) for key in sorted(self.parts)).encode()

    def completed(self, *, asked: bool) -> None:
        """The answer is over; `asked` False: a set answer was given without asking the model."""
        refused = bool(self.decisions) and self.decisions[-1].verdict in _ENDING
        self.status = Status.COMPLETED if not refused else Status.REFUSED_OUTPUT if asked else Status.REFUSED_INPUT

    def failed(self, failure: BaseException) -> None:
        self.status = status_of(failure)

    def revoked(self) -> None:
        self.status = Status.REVOKED

    def tokens(self, prompt_estimate: int) -> tuple[Usage, str]:
        """The usage to settle, and how it was obtained: `reported` by the engine or `estimated` by us."""
        if self.usage is not None:
            return self.usage, "reported"
        if self.first_at is None:
            return Usage(), "estimated"
        completion = sum(len(parts) for parts in self.parts.values())
        return Usage(prompt_estimate, completion, prompt_estimate + completion), "estimated"


def status_of(failure: BaseException) -> Status:
    """How a generation that raised `failure` ended."""
    if isinstance(failure, asyncio.CancelledError | GeneratorExit):
        return Status.CANCELLED
    if isinstance(failure, Refused):
        return Status.REFUSED_INPUT if failure.stage == "input" else Status.REFUSED_OUTPUT
    if isinstance(failure, EngineFailed):
        return Status.TRUNCATED if failure.code == "upstream_truncated" else Status.ENGINE_FAILED
    if isinstance(failure, HanlinError) and not isinstance(failure, AuditUnavailable):
        return Status.NOT_SERVED if isinstance(failure, NotServing | TooMany) or failure.status < 500 else Status.FAILED
    return Status.FAILED
