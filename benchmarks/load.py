"""What puts a server under load: wrk for whole answers, plain asyncio sockets for streams."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from processes import NotMeasured

CONTENT = re.compile(rb'"content": ?"[^"]')
"""A piece of text; not the empty one that some servers send with the role."""
PROMPT = "Say hello in one short sentence, please. " * 3
ANSWER_SECONDS = 120

REPORT = """
done = function(summary, latency)
  local failed = summary.errors
  io.write(string.format('REPORT {"answers": %d, "seconds": %.6f, "p50_ms": %.4f, "p99_ms": %.4f, "errors": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    failed.status + failed.connect + failed.read + failed.write + failed.timeout))
end
"""


@dataclass(frozen=True)
class Target:
    """Where to ask, and as whom."""

    port: int
    key: str


@dataclass(frozen=True)
class Whole:
    """What wrk saw of whole answers."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float


@dataclass
class Streamed:
    """What one stream's client saw; times in seconds."""

    connected: float = 0.0
    first: float = 0.0
    """From the connection's start to the first piece of text."""
    gaps: list[float] = field(default_factory=list)
    """Between two arrivals."""
    received: bytes = b""
    """Kept only when asked for."""
    failure: str = ""
    """Empty when status, text and terminator were all there."""


def body(model: str, *, stream: bool, paced: bool = False) -> bytes:
    """A chat request of about 330 bytes."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "PACED " * paced + PROMPT},
    ]
    request = {"model": model, "messages": messages, "max_tokens": 64, "temperature": 0.7}
    if stream:
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(request, separators=(",", ":")).encode()


def request_bytes(target: Target, content: bytes) -> bytes:
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
    ) % (target.port, target.key.encode(), len(content), content)


def whole(target: Target, content: bytes, *, connections: int, seconds: float, folder: Path) -> Whole:
    """Ask with wrk as fast as the server answers. Raises NotMeasured when any answer was not a 200."""
    script = folder / "load.lua"
    script.write_text(f'wrk.method = "POST"\nwrk.body = [==[{content.decode()}]==]\n{REPORT}')
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", str(max(1, round(seconds)))]
    headers = ["-H", "content-type: application/json", "-H", f"authorization: Bearer {target.key}"]
    url = f"http://127.0.0.1:{target.port}/v1/chat/completions"
    done = subprocess.run(
        [*command, "--timeout", "20s", "--script", str(script), *headers, url],
        capture_output=True,
        text=True,
        check=False,
    )
    report = re.search(r"REPORT (.+)", done.stdout)
    if report is None:
        raise NotMeasured(f"wrk said: {(done.stdout + done.stderr)[-500:]}")
    seen = json.loads(report[1])
    if seen.pop("errors") or not seen["answers"]:
        raise NotMeasured(f"Not every answer was one: {done.stdout[-500:]}")
    return Whole(**seen)


class Listener(asyncio.Protocol):
    """Sends one request on a connection of its own and listens until the stream ends."""

    def __init__(self, request: bytes, *, keep: bool) -> None:
        self.seen = Streamed()
        self.ended: asyncio.Future[Streamed] = asyncio.get_running_loop().create_future()
        self._request = request
        self._keep = keep
        self._started = time.perf_counter()
        self._last = 0.0
        self._tail = b""
        self._done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.seen.connected = time.perf_counter() - self._started
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now, seen = time.perf_counter(), self.seen
        if not self._last and not data.startswith(b"HTTP/1.1 200 "):
            seen.failure = data[:300].decode("latin-1")
            self._transport.close()
            return
        if seen.first:
            seen.gaps.append(now - self._last)
        elif CONTENT.search(data):
            seen.first = now - self._started
        self._last = now
        if self._keep:
            seen.received += data
        # A terminator may come in two halves.
        end = self._tail + data
        self._done = self._done or b"data: [DONE]" in end
        if end.endswith(b"\r\n0\r\n\r\n"):
            self._transport.close()
        self._tail = end[-16:]

    def connection_lost(self, exc: Exception | None) -> None:
        seen = self.seen
        if not seen.failure and not (self._done and seen.first):
            seen.failure = f"The stream ended without its terminator ({exc})."
        if not self.ended.done():
            self.ended.set_result(seen)


async def stream(target: Target, content: bytes, *, keep: bool = False) -> Streamed:
    """One stream from connection to end. Its `failure` says what was wrong; only a refused connection raises."""
    loop = asyncio.get_running_loop()
    request = request_bytes(target, content)
    transport, listener = await loop.create_connection(lambda: Listener(request, keep=keep), "127.0.0.1", target.port)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await listener.ended
    except TimeoutError:
        listener.seen.failure = f"The stream had not ended after {ANSWER_SECONDS} seconds."
        return listener.seen
    finally:
        transport.close()


async def streams(target: Target, content: bytes, *, at_once: int, seconds: float) -> list[Streamed]:
    """Streams one after the other on `at_once` sides, until the time is up and those that run have ended."""
    until = time.perf_counter() + seconds
    seen: list[Streamed] = []

    async def one_side() -> None:
        while time.perf_counter() < until:
            seen.append(await stream(target, content))

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_side())
    check(seen)
    return seen


def check(seen: list[Streamed]) -> None:
    """Raise NotMeasured when a stream was not whole."""
    failures = [each.failure for each in seen if each.failure]
    if failures or not seen:
        raise NotMeasured(f"{len(failures)} of {len(seen)} streams were not whole, the first: {failures[:1]}")


def text_of(received: bytes) -> str:
    """The text of a whole stream as it came on the wire."""
    lines = re.findall(rb"^data: (\{.*\})\r?$", joined(received.partition(b"\r\n\r\n")[2]), re.MULTILINE)
    events = [json.loads(line) for line in lines]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", ()))


def joined(chunked: bytes) -> bytes:
    """A body without the marks of chunked transfer (RFC 9112, 7.1), which may cut an event in two."""
    parts, position = [], 0
    while size := int(chunked[position : (end := chunked.index(b"\r\n", position))], 16):
        parts.append(chunked[end + 2 : end + 2 + size])
        position = end + size + 4
    return b"".join(parts)
