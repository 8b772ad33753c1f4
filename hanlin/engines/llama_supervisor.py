"""Keeps one child alive: loads it, watches its memory, starts it again with patience, and remembers what killed it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from asyncio import Future
from pathlib import Path
from typing import Any

from hanlin.engines.llama_process import COMMAND, Child
from hanlin.engines.llama_wire import Start
from hanlin.engines.protocol import Health
from hanlin.errors import BadRequest, NotServing

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
HEALTHY_SECONDS = 60.0
"""After this long without a fault, the next pause is the first again."""
WATCH_SECONDS = 1.0
MIB = 1024 * 1024
_log = logging.getLogger(__name__)


class Suspects:
    """Requests that were running when the child died, by keyed hash, and how often."""

    LIMIT = 1024
    DEATHS = 2

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._deaths: dict[bytes, int] = {}

    def fingerprint(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=16).digest()

    def accuse(self, fingerprint: bytes) -> None:
        self._deaths[fingerprint] = self._deaths.pop(fingerprint, 0) + 1
        while len(self._deaths) > self.LIMIT:
            del self._deaths[next(iter(self._deaths))]

    def clear(self, fingerprint: bytes) -> None:
        """It finished without harm."""
        self._deaths.pop(fingerprint, None)

    def check(self, fingerprint: bytes) -> None:
        """Raise BadRequest for a request that ran both times the child died."""
        if self._deaths.get(fingerprint, 0) >= self.DEATHS:
            raise BadRequest(
                f"This very request was running {self.DEATHS} times when the engine died, so it is refused.",
                action="Change the request, and tell the operator.",
                code="request_kills_engine",
            )


class Supervisor:
    """Starts and restarts the child of one model."""

    def __init__(self, start: Start, *, memory_mib: int, command: tuple[str, ...] = COMMAND) -> None:
        self.suspects = Suspects()
        self.health = Health(ready=False, detail="not started")
        self._start, self._memory_mib, self._command = start, memory_mib, command
        self._task: asyncio.Task[None] | None = None
        self._child: Future[Child | None] | None = None
        self._ending: Future[str] | None = None
        self._restarts = 0
        self._reason = ""

    def start(self) -> None:
        self._child = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep_alive())

    async def stop(self) -> None:
        """End the child and every request in it."""
        self._set_child(None)
        self._child = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        if self._ending is not None:
            await self._ending
        self.health = Health(ready=False, detail="stopped")

    async def ready(self, wait_seconds: float) -> Child:
        """The loaded child, waited for a while. Raises NotServing with the reason."""
        if self._child is not None:
            try:
                child = await asyncio.wait_for(asyncio.shield(self._child), wait_seconds)
            except TimeoutError:
                child = None
            if child is not None:
                return child
        raise NotServing(f"The model is not ready: {self.health.detail}.", action="Try again later.")

    async def _keep_alive(self) -> None:
        failures = 0
        while True:
            loaded_at = await self._live()
            healthy = loaded_at is not None and time.monotonic() - loaded_at > HEALTHY_SECONDS
            failures = 1 if healthy else failures + 1
            await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (failures - 1)))
            if self._child is None or self._child.done():
                self._child = asyncio.get_running_loop().create_future()

    async def _live(self) -> float | None:
        """One life of the child; the moment it was ready, or None when it never was."""
        self.health = Health(ready=False, detail=self._progress())
        try:
            child = await Child.spawn(self._start, self._command)
        except OSError as error:
            self._failed(f"its process cannot start: {error.strerror}")
            return None
        try:
            return await self._watch(child)
        finally:
            child.kill()
            child.drop_calls("engine_stopped", "The engine was stopped.")
            self._ending = asyncio.ensure_future(child.ended())
            await asyncio.shield(self._ending)

    async def _watch(self, child: Child) -> float | None:
        loading = asyncio.create_task(child.loaded())
        reason = await self._guard(child, loading, self._memory_mib * MIB) or loading.result()
        if reason:
            self._failed(reason)
            return None
        loaded_at = time.monotonic()
        self._set_child(child)
        self.health = Health(ready=True, detail="ready")
        reason = await self._serve(child)
        self._note(reason)
        self.health = Health(ready=False, detail=self._progress())
        for call in child.calls.values():
            self.suspects.accuse(call.fingerprint)
        child.drop_calls("engine_died", "The engine ended while it answered; it is being started again.")
        return loaded_at

    async def _serve(self, child: Child) -> str:
        """Relay answers for as long as the child lives; why it ended."""
        relay = asyncio.create_task(child.relay(self.suspects.clear))
        reason = await self._guard(child, relay, self._ceiling_bytes(child))
        self._child = asyncio.get_running_loop().create_future()
        ending = await child.ended()
        return reason or f"its process {ending}"

    async def _guard(self, child: Child, task: asyncio.Task[Any], ceiling_bytes: int) -> str:
        """Wait for `task`; kill the child, and say why, when it is over its memory or hangs."""
        reason = ""
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=WATCH_SECONDS)
                used = child.memory_bytes()
                if ceiling_bytes and used > ceiling_bytes:
                    reason = f"its process used {used // MIB} MiB, over its ceiling of {ceiling_bytes // MIB} MiB"
                elif child.hangs():
                    reason = "its process did not stop a cancelled request"
                if reason:
                    child.kill()
        finally:
            task.cancel()
        return reason

    def _ceiling_bytes(self, child: Child) -> int:
        """The ceiling set, or: the weights, what else is used when ready (the context), the prompt cache and 1 GiB."""
        if self._memory_mib:
            return self._memory_mib * MIB
        weights = Path(self._start.weights).stat().st_size
        return weights + child.memory_bytes("RssAnon") + (self._start.prompt_cache_mib + 1024) * MIB

    def _failed(self, reason: str) -> None:
        self._note(reason)
        self.health = Health(ready=False, detail=f"failed: {reason}")
        self._set_child(None)

    def _note(self, reason: str) -> None:
        self._reason = reason
        self._restarts += 1
        _log.warning("engine of %s: %s", Path(self._start.weights).name, reason)

    def _progress(self) -> str:
        return f"restarting ({self._restarts}): {self._reason}" if self._restarts else "loading"

    def _set_child(self, child: Child | None) -> None:
        if self._child is not None and not self._child.done():
            self._child.set_result(child)
