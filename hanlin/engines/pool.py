"""One engine a model, made and started when first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import cast

from hanlin.engines.protocol import Engine, Health
from hanlin.errors import BadRequest, Misconfigured, nearest
from hanlin.types import Chunk, Generation, Model


class Pool:
    """The engines that run, by model. A new version of a model gets a new engine; the old one is stopped."""

    def __init__(self, makers: Mapping[str, Callable[[Model], Engine]]) -> None:
        self._makers = makers
        self._engines: dict[str, tuple[Model, Engine]] = {}
        self._started: set[Engine] = set()
        self._stopping: set[asyncio.Task[None]] = set()

    def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        """What the model of `job` answers; raises Misconfigured for an unknown kind of engine or wrong options."""
        engine = self._engine(job.model)
        return engine.generate(job) if engine in self._started else self._start_and_generate(engine, job)

    async def start(self, model: Model) -> None:
        """Begin to get this model's engine ready, so that the first who asks does not wait for it."""
        engine = self._engine(model)
        if engine not in self._started:
            self._started.add(engine)
            await engine.start()

    def check(self, model: Model) -> None:
        """Raise BadRequest for an unknown kind of engine or options it does not take; starts nothing."""
        try:
            self._make(model)
        except Misconfigured as error:
            raise BadRequest(error.message, action=error.action, param="options") from None

    def health(self) -> dict[str, Health]:
        return {name: engine.health() for name, (_, engine) in self._engines.items()}

    async def stop(self) -> None:
        engines = [engine for _, engine in self._engines.values()]
        self._engines.clear()
        self._started.clear()
        await asyncio.gather(*(engine.stop() for engine in engines), *self._stopping)

    async def _start_and_generate(self, engine: Engine, job: Generation) -> AsyncIterator[Chunk]:
        await self.start(job.model)
        async with aclosing(cast("AsyncGenerator[Chunk]", engine.generate(job))) as chunks:
            async for chunk in chunks:
                yield chunk

    def _engine(self, model: Model) -> Engine:
        known = self._engines.get(model.name)
        if known is not None:
            if known[0] is model or known[0] == model:
                return known[1]
            self._retire(known[1])
        engine = self._make(model)
        self._engines[model.name] = (model, engine)
        return engine

    def _make(self, model: Model) -> Engine:
        maker = self._makers.get(model.engine)
        if maker is None:
            raise Misconfigured(
                f"There is no engine {model.engine[:60]!r}.", action=nearest(model.engine, self._makers)
            )
        return maker(model)

    def _retire(self, engine: Engine) -> None:
        self._started.discard(engine)
        task = asyncio.create_task(engine.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
