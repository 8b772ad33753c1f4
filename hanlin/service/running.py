"""The generations that run now: so that revoking a key or stopping the server ends them."""

from __future__ import annotations

import asyncio

from hanlin.errors import NotServing
from hanlin.types import Actor


class Running:
    """Every running generation's task, by the key or session it runs under."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[object], Actor] = {}
        self._revoked: set[asyncio.Task[object]] = set()
        self._closing = False

    def __len__(self) -> int:
        return len(self._tasks)

    def enter(self, actor: Actor) -> asyncio.Task[object]:
        """Note the current task as a generation of `actor`; returns what `leave` wants. NotServing while stopping."""
        if self._closing:
            raise NotServing("This server is stopping.", action="Try again in a moment.", code="stopping")
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = actor
        return task

    def leave(self, task: asyncio.Task[object] | None) -> bool:
        """The generation of `task` is over; returns whether `end` ended it, wherever it was waiting at the time."""
        if task is None:
            return False
        self._tasks.pop(task, None)
        revoked = task in self._revoked
        self._revoked.discard(task)
        return revoked

    def actors(self) -> list[Actor]:
        """Whose generations run now."""
        return list(self._tasks.values())

    def end(self, credential: str) -> int:
        """Cancel every generation that runs under this key or session; returns how many."""
        ended = [task for task, actor in self._tasks.items() if credential in (actor.key, actor.session)]
        for task in ended:
            self._revoked.add(task)
            task.cancel("revoked")
        return len(ended)

    async def drain(self, seconds: float) -> None:
        """Take no new work; wait for what runs; cancel what is still running after `seconds`."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)
        for task in list(self._tasks):
            task.cancel("stopping")
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)
