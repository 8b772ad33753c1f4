"""The child of an engine: one call after another, words kept apart from failures, gone when nobody asks."""

from __future__ import annotations

import asyncio
import os

import pytest

from hanlin.engines.child import Child
from hanlin.errors import BadFile, BadRequest, EngineFailed, EngineTimeout
from hanlin.sandbox import Ceilings
from tests.sandbox import functions


def threads() -> str:
    return os.environ["OMP_NUM_THREADS"]


def process() -> int:
    return os.getpid()


def complain() -> int:
    raise BadFile("The picture is too large.", action="Send a smaller one.", code="too_many_pixels")


async def test_one_thread_and_the_functions_own_words() -> None:
    child = Child("ear", Ceilings(seconds=20, memory_mib=64))
    assert await child.run(threads) == "1"
    with pytest.raises(BadRequest, match="too large") as refused:
        await child.run(complain)
    assert (refused.value.code, refused.value.action) == ("too_many_pixels", "Send a smaller one.")
    with pytest.raises(EngineFailed, match="'ear' could not work"):
        await child.run(functions.crash)
    assert await child.run(functions.shout) == 7
    await child.close()


async def test_what_takes_too_long_is_a_timeout() -> None:
    child = Child("ear", Ceilings(seconds=1.5))
    with pytest.raises(EngineTimeout, match="'ear' took too long"):
        await child.run(functions.hang, 60.0)
    await child.close()


async def test_it_ends_when_it_is_not_asked_and_comes_back_when_it_is() -> None:
    child = Child("ear", Ceilings(seconds=20, memory_mib=64), idle_seconds=0.05)
    first = await child.run(process)
    for _ in range(100):
        await asyncio.sleep(0.05)
        if not child._sandbox._idle:
            break
    assert child._sandbox._idle == []
    assert await child.run(process) != first
    await child.close()
