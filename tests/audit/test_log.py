"""The log's face: what is acknowledged is there, in order, for as long as anyone asks."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from hanlin.audit import Event, Log, OutcomeLeaf
from hanlin.audit.check import check
from hanlin.audit.leaves import LEAF_BYTES, decode
from hanlin.audit.store import Reader, open_reader
from hanlin.audit.writer import Clock
from hanlin.errors import AuditUnavailable, BadRequest, Conflict, Misconfigured, NotFound
from tests.audit.cast import COLLEAGUE, MASTER_KEY, ORIGIN, STRANGER, generate, opened, outcome


def leaves(folder: Path) -> list[bytes]:
    reader = Reader(open_reader(folder / "audit.db"))
    found = reader.leaves(0, reader.size())
    reader.connection.close()
    return found


async def test_a_generation_leaves_two_entries_after_the_start(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        request = await generate(log)
        page = await log.entries()
    assert [(e.seq, e.leaf.event) for e in page.entries] == [
        (2, "generation:outcome"),
        (1, "generation:intent"),
        (0, "server:started"),
    ]
    ended = page.entries[0].leaf
    assert isinstance(ended, OutcomeLeaf)
    assert (ended.request, ended.status, ended.prompt_tokens, ended.completion_tokens) == (request, "completed", 3, 7)
    assert ended.model is not None
    assert (ended.model.name, ended.decisions[0].rule, ended.label) == ("qwen", "none", "label-1")


async def test_every_leaf_is_canonical_and_names_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await generate(log, body="杀人 \x7f\u2028".encode(), output=b"canary-output")
        await log.record(Event.KEY_CREATED, COLLEAGUE, {"zeta": 1, "alpha": "ü\u2028"})
    for leaf in leaves(tmp_path):
        fields = json.loads(leaf)
        assert json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == leaf
        assert COLLEAGUE.person.encode() not in leaf
        assert b"canary" not in leaf
        assert len(leaf) <= LEAF_BYTES


async def test_a_short_prompt_is_not_found_by_trying(tmp_path: Path) -> None:
    """A plain hash of a guessable text would give it away; a commitment needs the record key."""
    async with opened(tmp_path) as log:
        await generate(log, body=b"1234", output=b"5678")
    kept = b"".join(leaves(tmp_path))
    import base64

    for number in range(10_000):
        digest = sha256(str(number).zfill(4).encode()).digest()
        assert base64.b64encode(digest) not in kept
        assert digest.hex().encode() not in kept


async def test_many_writers_get_distinct_numbers_and_their_own_entry(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        futures = [log.intend(f"r{i}", COLLEAGUE, "chat", b"") for i in range(2000)]
        numbers = await asyncio.gather(*futures)
        assert numbers == list(range(1, 2001))
        assert (await log.verify()).entries == 2001
    assert [json.loads(leaf)["request"] for leaf in leaves(tmp_path)[1:2001]] == [f"r{i}" for i in range(2000)]


async def test_a_waiter_that_gives_up_disturbs_nobody_and_is_still_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        first = log.conclude("r1", COLLEAGUE, outcome())
        second = log.conclude("r2", COLLEAGUE, outcome())
        first.cancel()
        assert await second == 2
        assert [seq async for seq, _ in log.outcomes()] == [1, 2]


async def test_one_bad_entry_fails_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        bad = log.intend("r\ud800", COLLEAGUE, "chat", b"")
        good = log.intend("r2", COLLEAGUE, "chat", b"")
        assert await good == 1
        with pytest.raises(UnicodeEncodeError):
            await bad
        assert await log.record(Event.POLICY_CHANGED, None) == 2


@pytest.mark.parametrize("facts", [{"a": 1.5}, {"a": None}, {"a": True}, {1: "a"}, {"a": "\ud800"}, {"a": 2**70}])
async def test_facts_are_words_and_whole_numbers(tmp_path: Path, facts: dict[str, int]) -> None:
    async with opened(tmp_path) as log:
        with pytest.raises(BadRequest):
            await log.record(Event.POLICY_CHANGED, None, facts)
        with pytest.raises(BadRequest, match="4096"):
            await log.record(Event.POLICY_CHANGED, None, {"a": "x" * 5000})


async def test_pages_go_back_to_the_beginning_and_keep_workspaces_apart(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for actor in (COLLEAGUE, STRANGER, COLLEAGUE):
            await generate(log, actor)
        seen: list[int] = []
        before: int | None = None
        while True:
            page = await log.entries(before=before, limit=2, workspace=COLLEAGUE.workspace)
            seen += [entry.seq for entry in page.entries]
            before = page.before
            if before is None:
                break
        assert seen == [6, 5, 2, 1]
        refusals = await log.entries(event="server:")
        assert [entry.leaf.event for entry in refusals.entries] == ["server:started"]


async def test_outcomes_are_read_again_from_any_point(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for _ in range(3):
            await generate(log)
        everything = [(seq, leaf.completion_tokens) async for seq, leaf in log.outcomes()]
        assert everything == [(2, 7), (4, 7), (6, 7)]
        assert [seq async for seq, _ in log.outcomes(4)] == [6]


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(Conflict, match="Another process"):
            await Log.open(tmp_path, origin=ORIGIN, master_key=MASTER_KEY)


async def test_another_master_key_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    with pytest.raises(Misconfigured, match="master key"):
        await Log.open(tmp_path, origin=ORIGIN, master_key=MASTER_KEY[::-1])
    with pytest.raises(Misconfigured, match="32 bytes"):
        await Log.open(tmp_path, origin=ORIGIN, master_key=b"short")
    async with opened(tmp_path) as log:
        assert log.ready, "a refused start leaves nothing behind"


async def test_a_record_keeps_its_name(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    log = await Log.open(tmp_path, origin="elsewhere.example", master_key=MASTER_KEY)
    assert log.origin == ORIGIN
    await log.close()


async def test_a_crash_between_intent_and_outcome_is_reported_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "a") as log:
        await generate(log)
        await log.intend("req_lost", COLLEAGUE, "chat", b"")
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    async with opened(tmp_path / "b") as log:
        assert log.unknown_outcomes == 1
        started = (await log.entries(event="server:started", limit=1)).entries[0]
        assert started.leaf.facts["unknown_outcomes"] == 1  # type: ignore[union-attr]
        assert (await log.receipt("req_lost")).outcome is None
    async with opened(tmp_path / "b") as log:
        assert log.unknown_outcomes == 0


class Time:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000 * 10**9
        self.monotonic = 0

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.monotonic)

    def step(self, seconds: float) -> None:
        self.wall += int(seconds * 1e9)

    def pass_by(self, seconds: float) -> None:
        self.monotonic += int(seconds * 1e9)
        self.step(seconds)


@pytest.mark.parametrize(("seconds", "noted"), [(-3600, True), (366 * 86_400, True), (-1, False), (30, False)])
async def test_a_stepped_clock_is_on_record_and_order_stays(tmp_path: Path, seconds: float, noted: bool) -> None:
    time = Time()
    async with opened(tmp_path, clock=time.clock()) as log:
        await generate(log)
        time.pass_by(500)
        await generate(log)
        time.step(seconds)
        request = await generate(log)
        steps = (await log.entries(event="clock:")).entries
        assert [e.leaf.facts for e in steps] == ([{"milliseconds": int(seconds * 1000)}] if noted else [])  # type: ignore[union-attr]
        assert (await log.receipt(request)).outcome is not None
        assert (await log.verify()).entries == log.size


async def test_a_clock_that_went_back_while_the_server_was_down_is_on_record(tmp_path: Path) -> None:
    time = Time()
    async with opened(tmp_path, clock=time.clock()) as log:
        await generate(log)
    time.step(-3600)
    async with opened(tmp_path, clock=time.clock()) as log:
        steps = (await log.entries(event="clock:")).entries
        assert [e.leaf.facts for e in steps] == [{"milliseconds": -3_600_000}]  # type: ignore[union-attr]


async def test_a_checkpoint_is_cut_every_thousand_entries_after_a_minute_and_at_the_end(tmp_path: Path) -> None:
    time = Time()
    copy = tmp_path / "elsewhere"

    def sizes() -> list[int]:
        if not (copy / "checkpoints").exists():
            return []
        text = (copy / "checkpoints").read_text()
        return [int(size) for size in re.findall(f"^{re.escape(ORIGIN)}\n(.+)\n", text, re.MULTILINE)]

    async def until(count: int) -> None:
        async with asyncio.timeout(10):
            while len(sizes()) < count:
                await asyncio.sleep(0.01)

    async with opened(tmp_path / "log", clock=time.clock(), checkpoint_copy=copy) as log:
        await asyncio.gather(*(log.intend(f"r{i}", COLLEAGUE, "", b"") for i in range(1100)))
        await until(1)
        assert 1000 <= sizes()[0] <= 1101
        await generate(log)
        time.pass_by(61)
        await generate(log)
        await until(2)
        before_end = len(sizes())
        size = log.size
    assert len(sizes()) == before_end + 1
    assert sizes()[-1] == size + 1, "server:stopped is under the last checkpoint"
    assert sizes() == sorted(set(sizes()))


async def test_a_failing_copy_is_told_and_does_not_stop_the_record(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_text("a file, where a folder is expected")
    async with opened(tmp_path / "log", checkpoint_copy=copy) as log:
        await generate(log)
        await log.checkpoint()
        assert log.health()["checkpoint_copy_error"] != ""
        assert log.ready


async def test_a_changed_tail_is_found_when_the_log_opens(tmp_path: Path) -> None:
    async with opened(tmp_path / "a") as log:
        for _ in range(5):
            await generate(log)
    import sqlite3

    connection = sqlite3.connect(tmp_path / "a" / "audit.db")
    connection.execute("DROP TRIGGER leaves_stay")
    connection.execute("UPDATE leaves SET leaf = replace(leaf, 'completed', 'refused!!') WHERE seq = 4")
    connection.commit()
    connection.close()
    with pytest.raises(AuditUnavailable, match="newest entries"):
        await Log.open(tmp_path / "a", origin=ORIGIN, master_key=MASTER_KEY)


async def test_verify_names_the_first_bad_entry(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await asyncio.gather(*(log.intend(f"r{i}", COLLEAGUE, "", b"") for i in range(3000)))
    import sqlite3

    connection = sqlite3.connect(tmp_path / "audit.db")
    connection.execute("DROP TRIGGER leaves_stay")
    connection.execute("UPDATE leaves SET leaf = leaf || x'20' WHERE seq IN (777, 1500)")
    connection.commit()
    reader = Reader(connection)
    with pytest.raises(AuditUnavailable, match="Entry 777 ") as caught:
        list(check(reader))
    assert caught.value.param == "777"
    connection.close()


async def test_nothing_is_known_of_another_request(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for act in (log.receipt, log.disclose):
            with pytest.raises(NotFound):
                await act("req_" + "0" * 32)


async def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.close()
    assert [decode(leaf).event for leaf in leaves(tmp_path)] == ["server:started", "server:stopped"]


def test_every_event_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "audit.md").read_text()
    assert [event for event in Event if f"`{event}`" not in page] == []
