"""A model hub on this machine that serves one file, with faults on order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hanlin.catalog import HuggingFace

PATH = "/Org/Tiny-GGUF/resolve/main/tiny.gguf"


class Hub:
    def __init__(self, content: bytes, *faults: str) -> None:
        self.content = content
        self.faults = list(faults)
        """One per request, in order; then none. `cut`, `404`, `redirect`, `no range`, `hang`, `hang midway`."""
        self.requests: list[tuple[str, str]] = []
        """Path and Range of each request."""
        self.go_on = threading.Event()
        """Ends a `hang`."""
        self.address = ""

    @property
    def mirror(self) -> HuggingFace:
        return HuggingFace(repository="Org/Tiny-GGUF", file="tiny.gguf", endpoint=self.address)


@contextmanager
def hub(content: bytes, *faults: str) -> Iterator[Hub]:
    served = Hub(content, *faults)

    class Answers(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            served.requests.append((self.path, self.headers.get("Range", "")))
            fault = served.faults.pop(0) if served.faults else ""
            if fault == "hang":
                served.go_on.wait(30)
            if fault == "404" or not self.path.endswith("tiny.gguf"):
                self.send_error(404)
            elif fault == "redirect":
                self.send_response(302)
                self.send_header("Location", f"{served.address}/elsewhere/tiny.gguf")
                self.end_headers()
            else:
                self._answer(fault)

        def _answer(self, fault: str) -> None:
            asked = self.headers.get("Range")
            start = int(asked[6:-1]) if asked and fault != "no range" else 0
            body = served.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            midway = len(body) // 2
            self.wfile.write(body[:midway])
            if fault == "hang midway":
                served.go_on.wait(30)
            if fault != "cut":
                self.wfile.write(body[midway:])

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        served.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
