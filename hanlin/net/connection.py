"""One HTTP/1.1 connection and the answer that comes over it, parsed by httptools as the bytes arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol, cast

import httptools
from msgspec import Struct

from hanlin.errors import EngineFailed, EngineTimeout

HEAD_BYTES = 64 * 1024
BUFFER_BYTES = 256 * 1024
"""Above this much unread body the socket is not read: the sender waits for the reader."""
DRAIN_SECONDS = 1.0


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of one origin; every wait ends."""

    tcp_seconds: float = 5.0
    connect_seconds: float = 10.0
    """TCP over all addresses and TLS; also the longest wait for a free connection."""
    first_byte_seconds: float = 120.0
    """From the request to the answer's head."""
    idle_seconds: float = 60.0
    """Between two pieces of the body."""
    total_seconds: float = 600.0
    keep_seconds: float = 30.0
    """An unused connection is closed after this long."""
    connections: int = 2048
    waiting: int = 1024
    """Requests that may wait for a connection; more are refused at once."""
    body_bytes: int = 64 * 1024 * 1024


class Pool(Protocol):
    """What a connection tells its pool."""

    def opened(self, connection: Connection) -> None: ...

    def keep(self, connection: Connection) -> None:
        """The connection may take another request."""

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""


class Connection(asyncio.Protocol):
    """One connection: at most one request at a time, its state reset by each `exchange`."""

    # Slots because there are more attributes than CPython keeps inline: without them each access is a dict look-up.
    __slots__ = (
        "_body_bytes",
        "_buffered",
        "_deadline",
        "_draining",
        "_framed",
        "_head_bytes",
        "_head_complete",
        "_headers",
        "_kept",
        "_limits",
        "_parser",
        "_paused",
        "_pool",
        "_reusable",
        "_status",
        "_transport",
        "_waiter",
        "answers",
        "body",
        "complete",
        "expires",
        "failure",
        "loop",
        "lost",
        "received",
    )

    def __init__(self, pool: Pool, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.lost = loop.create_future()
        self.answers = 0
        """Answers read to their end on this connection."""
        self.received = False
        """A byte of the present answer has come."""
        self.complete = True
        self.failure: EngineFailed | None = None
        self.body: list[bytes] = []
        self.expires = loop.time() + limits.keep_seconds
        self._pool = pool
        self._limits = limits
        self._deadline = float("inf")
        self._waiter: asyncio.Future[None] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._status = 0
        self._head_bytes = self._body_bytes = self._buffered = 0
        self._head_complete = self._framed = self._paused = self._reusable = False
        self._draining = False
        self._kept = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self._parser = httptools.HttpResponseParser(self)
        self._pool.opened(self)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _begin(self) -> None:
        self.received = self.complete = self._head_complete = self._framed = self._kept = False
        self.failure = None
        self._headers = {}
        self._head_bytes = self._body_bytes = self._buffered = 0
        self._deadline = self.loop.time() + self._limits.total_seconds

    async def exchange(self, message: bytes, first_byte_seconds: float) -> Response:
        """Send a request and wait for the head of its answer. A failure has closed the connection."""
        self._begin()
        self._transport.write(message)
        try:
            while not self._head_complete and self.failure is None:
                await self.wait(first_byte_seconds)
        except BaseException:
            self._transport.abort()
            raise
        if self.failure is not None and not self._head_complete:
            raise self.failure
        return Response(self._status, self._headers, self)

    def wait(self, seconds: float) -> asyncio.Future[None]:
        """Done when something has come, or nothing will any more."""
        self.expires = min(self.loop.time() + seconds, self._deadline)
        self._waiter = waiter = self.loop.create_future()
        return waiter

    def check(self, now: float) -> None:
        """End what has waited too long."""
        if self._waiter is not None:
            if now >= self.expires:
                self.fail(_timed_out("fell silent" if self._head_complete else "did not answer", now >= self._deadline))
        elif self._kept or self._draining:
            if now >= self.expires:
                self._transport.abort()
        elif now >= self._deadline and not self.complete:
            self.fail(_timed_out("did not end", total=True))

    def take(self) -> bytes:
        """All of the body that has come and was not taken yet."""
        pieces = self.body
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._buffered = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    def drain(self) -> None:
        """Give the connection back as soon as the last bytes of the answer have come, if that is soon."""
        self._draining = not self.complete
        self.expires = self.loop.time() + DRAIN_SECONDS
        if self.complete or self.failure is not None:
            self.release()

    def release(self) -> None:
        """Give the connection back; one whose answer was not read to its end is closed at once."""
        self._draining = False
        if self.complete and self._reusable and self.failure is None and not self._transport.is_closing():
            self.answers += 1
            self.take()
            self._kept = True
            self.expires = self.loop.time() + self._limits.keep_seconds
            self._pool.keep(self)
        else:
            self._transport.abort()

    def fail(self, failure: EngineFailed) -> None:
        if self.failure is None and not self.complete:
            self.failure = failure
        self._transport.abort()
        self._notify()

    def _notify(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self.complete:
            self._transport.abort()  # nobody asked: what came belongs to no answer
            return
        self.received = True
        if not self._head_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(_invalid("broke the HTTP protocol"))
        if not self._head_complete and self._head_bytes > HEAD_BYTES:
            self.fail(_invalid(f"sent more than {HEAD_BYTES} bytes of headers"))
        if self._buffered > BUFFER_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("a second answer to one request")  # ends the parse; the connection is not kept

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        headers, self._status = self._headers, self._parser.get_status_code()
        if self._status < 200:
            self._headers = {}
        elif 300 <= self._status < 400:
            self.fail(EngineFailed("The upstream redirects, which is never followed.", code="upstream_redirect"))
        elif headers.get(b"content-encoding", b"identity") != b"identity":
            self.fail(_invalid("compressed its answer although that was not asked for"))
        else:
            self._framed = b"content-length" in headers or b"transfer-encoding" in headers
            self._head_complete = True
            self._notify()

    def on_body(self, data: bytes) -> None:
        size = len(data)
        self._body_bytes += size
        self._buffered += size
        if self._body_bytes > self._limits.body_bytes:
            self.fail(_invalid(f"sent more than {self._limits.body_bytes} bytes"))
        elif self.failure is None and not self._draining:
            self.body.append(data)
            self._notify()

    def on_message_complete(self) -> None:
        if self._head_complete and self.failure is None:
            self.complete = True
            self._reusable = self._parser.should_keep_alive()
            if self._draining:
                self.release()
            self._notify()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.complete and self.failure is None:
            if self._head_complete and not self._framed and error is None:
                self.complete = True
            elif self.received:
                self.failure = EngineFailed("The upstream broke off its answer.", code="upstream_truncated")
            else:
                self.failure = EngineFailed(
                    "The upstream closed the connection without an answer.", code="upstream_unreachable", retryable=True
                )
        self._reusable = False
        self._pool.forget(self)
        self._notify()
        del self._parser
        self.lost.set_result(None)


class Response:
    """An answer: its head, and its body as it comes."""

    __slots__ = ("_connection", "headers", "status")

    def __init__(self, status: int, headers: Mapping[bytes, bytes], connection: Connection) -> None:
        self.status = status
        self.headers = headers
        """As they came, names in lower case."""
        self._connection: Connection | None = connection

    async def read(self, idle_seconds: float | None = None) -> bytes:
        """The next bytes of the body, as many as have come; b"" at its end.

        Raises EngineFailed (`upstream_truncated`, `upstream_invalid`) or EngineTimeout; the connection is then closed.
        """
        connection = self._connection
        if connection is None:
            return b""
        while not connection.body:
            if connection.failure is not None:
                self._connection = None
                raise connection.failure
            if connection.complete:
                break
            await connection.wait(idle_seconds or connection._limits.idle_seconds)  # noqa: SLF001
        data = connection.take()
        if connection.complete:
            self.close()
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    async def whole(self, limit_bytes: int, idle_seconds: float | None = None) -> bytes:
        """The whole body. Raises EngineFailed when it is longer than `limit_bytes`."""
        pieces = [await self.read(idle_seconds)]
        size = len(pieces[0])
        while self._connection is not None and size <= limit_bytes:
            pieces.append(await self.read(idle_seconds))
            size += len(pieces[-1])
        if size > limit_bytes:
            self.close()
            raise _invalid(f"sent more than {limit_bytes} bytes")
        return b"".join(pieces)

    def close(self) -> None:
        """Let go of the answer. If it has not come to its end, the socket is closed at once: so a cancel arrives."""
        if self._connection is not None:
            self._connection.release()
            self._connection = None

    def finish(self) -> None:
        """Let go of an answer of which all that matters was read; the connection is kept if its end follows at once."""
        if self._connection is not None:
            self._connection.drain()
            self._connection = None


def _timed_out(what: str, total: bool) -> EngineTimeout:
    return EngineTimeout(f"The upstream {'took too long' if total else what}.", code="upstream_timeout")


def _invalid(what: str) -> EngineFailed:
    return EngineFailed(f"The upstream {what}.", code="upstream_invalid")
