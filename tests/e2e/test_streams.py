"""A thousand people at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.server import Server, service
from tests.e2e.wire import Answer, answer

STREAMS = 1000


@pytest.mark.slow
async def test_a_thousand_streams_all_end_in_order(tmp_path: Path) -> None:
    settings = "requests_per_minute = 100000\n" + service("slow", pieces=10, delay_seconds=0.5)
    with Server(tmp_path, settings) as server:
        server.wait_for("slow")
        asked = (answer(server, "slow", f"Number {n}", stream=True, max_tokens=100) for n in range(STREAMS))
        answers = await asyncio.gather(*asked)
        assert sum(map(is_good, answers)) == STREAMS
        assert len({got.request_id for got in answers}) == STREAMS
        outcomes = await asyncio.to_thread(server.outcomes, status="completed")
        assert len(outcomes) == STREAMS
        assert server.stop() == 0


def is_good(got: Answer) -> bool:
    return got.status == 200 and got.whole and got.done and not got.error and len(got.text) > 0
