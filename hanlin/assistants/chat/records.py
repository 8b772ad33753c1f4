"""What a conversation and a message are. Times are Unix seconds."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row


class State(StrEnum):
    """How far a message is. Questions are always `done`."""

    PENDING = "pending"
    DONE = "done"
    CUT = "cut"
    """Ended at the length limit."""
    STOPPED = "stopped"
    """By its reader."""
    INTERRUPTED = "interrupted"
    """The server stopped, or the session ended, while it was written."""
    REFUSED = "refused"
    FAILED = "failed"


class Conversation(Struct, frozen=True):
    id: str
    title: str
    service: str
    """The service last asked."""
    created_at: int
    changed_at: int


class Message(Struct, frozen=True, kw_only=True):
    """A question or an answer, with what became of it."""

    id: str
    conversation_id: str
    position: int
    role: Literal["user", "assistant"]
    state: State
    text: str
    service: str
    request_id: str = ""
    """Names the answer's receipt."""
    rule: str = ""
    """Public name of the rule that refused; empty when it cut the answer on its way out."""
    code: str = ""
    """Code of the error that ended it; `problem` and `action` are its sentences."""
    problem: str = ""
    action: str = ""
    tokens: int = 0
    milliseconds: int = 0
    created_at: int


def conversation(row: Row[Any]) -> Conversation:
    return Conversation(row.id, row.title, row.service, row.created_at, row.changed_at)


def message(row: Row[Any]) -> Message:
    values = {name: getattr(row, name) for name in Message.__struct_fields__}
    return Message(**{**values, "state": State(row.state)})
