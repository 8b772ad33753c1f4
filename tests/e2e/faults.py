"""An upstream whose model names are faults (reliability F01 to F16), in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from tests.engines.upstream import DONE, SSE_HEAD, Exchange, Upstream, event, usage_event, whole

CANARY = "CANARY-of-the-upstream"
"""In everything an upstream says beside its answer: no client and no log may ever show it."""
KEY = "sk-CANARY-key-of-ours"
ERROR = f'{{"error": {{"message": "{CANARY} {KEY}", "type": "server_error"}}}}'.encode()
Script = Callable[[Exchange, bool], Awaitable[None]]


async def _begin(exchange: Exchange, streamed: bool) -> None:
    """The first half of an answer."""
    if streamed:
        await exchange.send(SSE_HEAD)
        for number in range(3):
            await exchange.chunk(event(f"t{number} "))
    else:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n" + ERROR)


async def ok(exchange: Exchange, streamed: bool) -> None:
    if streamed:
        await exchange.stream(event("t0 "), event("t1 "), event(None, "stop"), usage_event(3, 2), DONE)
    else:
        await exchange.answer("200 OK", whole("t0 t1 "))


def refuse(status: str, body: bytes, content_type: str = "application/json", extra: str = "") -> Script:
    async def script(exchange: Exchange, streamed: bool) -> None:
        await exchange.answer(status, body, content_type, extra)

    return script


async def slow_headers(exchange: Exchange, streamed: bool) -> None:
    await exchange.stall()


async def stall(exchange: Exchange, streamed: bool) -> None:
    await _begin(exchange, streamed)
    await exchange.stall()


async def rst(exchange: Exchange, streamed: bool) -> None:
    await _begin(exchange, streamed)
    await asyncio.sleep(0.1)
    exchange.reset()


async def cut(exchange: Exchange, streamed: bool) -> None:
    await _begin(exchange, streamed)
    exchange.cut()


async def no_done(exchange: Exchange, streamed: bool) -> None:
    """The stream ends as HTTP wants it, and neither a finish_reason nor [DONE] has come."""
    if streamed:
        await exchange.stream(*(event(f"t{number} ") for number in range(3)))
    else:
        await exchange.answer("200 OK", b"")


async def trickle(exchange: Exchange, streamed: bool) -> None:
    data = event("t0 ") + event("t1 ") + event(None, "stop") + usage_event(3, 2) + DONE if streamed else whole("t0 t1 ")
    kind = "text/event-stream" if streamed else "application/json"
    await exchange.send(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(data)}\r\n\r\n".encode())
    for byte in data:
        await exchange.send(bytes([byte]))
        await asyncio.sleep(0.001)


async def bad_json(exchange: Exchange, streamed: bool) -> None:
    data = b'data: {"%b\n\n' % CANARY.encode()
    await (exchange.stream(data, DONE) if streamed else exchange.answer("200 OK", data))


async def bad_utf8(exchange: Exchange, streamed: bool) -> None:
    if streamed:
        await exchange.stream(
            event("t0 "), event("X").replace(b"X", b"\xff\xfe\xed\xa0\x80"), event(None, "stop"), DONE
        )
    else:
        await exchange.answer("200 OK", whole("X").replace(b"X", b"\xff\xfe\xed\xa0\x80"))


async def huge_line(exchange: Exchange, streamed: bool) -> None:
    kind = "text/event-stream" if streamed else "application/json"
    await exchange.send(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\ndata: ".encode())
    for _ in range(1024):
        await exchange.send(b"A" * 65_536)


async def dup_done(exchange: Exchange, streamed: bool) -> None:
    if streamed:
        await exchange.stream(event("t0 "), event("t1 "), event(None, "stop"), DONE, event(CANARY), DONE)
    else:
        await exchange.answer("200 OK", whole("t0 t1 ") + whole(CANARY))


async def wrong_length(exchange: Exchange, streamed: bool) -> None:
    kind = "text/event-stream" if streamed else "application/json"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: 9999\r\n\r\n".encode()
    await exchange.send(head + (event("t0 ") if streamed else whole("t0 t1 ")))
    exchange.cut()


async def gzip_bomb(exchange: Exchange, streamed: bool) -> None:
    kind = "text/event-stream" if streamed else "application/json"
    await exchange.send(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-encoding: gzip\r\n\r\n".encode())
    for _ in range(64):
        await exchange.send(b"\x1f\x8b" + bytes(65_534))


async def endless(exchange: Exchange, streamed: bool) -> None:
    """Never ends by itself; for clients that go away or do not read."""
    try:
        await exchange.send(SSE_HEAD)
        for number in range(1_000_000):
            await exchange.chunk(event(f"{number} " + "x" * 1000))
            await asyncio.sleep(0.001 if number < 1000 else 0)
    except ConnectionError:
        exchange.upstream.hung_up_at = time.monotonic()
        exchange.upstream.hung_up.set()


FAULTS: dict[str, Script] = {
    "ok": ok,
    "limited": refuse("429 Too Many Requests", ERROR, extra="retry-after: 9\r\n"),
    "broken": refuse("500 Internal Server Error", ERROR),
    "html": refuse("503 Service Unavailable", f"<html>{CANARY}".encode(), "text/html"),
    "slow_headers": slow_headers,
    "stall": stall,
    "rst": rst,
    "cut": cut,
    "trickle": trickle,
    "bad_json": bad_json,
    "bad_utf8": bad_utf8,
    "huge_line": huge_line,
    "no_done": no_done,
    "dup_done": dup_done,
    "wrong_length": wrong_length,
    "gzip_bomb": gzip_bomb,
    "redirect": refuse("302 Found", b"", extra=f"location: http://127.0.0.1:1/{CANARY}\r\n"),
    "endless": endless,
}


class FaultyUpstream:
    """The upstream, answering by the model that is asked for; `with` runs it."""

    def __enter__(self) -> Self:
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="upstream")
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with Upstream(self._play) as self.upstream:
            self.url = self.upstream.url
            self._started.set()
            await self._end.wait()

    async def _play(self, exchange: Exchange) -> None:
        fields = exchange.json
        await FAULTS[fields["model"]](exchange, bool(fields.get("stream")))

    def asked(self, model: str) -> int:
        """How often this model was asked for."""
        return sum(exchange.json["model"] == model for exchange in self.upstream.exchanges)

    def wait_hung_up(self, seconds: float) -> bool:
        """Whether a client of ours went away in the middle within this time."""
        deadline = time.monotonic() + seconds
        while not self.upstream.hung_up.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.upstream.hung_up.is_set()
