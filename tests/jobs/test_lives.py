"""kill -9 in every step of a job and at any moment: it goes on, and ends once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hanlin.jobs import State
from hanlin.storage import Database
from tests.jobs.conftest import Opening, Rights, finished, member, subject
from tests.jobs.lives import MOMENTS, STEPS
from tests.storage.postgresql import Server

ROOT = Path(__file__).parents[2]
OWNER = member()
WORLD = 30
"""Most lives of one job."""


class Lives:
    """The process of lives.py."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.lives"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def live(self, url: str, deadly: int = 0, after_seconds: float | None = None) -> int:
        """One life, killed at a moment of its own or from outside after a time; its exit code."""
        print(url, self.folder, self.journal, deadly, file=self._stdin, flush=True)
        life = int(self._stdout.readline())
        if after_seconds is not None:
            time.sleep(after_seconds)
            try:
                os.kill(life, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return int(self._stdout.readline())

    def end(self) -> None:
        self._stdin.close()
        self._process.wait(20)
        self._stdout.close()


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    lives = Lives(tmp_path)
    yield lives
    lives.end()


def check(lives: Lives) -> list[str]:
    """Each effect is there, and no step began again after a later one had begun."""
    for number in range(STEPS):
        assert (lives.folder / f"effect-{number}").read_text(encoding="ascii") == str(number)
    said = lives.journal.read_text(encoding="ascii").split("\n")[:-1]
    begun = [int(line.split()[1]) for line in said if line.startswith("begin")]
    assert begun == sorted(begun)
    assert set(begun) == set(range(STEPS))
    return said


@pytest.mark.slow
def test_a_job_killed_in_every_step_ends_once(lives: Lives, database_url: str) -> None:
    for moment in range(1, MOMENTS + 1):
        assert lives.live(database_url, moment) == -signal.SIGKILL
    assert lives.live(database_url) == 0
    said = check(lives)
    # killed before its effect and after it, a step runs three times; kept, it never runs again
    assert said == [f"begin {number}" for number in range(STEPS) for _ in range(3)] + ["end"]
    assert lives.live(database_url) == 0
    assert check(lives) == said


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_job_killed_at_any_moment_ends_once(lives: Lives, database_url: str, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(WORLD):
        if lives.live(database_url, after_seconds=chance.uniform(0.05, 1.5)) == 0:
            break
    assert lives.live(database_url) == 0
    assert check(lives)[-1] == "end"


@pytest.mark.slow
def test_on_postgresql_too(lives: Lives, postgresql_server: Server) -> None:
    url = postgresql_server.url("hanlin")
    for moment in (1, 5, 9, 12):
        assert lives.live(url, moment) == -signal.SIGKILL
    assert lives.live(url) == 0
    assert check(lives)[-1] == "end"


@pytest.mark.slow
async def test_a_job_that_takes_the_server_down_with_it_is_given_up(
    lives: Lives, database_url: str, database: Database, opening: Opening
) -> None:
    for _ in range(5):
        assert await asyncio.to_thread(lives.live, database_url, 1) == -signal.SIGKILL
    jobs = await opening()

    async def body(_: object) -> None:
        raise AssertionError

    jobs.define("counting", body)
    await jobs.begin()
    job = await jobs.of("doc_lives")
    assert job is not None
    ended = await finished(jobs, OWNER, job)
    assert (ended.state, ended.code) == (State.FAILED, "job_crashes")


async def test_a_stopped_server_goes_on_with_its_jobs_after_the_next_start(opening: Opening, rights: Rights) -> None:
    ran: list[int] = []

    async def part(number: int) -> None:
        ran.append(number)
        if len(ran) == 2:
            await asyncio.Event().wait()

    async def body(work: object) -> None:
        for number in range(3):
            await work.step(f"part {number}", part, number)  # type: ignore[attr-defined]

    first = await opening()
    first.define("stopped", body)
    job = await first.start(OWNER, "stopped", subject())
    waiting = await first.start(OWNER, "stopped", subject())
    while len(ran) < 2:
        await asyncio.sleep(0.01)
    await first.close()
    second = await opening()
    assert (await second.job(OWNER, job.id)).state is State.QUEUED
    second.define("stopped", body)
    await second.begin()
    assert (await finished(second, OWNER, job)).state is State.DONE
    assert (await finished(second, OWNER, waiting)).state is State.DONE
    assert ran == [0, 1, 1, 2, 0, 1, 2]


async def test_a_crash_between_the_row_and_the_queue_loses_no_job(opening: Opening, tmp_path: Path) -> None:
    """The row says that there is a job: whatever DBOS has of it, it is run."""

    async def body(_: object) -> None:
        pass

    first = await opening()
    first.define("early", body)
    done = await finished(first, OWNER, await first.start(OWNER, "early", subject()))
    job = await first.start(OWNER, "early", subject())
    await first.close()
    (tmp_path / "jobs.db").unlink(missing_ok=True)
    second = await opening()
    second.define("early", body)
    await second.begin()
    assert (await finished(second, OWNER, job)).state is State.DONE
    assert (await second.job(OWNER, done.id)).ended_at == done.ended_at


async def test_a_kind_that_is_gone_ends_with_a_word(opening: Opening) -> None:
    async def body(_: object) -> None:
        await asyncio.Event().wait()

    first = await opening()
    first.define("gone", body)
    job = await first.start(OWNER, "gone", subject())
    await first.close()
    second = await opening()
    await second.begin()
    assert (await finished(second, OWNER, job)).code == "job_kind_unknown"


async def test_a_job_that_is_queued_twice_runs_once(opening: Opening) -> None:
    """As when a server takes up what is left at the very moment that somebody starts a job."""
    ran: list[int] = []
    gate = asyncio.Event()

    async def body(_: object) -> None:
        ran.append(1)
        await gate.wait()

    jobs = await opening()
    jobs.define("twice", body)
    job = await jobs.start(OWNER, "twice", subject())
    await jobs._durable.enqueue(job.id, light=False, priority=1)
    while not ran:
        await asyncio.sleep(0.01)
    await jobs._durable.enqueue(job.id, light=False, priority=1)
    await jobs.begin()
    gate.set()
    await finished(jobs, OWNER, job)
    await jobs._durable.enqueue(job.id, light=False, priority=1)
    other = await jobs.start(OWNER, "twice", subject())
    await finished(jobs, OWNER, other)
    assert ran == [1, 1]
