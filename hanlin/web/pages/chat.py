"""The chat: conversations, questions, answers that stream, and everything done to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, pairwise
from types import SimpleNamespace
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage
from markupsafe import Markup

from hanlin.assistants.chat import Conversation, Exchange, Message, State
from hanlin.errors import NotServing
from hanlin.labels import visible
from hanlin.types import Permission, Service, Skill
from hanlin.web import markdown
from hanlin.web.frame import Frame
from hanlin.web.refusals import Refusal, refusals
from hanlin.web.render import render
from hanlin.web.respond import explain, headers, page, redirect
from hanlin.web.visit import Admitted, Visit, allow

CHAT = allow(Permission.GENERATE)
SEARCH_CHARACTERS = 200
REST = 9
"""A stream rests this many times as long as it rendered: one long answer takes a tenth of a core, not all of it."""


@dataclass(frozen=True, slots=True)
class Day:
    """Conversations of one stretch of time; `name` is a word of the section `chat`."""

    name: str
    conversations: Sequence[Conversation]


@dataclass(frozen=True, slots=True)
class Choice:
    """A service to pick, with the line that must stand under the composer while it is picked."""

    name: str
    title: str
    duty: str


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message as message.html shows it."""

    id: str
    conversation: str
    role: str
    state: str
    text: str
    html: Markup
    label: str
    receipt: str
    tokens: int
    seconds: str
    refusal: Refusal | None
    problem: str
    editing: bool
    """A question whose form stands open."""


@dataclass(frozen=True, slots=True)
class ChatContext:
    """Variables of chat.html."""

    frame: Frame
    days: Sequence[Day]
    search: str
    current: Conversation | None
    messages: Sequence[Bubble]
    services: Sequence[Choice]
    service: str
    duty: str


@dataclass(frozen=True, slots=True)
class MessagesContext:
    """Variables of the block `messages`."""

    frame: Frame
    messages: Sequence[Bubble]


@dataclass(frozen=True, slots=True)
class ProgressContext:
    """Variables of progress.html."""

    frame: Frame
    message: Bubble


@get("/chat", opt=CHAT)
async def begin_page(visit: Admitted, search: FromQuery[str] = "") -> Response[str]:
    """A new conversation; for htmx only the list, searched."""
    context = await _context(visit, search=search[:SEARCH_CHARACTERS].strip())
    return page(visit, "chat.html", context, block="history" if visit.swaps else "")


@get("/chat/{conversation:str}", opt=CHAT)
async def conversation_page(visit: Admitted, conversation: FromPath[str], edit: FromQuery[str] = "") -> Response[str]:
    """A conversation; with `edit`, an answer's id, the question before it is open to be put differently."""
    found, messages = await visit.rooms.conversations.history.read(visit.actor, conversation)
    return page(visit, "chat.html", await _context(visit, found, messages, edit=edit))


@post("/chat", opt=CHAT, status_code=200)
async def begin(visit: Admitted) -> Response[str]:
    """Ask the first question of a new conversation."""
    exchange = await visit.rooms.conversations.start(
        visit.actor, visit.form["text"], service=_picked(visit, visit.form["service"])
    )
    await _finish_without_script(visit, exchange)
    return redirect(visit, f"/chat/{exchange.answer.conversation_id}")


@post("/chat/{conversation:str}/messages", opt=CHAT, status_code=200)
async def ask(visit: Admitted, conversation: FromPath[str]) -> Response[str]:
    exchange = await visit.rooms.conversations.start(
        visit.actor,
        visit.form["text"],
        service=_picked(visit, visit.form["service"]),
        conversation=conversation,
    )
    if visit.swaps:
        return await _messages(visit, [message for message in (exchange.question, exchange.answer) if message])
    return await _answered(visit, exchange)


@post("/chat/{conversation:str}/messages/{message:str}/edit", opt=CHAT, status_code=200)
async def edit(visit: Admitted, conversation: FromPath[str], message: FromPath[str]) -> Response[str]:
    """Ask something else in place of an earlier question."""
    exchange = await visit.rooms.conversations.edit(visit.actor, conversation, message, visit.form["text"])
    return await _replaced(visit, exchange)


@post("/chat/{conversation:str}/answers/{answer:str}/retry", opt=CHAT, status_code=200)
async def retry(visit: Admitted, conversation: FromPath[str], answer: FromPath[str]) -> Response[str]:
    return await _replaced(visit, await visit.rooms.conversations.retry(visit.actor, conversation, answer))


@post("/chat/{conversation:str}/answers/{answer:str}/stop", opt=CHAT, status_code=200)
async def stop(visit: Admitted, conversation: FromPath[str], answer: FromPath[str]) -> Response[str]:
    stopped = await visit.rooms.conversations.stop(visit.actor, conversation, answer)
    if visit.swaps:
        return await _messages(visit, [stopped])
    return redirect(visit, f"/chat/{conversation}")


@get("/chat/{conversation:str}/answers/{answer:str}/stream", opt=CHAT)
async def stream(visit: Admitted, conversation: FromPath[str], answer: FromPath[str]) -> ServerSentEvent:
    """The answer so far as often as it grows, and its finished bubble at the end. Changes nothing."""
    await visit.rooms.conversations.history.message(visit.actor, conversation, answer)
    return ServerSentEvent(_events(visit, conversation, answer), headers=headers(visit))


@post("/chat/{conversation:str}/title", opt=CHAT, status_code=200)
async def rename(visit: Admitted, conversation: FromPath[str]) -> Response[str]:
    await visit.rooms.conversations.history.rename(visit.actor, conversation, visit.form["title"])
    return redirect(visit, f"/chat/{conversation}")


@post("/chat/{conversation:str}/delete", opt=CHAT, status_code=200)
async def delete(visit: Admitted, conversation: FromPath[str]) -> Response[str]:
    await visit.rooms.conversations.delete(visit.actor, conversation)
    return redirect(visit, "/chat")


async def _events(visit: Visit, conversation: str, answer: str) -> AsyncIterator[ServerSentEventMessage]:
    async with aclosing(visit.rooms.conversations.subscribe(visit.actor, conversation, answer)) as states:
        async for message in states:
            began = time.perf_counter()
            (bubble,) = await _bubbles(visit, [message])
            spent_seconds = time.perf_counter() - began
            if message.state is State.PENDING:
                context: Any = ProgressContext(visit.frame(), bubble)
                yield ServerSentEventMessage(event="progress", data=render("progress.html", context))
                await asyncio.sleep(spent_seconds * REST)
            else:
                finished = render("chat.html", MessagesContext(visit.frame(), [bubble]), "messages")
                yield ServerSentEventMessage(event="done", data=finished)


async def _finish_without_script(visit: Visit, exchange: Exchange) -> None:
    """A browser that runs no script cannot follow a stream: it waits for the answer instead."""
    if not visit.swaps:
        answer = exchange.answer
        await visit.rooms.conversations.finish(visit.actor, answer.conversation_id, answer.id)


async def _answered(visit: Visit, exchange: Exchange) -> Response[str]:
    await _finish_without_script(visit, exchange)
    return redirect(visit, f"/chat/{exchange.answer.conversation_id}#{exchange.answer.id}")


async def _replaced(visit: Visit, exchange: Exchange) -> Response[str]:
    """Everything from some message on is new: htmx gets the whole thread."""
    if not visit.swaps:
        return await _answered(visit, exchange)
    _, messages = await visit.rooms.conversations.history.read(visit.actor, exchange.answer.conversation_id)
    return await _messages(visit, messages)


async def _messages(visit: Visit, messages: Sequence[Message]) -> Response[str]:
    context = MessagesContext(visit.frame(), await _bubbles(visit, messages))
    return page(visit, "chat.html", context, block="messages")


async def _context(
    visit: Visit,
    current: Conversation | None = None,
    messages: Sequence[Message] = (),
    *,
    search: str = "",
    edit: str = "",
) -> ChatContext:
    services = _services(visit)
    choices = [Choice(s.name, s.title or s.name, visible(visit.language, s)) for s in services]
    names = {choice.name: choice for choice in choices}
    chosen = names.get(current.service if current else "") or (choices[0] if choices else Choice("", "", ""))
    return ChatContext(
        frame=visit.frame(),
        days=_days(visit, await visit.rooms.conversations.history.recent(visit.actor, search)),
        search=search,
        current=current,
        messages=await _bubbles(visit, messages, edit),
        services=choices,
        service=chosen.name,
        duty=chosen.duty,
    )


def _services(visit: Visit) -> list[Service]:
    return [route.service for route in visit.rooms.registry.routes(visit.actor, Skill.CHAT)]


def _picked(visit: Visit, name: str) -> str:
    """The service asked for; the first one when the form names none."""
    names = [service.name for service in _services(visit)]
    if name not in names and (name or not names):
        raise NotServing("This service is not offered.", action="Choose another one.", code="model_not_found")
    return name or names[0]


def _days(visit: Visit, conversations: Iterable[Conversation]) -> list[Day]:
    today = visit.today()

    def stretch(conversation: Conversation) -> str:
        return _stretch(today - visit.local(conversation.changed_at).date())

    return [Day(name, list(items)) for name, items in groupby(conversations, stretch)]


def _stretch(age: timedelta) -> str:
    for days, name in ((0, "today"), (1, "yesterday"), (7, "week"), (30, "month")):
        if age.days <= days:
            return name
    return "older"


async def _bubbles(visit: Visit, messages: Sequence[Message], edit: str = "") -> list[Bubble]:
    """Rendered in a worker thread: a long conversation takes long enough to hold up others' streams."""
    titles = {service.name: service.title or service.name for service in _services(visit)}
    told = await refusals(visit, messages)
    editing = next((before.id for before, after in pairwise(messages) if after.id == edit), "")

    def bubbles() -> list[Bubble]:
        return [_bubble(one, titles, visit.words, told.get(one.id), one.id == editing) for one in messages]

    return await asyncio.to_thread(bubbles)


def _bubble(
    message: Message, titles: dict[str, str], words: SimpleNamespace, refusal: Refusal | None, editing: bool
) -> Bubble:
    written = message.role == "assistant" and bool(message.text)
    return Bubble(
        id=message.id,
        conversation=message.conversation_id,
        role=message.role,
        state=message.state,
        text=message.text,
        html=markdown.render(message.text) if written else Markup(),
        label=words.label.answer.format(name=titles.get(message.service, message.service)),
        receipt=message.request_id,
        tokens=message.tokens,
        seconds=f"{message.milliseconds / 1000:.1f}",
        refusal=refusal,
        problem=explain(words, message.code, message.problem, message.action),
        editing=editing,
    )


HANDLERS = [begin_page, conversation_page, begin, ask, edit, retry, stop, stream, rename, delete]
