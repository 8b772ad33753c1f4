"""A disk that fails, fills or stands still: refusals in time, nothing acknowledged is lost, nothing is tried twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from hanlin.audit import Event, Log
from hanlin.audit.log import QUEUE_ITEMS
from hanlin.audit.store import Reader, open_reader
from hanlin.errors import AuditUnavailable, HanlinError
from tests.audit.cast import COLLEAGUE, MASTER_KEY, ORIGIN, generate, opened, outcome
from tests.audit.faults import Disk


async def test_a_failed_sync_ends_the_log_at_once_and_for_good(tmp_path: Path) -> None:
    disk, failed = Disk(), asyncio.Event()
    log = await Log.open(tmp_path, origin=ORIGIN, master_key=MASTER_KEY, connect=disk.connect, on_failure=failed.set)
    await log.intend("r1", COLLEAGUE, "chat", b"")
    disk.broken_commits = True
    waiting = [log.intend(f"r{i}", COLLEAGUE, "chat", b"") for i in range(2, 6)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [getattr(error, "code", "") for error in found] == ["audit_unavailable"] * 4
    await asyncio.wait_for(failed.wait(), 5)
    commits = disk.commits
    assert not log.ready
    submissions: list[Callable[[], asyncio.Future[int]]] = [
        lambda: log.intend("r9", COLLEAGUE, "chat", b""),
        lambda: log.conclude("r1", COLLEAGUE, outcome()),
        lambda: log.record(Event.POLICY_CHANGED, None),
    ]
    for submit in submissions:
        with pytest.raises(AuditUnavailable, match="stops answering"):
            submit()
    with pytest.raises(AuditUnavailable):
        await log.checkpoint()
    await log.close()
    assert disk.commits == commits, "no second try"
    async with opened(tmp_path) as again:
        assert again.unknown_outcomes == 1
        assert (await again.receipt("r1")).intent.index == 1


async def test_a_full_disk_refuses_intents_keeps_outcomes_and_recovers_by_itself(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, connect=disk.connect) as log:
        await log.intend("r1", COLLEAGUE, "chat", b"")
        disk.full = True
        for _ in range(3):
            with pytest.raises(AuditUnavailable) as refused:
                await log.intend("r2", COLLEAGUE, "chat", b"")
            assert refused.value.code == "audit_disk_full"
        with pytest.raises(AuditUnavailable):
            await log.conclude("r1", COLLEAGUE, outcome())
        assert (await log.entries()).entries[0].seq == 1, "reading goes on"
        disk.full = False
        await log.intend("r3", COLLEAGUE, "chat", b"")
        receipt = await log.receipt("r1")
        assert receipt.outcome is not None
        assert [entry.leaf.event for entry in (await log.entries()).entries] == [
            "generation:intent",
            "generation:outcome",
            "generation:intent",
            "server:started",
        ]
        assert (await log.verify()).entries == log.size


async def test_a_database_that_may_not_grow_is_a_full_disk(tmp_path: Path) -> None:
    """SQLite's own error, not ours: the file may have no more pages than it has."""
    async with opened(tmp_path) as log:
        connection = log._writer.connection

        def allow(pages: int) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()

        await log._job(lambda: allow(connection.execute("PRAGMA page_count").fetchone()[0]))
        found: list[object] = []
        for i in range(100):
            found += await asyncio.gather(log.intend(f"r{i}", COLLEAGUE, "chat", b""), return_exceptions=True)
        codes = {error.code for error in found if isinstance(error, AuditUnavailable)}
        assert codes == {"audit_disk_full"}
        await log._job(lambda: allow(10_000))
        written = [i for i, seq in enumerate(found) if isinstance(seq, int)]
        assert await generate(log)
        assert log.size == 1 + len(written) + 2
        assert (await log.verify()).entries == log.size


async def test_a_late_outcome_is_written_without_new_traffic(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, connect=disk.connect) as log:
        await log.intend("r1", COLLEAGUE, "chat", b"")
        disk.full = True
        with pytest.raises(AuditUnavailable):
            await log.conclude("r1", COLLEAGUE, outcome())
        disk.full = False
        async with asyncio.timeout(10):
            while log.size < 3:
                await asyncio.sleep(0.02)


async def test_a_writer_that_stands_still_is_told_within_two_seconds(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, connect=disk.connect) as log:
        disk.blocked.clear()
        waiting = log.intend("r1", COLLEAGUE, "chat", b"")
        start = asyncio.get_running_loop().time()
        with pytest.raises(AuditUnavailable) as refused:
            await waiting
        assert refused.value.code == "audit_backpressure"
        assert asyncio.get_running_loop().time() - start < 2.5
        assert log.health()["ready"] is False
        with pytest.raises(AuditUnavailable):
            log.intend("r2", COLLEAGUE, "chat", b"")
        disk.blocked.set()
        async with asyncio.timeout(5):
            while not log.ready:
                await asyncio.sleep(0.01)
        assert await generate(log)


async def test_a_full_queue_refuses_intents_and_takes_outcomes(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, connect=disk.connect) as log:
        disk.blocked.clear()
        waiting = [log.intend(f"r{i}", COLLEAGUE, "chat", b"") for i in range(QUEUE_ITEMS)]
        assert not log.ready
        with pytest.raises(AuditUnavailable) as refused:
            log.intend("one too many", COLLEAGUE, "chat", b"")
        assert refused.value.code == "audit_backpressure"
        ending = log.conclude("r1", COLLEAGUE, outcome())
        disk.blocked.set()
        assert await ending == QUEUE_ITEMS + 1
        assert await asyncio.gather(*waiting) == list(range(1, QUEUE_ITEMS + 1))


@pytest.mark.slow
async def test_every_statement_may_fail_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    """Fail at the n-th statement, for each n until none fails: open, write, check, erase, close; then open again."""
    for n in range(1, 200):
        folder = tmp_path / str(n)
        disk = Disk(fail_at=n)
        acknowledged: list[str] = []
        completed = await _life(folder, disk, acknowledged)
        async with opened(folder) as log:
            for request in acknowledged:
                assert (await log.receipt(request)).outcome is not None
            assert (await log.verify()).entries == log.size
        if completed and disk.calls < n:
            assert n > 20, "the loop met statements"
            return
    raise AssertionError("the loop did not end")


async def _life(folder: Path, disk: Disk, acknowledged: list[str]) -> bool:
    try:
        log = await Log.open(folder, origin=ORIGIN, master_key=MASTER_KEY, connect=disk.connect)
    except (sqlite3.Error, HanlinError):
        return False
    try:
        acknowledged.append(await generate(log, body=b"a"))
        acknowledged.append(await generate(log, body=b"b"))
        await log.checkpoint()
        await log.erase(COLLEAGUE.person, "request")
        acknowledged.append(await generate(log))
    except HanlinError:
        return False
    finally:
        with suppress(HanlinError):
            await log.close()
    return True


async def test_tree_and_leaves_agree_after_a_failed_transaction(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, connect=disk.connect) as log:
        await asyncio.gather(*(log.intend(f"r{i}", COLLEAGUE, "", b"") for i in range(250)))
        disk.full = True
        found = await asyncio.gather(
            *(log.intend(f"s{i}", COLLEAGUE, "", b"") for i in range(50)), return_exceptions=True
        )
        assert all(isinstance(error, AuditUnavailable) for error in found)
        disk.full = False
        await asyncio.gather(*(log.intend(f"t{i}", COLLEAGUE, "", b"") for i in range(600)))
        assert (await log.verify()).entries == 851
    reader = Reader(open_reader(tmp_path / "audit.db"))
    assert reader.size() == 852
    reader.connection.close()


async def test_a_late_outcome_is_written_when_the_log_closes(tmp_path: Path) -> None:
    disk = Disk()
    async with opened(tmp_path, connect=disk.connect) as log:
        await log.intend("r1", COLLEAGUE, "chat", b"")
        disk.full = True
        with pytest.raises(AuditUnavailable):
            await log.conclude("r1", COLLEAGUE, outcome())
        disk.full = False
    async with opened(tmp_path) as log:
        assert log.unknown_outcomes == 0
        assert (await log.receipt("r1")).outcome is not None
