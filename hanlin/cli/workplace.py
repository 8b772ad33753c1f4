"""Where a command's work is done: at the server that runs, or at one that runs for as long as the command does."""

from __future__ import annotations

import asyncio
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from hanlin.errors import HanlinError, NotServing, NotSignedIn
from hanlin.settings import Settings, load
from hanlin.types import new_id

T = TypeVar("T")
PIECE_BYTES = 8 * 1024 * 1024
POLL_SECONDS = 0.5
KEY = "HANLIN_KEY"
ENDED = frozenset({"done", "failed", "cancelled"})


class Api:
    """Hanlin's resources over HTTP, with an API key. Every failure is raised as what the server said."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self.console = Console(stderr=True)

    def get(self, path: str) -> Any:
        return self._json("GET", path)

    def post(self, path: str, body: object) -> Any:
        return self._json("POST", path, msgspec.json.encode(body), {"content-type": "application/json"})

    def delete(self, path: str) -> None:
        self._send("DELETE", path, b"", {})

    def content(self, path: str) -> bytes:
        """What a GET answers, as it is."""
        return self._send("GET", path, b"", {})

    def upload(self, path: Path) -> str:
        """Bring a file to the server in pieces, with a bar; the file's id."""
        size = path.stat().st_size
        upload = self.post("/api/uploads", {"name": path.name, "size_bytes": size})["id"]
        with path.open("rb") as file, self._bar("uploading", size) as tell:
            done = 0
            while piece := file.read(PIECE_BYTES):
                headers = {"upload-offset": str(done), "content-type": "application/offset+octet-stream"}
                self._send("PATCH", f"/api/uploads/{upload}", piece, headers)
                done += len(piece)
                tell(done, size, "uploading")
        return str(self.post(f"/api/uploads/{upload}/file", {})["id"])

    def send_form(self, path: str, file: Path) -> Any:
        """Bring a small file as a form (RFC 7578)."""
        boundary = new_id("form")
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file.suffix or "file"}"\r\n\r\n'
        )
        body = head.encode() + file.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        return self._json("POST", path, body, {"content-type": f"multipart/form-data; boundary={boundary}"})

    def wait(self, job: str) -> None:
        """Until a job has ended, with a bar; its failure is raised. Ctrl-C cancels it."""
        try:
            with self._bar("waiting", None) as tell:
                while (now := self.get(f"/api/jobs/{quote(job)}"))["state"] not in ENDED:
                    tell(now["done"], now["total"] or None, now["note"] or now["state"])
                    time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self.post(f"/api/jobs/{quote(job)}/cancellation", {})
            raise
        if now["state"] != "done":
            raise NotServing(now["problem"] or "The job was cancelled.", action=now["action"], code="job_ended")

    @contextmanager
    def _bar(self, word: str, total: float | None) -> Iterator[Callable[[float, float | None, str], None]]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(word, total=total)
            yield lambda done, whole, said: progress.update(task, completed=done, total=whole, description=said)

    def _json(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        return msgspec.json.decode(self._send(method, path, body, headers or {}) or b"null")

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            self._url + path,
            data=body or None,
            method=method,
            headers={"authorization": f"Bearer {self._key}", **headers},
        )
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise _said(error) from None
        except urllib.error.URLError as error:
            raise NotServing(f"{self._url} cannot be reached: {error.reason}.", code="unreachable") from None


def _said(error: urllib.error.HTTPError) -> HanlinError:
    """The server's own words for a failure."""
    try:
        said = msgspec.json.decode(error.read())["error"]
        message, action = str(said["message"]), str(said.get("action") or "")
    except (msgspec.MsgspecError, KeyError, TypeError):
        message, action = f"The server answered {error.code}.", ""
    return HanlinError(message, action=action)


def work(do: Callable[[Api], T]) -> T:
    """Do it at the server of the settings, or at one of our own while none runs. Returns what `do` returns."""
    settings, _ = load()
    if _answers(settings.url):
        key = os.environ.get(KEY, "")
        if not key:
            raise NotSignedIn(
                f"{settings.url} asks for an API key.",
                action=f"Make one on its page Keys and set the variable {KEY}.",
                code="no_key",
            )
        return do(Api(settings.url, key))
    import uvloop

    from hanlin.cli.serve import fetch_weights, log_to_standard_error

    log_to_standard_error("WARNING")
    fetch_weights(settings)
    return uvloop.run(_at_our_own(settings, do))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):  # noqa: S310 - the operator's own address
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, TimeoutError, OSError):
        return False


async def _at_our_own(settings: Settings, do: Callable[[Api], T]) -> T:
    """Open the house on a free port of this machine, with a key that ends with the command."""
    from hanlin.accounts.keys import KeyRequest
    from hanlin.app import open_house
    from hanlin.cli.listening import Listener, listen

    with listen("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with open_house(
            replace(settings, host="127.0.0.1", port=listening.getsockname()[1], public_url="")
        ) as house:
            server = Listener(house.asgi, listening)
            serving = asyncio.create_task(server.serve())
            owner = await house.accounts.people.founder()
            key = await house.accounts.keys.create(owner, KeyRequest(name="command line", days=1))
            try:
                await asyncio.wait({house.admitting})
                return await asyncio.to_thread(do, Api(url, key.token))
            finally:
                await house.accounts.keys.revoke(owner, key.key.id)
                server.stop()  # type: ignore[no-untyped-call]
                await serving
