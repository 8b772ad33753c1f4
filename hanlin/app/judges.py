"""The rooms that decide what may come in and go out, built and tied together."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hanlin.app.oversight import Oversight, learn
from hanlin.engines.pool import Pool
from hanlin.policy import Judgement, Policies, Versions
from hanlin.policy.policy import Ask
from hanlin.policy.ruleset import Where
from hanlin.registry import Registry
from hanlin.review import Desk, Incidents, Ladder
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.settings import Settings
from hanlin.storage import Database
from hanlin.types import Actor, Announce, ChatRequest, Generation, Message, new_id

LOOKING = Ceilings(seconds=60, memory_mib=2048)
"""For pictures of people with a key; the two networks take a gigabyte."""
GUARD_TOKENS = 128
"""A guard model answers in one or two short lines."""


@dataclass(frozen=True, slots=True)
class Judges:
    """The rooms that decide what may come in and go out."""

    policies: Policies
    versions: Versions
    desk: Desk
    incidents: Incidents
    ladder: Ladder
    oversight: Oversight
    looking: Sandbox
    """Where pictures of strangers are looked at."""


async def open_judges(
    settings: Settings, stack: AsyncExitStack, database: Database, announce: Announce, ask: Ask
) -> Judges:
    """What judges texts, and the people who decide where it does not."""
    policies = await Policies.load(
        Path(settings.policies) if settings.policies else None, ask=ask, cache=Path(settings.data) / "lexicons"
    )
    versions = Versions(database, policies, announce)
    await versions.open()
    desk = Desk(database, announce, on_decided=lambda case: learn(case, policies, versions, ladder))
    await desk.refresh()
    ladder = Ladder(database, announce, desk=desk)
    await ladder.load()
    stack.push_async_callback(ladder.close)
    looking = Sandbox(LOOKING)
    stack.push_async_callback(looking.close)
    oversight = Oversight(policies, desk, ladder)
    return Judges(policies, versions, desk, Incidents(database, announce), ladder, oversight, looking)


async def measure(registry: Registry, pool: Pool, name: str, said: list[Message]) -> str:
    """What a registered guard model answers: a measurement that decides and that nobody is shown."""
    chat = ChatRequest(model=name, messages=said, temperature=0)
    job = Generation(new_id("req"), registry.model(name).model, chat, GUARD_TOKENS)
    parts: list[str] = []
    async for chunk in pool.generate(job):
        parts += [choice.delta.content or "" for choice in chunk.choices]
    return "".join(parts)


async def moderate(policies: Policies, actor: Actor, name: str, text: str, where: Where = "input", /) -> Judgement:
    """Judge a text by a policy, "" being the one that holds for the actor; long texts beside the event loop."""
    policy = policies.get(name) if name else policies.usual(actor)
    return await asyncio.to_thread(policy.judge, text, where, minor=actor.minor)
