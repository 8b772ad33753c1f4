"""The child process of an engine that runs a model here: the model in its memory, files from outside read in it.

It starts at the first call and ends when it was not asked for a while, so that a model nobody uses takes no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from hanlin.errors import BadFile, BadRequest, EngineFailed, EngineTimeout
from hanlin.sandbox import Ceilings, Sandbox

T = TypeVar("T")
IDLE_SECONDS = 300.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""More threads than free cores slow such models down many times over."""


class Child:
    """Calls run one after another, in the order they came; cancelling one that runs ends the process."""

    def __init__(self, name: str, ceilings: Ceilings, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._name = name
        self._sandbox = Sandbox(ceilings, processes=1, environment=ONE_THREAD)
        self._idle_seconds = idle_seconds
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """As `Sandbox.run`. Raises BadRequest with the function's own words, EngineFailed or EngineTimeout."""
        if self._timer is not None:
            self._timer.cancel()
        self._waiting += 1
        try:
            return await self._sandbox.run(function, *arguments)
        except BadFile as error:
            raise self._in_words(error) from None
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._let_go)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._sandbox.close()

    def _let_go(self) -> None:
        self._closing = asyncio.create_task(self._sandbox.close())

    def _in_words(self, error: BadFile) -> BadRequest | EngineFailed:
        if error.code == "file_too_slow":
            return EngineTimeout(f"The model {self._name!r} took too long for a part of the file.")
        if error.code == BadFile.default_code:
            return EngineFailed(
                f"The model {self._name!r} could not work on what it got ({error.message.rstrip('.')}).",
                action="Try again; if it happens again, see the server's log.",
            )
        return BadRequest(error.message, action=error.action, code=error.code)
