"""The pipeline over the real record, policy, quota, labels and register; the shipped fake answers, as told."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hanlin.accounts import Quota
from hanlin.audit import Log
from hanlin.audit.leaves import IntentLeaf, OutcomeLeaf
from hanlin.engines.echo import EchoEngine
from hanlin.labels import Labeller
from hanlin.policy import Policy
from hanlin.policy.file import PolicyFile, Refusal, WordList
from hanlin.registry import Registry
from hanlin.service import Finished, Pipeline, Request, Running, serve
from hanlin.storage import Database
from hanlin.types import Actor, ChatRequest, Chunk, Generation, Message, Model, Permission, Role, Service
from tests.audit.faults import Disk

ACTOR = Actor("per_" + "c" * 32, "ws_" + "1" * 32, Role.OWNER, frozenset(Permission), key="key_" + "1" * 32)
AUDITOR = Actor("per_" + "e" * 32, "ws_" + "1" * 32, Role.AUDITOR, frozenset({Permission.READ_AUDIT}), key="key_a")
POLICY = Policy.from_file(
    PolicyFile(
        name="plums",
        refusal=Refusal("不行", "No."),
        rules=(WordList(name="no-plums", category="A.3.e", reason="Nothing about plums.", terms=("red plum",)),),
    )
)
ANSWERS: dict[str, dict[str, Any]] = {
    "plain": {"answer": "one two three four"},
    "slow": {"answer": "one two three four", "pieces": 400, "delay_seconds": 0.02},
    "silent": {"answer": "one", "delay_seconds": 60},
    "plum": {"answer": "a nice red plum and more words behind it", "delay_seconds": 0.001},
    "broken": {"fault": "error"},
    "cut": {"answer": "one two three four", "fault": "cut"},
    "quiet": {"answer": "one two three four", "fault": "stall"},
}
"""Options of the echo engine, by name of model and service."""


@dataclass
class Rig:
    pipeline: Pipeline
    log: Log
    quota: Quota
    running: Running
    registry: Registry
    disk: Disk
    finished: list[Finished]
    jobs: list[Generation] = field(default_factory=list)
    """What the engine was asked."""
    closed: int = 0
    """How many of the engine's answers are over."""
    on_job: Callable[[], None] = lambda: None

    async def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        self.jobs.append(job)
        self.on_job()
        try:
            chunks = cast("AsyncGenerator[Chunk]", EchoEngine(job.model).generate(job))
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        finally:
            self.closed += 1

    async def ask(self, model: str, text: str = "hello", *, actor: Actor = ACTOR, **fields: Any) -> list[Chunk]:
        """All that `serve` yields."""
        return [chunk async for chunk in self.serve(model, text, actor=actor, **fields)]

    def serve(self, model: str, text: str = "hello", *, actor: Actor = ACTOR, **fields: Any) -> AsyncGenerator[Chunk]:
        chat = ChatRequest(model=model, messages=[Message(role="user", content=text)], **fields)
        return serve(self.pipeline, Request.of(actor, chat))

    async def leaves(self) -> tuple[list[IntentLeaf], list[OutcomeLeaf]]:
        leaves = [entry.leaf for entry in (await self.log.entries(event="generation:")).entries]
        intents = [leaf for leaf in leaves if isinstance(leaf, IntentLeaf)]
        return intents, [leaf for leaf in leaves if isinstance(leaf, OutcomeLeaf)]

    async def outcome(self) -> OutcomeLeaf:
        """The one outcome in the record, checked to belong to the one intent, with everything given back."""
        for _ in range(200):
            if self.finished:
                break
            await asyncio.sleep(0.01)
        intents, outcomes = await self.leaves()
        assert [leaf.request for leaf in intents] == [leaf.request for leaf in outcomes]
        (outcome,) = outcomes
        assert self.quota.running == 0
        assert len(self.running) == 0
        assert len(self.jobs) == self.closed
        (finished,) = self.finished
        assert (finished.request_id, finished.status) == (outcome.request, outcome.status)
        assert [entry.seq for entry in (await self.log.entries(event="generation:outcome")).entries] == [finished.seq]
        assert self.spent() == outcome.prompt_tokens + outcome.completion_tokens
        return outcome

    def spent(self) -> int:
        """Tokens that the workspace has used today, by what its quota says is left."""
        return sum(budget.spent for name, budget in self.quota._budgets.items() if name == ACTOR.workspace)


def text(chunks: list[Chunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def ends(chunks: list[Chunk]) -> list[str]:
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]


@asynccontextmanager
async def opened(folder: Path, template: Path, **quota: Any) -> AsyncIterator[Rig]:
    disk = Disk()
    log = await Log.open(folder / "audit", origin="rig", master_key=bytes(range(32)), connect=disk.connect)
    shutil.copy(template, folder / "rig.db")
    database = await Database.open(f"sqlite:///{folder}/rig.db")
    names = [*ANSWERS, "untested", "suspended"]
    registry = Registry(
        database,
        models=[
            Model(name=f"{name}-model", engine="echo", digest=f"sha256:{name}", options=ANSWERS.get(name, {}))
            for name in names
        ],
        services=[Service(name=name, models=(f"{name}-model",)) for name in names],
    )
    await registry.load()
    for name in names:
        if name != "untested":
            await registry.declare(ACTOR, f"{name}-model", "It only says what it is told.")
    await registry.suspend(ACTOR, "suspended-model", "It praised itself.")
    meter, running = Quota({}, **quota), Running()
    finished: list[Finished] = []
    rig: Rig

    def generate(job: Generation) -> AsyncIterator[Chunk]:
        return rig.generate(job)

    pipeline = Pipeline(
        record=log,
        resolve=registry.resolve,
        meter=meter,
        rules=lambda *_: POLICY,
        generate=generate,
        label=Labeller("Rig").begin,
        observe=finished.append,
        running=running,
    )
    rig = Rig(pipeline, log, meter, running, registry, disk, finished)
    try:
        yield rig
    finally:
        disk.blocked.set()
        disk.full = False
        await database.close()
        await log.close()
