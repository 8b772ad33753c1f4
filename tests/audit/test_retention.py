"""Erasure, holds and pruning: what must go is gone from the disk, what must stay verifies."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from hanlin.audit import Event, Log
from hanlin.audit import retention as rules
from hanlin.audit.export import export
from hanlin.audit.keys import pseudonym
from hanlin.audit.store import Reader, open_reader
from hanlin.errors import BadRequest, Conflict, NotFound
from tests.audit.cast import COLLEAGUE, MASTER_KEY, ORIGIN, STRANGER, generate, opened
from tests.audit.test_log import Time
from tests.audit.test_receipts import check

DAY = 86_400_000


def traces(folder: Path, person: str) -> list[bytes]:
    """The person's id, wrapped keys and sealed parts, as they stand on the disk."""
    connection = sqlite3.connect(folder / "audit.db")
    found = [row[0] for row in connection.execute("SELECT wrapped FROM keys WHERE person = ?", (person,))]
    sql = "SELECT sealed FROM leaves WHERE sealed IS NOT NULL AND subject IN (SELECT id FROM keys WHERE person = ?)"
    found += [row[0] for row in connection.execute(sql, (person,))]
    connection.close()
    return [person.encode(), *found]


def on_disk(folder: Path, needles: list[bytes]) -> int:
    """How many of them are anywhere in any file of the folder, free pages and WAL included."""
    content = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return sum(needle in content for needle in needles)


async def test_an_erasure_leaves_nothing_of_the_person_on_the_disk_and_everything_verifies(tmp_path: Path) -> None:
    async with opened(tmp_path / "log") as log:
        for _ in range(40):
            await generate(log, COLLEAGUE)
            await generate(log, STRANGER)
        old = await log.checkpoint()
        theirs, others = traces(tmp_path / "log", COLLEAGUE.person), traces(tmp_path / "log", STRANGER.person)
        assert len(theirs) == len(others) == 42
        assert on_disk(tmp_path / "log", theirs) == 42

        seq = await log.erase(COLLEAGUE.person, "request of 2026-11-20")
        assert on_disk(tmp_path / "log", theirs) == 0
        assert on_disk(tmp_path / "log", others) == 42
        leaf = (await log.entries(limit=1)).entries[0]
        assert (leaf.seq, leaf.leaf.event) == (seq, Event.ERASURE_DONE)
        assert leaf.leaf.facts["subject"] == pseudonym(COLLEAGUE.person)  # type: ignore[union-attr]
        assert seq is not None
        assert await log.erase(COLLEAGUE.person, "again") is None
        assert log.size == seq + 1, "a second erasure adds nothing"
        assert (await log.verify()).entries == log.size
        again = await generate(log, COLLEAGUE)
        assert (await log.disclose(again)).person == COLLEAGUE.person

    (tmp_path / "held").write_text(old)
    reader = Reader(open_reader(tmp_path / "log" / "audit.db"))
    list(export(reader, tmp_path / "export"))
    reader.connection.close()
    assert on_disk(tmp_path / "export", theirs) == 0
    assert check(tmp_path / "export", "--held", tmp_path / "held")[0] == 0


async def test_an_erasure_that_was_cut_short_goes_on_at_the_next_start(tmp_path: Path) -> None:
    log = await Log.open(tmp_path / "a", origin=ORIGIN, master_key=MASTER_KEY)
    await generate(log)
    needles = traces(tmp_path / "a", COLLEAGUE.person)
    await log._job(lambda: rules.destroy_keys(log._writer, COLLEAGUE.person, "request"))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    await log.close()
    assert on_disk(tmp_path / "b", needles) > 0
    async with opened(tmp_path / "b"):
        assert on_disk(tmp_path / "b", needles) == 0


async def test_a_legal_hold_stops_erasure_and_pruning_until_it_is_lifted(tmp_path: Path) -> None:
    time = Time()
    async with opened(tmp_path, clock=time.clock()) as log:
        await asyncio.gather(*(log.intend(f"r{i}", COLLEAGUE, "", b"") for i in range(300)))
        await log.hold(COLLEAGUE.person, "case 7")
        time.pass_by(400 * 86_400)
        with pytest.raises(Conflict, match="legal hold"):
            await log.erase(COLLEAGUE.person, "request")
        with pytest.raises(Conflict, match="legal hold"):
            await log.prune(time.wall // 10**6 - 200 * DAY, basis="policy 3")
        await log.lift_hold(COLLEAGUE.person, "case 7 closed")
        with pytest.raises(Conflict, match="no hold"):
            await log.lift_hold(COLLEAGUE.person, "twice")
        assert await log.erase(COLLEAGUE.person, "request") is not None
        events = [entry.leaf.event for entry in (await log.entries(limit=3)).entries]
        assert events[0] == "erasure:done"
        assert "hold:lifted" in events


async def test_pruning_drops_whole_bundles_and_later_proofs_still_verify(tmp_path: Path) -> None:
    time = Time()
    async with opened(tmp_path / "log", clock=time.clock()) as log:
        await asyncio.gather(*(log.intend(f"old{i}", COLLEAGUE, "", b"") for i in range(700)))
        old = await log.checkpoint()
        needles = traces(tmp_path / "log", COLLEAGUE.person)
        time.pass_by(240 * 86_400)
        new = [await generate(log) for _ in range(3)]
        now = time.wall // 10**6
        with pytest.raises(BadRequest, match="183 days"):
            await log.prune(now - 183 * DAY + 1, basis="policy 3")
        assert await log.prune(now - 184 * DAY, basis="policy 3") == 512
        assert await log.prune(now - 184 * DAY, basis="policy 3") == 512, "nothing more to drop"
        assert on_disk(tmp_path / "log", needles[1:]) == 0, "keys and sealed parts of the old month went too"
        with pytest.raises(NotFound):
            await log.receipt("old5")
        for request in ("old699", *new):
            receipt = await log.receipt(request)
            (tmp_path / "receipt.json").write_bytes(receipt.json())
            assert check(tmp_path / "receipt.json")[0] == 0
        assert (await log.verify()).entries == log.size
        assert [entry.seq for entry in (await log.entries(before=514)).entries] == [513, 512]
    (tmp_path / "held").write_text(old)
    reader = Reader(open_reader(tmp_path / "log" / "audit.db"))
    list(export(reader, tmp_path / "export"))
    reader.connection.close()
    status, said = check(tmp_path / "export", "--held", tmp_path / "held")
    assert (status, "contents of 512" in said) == (0, True)
    async with opened(tmp_path / "log", clock=time.clock()) as log:
        assert (await log.verify()).entries == log.size


async def test_nothing_young_goes_though_the_clock_stepped(tmp_path: Path) -> None:
    """An entry with a young time among old ones keeps its bundle and all that follow."""
    time = Time()
    async with opened(tmp_path, clock=time.clock()) as log:
        await asyncio.gather(*(log.intend(f"a{i}", COLLEAGUE, "", b"") for i in range(300)))
        time.step(150 * 86_400)
        await log.intend("young", COLLEAGUE, "", b"")
        time.step(-150 * 86_400)
        await asyncio.gather(*(log.intend(f"b{i}", COLLEAGUE, "", b"") for i in range(600)))
        time.pass_by(200 * 86_400)
        assert await log.prune(time.wall // 10**6 - 184 * DAY, basis="policy 3") == 256
