"""kill -9 at any moment: what was acknowledged is there, and the tree is the leaves'."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hanlin.audit.store import Reader, open_reader
from tests.audit.cast import opened

ROUNDS = 10
CHILD = """
import asyncio, os, sys
from pathlib import Path
from tests.audit.cast import generate, opened

async def task(log):
    while True:
        request = await generate(log)
        os.write(1, request.encode() + b"\\n")

async def main():
    async with opened(Path(sys.argv[1])) as log:
        await asyncio.gather(*(task(log) for _ in range(16)))

asyncio.run(main())
"""


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    folder, seed = tmp_path / "log", 20261124
    moments = random.Random(seed)
    acknowledged: list[str] = []
    for _ in range(ROUNDS):
        acknowledged += _killed(folder, moments.uniform(0.05, 0.5), tmp_path / "said")
        started = time.monotonic()
        async with opened(folder) as log:
            assert time.monotonic() - started < 10
            assert log.unknown_outcomes <= 16
            assert (await log.verify()).entries == log.size
        reader = Reader(open_reader(folder / "audit.db"))
        lost = [request for request in acknowledged if len(reader.rows_of(request)) != 2]
        reader.connection.close()
        assert lost == []
    assert len(acknowledged) > ROUNDS


def _killed(folder: Path, seconds: float, said: Path) -> list[str]:
    """What a child acknowledged before it was killed, `seconds` after its first answer."""
    with said.open("wb") as output:
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=output)
        deadline = time.monotonic() + 30
        while not said.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        child.wait()
    return said.read_text().split("\n")[:-1]
