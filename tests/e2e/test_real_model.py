"""A real model behind the whole server: what people get, and what happens when they leave or the engine dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hanlin.audit import verifier
from tests.e2e.processes import family, listening
from tests.e2e.server import Server
from tests.e2e.test_openai_sdk import MODEL_SERVICE
from tests.e2e.wire import Exchange, answer

pytestmark = [pytest.mark.model, pytest.mark.slow]
STORY = "Write a long story about a river."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, test_weights: Path) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("real"), "engine_slots = 1\n" + MODEL_SERVICE) as running:
        yield running.wait_for("small", seconds=100)


async def test_it_answers_in_english_and_in_chinese(server: Server) -> None:
    english = await answer(server, "small", "What is the capital of France? One word.", temperature=0, max_tokens=10)
    assert "Paris" in english.json["choices"][0]["message"]["content"]
    chinese = await answer(server, "small", "中国的首都是哪里？", temperature=0, max_tokens=20)
    assert "北京" in chinese.json["choices"][0]["message"]["content"]


async def test_the_first_word_comes_long_before_the_last(server: Server) -> None:
    began = time.monotonic()
    exchange = await (await Exchange.ask(server, "small", STORY, stream=True, max_tokens=100)).read_head()
    times = [time.monotonic() - began async for piece in exchange.body() if b'"content"' in piece]
    await exchange.close()
    assert len(times) > 20
    assert times[0] < times[-1] / 3


async def test_a_hang_up_frees_the_only_slot(server: Server) -> None:
    """Within two seconds somebody else is answered."""
    exchange = await (await Exchange.ask(server, "small", STORY, stream=True, max_tokens=2000)).read_head()
    await anext(exchange.body())
    exchange.reset()
    began = time.monotonic()
    got = await answer(server, "small", "Say hi.", max_tokens=1)
    assert got.status == 200
    assert time.monotonic() - began < 2
    assert await asyncio.to_thread(server.outcomes, service="small", status="cancelled")


async def test_a_receipt_proves_itself_in_another_process(server: Server, tmp_path: Path) -> None:
    got = await answer(server, "small", "Say hi.", max_tokens=4)
    status, receipt = await asyncio.to_thread(server.get, got.json["receipt"], server.key)
    assert status == 200
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(receipt))
    good = verified(file)
    assert good.returncode == 0
    assert "outcome 'completed'" in good.stdout
    file.write_text(json.dumps(receipt).replace("completed", "cancelled"))
    assert verified(file).returncode == 1
    assert (await asyncio.to_thread(server.get, got.json["receipt"], "hl_wrong"))[0] == 401


def verified(path: Path) -> subprocess.CompletedProcess[str]:
    """The shipped verifier as an auditor runs it: a file of its own, nothing else of Hanlin."""
    command = [sys.executable, "-I", str(verifier.__file__), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


async def test_an_engine_that_is_killed_fails_its_request_and_comes_back(server: Server) -> None:
    exchange = await (await Exchange.ask(server, "small", STORY, stream=True, max_tokens=2000)).read_head()
    await anext(exchange.body())
    server_process, *children = family(server.pid)
    assert server_process == server.pid
    for child in children:
        os.kill(child, signal.SIGKILL)
    body = b""
    async for piece in exchange.body():
        body += piece
    await exchange.close()
    assert b'"error"' in body
    assert b"[DONE]" not in body
    deadline = time.monotonic() + 20
    while (got := await answer(server, "small", "Say hi.", max_tokens=4)).status != 200:
        assert got.status in (502, 503)
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert await asyncio.to_thread(server.outcomes, service="small", status="engine_failed")
    assert "Traceback" not in server.log()


def test_only_the_configured_port_listens(server: Server) -> None:
    """S25, with the engine's processes."""
    assert len(family(server.pid)) > 1
    assert listening(server.pid) == {("0100007F", server.port)}


def test_the_record_of_a_stopped_server_is_verified_and_exported(server: Server, tmp_path: Path) -> None:
    """The last test of this file: it stops the server."""
    children = family(server.pid)[1:]
    assert server.stop() == 0
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
    assert server.leaves()[-1]["event"] == "server:stopped"
    checked = server.hanlin("audit", "verify")
    assert (checked.returncode, checked.stdout.startswith("OK ")) == (0, True)
    exported = server.hanlin("audit", "export", str(tmp_path / "export"))
    assert exported.returncode == 0
    good = verified(tmp_path / "export")
    assert (good.returncode, "agree with the signed checkpoint" in good.stdout) == (0, True)
