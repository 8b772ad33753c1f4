"""A process that runs jobs and is killed, again and again: each life is a fork of one that has imported everything.

Reads lines `url folder journal deadly` on standard input, starts a life for each and prints its process id; when the
life has ended, prints how. `deadly` is the number of the moment at which the life kills itself, 0 for none.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import dbos  # noqa: F401 - imported once for all lives

from hanlin.jobs import Jobs, State, Work
from hanlin.storage import Database
from hanlin.types import Actor
from tests.jobs.conftest import Rights, member

STEPS = 4
MOMENTS = 3 * STEPS
"""In each step: before its effect, after it, and when it has been kept."""


class Life:
    """One body; `journal` says in order what was begun and what was kept."""

    def __init__(self, folder: Path, journal: Path, deadly: int) -> None:
        self._folder = folder
        self._journal = journal
        self._deadly = deadly

    def moment(self, number: int) -> None:
        if number == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def note(self, word: str) -> None:
        with self._journal.open("a", encoding="ascii") as file:
            file.write(f"{word}\n")

    async def part(self, number: int) -> int:
        self.note(f"begin {number}")
        self.moment(3 * number + 1)
        await asyncio.sleep(0.01)
        (self._folder / f"effect-{number}").write_text(str(number), encoding="ascii")
        self.moment(3 * number + 2)
        return number

    async def body(self, work: Work) -> None:
        for number in range(STEPS):
            assert await work.step(f"part {number}", self.part, number) == number
            await work.report(number + 1, STEPS, "reading")
            self.moment(3 * number + 3)
        self.note("end")


async def live(url: str, folder: Path, journal: Path, deadly: int) -> None:
    """Go on with the job, or start it in the first life; until it is done."""
    actor: Actor = member()
    database = await Database.open(url)
    jobs = await Jobs.open(database, folder=folder, actor_of=Rights(), poll_seconds=0.05)
    try:
        jobs.define("counting", Life(folder, journal, deadly).body)
        await jobs.begin()
        job = await jobs.of("doc_lives") or await jobs.start(actor, "counting", "doc_lives")
        async for seen in jobs.watch(actor, job.id, interval_seconds=0.01):
            last = seen
        assert last.state is State.DONE, last
    finally:
        await jobs.close()
        await database.close()


def main() -> None:
    for line in sys.stdin:
        url, folder, journal, deadly = line.split()
        life = os.fork()
        if life == 0:
            asyncio.run(live(url, Path(folder), Path(journal), int(deadly)))
            os._exit(0)
        print(life, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(life, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
