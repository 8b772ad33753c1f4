"""The embedded engine: llama.cpp (by xllamacpp) in a supervised process of its own, one for each model."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hanlin.engines.llama_answer import gather, read
from hanlin.engines.llama_calls import as_calls, spot_calls
from hanlin.engines.llama_process import COMMAND, Call
from hanlin.engines.llama_request import to_body
from hanlin.engines.llama_supervisor import Supervisor
from hanlin.engines.llama_wire import Start
from hanlin.engines.protocol import Health
from hanlin.engines.schema import demanded
from hanlin.errors import EngineTimeout, TooMany
from hanlin.types import Chunk, Generation

WAITING_PER_SLOT = 4


class Slots:
    """The answers made at once, first come first served, with a bound on who may wait."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._waiting = 0
        self._usual_seconds = 1.0

    async def take(self) -> None:
        """Wait for a slot. Raises TooMany, with a guess of when to come back, when too many wait already."""
        if self._waiting >= WAITING_PER_SLOT * self._count:
            raise TooMany(
                f"{self._waiting} requests already wait for this model.",
                retry_after_seconds=round(self._usual_seconds * self._waiting / self._count, 1),
                action="Try again after the time given.",
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def give_back(self, taken_at: float) -> None:
        self._usual_seconds += (time.monotonic() - taken_at - self._usual_seconds) / 8
        self._free.release()


class LlamaCppEngine:
    """Answers with GGUF weights on this machine."""

    def __init__(
        self,
        weights: Path,
        *,
        threads: int = 0,
        slots: int = 4,
        context_tokens: int = 8192,
        memory_mib: int = 0,
        prompt_cache_mib: int = 512,
        generation_seconds: float = 600,
        ready_seconds: float = 30,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        """`threads` 0: all cores but one. `memory_mib` 0: see `Supervisor`. `ready_seconds`: how long a request waits
        for a model that is loading. `command`: the child, given a descriptor as its last argument.
        """
        start = Start(
            weights=str(weights),
            threads=threads or max(1, (os.cpu_count() or 2) - 1),
            slots=slots,
            context_tokens=context_tokens,
            prompt_cache_mib=prompt_cache_mib,
        )
        self._supervisor = Supervisor(start, memory_mib=memory_mib, command=command)
        self._slot_count = slots
        self._slots = Slots(slots)
        self._generation_seconds = generation_seconds
        self._ready_seconds = ready_seconds

    async def start(self) -> None:
        self._supervisor.start()

    async def stop(self) -> None:
        await self._supervisor.stop()

    def health(self) -> Health:
        return self._supervisor.health

    async def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        body = to_body(job, self._slot_count)
        async with self._call(body) as call:
            chunks = read(call.events, job.chat)
            if demanded(job.chat):
                chunks = as_calls(chunks)
            elif job.chat.tools and job.chat.tool_choice != "none" and not job.chat.logprobs:
                chunks = spot_calls(chunks, {tool.function.name for tool in job.chat.tools})
            if not job.chat.stream:
                yield await gather(chunks, job.chat.n or 1)
                return
            async for chunk in chunks:
                yield chunk

    @asynccontextmanager
    async def _call(self, body: bytes) -> AsyncIterator[Call]:
        """`body` running in the child, with its time limit; cancelled when left early."""
        suspects = self._supervisor.suspects
        fingerprint = suspects.fingerprint(body)
        suspects.check(fingerprint)
        await self._slots.take()
        taken_at = time.monotonic()
        try:
            child = await self._supervisor.ready(self._ready_seconds)
        except BaseException:
            self._slots.give_back(taken_at)
            raise
        call = child.post(body, fingerprint, lambda: self._slots.give_back(taken_at))
        expired = EngineTimeout(f"The answer took longer than {self._generation_seconds:g} seconds.")
        limit = asyncio.get_running_loop().call_later(self._generation_seconds, call.events.put_nowait, expired)
        try:
            yield call
        finally:
            limit.cancel()
            child.cancel(call)
