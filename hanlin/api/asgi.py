"""Plain ASGI for the hot path: read a body with a limit, send an answer, notice that the client is gone."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import msgspec

from hanlin.errors import BadRequest, HanlinError, NotSignedIn, TooLarge, TooMany

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
"""Any ASGI application; frameworks type the three arguments more narrowly, each in its own way."""
Header = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")
SECURITY: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))

encode = msgspec.json.Encoder().encode


class Gone(Exception):
    """The client went away before it had sent its whole request."""


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of this lower-case name, or empty."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def bearer(scope: Scope) -> str:
    """The API key of the request: `Authorization: Bearer …` or `x-api-key`; one parser for every route.

    Raises NotSignedIn when there is none or both say different things.
    """
    found = set()
    for key, value in scope["headers"]:
        if key == b"authorization" and value[:7].lower() == b"bearer ":
            found.add(value[7:].strip())
        elif key == b"x-api-key":
            found.add(value.strip())
    if len(found) != 1:
        raise NotSignedIn(
            "You did not give an API key." if not found else "Two different API keys came in one request.",
            action="Send it as the header `Authorization: Bearer hl_…`; a key is made on the page Keys.",
        )
    return bytes(found.pop()).decode("ascii", "replace")


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, at most `limit` bytes. Raises TooLarge, or Gone when the client left."""
    declared = header(scope, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    event = await receive()
    body = bytes(event.get("body", b""))
    if not event.get("more_body") and len(body) <= limit and event["type"] == "http.request":
        return body
    parts, size = [body], len(body)
    while event.get("more_body") or event["type"] == "http.disconnect":
        if event["type"] == "http.disconnect":
            raise Gone
        event = await receive()
        parts.append(bytes(event.get("body", b"")))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
    if size > limit:
        raise _too_large(limit)
    return b"".join(parts)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is larger than {limit} bytes.", action="Send less, or raise `request_bytes`.")


async def respond(send: Send, status: int, body: bytes, headers: Iterable[Header] = (JSON, *SECURITY)) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


def error_body(error: HanlinError) -> dict[str, Any]:
    """OpenAI's error object: the one shape of every failure under /v1 and /api."""
    return {"error": {"message": str(error), "type": error.kind, "param": error.param, "code": error.code}}


def error_headers(error: HanlinError) -> list[Header]:
    headers = [JSON, *SECURITY]
    if isinstance(error, TooMany):
        seconds = max(0.0, error.retry_after_seconds)
        headers.append((b"retry-after", str(int(seconds) + 1).encode()))
        headers.append((b"retry-after-ms", str(int(seconds * 1000)).encode()))
    if isinstance(error, NotSignedIn):
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, BadRequest | NotSignedIn):
        headers.append((b"x-should-retry", b"false"))
    return headers


async def respond_error(send: Send, error: HanlinError, headers: Iterable[Header] = ()) -> None:
    await respond(send, error.status, encode(error_body(error)), [*error_headers(error), *headers])


def log_failure(log: logging.Logger, error: BaseException) -> None:
    """Log where something failed and its kind; not its message, which may quote what a person wrote."""
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("Unexpected %s (message withheld)\n%s", type(error).__name__, where)


class HangUp:
    """Cancels the current task when the client goes away; starts to watch after `delay_seconds`.

    Short answers end before the watch begins, so they do not pay for its task.
    """

    __slots__ = ("_receive", "_task", "_timer", "_watch")

    def __init__(self, receive: Receive, delay_seconds: float) -> None:
        self._receive = receive
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watch: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(delay_seconds, self._start)

    def _start(self) -> None:
        self._watch = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._task.cancel("hang-up")

    def stop(self) -> None:
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
