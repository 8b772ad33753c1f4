"""What comes from outside is read in a child: it may fail in any way, and only its call fails."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hanlin.errors import BadFile
from hanlin.sandbox import Ceilings, Sandbox
from tests.sandbox import functions


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(Ceilings(seconds=5, memory_mib=64), processes=2)
    yield sandbox
    await sandbox.close()


async def test_a_call_answers_from_a_child_that_serves_the_next_call_too(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    first, second = await sandbox.run(functions.size, str(file)), await sandbox.run(functions.size, str(file))
    assert first.size == 5
    assert first.process == second.process != os.getpid()


async def test_two_calls_run_at_once_and_a_third_waits(sandbox: Sandbox, tmp_path: Path) -> None:
    await asyncio.gather(*(sandbox.run(functions.hang, 0.0) for _ in range(2)))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.gather(*(sandbox.run(functions.hang, 0.5) for _ in range(3)))
    assert loop.time() - started > 0.95


async def test_what_takes_too_long_is_ended_and_the_next_call_is_served(tmp_path: Path) -> None:
    sandbox = Sandbox(Ceilings(seconds=0.8), processes=1)
    with pytest.raises(BadFile, match=r"longer than 0\.8 seconds"):
        await sandbox.run(functions.hang, 60.0)
    assert await sandbox.run(functions.shout) == 7
    await sandbox.close()


async def test_what_takes_too_much_memory_is_refused_and_the_child_lives(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sandbox.run(functions.swell, 16) == 16 * 1024 * 1024
    with pytest.raises(BadFile, match="more memory"):
        await sandbox.run(functions.swell, 500)
    assert await sandbox.run(functions.shout) == 7


@pytest.mark.parametrize("function", [functions.crash, functions.recurse])
async def test_a_crash_is_a_bad_file(
    sandbox: Sandbox, function: "type[None]", capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadFile):
        await sandbox.run(function)
    assert await sandbox.run(functions.shout) == 7


async def test_the_function_s_own_words_come_through(sandbox: Sandbox) -> None:
    with pytest.raises(BadFile) as raised:
        await sandbox.run(functions.complain)
    assert (raised.value.code, raised.value.action) == ("other_kind", "Send a PNG.")


async def test_a_cancelled_call_ends_its_child(sandbox: Sandbox) -> None:
    call = asyncio.create_task(sandbox.run(functions.hang, 60.0))
    await asyncio.sleep(0.5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await sandbox.run(functions.shout) == 7
