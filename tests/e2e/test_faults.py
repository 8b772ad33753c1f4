"""F01 to F18: what an upstream or a client does wrong, seen from outside through the whole server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.e2e.faults import CANARY, FAULTS, KEY, FaultyUpstream
from tests.e2e.processes import resident_bytes
from tests.e2e.server import Server, service
from tests.e2e.wire import Exchange, answer

GENERATION_SECONDS = 3
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def upstream() -> Iterator[FaultyUpstream]:
    with FaultyUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def server(upstream: FaultyUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a service for each fault, and `echo` beside them."""
    services = [
        service(name, "openai", base_url=upstream.url, api_key="env:UPSTREAM_KEY", model=name) for name in FAULTS
    ]
    settings = f'log_level = "debug"\ngeneration_seconds = {GENERATION_SECONDS}\n' + "".join(services) + service("echo")
    folder = tmp_path_factory.mktemp("faults")
    with Server(folder, settings, {"UPSTREAM_KEY": KEY}) as running:
        yield running.wait_for("echo")


WHOLE = {
    "ok": (200, "", "completed"),
    "limited": (429, "upstream_rate_limited", "not_served"),
    "broken": (502, "upstream_failed", "engine_failed"),
    "html": (502, "upstream_failed", "engine_failed"),
    "slow_headers": (504, "engine_timeout", "engine_failed"),
    "stall": (504, "engine_timeout", "engine_failed"),
    "rst": (502, "upstream_truncated", "truncated"),
    "cut": (502, "upstream_truncated", "truncated"),
    "trickle": (200, "", "completed"),
    "bad_json": (502, "upstream_invalid", "engine_failed"),
    "bad_utf8": (502, "upstream_invalid", "engine_failed"),
    "huge_line": (502, "upstream_invalid", "engine_failed"),
    "no_done": (502, "upstream_invalid", "engine_failed"),
    "dup_done": (502, "upstream_invalid", "engine_failed"),
    "wrong_length": (502, "upstream_truncated", "truncated"),
    "gzip_bomb": (502, "upstream_invalid", "engine_failed"),
    "redirect": (502, "upstream_redirect", "engine_failed"),
}
"""fault -> HTTP status, error code, status on the record."""
STREAMED = {
    **WHOLE,
    "stall": (200, "engine_timeout", "engine_failed"),
    "rst": (200, "upstream_truncated", "truncated"),
    "cut": (200, "upstream_truncated", "truncated"),
    "bad_utf8": (200, "upstream_invalid", "engine_failed"),
    "no_done": (200, "upstream_truncated", "truncated"),
    "dup_done": (200, "", "completed"),
    "wrong_length": (200, "upstream_truncated", "truncated"),
}
"""The same for streams: what breaks after the first byte is an error inside the stream."""
TRIED_TWICE = {"broken", "html"}


@pytest.mark.parametrize("fault", WHOLE)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_an_upstream_fault(server: Server, upstream: FaultyUpstream, fault: str, streamed: bool) -> None:
    """The right status or error event, nothing of the upstream's words, the right outcome; no second try after a byte.

    `engine_timeout` is the limit on the whole answer, the first of all to pass here.
    """
    status, code, on_record = (STREAMED if streamed else WHOLE)[fault]
    before = upstream.asked(fault)
    got = await answer(server, fault, stream=streamed)
    assert (got.status, got.error.get("code", "")) == (status, code)
    assert got.whole
    assert got.done == (streamed and on_record == "completed")
    if on_record == "completed" and streamed:
        assert got.text == "t0 t1 "
    assert CANARY.encode() not in got.body
    assert KEY.encode() not in got.body
    assert upstream.asked(fault) - before == 1 + (fault in TRIED_TWICE)
    assert server.outcomes(service=fault)[-1]["status"] == on_record


async def test_nothing_an_upstream_said_is_in_the_log(server: Server) -> None:
    """After the faults above."""
    for canary in (CANARY, KEY, "Traceback"):
        assert canary not in server.log()
        assert canary not in server.printed()


async def test_the_server_lives_and_remembers_little(server: Server) -> None:
    """After the faults above: 64 MiB lines and compressed bombs leave no mark."""
    assert (await answer(server, "echo", "Alive?")).status == 200
    assert resident_bytes(server.pid) < 300 * MEBIBYTE


async def test_a_client_that_is_gone_ends_the_upstream_within_a_second(
    server: Server, upstream: FaultyUpstream
) -> None:
    """F17."""
    upstream.upstream.hung_up.clear()
    exchange = await (await Exchange.ask(server, "endless", stream=True)).read_head()
    await anext(exchange.body())
    exchange.reset()
    gone_at = time.monotonic()
    assert await asyncio.to_thread(upstream.wait_hung_up, 5)
    assert upstream.upstream.hung_up_at - gone_at < 1
    outcomes = await asyncio.to_thread(server.outcomes, service="endless", status="cancelled")
    assert len(outcomes) == 1


async def test_a_client_that_leaves_a_whole_answer_ends_the_upstream(server: Server, upstream: FaultyUpstream) -> None:
    upstream.upstream.hung_up.clear()
    exchange = await Exchange.ask(server, "slow_headers")
    await asyncio.sleep(0.6)
    exchange.reset()
    assert await asyncio.to_thread(upstream.wait_hung_up, 1)
    assert await asyncio.to_thread(server.outcomes, service="slow_headers", status="cancelled")


async def test_a_client_that_hardly_reads_costs_little_and_slows_nobody(server: Server) -> None:
    """F18: the upstream could send a gigabyte; the stream is ended when its time is over."""
    before = resident_bytes(server.pid)
    exchange = await Exchange.ask(server, "endless", stream=True)
    slow: list[float] = []
    most = before
    ends = time.monotonic() + GENERATION_SECONDS + 1
    while time.monotonic() < ends:
        began = time.monotonic()
        assert (await answer(server, "echo", "Quick.")).status == 200
        slow.append(time.monotonic() - began)
        most = max(most, resident_bytes(server.pid))
        await asyncio.sleep(0.2)
    exchange.reset()
    assert most - before < 64 * MEBIBYTE
    assert max(slow) < 1
    assert len(await asyncio.to_thread(server.outcomes, service="endless")) == 2
