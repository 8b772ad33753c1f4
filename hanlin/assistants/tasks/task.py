"""What a task and a run of it are. Times are Unix seconds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from hanlin.assistants.tasks.schedule import Schedule
from hanlin.jobs import State
from hanlin.types import Actor

Id = Annotated[str, Meta(max_length=80)]


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the things that a task works on."""

    source: Annotated[str, Meta(min_length=1, max_length=40)]
    """The assistant's name: `documents`, `meetings`."""
    subject: Id = ""
    """What of it: the id of a collection; empty where there is nothing to choose (the meetings that concern me)."""


class Delivery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a result goes. It is kept on the page in any case."""

    kind: Literal["page", "email", "webhook"] = "page"
    address: Annotated[str, Meta(max_length=500)] = ""


class Change(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says of a task, new or changed."""

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    parts: Annotated[tuple[Part, ...], Meta(min_length=1, max_length=8)]
    schedule: Schedule
    instructions: Annotated[str, Meta(max_length=4000)] = ""
    service: Annotated[str, Meta(max_length=200)] = ""
    """Which service answers; empty: the first that serves."""
    delivery: Delivery = Delivery()
    enabled: bool = True


class Task(Struct, frozen=True, kw_only=True):
    id: str
    """`task_…`"""
    person: str
    workspace: str
    said: Change
    scope: dict[str, Any]
    """What the key that saved it was confined to: no run has more rights."""
    code: str = ""
    """Why the server switched it off; empty when it did not."""
    next_at: int = 0
    """When it runs next; 0: never."""
    created_at: int = 0


class Section(Struct, frozen=True, kw_only=True):
    """What came of one part."""

    title: str
    text: str
    request_ids: tuple[str, ...] = ()
    """Name the receipts of what was generated for it."""
    service: str = ""
    items: int = 0
    """How many things it is about; 0: nothing is new."""


class Run(Struct, frozen=True, kw_only=True):
    """One due time of a task, and what came of it."""

    id: str
    """`run_…`; its job is about this id."""
    task: str
    due_at: int
    since: int
    """It is about what is new since then."""
    job: str
    """Id of its job: how far it is, cancel, go on."""
    state: State
    delivered: str
    """`page`, `email`, `webhook`, `nothing_new`, or empty until then."""
    problem: str
    action: str
    sections: tuple[Section, ...]


class Digest(Protocol):
    """What a source says; `Section` is one."""

    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def request_ids(self) -> tuple[str, ...]: ...
    @property
    def service(self) -> str: ...
    @property
    def items(self) -> int: ...


class Source(Protocol):
    """An assistant, as a task sees it."""

    async def digest(self, actor: Actor, subject: str, since: int, instructions: str, service: str, /) -> Digest:
        """What is new in a subject since a time, by the rights of the actor."""
        ...
