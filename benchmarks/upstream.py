"""A fake upstream in OpenAI's wire format, written for speed: what stands behind it costs next to nothing.

`python benchmarks/upstream.py PORT [GAP_MILLISECONDS]`. A whole answer is always the same 480 bytes. A streamed one is
50 chunks, the usage and `[DONE]`: all at once, or a gap apart when the request holds the word PACED.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from typing import Any, cast

import uvloop

CHUNKS = 50
SENTENCE = (
    "Hello! This is the one answer that the fake upstream knows. It never changes, "
    "and it is about thirty tokens long so that its size on the wire is that of a real, short answer."
)
STREAMED = "".join(f" token{number}" for number in range(CHUNKS))
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM_END = b"0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
COMMON = {"id": "chatcmpl-fake", "created": 1790000000, "model": "fake", "system_fingerprint": "fp_fake"}

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
WANTS_STREAM = re.compile(rb'"stream": ?true')


def whole_answer() -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": SENTENCE, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50}
    body = encode({**COMMON, "object": "chat.completion", "choices": [choice], "usage": usage})
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def stream_parts() -> list[bytes]:
    """What is written one after the other: an HTTP chunk for each event."""
    chunk = {**COMMON, "object": "chat.completion.chunk"}
    events = []
    for number in range(CHUNKS):
        role = {} if number else {"role": "assistant"}
        reason = "stop" if number == CHUNKS - 1 else None
        choice = {"index": 0, "delta": {**role, "content": f" token{number}"}, "finish_reason": reason}
        events.append(encode({**chunk, "choices": [choice]}))
    usage = {"prompt_tokens": 20, "completion_tokens": CHUNKS, "total_tokens": 20 + CHUNKS}
    events.append(encode({**chunk, "choices": [], "usage": usage}))
    events.append(b"[DONE]")
    return [b"%x\r\ndata: %s\n\n\r\n" % (len(event) + 8, event) for event in events]


def encode(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


WHOLE = whole_answer()
PARTS = stream_parts()
AT_ONCE = STREAM_HEAD + b"".join(PARTS) + STREAM_END


class Upstream(asyncio.Protocol):
    """One connection. Requests on it are answered in turn."""

    __slots__ = ("_due", "_gap_seconds", "_loop", "_position", "_received", "_timer", "_transport")

    def __init__(self, gap_seconds: float) -> None:
        self._gap_seconds = gap_seconds
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._timer is None and (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._received, 0, end)
            body_end = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < body_end:
                return
            request, self._received = self._received[:body_end], self._received[body_end:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if not request.startswith(b"POST "):
            self._transport.write(NOT_FOUND)
        elif not WANTS_STREAM.search(request):
            self._transport.write(WHOLE)
        elif b"PACED" not in request:
            self._transport.write(AT_ONCE)
        else:
            self._transport.write(STREAM_HEAD)
            self._position = 0
            self._due = self._loop.time()
            self._send_part()

    def _send_part(self) -> None:
        self._transport.write(PARTS[self._position])
        self._position += 1
        if self._position == len(PARTS):
            self._timer = None
            self._transport.write(STREAM_END)
            self.data_received(b"")
        else:
            self._due += self._gap_seconds
            self._timer = self._loop.call_at(self._due, self._send_part)


async def main(port: int, gap_seconds: float) -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(gap_seconds), sock=listener, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        uvloop.run(main(int(sys.argv[1]), float((*sys.argv, "5")[2]) / 1000))
    except KeyboardInterrupt:
        sys.exit(130)
