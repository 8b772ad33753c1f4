"""The first thing a request meets: the host check, then the hot path, health, metrics, or the framework."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from hanlin.api.asgi import JSON, SECURITY, App, Receive, Scope, Send, bearer, encode, header, respond, respond_error
from hanlin.errors import BadRequest, HanlinError, NotAllowed
from hanlin.types import Actor

log = logging.getLogger("hanlin.api")

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]+)?")
"""RFC 9110, 7.2: a name or a bracketed IPv6 address, and perhaps a port."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
PLAIN_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Front:
    """ASGI: `/v1/*` goes straight to its handlers; everything else through the framework.

    A request whose Host is not ours is refused, so that no page elsewhere can reach this server under its own name
    (DNS rebinding). `/health` is exempt: probes come by address.
    """

    def __init__(
        self,
        *,
        openai: App,
        pages: App,
        receipt: Callable[[Actor, str], Awaitable[Any]],
        url: str,
        authenticate: Callable[[str], Awaitable[Actor]],
        health: Callable[[], dict[str, Any]],
        metrics: Callable[[], bytes],
    ) -> None:
        self._openai = openai
        self._pages = pages
        self._receipt = receipt
        self._hosts = LOOPBACK_NAMES | {urlsplit(url).hostname or ""}
        self._authenticate = authenticate
        self._health = health
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        path = scope["path"]
        if path == "/health":
            await self._respond_health(send)
        elif not self._is_ours(header(scope, b"host")):
            await respond_error(send, BadRequest("This host name is not served here.", code="unknown_host"))
        elif path.startswith("/v1/"):
            await self._openai(scope, receive, send)
        elif path == "/metrics":
            await self._respond_metrics(scope, send)
        elif path.startswith("/receipts/") and has_key(scope):
            await self._respond_receipt(scope, path.removeprefix("/receipts/"), send)
        else:
            await self._pages(scope, receive, send)

    def _is_ours(self, host: bytes) -> bool:
        match = HOST.fullmatch(host.decode("latin-1").lower())
        return match is not None and match[1] in self._hosts

    async def _respond_health(self, send: Send) -> None:
        health = self._health()
        await respond(send, 200 if health["status"] == "ok" else 503, encode(health), [JSON, *SECURITY])

    async def _respond_metrics(self, scope: Scope, send: Send) -> None:
        try:
            actor = await self._authenticate(bearer(scope))
            if not actor.administrator:
                raise NotAllowed("Metrics are for administrators: they span workspaces.")
        except HanlinError as error:
            await respond_error(send, error)
        else:
            await respond(send, 200, self._metrics(), [PLAIN_TEXT, *SECURITY])

    async def _respond_receipt(self, scope: Scope, name: str, send: Send) -> None:
        """The address that an answer carries, for programs; people with a session get the page of the same address."""
        try:
            receipt = await self._receipt(await self._authenticate(bearer(scope)), name.removesuffix(".json"))
        except HanlinError as error:
            await respond_error(send, error)
        else:
            await respond(send, 200, encode(receipt))


def has_key(scope: Scope) -> bool:
    """Whether the request comes with an API key rather than a cookie."""
    return bool(header(scope, b"authorization") or header(scope, b"x-api-key"))
