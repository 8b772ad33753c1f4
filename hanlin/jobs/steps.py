"""One step between two event loops: the server's, where its function runs, and DBOS's, where its value is kept.

The function runs in the body's own task, so cancelling the body cancels it. DBOS holds the step open meanwhile and
writes its value down; only then does the body go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

import msgspec

from hanlin.errors import HanlinError, TooLarge

VALUE_BYTES = 64 * 1024
"""Longest value of a step as JSON."""


class StepFailed(Exception):
    """What DBOS is told of a step that raised: nothing, for an error may quote what a person wrote."""


class Turn:
    """One step asked for. Each future is set by one loop and awaited by the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: Future[str | None] = Future()
        """The value as JSON that was kept before, or None: run the function."""
        self.outcome: Future[str] = Future()
        """What the function gave."""
        self.kept: Future[None] = Future()
        """Set when the value is durable."""

    def end(self, failure: BaseException | None = None) -> None:
        """Let nobody wait any longer: with `failure`, or cancelled."""
        for future in (self.found, self.kept):
            if failure is None:
                future.cancel()
            else:
                with suppress(InvalidStateError):
                    future.set_exception(failure)


async def take(turn: Turn, function: Callable[[], Awaitable[Any]]) -> Any:
    """On the server's loop: the step's value, from DBOS or from `function`."""
    try:
        known = await asyncio.wrap_future(turn.found)
        if known is not None:
            return msgspec.json.decode(known)
        value = _encoded(turn.name, await function())
    except Exception:
        _set(turn.outcome, StepFailed())
        raise
    except BaseException:
        turn.outcome.cancel()
        raise
    _set(turn.outcome, value)
    await asyncio.wrap_future(turn.kept)
    return msgspec.json.decode(value)


async def keep(turn: Turn, durably: Callable[[str, Callable[[], Awaitable[str]]], Awaitable[str]]) -> None:
    """On DBOS's loop: run the step through `durably(name, function)`, which remembers its value."""

    async def wait() -> str:
        if turn.found.cancelled():
            raise asyncio.CancelledError
        _set(turn.found, None)
        return await asyncio.wrap_future(turn.outcome)

    try:
        value = await durably(turn.name, wait)
    except StepFailed:
        pass  # the body has the error itself
    except Exception as error:  # noqa: BLE001 - whatever DBOS says, the body must not wait for ever
        turn.end(_broken(error))
    except asyncio.CancelledError:
        turn.end()
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # the server stops; else it is the body that was cancelled, and its task ends by itself
    except BaseException:
        turn.end()
        raise
    else:
        _set(turn.found, value)
        _set(turn.kept, None)


def _set(future: Future[Any], value: object) -> None:
    with suppress(InvalidStateError):
        if isinstance(value, Exception):
            future.set_exception(value)
        else:
            future.set_result(value)


def _encoded(name: str, value: object) -> str:
    encoded = msgspec.json.encode(value)
    if len(encoded) > VALUE_BYTES:
        raise TooLarge(
            f"The step {name[:80]!r} gave {len(encoded)} bytes, at most {VALUE_BYTES} are kept.",
            action="Keep texts in a table or a blob, and give ids.",
        )
    return encoded.decode()


def _broken(error: Exception) -> HanlinError:
    return HanlinError(
        f"What was done of this job cannot be told ({type(error).__name__}).",
        action="Try again; if it stays, start a new job.",
        code="job_record_broken",
    )
