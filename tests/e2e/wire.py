"""HTTP/1.1 by hand, to see exactly what comes over the socket: chunks, terminators, cuts."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.e2e.server import Server, body


class Exchange:
    """One request on a connection of its own, and its answer as it comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}

    @classmethod
    async def ask(cls, server: Server, model: str, text: str = "Say it.", **fields: Any) -> Self:
        """Connect and send; nothing of the answer has been read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        data = json.dumps(body(model, text, **fields)).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {server.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        writer.write(head.encode() + data)
        return cls(reader, writer)

    async def read_head(self) -> Self:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        return self

    async def body(self) -> AsyncIterator[bytes]:
        """Pieces of the body. Raises IncompleteReadError or ConnectionError when it was cut."""
        if "content-length" in self.headers:
            yield await self.reader.readexactly(int(self.headers["content-length"]))
            return
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)

    async def read(self) -> Answer:
        """Everything, to the end or to where it was cut."""
        answer = Answer()
        try:
            await self.read_head()
            answer.status, answer.headers = self.status, self.headers
            async for piece in self.body():
                answer.body += piece
            answer.whole = True
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await self.close()
        return answer

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Go away as a machine that lost power does: TCP RST."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    """It came to the end that HTTP promised."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The payloads of a stream; `[DONE]` as the string."""
        payloads = [part.removeprefix(b"data: ") for part in self.body.split(b"\n\n") if part.startswith(b"data: ")]
        return [payload.decode() if payload == b"[DONE]" else json.loads(payload) for payload in payloads]

    @property
    def done(self) -> bool:
        return self.body.endswith(b"data: [DONE]\n\n")

    @property
    def error(self) -> dict[str, Any]:
        """The error object, of the answer or of the stream's last event; empty when there is none."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            last = self.events[-1] if self.events else {}
            return dict(last.get("error", {})) if isinstance(last, dict) else {}
        return dict(self.json.get("error", {}))

    @property
    def text(self) -> str:
        choices = [event["choices"][0] for event in self.events if isinstance(event, dict) and event.get("choices")]
        return "".join(choice["delta"].get("content", "") for choice in choices)

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")


async def answer(server: Server, model: str, text: str = "Say it.", **fields: Any) -> Answer:
    return await (await Exchange.ask(server, model, text, **fields)).read()
