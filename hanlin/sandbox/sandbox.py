"""Runs a function on files from outside in a child process, under ceilings of time and memory.

A parser that hangs or eats memory takes its child down and nothing else: the call ends in BadFile, the next call gets a
fresh child. Children start at the first call and stay for the next ones; they end when their input does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from typing import TypeVar, cast, get_type_hints

import msgspec
from msgspec import Struct

from hanlin.errors import BadFile
from hanlin.sandbox.wire import Answer, Call

T = TypeVar("T")
ANSWER_BYTES = 16 * 1024 * 1024


class Ceilings(Struct, frozen=True):
    """What one call may take."""

    seconds: float = 20
    memory_mib: int = 1024
    """Above what the child has after its imports."""


class Sandbox:
    """As many children as calls may run at once."""

    def __init__(self, ceilings: Ceilings, *, processes: int = 2, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: set for the children beside what this process has, such as OMP_NUM_THREADS."""
        self._ceilings = ceilings
        self._environment = {**os.environ, **environment} if environment else None
        self._free = asyncio.Semaphore(processes)
        self._idle: list[Process] = []

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """The function's value. Its module is imported in the child; arguments and value travel as JSON.

        Raises the BadFile it raised, with its words; BadFile too when it took too long or too much.
        """
        name = f"{function.__module__}:{function.__name__}"
        line = msgspec.json.encode(Call(name, list(arguments))) + b"\n"
        async with self._free:
            answer = await self._ask(line)
        if answer.error is not None:
            code, message, action = answer.error
            raise BadFile(message, code=code, action=action)
        return cast(T, msgspec.json.decode(answer.value, type=get_type_hints(function)["return"]))

    async def close(self) -> None:
        """End the children that wait; a call that comes meanwhile starts a fresh one."""
        while self._idle:
            await _end(self._idle.pop())

    async def _ask(self, line: bytes) -> Answer:
        child = self._idle.pop() if self._idle else await self._start()
        done = False
        try:
            async with asyncio.timeout(self._ceilings.seconds):
                answer = await _exchange(child, line)
            done = answer is not None
        except TimeoutError:
            raise BadFile(
                f"The file took longer than {self._ceilings.seconds:g} seconds.",
                action="Send a smaller one.",
                code="file_too_slow",
            ) from None
        finally:
            if done:
                self._idle.append(child)
            else:
                await asyncio.shield(_end(child))
        if answer is None:
            raise BadFile("The file broke what reads it.", action="Check that it is whole and of a known kind.")
        return answer

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hanlin.sandbox.child", str(self._ceilings.memory_mib),
            stdin=PIPE, stdout=PIPE, limit=ANSWER_BYTES, env=self._environment,
        )  # fmt: skip


async def _exchange(child: Process, line: bytes) -> Answer | None:
    """The child's answer, or None when it died."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(line)
        await child.stdin.drain()
        answer = await child.stdout.readline()
    except (ConnectionError, ValueError):
        return None
    return msgspec.json.decode(answer, type=Answer) if answer else None


async def _end(child: Process) -> None:
    if child.returncode is None:
        child.kill()
    await child.wait()
    child._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - closes the pipes now, not when collected
