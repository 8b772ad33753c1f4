"""What was used is counted exactly once, also across a crash."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import pytest

from hanlin.accounts import Accounts, KeyRequest, Limits, Line, Quota, UsageCounters, Used
from hanlin.errors import NotAllowed, NotServing, TooMany
from hanlin.storage import Database
from hanlin.types import Actor, Role
from tests.accounts.conftest import Cast, Clock

DAYS = {"first_day": date(2026, 9, 1), "last_day": date(2026, 9, 30)}


def used(seq: int, actor: Actor, *, service: str = "chat", tokens: int = 10, time: float = 1_790_000_000.0) -> Used:
    return Used(
        seq=seq,
        time=time,
        workspace=actor.workspace,
        key=actor.key or actor.session,
        service=service,
        model="m1",
        prompt_tokens=tokens,
        completion_tokens=1,
        person=actor.person,
    )


async def stream(*items: Used) -> AsyncIterator[Used]:
    for item in items:
        yield item


async def crash(usage: UsageCounters) -> None:
    """End without the flush that `close` makes."""
    usage._task.cancel()
    await asyncio.wait([usage._task])


async def total(usage: UsageCounters, actor: Actor) -> list[tuple[str, int, int]]:
    lines = await usage.report(actor, by="service", **DAYS)
    return sorted((line.key, line.requests, line.prompt_tokens) for line in lines)


async def test_counts_are_written_within_a_second_or_so(database: Database, cast: Cast) -> None:
    usage = await UsageCounters.open(database)
    usage.count(used(3, cast.owner))
    usage.count(used(7, cast.owner))
    assert await total(usage, cast.owner) == []
    async with asyncio.timeout(10):
        while await total(usage, cast.owner) != [("chat", 2, 20)]:
            await asyncio.sleep(0.05)
    await crash(usage)
    assert (await UsageCounters.open(database)).cursor == 7


async def test_after_a_crash_the_missing_part_is_replayed_and_nothing_twice(database: Database, cast: Cast) -> None:
    usage = await UsageCounters.open(database)
    for seq in (1, 2):
        usage.count(used(seq, cast.owner))
    await usage.flush()
    usage.count(used(5, cast.owner))
    await crash(usage)
    usage = await UsageCounters.open(database)
    assert usage.cursor == 2
    entries = [used(seq, cast.owner) for seq in (1, 2, 5, 6)]
    assert await usage.replay(stream(*entries)) == 2
    assert await usage.replay(stream(*entries)) == 0
    assert await total(usage, cast.owner) == [("chat", 4, 40)]
    await usage.close()


async def test_each_log_has_its_own_cursor(database: Database, cast: Cast) -> None:
    first, second = await UsageCounters.open(database, log="node1"), await UsageCounters.open(database, log="node2")
    first.count(used(9, cast.owner))
    second.count(used(4, cast.owner))
    await first.close()
    await second.close()
    again = await UsageCounters.open(database, log="node2")
    assert again.cursor == 4
    assert await total(again, cast.owner) == [("chat", 2, 20)]
    await again.close()


async def test_replay_finds_the_person_through_key_and_session(
    database: Database, accounts: Accounts, cast: Cast
) -> None:
    made = await accounts.keys.create(cast.colleague, KeyRequest(name="k"))
    usage = await UsageCounters.open(database)
    anonymous = [
        Used(1, 1_790_000_000.0, cast.colleague.workspace, made.key.id, "chat", "m1", 5, 5),
        Used(2, 1_790_000_000.0, cast.colleague.workspace, cast.colleague.session, "chat", "m1", 5, 5),
        Used(3, 1_790_000_000.0, cast.colleague.workspace, "ses_gone", "chat", "m1", 5, 5),
    ]
    await usage.replay(stream(*anonymous))
    lines = await usage.report(cast.owner, by="person", **DAYS)
    assert lines == [
        Line(cast.colleague.person, "colleague", 2, 10, 10),
        Line("", "", 1, 5, 5),
    ]
    await usage.close()


async def test_a_failed_flush_is_repeated_and_a_lost_acknowledgement_does_not_count_twice(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = await UsageCounters.open(database)
    usage.count(used(1, cast.owner))
    write = database.write

    def fails() -> object:
        raise NotServing("gone")

    monkeypatch.setattr(database, "write", fails)
    with pytest.raises(NotServing):
        await usage.flush()
    monkeypatch.setattr(database, "write", write)
    batch = usage._batch
    await usage.flush()
    usage._batch = batch  # as if the commit's answer had been lost
    usage.count(used(2, cast.owner))
    await usage.flush()
    await usage.flush()
    assert await total(usage, cast.owner) == [("chat", 2, 20)]
    await usage.close()


async def test_the_background_task_outlives_a_database_that_is_away(
    database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hanlin.accounts.usage.FLUSH_SECONDS", 0.01)
    usage = await UsageCounters.open(database)
    write = database.write
    calls = 0

    def fails() -> object:
        nonlocal calls
        calls += 1
        raise NotServing("gone")

    monkeypatch.setattr(database, "write", fails)
    usage.count(used(1, cast.owner))
    while calls < 3:
        await asyncio.sleep(0.01)
    monkeypatch.setattr(database, "write", write)
    async with asyncio.timeout(10):
        while await total(usage, cast.owner) != [("chat", 1, 10)]:
            await asyncio.sleep(0.01)
    await usage.close()


async def test_the_quota_starts_with_what_was_used_today(
    database: Database, accounts: Accounts, cast: Cast, clock: Clock
) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="k", limits=Limits(tokens_per_day=100)))
    actor = await accounts.authenticate(made.token)
    usage = await UsageCounters.open(database, clock=clock)
    usage.count(used(1, actor, tokens=500, time=clock.now - 86_400))
    usage.count(used(2, actor, tokens=79))
    usage.count(used(3, cast.owner, tokens=899))
    await usage.flush()
    quota = Quota(accounts.limits, tokens_per_day=1000, clock=clock)
    await usage.seed(quota)
    with pytest.raises(TooMany):
        quota.reserve(actor, 21)
    with pytest.raises(TooMany):
        quota.reserve(cast.owner, 21)
    quota.reserve(actor, 20)
    await usage.close()


async def test_reports_are_the_workspaces_and_a_members_are_their_own(database: Database, cast: Cast) -> None:
    usage = await UsageCounters.open(database)
    usage.count(used(1, cast.owner))
    usage.count(used(2, cast.colleague, service="writing", time=1_790_000_000 + 86_400))
    usage.count(used(3, cast.stranger, tokens=999))
    await usage.flush()
    for actor in (cast.owner, cast.auditor):
        assert await total(usage, actor) == [("chat", 1, 10), ("writing", 1, 10)]
    assert await total(usage, cast.colleague) == [("writing", 1, 10)]
    assert await total(usage, cast.stranger) == [("chat", 1, 999)]
    by_day = await usage.report(cast.owner, by="day", **DAYS)
    assert by_day == [Line("2026-09-21", "2026-09-21", 1, 10, 1), Line("2026-09-22", "2026-09-22", 1, 10, 1)]
    by_person = await usage.report(cast.owner, by="person", **DAYS)
    assert {line.name for line in by_person} == {"owner", "colleague"}
    assert await usage.report(cast.owner, by="model", first_day=date(2026, 9, 22), last_day=date(2026, 9, 22)) == [
        Line("m1", "m1", 1, 10, 1)
    ]
    with pytest.raises(NotAllowed, match="usage:read"):
        await usage.report(Actor("per_1", cast.owner.workspace, Role.MEMBER, frozenset()), by="day", **DAYS)
    await usage.close()


async def test_an_entry_that_comes_late_still_counts(database: Database, cast: Cast) -> None:
    usage = await UsageCounters.open(database)
    for seq in (8, 7):
        usage.count(used(seq, cast.owner))
        await usage.flush()
    assert await total(usage, cast.owner) == [("chat", 2, 20)]
    assert usage.cursor == 8
    await usage.close()
