"""A pooled HTTP/1.1 client for one origin: what a chat upstream needs and nothing else.

The connection is an asyncio.Protocol fed to httptools, because the client library is the largest cost of a gateway
(measured: httpx 1.9 CPU-ms a request, aiohttp 0.09, this kind 0.02). So: no task and no timer per request, one future
per wait, none when bytes are already there. One sweep per origin looks after every deadline.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping

from hanlin.errors import BadRequest, EngineFailed, EngineTimeout, NotServing
from hanlin.net.addresses import Lookup, Origin, Record, look_up, resolve
from hanlin.net.connection import Connection, Limits, Response

KEEPALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))


class Client:
    """Connections to one origin. Used within one event loop; `close` ends everything that is open."""

    def __init__(
        self,
        origin: Origin,
        *,
        trusted: bool = False,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = look_up,
    ) -> None:
        self.origin = origin
        self.limits = limits or Limits()
        self._trusted = trusted
        self._lookup = lookup
        self._tls = (tls or ssl.create_default_context()) if origin.scheme == "https" else None
        self._idle: dict[Connection, None] = {}
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        shortest = min(self.limits.first_byte_seconds, self.limits.idle_seconds, self.limits.total_seconds)
        self._sweep_seconds = min(1.0, shortest / 4, self.limits.keep_seconds / 4)

    def prepare(self, path: str, headers: Mapping[str, str]) -> bytes:
        """The head of a POST up to its length, made once and used for every request.

        Raises BadRequest when a value could not stand in a header, without the value: it may be a key.
        """
        lines = {"host": self.origin.authority, "accept-encoding": "identity", **headers}
        for name, value in lines.items():
            if not value.isascii() or not value.isprintable():
                raise BadRequest(f"Header {name!r} may hold printable ASCII only.", code="invalid_header")
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {self.origin.path}{path} HTTP/1.1\r\n{head}content-length: ".encode("ascii")

    async def post(self, prepared: bytes, body: bytes, *, first_byte_seconds: float | None = None) -> Response:
        """Send one request and wait for the answer's head, whatever its status. Close the Response when done.

        Raises EngineFailed (`retryable` while no byte of the answer had come) or EngineTimeout.
        """
        message = b"%b%d\r\n\r\n%b" % (prepared, len(body), body)
        wait = first_byte_seconds or self.limits.first_byte_seconds
        connection = self._take() or await self._acquire()
        fresh = connection.answers == 0
        try:
            return await connection.exchange(message, wait)
        except EngineFailed as failure:
            if fresh or connection.received or isinstance(failure, EngineTimeout):
                raise
        # A kept connection can be closed by the other side at any moment: once, silently, on a fresh one.
        return await (await self._connect()).exchange(message, wait)

    async def close(self) -> None:
        """Abort every connection and wait until each is gone."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        connections = list(self._open)
        for connection in connections:
            connection.fail(EngineFailed("The client was closed.", code="upstream_closed"))
        for connection in connections:
            await connection.lost

    def _take(self) -> Connection | None:
        """The connection kept last, so that those not needed grow old and are closed."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if not connection.is_closing():
                return connection
        return None

    async def _acquire(self) -> Connection:
        while True:
            connection = self._take()
            if connection is not None:
                return connection
            if len(self._open) + self._connecting < self.limits.connections:
                return await self._connect()
            await self._wait_for_turn()

    async def _wait_for_turn(self) -> None:
        if len(self._waiters) >= self.limits.waiting:
            raise self._busy()
        turn = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                await turn
        except BaseException as failure:
            if turn.done() and not turn.cancelled():
                self._wake()  # the turn came and is not taken
            elif turn in self._waiters:
                self._waiters.remove(turn)
            if isinstance(failure, TimeoutError):
                raise self._busy() from None
            raise

    def _busy(self) -> NotServing:
        return NotServing(
            f"All {self.limits.connections} connections to the upstream are in use.",
            action="Try again in a moment.",
            code="upstream_busy",
        )

    def _wake(self) -> None:
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    async def _connect(self) -> Connection:
        self._connecting += 1
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                records = await resolve(self.origin, trusted=self._trusted, lookup=self._lookup)
                connection = await self._dial_first(records)
        except TimeoutError:
            raise EngineTimeout(
                f"The upstream took no connection in {self.limits.connect_seconds:g} s.",
                code="upstream_unreachable",
                retryable=True,
            ) from None
        except OSError as error:
            raise EngineFailed(
                f"The upstream cannot be reached ({type(error).__name__}).", code="upstream_unreachable", retryable=True
            ) from None
        else:
            return connection
        finally:
            self._connecting -= 1
            if len(self._open) + self._connecting < self.limits.connections:
                self._wake()

    async def _dial_first(self, records: list[Record]) -> Connection:
        failure: OSError = ConnectionError("no address")
        for family, address in records:
            try:
                return await self._dial(family, address)
            except OSError as error:
                failure = error
        raise failure

    async def _dial(self, family: socket.AddressFamily, address: tuple[object, ...]) -> Connection:
        loop = asyncio.get_running_loop()
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE:
                if hasattr(socket, option):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
            async with asyncio.timeout(self.limits.tcp_seconds):
                await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        _, connection = await loop.create_connection(
            lambda: Connection(self, self.limits, loop),
            sock=sock,
            ssl=self._tls,
            server_hostname=self.origin.host if self._tls else None,
        )
        return connection

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)
        if self._sweeper is None:
            self._sweeper = connection.loop.call_later(self._sweep_seconds, self._sweep, connection.loop)

    def keep(self, connection: Connection) -> None:
        self._idle[connection] = None
        if self._waiters:
            self._wake()

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._wake()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in list(self._open):
            connection.check(now)
        self._sweeper = loop.call_later(self._sweep_seconds, self._sweep, loop) if self._open else None
