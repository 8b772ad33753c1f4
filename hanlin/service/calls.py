"""What assistants and jobs ask models for: one call each, whole answers, every one through `serve`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import TypeVar

from msgspec import Struct

from hanlin.errors import EngineFailed, NotServing, TooMany
from hanlin.service.request import Request
from hanlin.types import (
    Actor,
    ChatRequest,
    Chunk,
    Detail,
    Line,
    Media,
    Message,
    Recognised,
    ResponseFormat,
    ResponseSchema,
    Route,
    Segment,
    Skill,
    Spoken,
    Vectors,
)

T = TypeVar("T")
ATTEMPTS = 4
"""A job waits for a place that is taken rather than fail: 1, 4 and 16 seconds."""


class Answered(Struct, frozen=True):
    """A whole answer, and what it can be proven with."""

    text: str
    request_id: str
    """Names its receipt."""
    service: str
    finish_reason: str = "stop"
    """`length`: the token ceiling cut it; `content_filter`: the policy did."""
    tokens: int = 0


class Calls:
    """One object for all assistants; `routes` lists what an actor may use, in the register's order."""

    def __init__(
        self,
        serve: Callable[[Request], AsyncGenerator[Chunk]],
        routes: Callable[[Actor, Skill], Iterable[Route]],
        *,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._serve = serve
        self._routes = routes
        self._wait = wait

    def offered(self, actor: Actor, skill: Skill = Skill.CHAT) -> list[str]:
        """The services that serve this skill to this actor now, the first one being what is used unless asked."""
        return list(dict.fromkeys(route.service.name for route in self._routes(actor, skill)))

    def route(self, actor: Actor, service: str = "", skill: Skill = Skill.CHAT) -> Route:
        """The service asked for, or the first of the skill. NotServing when there is none."""
        for route in self._routes(actor, skill):
            if service in ("", route.service.name):
                return route
        raise NotServing(
            f"No service for {skill.value} serves here" + (f" under the name {service[:80]!r}." if service else "."),
            action="An administrator can offer one on the page Services.",
            code="skill_missing",
        )

    async def chat(
        self,
        actor: Actor,
        messages: Sequence[Message],
        *,
        service: str = "",
        max_tokens: int | None = None,
        temperature: float = 0,
        schema: dict[str, object] | None = None,
    ) -> Answered:
        """An answer to `messages`; texts of files go in as messages of the role `tool`, so that they command nothing.

        `schema`: a JSON schema that the answer then fits. Raises what `serve` raises; waits while the server is full.
        """
        route = self.route(actor, service)
        shape = None
        if schema is not None:
            shape = ResponseFormat("json_schema", ResponseSchema("answer", schema))
        request = ChatRequest(
            model=_named(route),
            messages=list(messages),
            max_completion_tokens=max_tokens,
            temperature=temperature,
            response_format=shape,
        )
        return await self._patiently(lambda: self._answer(Request.of(actor, request), route))

    async def stream(
        self, actor: Actor, messages: Sequence[Message], *, service: str = "", max_tokens: int | None = None
    ) -> AsyncGenerator[Chunk]:
        """As `chat`, while it is written."""
        route = self.route(actor, service)
        request = ChatRequest(
            model=_named(route),
            messages=list(messages),
            max_completion_tokens=max_tokens,
            temperature=0,
            stream=True,
        )
        async with aclosing(self._serve(Request.of(actor, request))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def embed(self, actor: Actor, texts: Sequence[str], *, service: str = "") -> Vectors:
        """One vector a text, at most 2,048 texts."""
        detail = await self._detail(actor, Skill.EMBEDDING, service, texts)
        assert isinstance(detail, Vectors)
        return detail

    async def transcribe(self, actor: Actor, media: Media, *, hint: str = "", service: str = "") -> Spoken:
        """The speech of a sound file. A text that the policy changed comes as one segment without words."""
        detail = await self._detail(actor, Skill.TRANSCRIPTION, service, (hint,), media)
        assert isinstance(detail, Spoken)
        return detail

    async def recognise(self, actor: Actor, media: Media, *, service: str = "") -> Recognised:
        """The writing in a picture. A text that the policy changed comes as one line without a place."""
        detail = await self._detail(actor, Skill.RECOGNITION, service, (), media)
        assert isinstance(detail, Recognised)
        return detail

    async def voices(self, actor: Actor, media: Media, *, service: str = "") -> Vectors:
        """One vector for each of `media.windows`."""
        detail = await self._detail(actor, Skill.VOICES, service, (), media)
        assert isinstance(detail, Vectors)
        return detail

    async def _detail(
        self, actor: Actor, skill: Skill, service: str, texts: Sequence[str], media: Media | None = None
    ) -> Detail:
        route = self.route(actor, service, skill)

        async def once() -> Detail:
            request = await asyncio.to_thread(Request.about, actor, skill, _named(route), texts, media)
            text: list[str] = []
            found: Detail | None = None
            async with aclosing(self._serve(request)) as chunks:
                async for chunk in chunks:
                    text += [choice.delta.content for choice in chunk.choices if choice.delta.content]
                    found = chunk.detail or found
            return found or _plain(skill, "".join(text), media)

        return await self._patiently(once)

    async def _answer(self, request: Request, route: Route) -> Answered:
        text: list[str] = []
        reason, tokens = "stop", 0
        async with aclosing(self._serve(request)) as chunks:
            async for chunk in chunks:
                for choice in chunk.choices:
                    text.append(choice.delta.content or "")
                    reason = choice.finish_reason or reason
                tokens = chunk.usage.total_tokens if chunk.usage else tokens
        return Answered("".join(text), request.id, route.service.name, reason, tokens)

    async def _patiently(self, once: Callable[[], Awaitable[T]]) -> T:
        """What `once` gives, tried again where the server was full or an engine failed before it began."""
        for attempt in range(ATTEMPTS):
            try:
                return await once()
            except (TooMany, EngineFailed) as error:
                again = isinstance(error, TooMany) or error.retryable
                if not again or attempt == ATTEMPTS - 1:
                    raise
                asked = error.retry_after_seconds if isinstance(error, TooMany) else 0
            await self._wait(max(asked, 4**attempt))
        raise AssertionError


def _named(route: Route) -> str:
    return f"{route.service.name}/{route.model.name}"


def _plain(skill: Skill, text: str, media: Media | None) -> Detail:
    """What is left of a detail when a rule changed its text: the text."""
    if skill is Skill.TRANSCRIPTION and media is not None:
        return Spoken((Segment(media.start_seconds, media.end_seconds, text),) if text else (), media.language)
    if skill is Skill.RECOGNITION:
        return Recognised((Line(text, (0, 0, 0, 0), 0),) if text else ())
    raise EngineFailed("The model gave no vectors.", action="Try again; if it happens again, see the server's log.")
