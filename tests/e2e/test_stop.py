"""Ends: told to stop, killed, started twice, a key that is revoked."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.owner import Owner
from tests.e2e.server import Server, service
from tests.e2e.wire import Exchange, answer

STREAMS = 20


async def test_running_streams_end_in_order_and_nothing_new_begins(tmp_path: Path) -> None:
    """F24: SIGTERM under load."""
    with Server(tmp_path, service("echo") + service("slow", pieces=20, delay_seconds=0.1)) as server:
        server.wait_for("slow")
        running = [await Exchange.ask(server, "slow", stream=number % 2 == 0) for number in range(STREAMS)]
        await asyncio.sleep(0.5)
        server.signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        late = await answer(server, "echo")
        assert (late.status, late.error["code"]) == (503, "stopping")
        answers = [await exchange.read() for exchange in running]
        assert [got.status for got in answers] == [200] * STREAMS
        assert all(got.whole for got in answers)
        assert sum(got.done for got in answers) == STREAMS // 2
        assert await asyncio.to_thread(server.wait) == 0
        leaves = server.leaves()
        assert leaves[-1]["event"] == "server:stopped"
        assert [leaf["status"] for leaf in leaves if leaf["event"] == "generation:outcome"].count(
            "completed"
        ) == STREAMS
        assert "Traceback" not in server.log()


@pytest.mark.slow
async def test_a_stream_that_is_too_long_to_wait_for_ends_with_an_error(tmp_path: Path) -> None:
    """F24: after 30 seconds."""
    with Server(tmp_path, service("endless", pieces=100_000, delay_seconds=0.2)) as server:
        server.wait_for("endless")
        streamed = await Exchange.ask(server, "endless", stream=True)
        whole = await Exchange.ask(server, "endless")
        await streamed.read_head()
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        got, other = await asyncio.gather(read_rest(streamed), whole.read())
        assert b'"code":"stopping"' in got
        assert b"[DONE]" not in got
        assert (other.status, other.error.get("code")) == (503, "stopping")
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - began < 40
        assert server.leaves()[-1]["event"] == "server:stopped"
        assert "Traceback" not in server.log()


async def read_rest(exchange: Exchange) -> bytes:
    body = b""
    async for piece in exchange.body():
        body += piece
    await exchange.close()
    return body


async def test_a_revoked_key_ends_what_runs_with_it(tmp_path: Path) -> None:
    """S11: within five seconds, with an error in the stream, and the record says why."""
    with Server(tmp_path, service("endless", pieces=100_000, delay_seconds=0.05)) as server:
        server.wait_for("endless")
        with Owner(server) as owner:
            server.key = owner.make_key("short-lived")
            exchange = await (await Exchange.ask(server, "endless", stream=True)).read_head()
            assert exchange.status == 200
            await asyncio.to_thread(owner.revoke, "short-lived")
            body = await asyncio.wait_for(read_rest(exchange), 5)
        assert b'"error"' in body
        assert b"[DONE]" not in body
        assert len(await asyncio.to_thread(server.outcomes, status="revoked")) == 1
        refused = await answer(server, "endless")
        assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")


def test_one_data_folder_has_one_server(tmp_path: Path) -> None:
    """F22: a second one names the first; what a killed one left behind does not keep the next from starting."""
    with Server(tmp_path, service("echo")) as server:
        second = server.hanlin("serve")
        assert second.returncode == 2
        assert f"in use by process {server.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        server.kill()
        server.start()
        assert server.wait_for("echo").ask("echo", "Still here?")[0] == 200


async def test_idle_connections_do_not_hold_a_stop_up(tmp_path: Path) -> None:
    with Server(tmp_path, service("echo")) as server:
        server.wait_for("echo")
        exchange = await (await Exchange.ask(server, "echo")).read_head()
        began = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        assert time.monotonic() - began < 5
        await exchange.close()
