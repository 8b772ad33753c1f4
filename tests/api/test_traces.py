"""OpenTelemetry: one span a generation, exported, without a word of the text."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hanlin.api.traces import Traces, tee
from hanlin.service import Finished
from hanlin.types import Actor, Role, Status, Usage

pytest.importorskip("opentelemetry.sdk")

FINISHED = Finished(
    seq=1,
    request_id="req_" + "0" * 32,
    actor=Actor("per_a", "ws_a", Role.OWNER, frozenset()),
    service="desk",
    model="ink",
    status=Status.TRUNCATED,
    usage=Usage(3, 5, 8),
    seconds=0.25,
    seconds_to_first=0.1,
)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP/HTTP endpoint: its address, and the bodies it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name there
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_generation_is_exported_as_one_span(collector: tuple[str, list[bytes]]) -> None:
    url, bodies = collector
    traces = Traces(url)
    traces.observe(FINISHED)
    traces.close()
    sent = b"".join(bodies)
    for word in (
        b"chat ink",
        b"gen_ai.usage.output_tokens",
        b"hanlin.service",
        b"truncated",
        FINISHED.request_id.encode(),
    ):
        assert word in sent
    assert b"per_a" not in sent
    assert b"ws_a" not in sent


def test_every_observer_sees_every_generation() -> None:
    seen: list[Finished] = []
    tee(seen.append, seen.append)(FINISHED)
    assert seen == [FINISHED, FINISHED]
