"""The HTTP server, on a socket that is ours alone."""

from __future__ import annotations

import os
import socket

from granian.constants import HTTPModes, Interfaces
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server

from hanlin.api.asgi import App
from hanlin.errors import Misconfigured

BACKLOG = 4096
"""Connections the kernel holds while we are busy: a thousand browsers may come back at once."""


def listen(host: str, port: int) -> socket.socket:
    """Take an address; from now on connections wait in its queue. Raises Misconfigured when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}.",
            action="Stop what uses it (Hanlin may be running already), or set another `host` or `port`.",
        ) from None


class Listener(Server):
    """Granian on a given socket. One it opens itself shares the port with any other server (SO_REUSEPORT)."""

    def __init__(self, app: App, listening: socket.socket) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            log_enabled=False,
        )
        self._ours = listening

    def _init_shared_socket(self) -> None:
        self._shd = SocketHolder(self._ours.detach(), False, BACKLOG)  # type: ignore[assignment, call-arg]
