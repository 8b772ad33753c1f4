"""Conversations and messages at rest. Every statement names the person and the workspace it acts for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.assistants.chat.records import Conversation, Message, State, conversation, message
from hanlin.assistants.chat.tables import conversations, messages
from hanlin.errors import BadRequest, Conflict, NotFound
from hanlin.storage import Database
from hanlin.types import Actor, new_id

LISTED = 300
"""Conversations in one list; older ones are found by searching."""
TITLE_CHARACTERS = 60
ID = re.compile(r"(con|msg)_[0-9a-f]{32}")


class History:
    """Reads and writes rows; knows nothing of what is being generated."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def recent(self, actor: Actor, search: str = "") -> list[Conversation]:
        """The actor's own, the last changed first; with `search`, those whose title or messages contain it."""
        statement = select(conversations).where(*_own(conversations, actor))
        if search:
            said = exists().where(
                messages.c.conversation_id == conversations.c.id, messages.c.text.icontains(search, autoescape=True)
            )
            statement = statement.where(or_(conversations.c.title.icontains(search, autoescape=True), said))
        statement = statement.order_by(conversations.c.changed_at.desc(), conversations.c.id.desc()).limit(LISTED)
        async with self._database.read() as connection:
            return [conversation(row) for row in await connection.execute(statement)]

    async def read(self, actor: Actor, conversation_id: str) -> tuple[Conversation, list[Message]]:
        """One conversation with its messages in order. NotFound unless it is the actor's."""
        async with self._database.read() as connection:
            found = await _find(connection, actor, conversation_id)
            return found, await _messages(connection, actor, conversation_id)

    async def message(self, actor: Actor, conversation_id: str, message_id: str) -> Message:
        """One message. NotFound unless it is the actor's and in this conversation."""
        async with self._database.read() as connection:
            return await _find_message(connection, actor, conversation_id, message_id)

    async def rename(self, actor: Actor, conversation_id: str, title: str) -> None:
        """Give a conversation another title (1 to 120 characters)."""
        cleaned = " ".join(title.split())
        if not 1 <= len(cleaned) <= 120:
            raise BadRequest(f"A title has 1 to 120 characters, got {len(cleaned)}.", param="title")
        async with self._database.write() as connection:
            await _find(connection, actor, conversation_id)
            statement = update(conversations).where(conversations.c.id == conversation_id)
            await connection.execute(statement.values(title=cleaned))

    async def delete(self, actor: Actor, conversation_id: str) -> None:
        """Delete a conversation and its messages for good."""
        async with self._database.write() as connection:
            await _find(connection, actor, conversation_id)
            await connection.execute(delete(messages).where(messages.c.conversation_id == conversation_id))
            await connection.execute(delete(conversations).where(conversations.c.id == conversation_id))

    async def create(self, actor: Actor, first: str, service: str) -> str:
        """The id of a new, empty conversation, titled by the first line of the `first` question."""
        now = int(self._clock())
        title = " ".join(first.strip().splitlines()[0].split())
        row = {
            "id": new_id("con"),
            "title": title if len(title) <= TITLE_CHARACTERS else title[: TITLE_CHARACTERS - 1] + "…",
            "service": service,
            "created_at": now,
            "changed_at": now,
        }
        async with self._database.write() as connection:
            await connection.execute(insert(conversations).values(**row, **_owner(actor)))
        return str(row["id"])

    async def append(
        self,
        actor: Actor,
        conversation_id: str,
        *,
        question: str | None,
        service: str,
        request_id: str,
        cut: int | None,
    ) -> tuple[list[Message], list[Message]]:
        """Add a question (None: the last one is answered again) and its pending answer.

        Messages from position `cut` on are deleted first. Returns the messages before, and the new ones. Conflict while
        another answer is pending.
        """
        now = int(self._clock())
        async with self._database.write() as connection:
            await _find(connection, actor, conversation_id)
            if cut is not None:
                behind = messages.c.conversation_id == conversation_id, messages.c.position >= cut
                await connection.execute(delete(messages).where(*behind))
            before = await _messages(connection, actor, conversation_id)
            if any(earlier.state is State.PENDING for earlier in before):
                raise Conflict("An answer is still being written.", action="Wait for it, or stop it.")
            position = before[-1].position + 1 if before else 0
            common = {"conversation_id": conversation_id, "service": service, "created_at": now}
            new = [] if question is None else [_question(question, position=position, **common)]
            new.append(_answer(request_id, position=position + len(new), **common))
            rows = [{**msgspec.structs.asdict(item), **_owner(actor)} for item in new]
            await connection.execute(insert(messages), rows)
            changed = update(conversations).where(conversations.c.id == conversation_id)
            await connection.execute(changed.values(changed_at=now, service=service))
        return before, new

    async def save(self, answer: Message) -> None:
        """Write what an answer has become. One that was deleted meanwhile stays deleted."""
        values = msgspec.structs.asdict(answer)
        async with self._database.write() as connection:
            await connection.execute(update(messages).where(messages.c.id == answer.id).values(**values))

    async def interrupt_pending(self) -> int:
        """Mark answers that a crash left pending; at start, before anything is generated. Returns how many."""
        statement = update(messages).where(messages.c.state == State.PENDING).values(state=State.INTERRUPTED)
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount


def _owner(actor: Actor) -> dict[str, str]:
    return {"workspace_id": actor.workspace, "person_id": actor.person}


def _own(table: Table, actor: Actor) -> Sequence[ColumnElement[bool]]:
    return table.c.workspace_id == actor.workspace, table.c.person_id == actor.person


async def _find(connection: AsyncConnection, actor: Actor, conversation_id: str) -> Conversation:
    if not ID.fullmatch(conversation_id):
        raise _not_found()
    statement = select(conversations).where(conversations.c.id == conversation_id, *_own(conversations, actor))
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise _not_found()
    return conversation(row)


async def _find_message(connection: AsyncConnection, actor: Actor, conversation_id: str, message_id: str) -> Message:
    if not ID.fullmatch(message_id):
        raise _not_found()
    statement = select(messages).where(
        messages.c.id == message_id, messages.c.conversation_id == conversation_id, *_own(messages, actor)
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise _not_found()
    return message(row)


async def _messages(connection: AsyncConnection, actor: Actor, conversation_id: str) -> list[Message]:
    statement = select(messages).where(messages.c.conversation_id == conversation_id, *_own(messages, actor))
    return [message(row) for row in await connection.execute(statement.order_by(messages.c.position))]


def _question(text: str, **common: Any) -> Message:
    return Message(id=new_id("msg"), role="user", state=State.DONE, text=text, **common)


def _answer(request_id: str, **common: Any) -> Message:
    return Message(id=new_id("msg"), role="assistant", state=State.PENDING, text="", request_id=request_id, **common)


def _not_found() -> NotFound:
    return NotFound("There is no such conversation or message.", action="Open it from the list of your conversations.")
