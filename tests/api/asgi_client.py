"""A client inside the process: speaks ASGI to the house, reads at its own pace, hangs up when it likes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from hanlin.api.asgi import App, Event

HOST = "127.0.0.1:8000"


@dataclass
class Answer:
    """What came: with `status` 0 when the server closed without a word."""

    status: int = 0
    raw_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    finished: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode() for name, value in self.raw_headers}

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error = self.json["error"]
        assert isinstance(error, dict)
        return error

    @property
    def events(self) -> list[Any]:
        """The `data:` of a stream: decoded JSON, and the word [DONE] as it is."""
        found: list[Any] = []
        for event in self.body.decode().split("\n\n"):
            if event.startswith("data: "):
                data = event.removeprefix("data: ")
                found.append(data if data == "[DONE]" else json.loads(data))
        return found


class Exchange:
    """One request under way."""

    def __init__(self, body: bytes) -> None:
        self.answer = Answer()
        self.news = asyncio.Event()
        self._body: list[Event] = [{"type": "http.request", "body": body, "more_body": False}]
        self._gone = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def receive(self) -> Event:
        if self._body:
            return self._body.pop()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: Event) -> None:
        answer = self.answer
        assert not answer.finished, "something was sent after the end"
        if event["type"] == "http.response.start":
            assert answer.status == 0, "the answer began twice"
            answer.status, answer.raw_headers = event["status"], list(event["headers"])
        else:
            assert answer.status, "a body came before its head"
            if event.get("body"):
                answer.parts.append(bytes(event["body"]))
            answer.finished = not event.get("more_body")
        self.news.set()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        self._gone.set()

    async def first(self, count: int = 1, seconds: float = 5) -> None:
        """Wait until that many parts have come."""
        async with asyncio.timeout(seconds):
            while len(self.answer.parts) < count:
                await self.news.wait()
                self.news.clear()

    async def end(self, seconds: float = 20) -> Answer:
        assert self.task is not None
        await asyncio.wait_for(asyncio.wait([self.task]), seconds)
        if not self.task.cancelled():
            self.task.result()
        return self.answer


@dataclass
class Client:
    app: App

    async def send(self, method: str, path: str, **request: Any) -> Answer:
        """The whole answer. `key`, `headers`, `json` or `body`, `host`: see `stream`."""
        async with self.stream(method, path, **request) as exchange:
            return await exchange.end()

    async def ask(self, key: str, model: str, text: str = "hello", **fields: Any) -> Answer:
        """POST /v1/chat/completions."""
        return await self.send("POST", "/v1/chat/completions", key=key, json=question(model, text, **fields))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        json: Any = None,
        body: bytes = b"",
        host: str = HOST,
    ) -> AsyncIterator[Exchange]:
        """One request while it runs; it is hung up at the end of the block."""
        content = dumps(json) if json is not None else body
        given = dict(headers).items() if isinstance(headers, Mapping) else list(headers)
        sent = [(b"host", host.encode()), (b"content-length", str(len(content)).encode())]
        sent += [(name.lower().encode(), value.encode("latin-1")) for name, value in given]
        if key:
            sent.append((b"authorization", f"Bearer {key}".encode()))
        if json is not None:
            sent.append((b"content-type", b"application/json"))
        bare, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(bare),
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": sent,
            "client": ("127.0.0.1", 40000),
            "server": ("127.0.0.1", 8000),
            "state": {},
            "extensions": {},
        }
        exchange = Exchange(content)
        exchange.task = asyncio.create_task(self._run(scope, exchange))
        try:
            yield exchange
        finally:
            exchange.hang_up()
            await asyncio.wait([exchange.task], timeout=20)

    async def _run(self, scope: Any, exchange: Exchange) -> None:
        try:
            await self.app(scope, exchange.receive, exchange.send)
        finally:
            exchange.news.set()


def question(model: str, text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
