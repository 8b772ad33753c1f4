"""A scriptable HTTP/1.1 upstream on loopback: each test says, byte for byte, how it answers."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"


class Exchange:
    """One request as it came, and the ways to answer it."""

    def __init__(self, upstream: Upstream, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        self.upstream = upstream
        self.head = head
        self.body = body
        self.writer = writer

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: str, body: bytes, content_type: str = "application/json", extra: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n{extra}\r\n"
        await self.send(head.encode() + body)

    async def chunk(self, data: bytes) -> None:
        """One piece in chunked transfer encoding; b"" ends the body."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def stream(self, *events: bytes) -> None:
        """A whole event stream in order."""
        await self.send(SSE_HEAD)
        for event in events:
            await self.chunk(event)
        await self.chunk(b"")

    async def stall(self) -> None:
        """Send nothing more, until the other side or the test hangs up."""
        await self.upstream.hung_up.wait()

    def cut(self) -> None:
        """Close in the middle, politely."""
        self.writer.close()

    def reset(self) -> None:
        """Close in the middle with a TCP reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Exchange], Awaitable[None]]


class Upstream:
    """The server, for `async with`. `script` may be exchanged at any time."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.exchanges: list[Exchange] = []
        self.connections = 0
        self.hung_up = asyncio.Event()
        self.hung_up_at = 0.0
        self.disconnected = asyncio.Event()
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                exchange = Exchange(self, head, await reader.readexactly(length), writer)
                self.exchanges.append(exchange)
                await self._play(exchange, reader)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self.disconnected.set()
            writer.transport.abort()

    async def _play(self, exchange: Exchange, reader: asyncio.StreamReader) -> None:
        """Run the script and note when the client goes away meanwhile."""
        script = asyncio.ensure_future(self.script(exchange))
        while not script.done():
            if reader.at_eof() or exchange.writer.transport.is_closing():
                self.hung_up_at = time.monotonic()
                self.hung_up.set()
                await asyncio.wait([script], timeout=1)
                script.cancel()
                break
            await asyncio.wait([script], timeout=0.02)
        await asyncio.gather(script, return_exceptions=True)


def event(content: str | None = None, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """One streamed event, as OpenAI words it."""
    delta: dict[str, Any] = {} if content is None else {"content": content}
    choice = {"index": index, "delta": delta | more, "logprobs": None, "finish_reason": finish}
    return sse({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def usage_event(prompt: int, completion: int) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return sse({"choices": [], "usage": usage})


def sse(data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def whole(*contents: str, finish: str | None = "stop", **message: Any) -> bytes:
    """A whole answer of one or more choices."""
    choices = [
        {"index": index, "message": {"role": "assistant", "content": content} | message, "finish_reason": finish}
        for index, content in enumerate(contents)
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    return json.dumps({"id": "c", "object": "chat.completion", "choices": choices, "usage": usage}).encode()


DONE = b"data: [DONE]\n\n"
