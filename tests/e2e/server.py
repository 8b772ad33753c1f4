"""A real server in its own process, on a folder of its own: started, asked, stopped or killed by a test."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hanlin.audit.store import Reader, open_reader

REASON = "Answers for tests, the same every time."


def service(name: str, engine: str = "echo", **options: Any) -> str:
    """Settings for a service with one model of the same name, declared rather than examined."""
    values = ", ".join(f"{key} = {json.dumps(value)}" for key, value in options.items())
    return (
        f'\n[[models]]\nname = "{name}"\nengine = "{engine}"\ndeclaration = "{REASON}"\noptions = {{{values}}}\n'
        f'[[services]]\nname = "{name}"\nmodels = ["{name}"]\n'
    )


class Server:
    """`hanlin serve` on a free port, with the settings given as TOML text after the defaults for tests.

    `with` starts it; at the end it is killed if the test has not stopped it.
    """

    def __init__(self, folder: Path, settings: str, environment: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = 0
        self.key = ""
        self.sign_in = ""
        self._environment = environment or {}
        self._printed_before = 0
        self.settings = folder / "hanlin.toml"
        self.settings.write_text(
            f'port = 0\ndata = "{self.data}"\nmodel = "none"\nengine_threads = 1\n{settings}', encoding="utf-8"
        )
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, seconds: float = 20) -> Self:
        """Start, wait until it says its address and answers there, and note the key and link it printed."""
        self.spawn()
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            printed = self.printed()
            if "Stop it with" in printed:
                self.port = int(_found(r"serves at http://\S+?:(\d+)\n", printed))
                self.key = _found(r"Bearer (hl_\S+?)'", printed) or self.key
                self.sign_in = _found(r"(http\S+/welcome\S+)", printed) or self.sign_in
                return self
            time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self.log()[-3000:]}")

    def spawn(self) -> None:
        """Start without waiting."""
        self._printed_before = (self.folder / "out.txt").stat().st_size if (self.folder / "out.txt").exists() else 0
        with (self.folder / "out.txt").open("ab") as out, (self.folder / "err.txt").open("ab") as error:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hanlin", "serve"], env=self.environment, stdout=out, stderr=error, text=True
            )

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "HANLIN_SETTINGS": str(self.settings), **self._environment}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def hanlin(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same settings."""
        return subprocess.run(
            [sys.executable, "-m", "hanlin", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def printed(self) -> str:
        """What the last start said to the person who typed the command."""
        return (self.folder / "out.txt").read_bytes()[self._printed_before :].decode()

    def log(self) -> str:
        return (self.folder / "err.txt").read_text(encoding="utf-8")

    def wait_for(self, name: str, seconds: float = 20) -> Self:
        """Until this service answers: its model has been declared or has passed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            status, answer = self.get("/v1/models", self.key)
            if status == 200 and name in [model["id"] for model in answer["data"]]:
                return self
            time.sleep(0.05)
        raise AssertionError(f"service {name!r} does not answer:\n{self.log()[-3000:]}")

    def leaves(self) -> list[dict[str, Any]]:
        """The record as it is on the disk, in order; works while the server runs and after it has gone."""
        reader = Reader(open_reader(self.data / "audit" / "audit.db"))
        try:
            return [json.loads(leaf) for _, leaf in reader.after(-1, 1_000_000)]
        finally:
            reader.connection.close()

    def outcomes(self, seconds: float = 5, **fields: str) -> list[dict[str, Any]]:
        """Outcome leaves with these fields, waiting for the first one."""
        deadline = time.monotonic() + seconds
        while True:
            leaves = [leaf for leaf in self.leaves() if leaf["event"] == "generation:outcome"]
            found = [leaf for leaf in leaves if fields.items() <= leaf.items()]
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def get(self, path: str, key: str | None = None) -> tuple[int, Any]:
        return self.send("GET", path, key=key)

    def ask(self, model: str, text: str, **fields: Any) -> tuple[int, Any]:
        """One whole answer."""
        return self.send("POST", "/v1/chat/completions", body(model, text, **fields), key=self.key)

    def send(self, method: str, path: str, data: Any = None, *, key: str | None = None) -> tuple[int, Any]:
        encoded = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.url + path, encoded, method=method)
        request.add_header("content-type", "application/json")
        if key:
            request.add_header("authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, _decoded(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read())

    def stop(self, seconds: float = 45) -> int:
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, seconds: float = 45) -> int:
        """Until it has ended by itself; returns the exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()


def body(model: str, text: str, **fields: Any) -> dict[str, Any]:
    """A chat request of one message."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""


def _decoded(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode("utf-8", "replace")
