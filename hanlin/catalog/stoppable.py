"""Long disk and network work in a thread that ends soon after its task is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from hanlin.errors import Conflict

T = TypeVar("T")
P = TypeVar("P")


class Stopped(Exception):
    """The task was cancelled; raised in the thread at its next step."""


class Stop:
    """Asked by the thread between two steps."""

    def __init__(self) -> None:
        self._event = Event()

    def set(self) -> None:
        self._event.set()

    def check(self, wait_seconds: float = 0) -> None:
        """Wait up to `wait_seconds`; raises Stopped once the work is to end."""
        if self._event.wait(wait_seconds):
            raise Stopped


def in_loop(report: Callable[[P], None]) -> Callable[[P], None]:
    """`report` for use in a thread: called a little later, in the running loop's thread."""
    loop = asyncio.get_running_loop()

    def tell(progress: P) -> None:
        loop.call_soon_threadsafe(report, progress)

    return tell


async def in_thread(work: Callable[[Stop], T]) -> T:
    """The result of `work`, run in a thread. When cancelled, waits until the thread has put down what it held.

    A failing disk is raised as Conflict with the system's words.
    """
    stop = Stop()
    thread = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(thread, return_exceptions=True)
        raise
    except OSError as error:
        raise Conflict(
            f"The weight store cannot be used: {error.strerror or type(error).__name__}.",
            action="Check the free space and the rights of the `weights` folder.",
            code="weight_store_failed",
        ) from None
