"""A02: kill -9 at any moment, through the HTTP API: what was answered is on the record, what was not is reported."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.server import Server, service
from tests.e2e.wire import Exchange

ROUNDS = 10
ASKING = 32
SETTINGS = (
    "requests_per_minute = 1000000\ntokens_per_minute = 1000000000\n"
    + service("echo", pieces=4, delay_seconds=0.01)
    + service("quick")
)


class Load:
    """Clients that ask one question after another until the server is gone."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.acknowledged: list[str] = []
        """Request ids of answers that came to their end."""
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(ASKING)]

    async def _ask(self, number: int) -> None:
        streamed, name = number % 2 == 0, "quick" if number % 4 < 2 else "echo"
        with suppress(OSError):
            while True:
                got = await (await Exchange.ask(self.server, name, stream=streamed)).read()
                if not got.status:
                    return
                assert got.status == 200
                if got.done if streamed else got.whole:
                    self.acknowledged.append(got.request_id)

    async def end(self) -> list[str]:
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)
        return self.acknowledged


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_answer_is_on_the_record_after_a_kill(tmp_path: Path) -> None:
    moments = random.Random(20261124)
    acknowledged: list[str] = []
    unknown = 0
    with Server(tmp_path, SETTINGS) as server:
        for _ in range(ROUNDS):
            await asyncio.to_thread(server.wait_for, "quick")
            await asyncio.to_thread(server.wait_for, "echo")
            load = Load(server)
            await asyncio.sleep(moments.uniform(0.2, 0.8))
            server.kill()
            acknowledged += await load.end()
            began = time.monotonic()
            await asyncio.to_thread(server.start)
            assert time.monotonic() - began < 10
            unknown += started(server)["unknown_outcomes"]
        leaves = server.leaves()
        intents, outcomes = requests(leaves, "intent"), requests(leaves, "outcome")
        assert len(acknowledged) > ROUNDS * ASKING
        assert set(acknowledged) <= intents & outcomes
        assert outcomes <= intents
        assert len(intents - outcomes) == unknown
        assert unknown > 0
        for request in moments.sample(acknowledged, 10):
            status, receipt = server.get(f"/receipts/{request}", server.key)
            assert (status, receipt["request"]) == (200, request)
            assert receipt["outcome"] is not None
        await asyncio.sleep(1.5)
        assert used(server) == (len(outcomes), *tokens(leaves))
        verified = server.hanlin("audit", "verify")
        assert (verified.returncode, verified.stdout.startswith("OK ")) == (0, True)
        assert server.stop() == 0


def started(server: Server) -> dict[str, int]:
    """Facts of the newest start."""
    return [dict(leaf["facts"]) for leaf in server.leaves() if leaf["event"] == "server:started"][-1]


def requests(leaves: list[dict[str, str]], kind: str) -> set[str]:
    return {leaf["request"] for leaf in leaves if leaf["event"] == f"generation:{kind}"}


def tokens(leaves: list[dict[str, int]]) -> Iterator[int]:
    """Prompt and completion tokens of all outcomes."""
    for kind in ("prompt_tokens", "completion_tokens"):
        yield sum(leaf.get(kind, 0) for leaf in leaves)


def used(server: Server) -> tuple[int, int, int]:
    """Requests, prompt and completion tokens that the usage report counts."""
    _, lines = server.get("/api/usage", server.key)
    requests, prompt, completion = (
        sum(line[kind] for line in lines) for kind in ("requests", "prompt_tokens", "completion_tokens")
    )
    return requests, prompt, completion
