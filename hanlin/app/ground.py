"""What every other room stands on: the data folder with the record, the database, and who acts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hanlin.accounts import Accounts, Quota, UsageCounters, Used
from hanlin.app.folder import master_key, origin
from hanlin.audit import Event, Log
from hanlin.service import Finished
from hanlin.settings import Settings
from hanlin.storage import Database, DataFolder
from hanlin.types import Actor, Announce, Facts


@dataclass(frozen=True, slots=True)
class Ground:
    record: Log
    database: Database
    accounts: Accounts
    quota: Quota
    usage: UsageCounters
    announce: Announce
    listeners: list[Announce]
    """Awaited after an event is on record, by rooms that know who else must hear of it."""
    failed: asyncio.Event


async def lay_ground(settings: Settings, stack: AsyncExitStack) -> Ground:
    """Lock the data folder, open record and database, and count again what a crash left uncounted."""
    folder = DataFolder.open(Path(settings.data))
    stack.callback(folder.close)
    failed = asyncio.Event()
    record = await Log.open(
        folder.path / "audit",
        origin=origin(settings),
        master_key=master_key(settings, folder.path),
        checkpoint_copy=Path(settings.checkpoint_copy) if settings.checkpoint_copy else None,
        on_failure=failed.set,
    )
    stack.push_async_callback(record.close)
    database = await Database.open(settings.database_url or f"sqlite:///{folder.path}/hanlin.db")
    stack.push_async_callback(database.close)

    listeners: list[Announce] = []

    async def announce(event: str, actor: Actor | None, facts: Facts) -> None:
        await record.record(Event(event), actor, facts)
        for listener in listeners:
            await listener(event, actor, facts)

    accounts = Accounts(database, session_hours=settings.session_hours, key_days=settings.key_days, announce=announce)
    quota = quotas(settings, accounts)
    usage = await UsageCounters.open(database, log=record.origin)
    stack.push_async_callback(usage.close)
    await usage.replay(used_since(record, usage.cursor))
    await usage.seed(quota)
    return Ground(record, database, accounts, quota, usage, announce, listeners, failed)


def quotas(settings: Settings, accounts: Accounts) -> Quota:
    return Quota(
        accounts.limits,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        tokens_per_day=settings.tokens_per_day,
        concurrent_generations=settings.concurrent_generations,
    )


async def used_since(record: Log, cursor: int) -> AsyncIterator[Used]:
    """Every outcome in the record behind `cursor`, as usage counts it."""
    async for seq, leaf in record.outcomes(cursor):
        yield Used(
            seq,
            leaf.time / 1000,
            leaf.workspace,
            leaf.credential,
            leaf.service,
            leaf.model.name if leaf.model else "",
            leaf.prompt_tokens,
            leaf.completion_tokens,
        )


def count(usage: UsageCounters, finished: Finished) -> None:
    """Count one ended generation as used."""
    actor = finished.actor
    usage.count(
        Used(
            finished.seq,
            time.time(),
            actor.workspace,
            actor.key or actor.session,
            finished.service,
            finished.model,
            finished.usage.prompt_tokens,
            finished.usage.completion_tokens,
            actor.person,
        )
    )
