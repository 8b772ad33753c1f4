"""What a job is, and what its body may do. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from sqlalchemy import Row

from hanlin.types import Actor

T = TypeVar("T")
Arguments = dict[str, str | int | bool]
"""Ids, counts and options. Never a text that a person wrote: those go into the tables of the room."""


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


class Job(Struct, frozen=True):
    """One piece of long work and how far it is; the row that pages show."""

    id: str
    kind: str
    """What is done, `documents:read`; the word of its definition."""
    person: str
    workspace: str
    subject: str
    """Id of what it works on."""
    state: State
    done: int
    """Of `total` parts; both 0 until the first report."""
    total: int
    note: str
    """What goes on now, a key of the words table: reading, transcribing, …"""
    code: str
    """Code of the error that ended it; `problem` and `action` are its sentences."""
    problem: str
    action: str
    created_at: int
    started_at: int
    """0 while it has not begun."""
    ended_at: int
    """0 while it has not ended."""


class Work(Protocol):
    """A running job, as its body sees it."""

    @property
    def job(self) -> Job:
        """As it was when this run of the body began."""
        ...

    @property
    def arguments(self) -> Arguments: ...

    async def actor(self) -> Actor:
        """The owner with today's rights. NotAllowed when he has lost them: ask before each part of the work."""
        ...

    async def step(self, name: str, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """What `function(*arguments)` gives, once: after a crash or a retry a finished step is not run again.

        `name` is unique within the job (`page 12`). The value is what JSON can hold (a float stays a float, a tuple
        becomes a list), at most 64 KiB, and never a text that a person wrote. A crash while the step runs has it run a
        second time: its effect must be the same as once.
        """
        ...

    async def report(self, done: int, total: int, note: str) -> None:
        """Tell how far it is: `done` of `total` parts, and a key of the words table for what goes on."""
        ...


Body = Callable[[Work], Awaitable[None]]
"""What a kind of job does. It runs again from its beginning after a crash, passing over finished steps: what it does
outside of steps must be the same each time.
"""


def job(row: Row[Any]) -> Job:
    """The job of a row."""
    values = {name: getattr(row, name) for name in Job.__struct_fields__}
    return Job(**{**values, "state": State(row.state)})
