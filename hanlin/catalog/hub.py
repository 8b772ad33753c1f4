"""Weights from a model hub over HTTPS: resumed by Range, cut connections taken up again.

Proxies and certificates are as the environment says (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE). The bytes are checked
against their SHA-256 afterwards, so the hub is not trusted, nor where it redirects to.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from hanlin import __version__
from hanlin.catalog.partial import BLOCK_BYTES, MirrorFailed, Partial

CONNECT_SECONDS = 5
STALL_SECONDS = 15
"""A connection silent this long counts as cut."""
RETRY_SECONDS = 0.5
"""Waited after the first fruitless connection, twice that after the second."""
MAX_CONNECTIONS = 50
FRUITLESS_CONNECTIONS = 3
"""In a row, each without a new byte, after which the mirror is given up."""


def fetch(url: str, partial: Partial) -> None:
    """Bring `partial` to its full size from `url`. Raises MirrorFailed; what came is kept for the next try."""
    if not url.startswith(("https://", "http://")):
        raise MirrorFailed("its address is not an http address")
    start = furthest = partial.done_bytes
    fruitless = 0
    for _ in range(MAX_CONNECTIONS):
        problem = _try(url, partial)
        if partial.complete:
            return
        if partial.done_bytes > furthest:
            furthest, fruitless = partial.done_bytes, 0
        else:
            fruitless += 1
        if furthest == start or fruitless >= FRUITLESS_CONNECTIONS:
            raise MirrorFailed(problem)
        partial.stop.check(fruitless * RETRY_SECONDS)
    raise MirrorFailed(f"{problem}, {MAX_CONNECTIONS} times")


def _try(url: str, partial: Partial) -> str:
    """One connection; why it ended before the whole was there, in words."""
    offset = partial.done_bytes
    request = urllib.request.Request(  # noqa: S310 (the scheme was checked)
        url, headers={"User-Agent": f"hanlin/{__version__}", "Accept-Encoding": "identity"}
    )
    if offset:
        request.add_header("Range", f"bytes={offset}-")
    try:
        with _opener().open(request, timeout=CONNECT_SECONDS) as response:
            if _starts_at(response, partial.size_bytes) != offset:
                partial.truncate(0)
            partial.append(_blocks(response))
    except _Cut as cut:
        return str(cut)
    except urllib.error.HTTPError as error:
        with error:
            return f"answered {error.code}"
    except (urllib.error.URLError, http.client.HTTPException, ssl.SSLError, TimeoutError, ConnectionError) as error:
        return _word(error.reason if isinstance(error, urllib.error.URLError) else error)
    return "the connection was cut"


class _Cut(Exception):
    """Reading stopped before the end; kept apart from what goes wrong with the disk."""


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            block = response.read1(BLOCK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _Cut(_word(error)) from None
        if not block:
            return
        yield block


def _starts_at(response: http.client.HTTPResponse, size_bytes: int) -> int:
    """The offset at which the body starts. Raises MirrorFailed when it is a body of another file."""
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None or found[2] not in ("*", str(size_bytes)):
            raise MirrorFailed(f"offers another range than of {size_bytes:,} bytes")
        return int(found[1])
    length = response.headers.get("Content-Length", str(size_bytes))
    if response.status != http.HTTPStatus.OK or length != str(size_bytes):
        raise MirrorFailed(f"offers {length} bytes, expected {size_bytes}")
    return 0


def _word(reason: object) -> str:
    if isinstance(reason, socket.gaierror):
        return "its name is not found"
    if isinstance(reason, ConnectionRefusedError):
        return "it refuses the connection"
    if isinstance(reason, TimeoutError):
        return "it does not answer"
    if isinstance(reason, ssl.SSLError):
        return "TLS failed: its certificate is not accepted"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return "the connection was cut"


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_SECONDS)


class _TLSConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(STALL_SECONDS)


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _TLS(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        arguments: dict[str, Any] = {"context": ssl.create_default_context()}
        return self.do_open(_TLSConnection, req, **arguments)


def _opener() -> urllib.request.OpenerDirector:
    """Only http and https, also after a redirect: no file, no FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Plain(),
        _TLS(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
