"""Answers while they are made: each is a task of the server, so that a closed tab loses nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hanlin.accounts import require
from hanlin.assistants.chat.history import History
from hanlin.assistants.chat.records import Message, State
from hanlin.assistants.chat.turns import turns
from hanlin.errors import BadRequest, HanlinError, NotFound, Refused
from hanlin.service import Request
from hanlin.storage import Database
from hanlin.types import Actor, ChatRequest, Chunk, Permission, new_id

QUESTION_CHARACTERS = 100_000
SAVE_SECONDS = 2.0
"""An answer being written is stored at most this often: so much is lost when the power fails."""

ENDINGS = {"length": State.CUT, "content_filter": State.REFUSED}

Generate = Callable[[Request], AsyncIterator[Chunk]]


class Exchange(Struct, frozen=True):
    """What a question added: itself (None when only the answer is new) and its pending answer."""

    question: Message | None
    answer: Message


class Answering:
    """One answer being written, and who wants to know."""

    __slots__ = ("actor", "changed", "concluding", "done", "ending", "message", "task", "version")

    def __init__(self, actor: Actor, message: Message) -> None:
        self.actor = actor
        self.message = message
        self.version = 0
        self.concluding = False
        self.done = False
        self.ending = State.INTERRUPTED
        """What it becomes when its task is cancelled."""
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def tell(self, message: Message) -> None:
        self.message = message
        self.version += 1
        self.changed.set()  # wakes everybody who waits now, and only them
        self.changed.clear()

    def belongs(self, actor: Actor, conversation: str) -> bool:
        same = (self.actor.person, self.actor.workspace, self.message.conversation_id)
        return same == (actor.person, actor.workspace, conversation)


class Conversations:
    """Made once per server. `history` reads and arranges; the functions here generate."""

    def __init__(
        self,
        database: Database,
        generate: Generate,
        *,
        history_bytes: int = 16_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.history = History(database, clock)
        self._generate = generate
        self._history_bytes = history_bytes
        self._running: dict[str, Answering] = {}

    async def open(self) -> None:
        """At start, before anything is asked: what a crash left pending is interrupted."""
        await self.history.interrupt_pending()

    async def start(self, actor: Actor, text: str, *, service: str, conversation: str = "") -> Exchange:
        """Ask, in a new conversation or a given one. The answer goes on when the caller goes away.

        Raises BadRequest for an empty or too long text, Conflict while another answer is pending.
        """
        question = _checked(actor, text)
        where = conversation or await self.history.create(actor, question, service)
        return await self._ask(actor, where, question, service=service)

    async def retry(self, actor: Actor, conversation: str, answer: str) -> Exchange:
        """Answer the same question again; the old answer and what followed it are replaced."""
        require(actor, Permission.GENERATE)
        old = await self._find(actor, conversation, answer, "assistant")
        return await self._ask(actor, conversation, None, service=old.service, cut=old.position)

    async def edit(self, actor: Actor, conversation: str, question: str, text: str) -> Exchange:
        """Ask another question in place of an earlier one; what followed it is replaced."""
        checked = _checked(actor, text)
        old = await self._find(actor, conversation, question, "user")
        return await self._ask(actor, conversation, checked, service=old.service, cut=old.position)

    async def stop(self, actor: Actor, conversation: str, answer: str) -> Message:
        """End an answer now and keep what was written. Stopping a finished one changes nothing."""
        message = await self.history.message(actor, conversation, answer)
        if message.id in self._running:
            await self._halt(self._running[message.id], State.STOPPED)
        return await self.history.message(actor, conversation, answer)

    async def delete(self, actor: Actor, conversation: str) -> None:
        """Delete a conversation for good, stopping what is being written in it."""
        await self.history.read(actor, conversation)
        await self._halt_all(conversation)
        await self.history.delete(actor, conversation)

    async def subscribe(
        self, actor: Actor, conversation: str, answer: str, *, interval_seconds: float = 0.08
    ) -> AsyncGenerator[Message, None]:
        """The answer so far, again whenever it has grown, at most every `interval_seconds`; the last one is final.

        NotFound unless the answer is the actor's and in this conversation. Leaving it does not stop the answer.
        """
        answering = self._running.get(answer)
        if answering is None or not answering.belongs(actor, conversation):
            yield await self.history.message(actor, conversation, answer)
            return
        while True:
            version, done = answering.version, answering.done
            yield answering.message
            if done:
                return
            await asyncio.sleep(interval_seconds)
            if version == answering.version:
                await answering.changed.wait()

    async def finish(self, actor: Actor, conversation: str, answer: str) -> Message:
        """Wait until an answer is final, and return it."""
        async for message in self.subscribe(actor, conversation, answer):
            last = message
        return last

    async def close(self) -> None:
        """End every answer being written; they show as interrupted."""
        for answering in list(self._running.values()):
            await self._halt(answering, State.INTERRUPTED)

    async def _find(self, actor: Actor, conversation: str, message_id: str, role: str) -> Message:
        message = await self.history.message(actor, conversation, message_id)
        if message.role != role:
            raise NotFound("There is no such message.", action="Open the conversation again.")
        return message

    async def _ask(
        self, actor: Actor, conversation: str, question: str | None, *, service: str, cut: int | None = None
    ) -> Exchange:
        if cut is not None:
            await self._halt_all(conversation)
        request_id = new_id("req")
        before, new = await self.history.append(
            actor, conversation, question=question, service=service, request_id=request_id, cut=cut
        )
        asked = before.pop().text if question is None else question
        chat = ChatRequest(model=service, messages=turns(before, asked, self._history_bytes), stream=True)
        request = Request(request_id, actor, chat, msgspec.json.encode(chat))
        answering = self._running[new[-1].id] = Answering(actor, new[-1])
        answering.task = asyncio.create_task(self._answer(answering, request))
        return Exchange(new[0] if question is not None else None, new[-1])

    async def _answer(self, answering: Answering, request: Request) -> None:
        began = time.monotonic()
        final: dict[str, Any] = {"state": State.FAILED}
        try:
            final = {"state": await self._write(answering, request)}
        except Refused as refusal:
            told = {"rule": refusal.rule, "code": refusal.code, "problem": refusal.message}
            final = {"state": State.REFUSED, **told}
        except HanlinError as error:
            final = {"state": State.FAILED, "code": error.code, "problem": error.message, "action": error.action}
        except asyncio.CancelledError:
            final = {"state": answering.ending}
        finally:
            await self._conclude(answering, milliseconds=int((time.monotonic() - began) * 1000), **final)

    async def _write(self, answering: Answering, request: Request) -> State:
        """Take in every chunk; what the answer becomes when nothing goes wrong."""
        state, saved = State.DONE, time.monotonic()
        chunks = self._generate(request)
        try:
            async for chunk in chunks:
                state = _take(answering, chunk) or state
                if time.monotonic() - saved > SAVE_SECONDS:
                    saved = time.monotonic()
                    await self.history.save(answering.message)
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()
        return state

    async def _halt(self, answering: Answering, ending: State) -> None:
        answering.ending = ending
        assert answering.task is not None
        if not answering.concluding:
            answering.task.cancel()
        await asyncio.wait([answering.task])
        if not answering.done:  # cancelled before its first step
            await self._conclude(answering, state=ending)

    async def _halt_all(self, conversation: str) -> None:
        for answering in list(self._running.values()):
            if answering.message.conversation_id == conversation:
                await self._halt(answering, State.STOPPED)

    async def _conclude(self, answering: Answering, **final: Any) -> None:
        answering.concluding = True
        message = replace(answering.message, **final)
        try:
            await self.history.save(message)
        finally:
            answering.done = True
            answering.tell(message)
            self._running.pop(message.id, None)


def _take(answering: Answering, chunk: Chunk) -> State | None:
    """Add a chunk to the answer; the state that its finish reason means, if it has one."""
    message, state = answering.message, None
    text, tokens = message.text, message.tokens
    for choice in chunk.choices:
        text += choice.delta.content or choice.delta.refusal or ""
        state = ENDINGS.get(choice.finish_reason or "", state)
    if chunk.usage is not None:
        tokens = chunk.usage.completion_tokens
    answering.tell(replace(message, text=text, tokens=tokens))
    return state


def _checked(actor: Actor, text: str) -> str:
    require(actor, Permission.GENERATE)
    question = text.strip().replace("\r\n", "\n").replace("\0", "")
    if not 1 <= len(question) <= QUESTION_CHARACTERS:
        raise BadRequest(
            f"A message has 1 to {QUESTION_CHARACTERS} characters, got {len(question)}.",
            action="Write something, or send it in parts.",
            param="text",
        )
    return question
