"""Jobs whose bodies run on this server, how far they are, and who wants to know."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from msgspec.structs import replace

from hanlin.errors import HanlinError
from hanlin.jobs.durable import Ask
from hanlin.jobs.job import Arguments, Job
from hanlin.jobs.records import Begun, Records
from hanlin.jobs.steps import Turn, take
from hanlin.types import Actor, Permission

T = TypeVar("T")
ActorOf = Callable[[str, str], Awaitable[Actor]]
"""(person, workspace) -> the person's Actor with today's rights; raises NotAllowed when there are none."""
SAVE_SECONDS = 1.0
"""Progress is stored at most this often; those who watch on this server see all of it."""
_NOTE = re.compile(r"[a-z_]{0,60}")


class Watchers:
    """Wakes those who watch a job."""

    def __init__(self) -> None:
        self._events: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def listen(self, job_id: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._events.setdefault(job_id, set()).add(event)
        try:
            yield event
        finally:
            self._events[job_id].discard(event)
            if not self._events[job_id]:
                del self._events[job_id]

    def tell(self, job_id: str) -> None:
        for event in self._events.get(job_id, ()):
            event.set()


class Running:
    """One running body: the `Work` that it is given."""

    def __init__(
        self, begun: Begun, ask: Ask, *, actor_of: ActorOf, records: Records, tell: Callable[[str], None]
    ) -> None:
        self._begun = begun
        self._ask = ask
        self._actor_of = actor_of
        self._records = records
        self._tell = tell
        self._names: set[str] = set()
        self._progress = (begun.job.done, begun.job.total, begun.job.note)
        self._saved_at = 0.0
        self._advanced = False
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.failure: HanlinError | None = None
        """Why its task is cancelled, when it is not its owner who stops it: the error that ends the job."""

    @property
    def job(self) -> Job:
        return self._begun.job

    @property
    def arguments(self) -> Arguments:
        return self._begun.arguments

    def seen(self, job: Job) -> Job:
        """A row as it is now: with the progress that is not stored yet."""
        done, total, note = self._progress
        return replace(job, done=done, total=total, note=note)

    async def actor(self) -> Actor:
        """The owner with today's rights, but no more than the key had that started the job."""
        return confined(await self._actor_of(self.job.person, self.job.workspace), self._begun.scope)

    async def step(self, name: str, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """See `Work.step`."""
        if name in self._names:
            raise ValueError(f"two steps are called {name!r}: the second would be taken for the first")
        self._names.add(name)
        ran = False

        async def run() -> T:
            nonlocal ran
            ran = True
            return await function(*arguments)

        turn = Turn(name)
        self._ask(turn)
        value: T = await take(turn, run)
        if ran and not self._advanced:
            self._advanced = True
            await self._keep()
        return value

    async def report(self, done: int, total: int, note: str) -> None:
        """See `Work.report`. CancelledError once the job has ended elsewhere."""
        if not _NOTE.fullmatch(note):
            raise ValueError("a note is a key of the words table")
        progress = done, total, note
        if progress == self._progress:
            return
        self._progress = progress
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            await self._keep()
        self._tell(self.job.id)

    async def save(self) -> bool:
        """Store how far it is, and that it made progress; False when it has ended elsewhere."""
        self._saved_at = time.monotonic()
        return await self._records.report(self.job.id, *self._progress)

    async def _keep(self) -> None:
        if not await self.save():
            raise asyncio.CancelledError


def scope(actor: Actor) -> dict[str, Any]:
    """What the actor's key is confined to, as JSON: for a job that it starts, for what it leaves to be done later."""
    services = None if actor.services is None else sorted(actor.services)
    permissions = sorted(permission.value for permission in actor.permissions)
    return {"permissions": permissions, "services": services, "administrator": actor.administrator}


def confined(actor: Actor, scope: dict[str, Any]) -> Actor:
    """The actor with those of its rights that lie in the scope."""
    permissions = actor.permissions & {Permission(word) for word in scope["permissions"]}
    services = actor.services if scope["services"] is None else frozenset(scope["services"])
    administrator = actor.administrator and scope["administrator"]
    return replace(actor, permissions=permissions, services=services, administrator=administrator)
