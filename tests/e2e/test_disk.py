"""A05: a full disk. Nothing is generated that could not be recorded; reading works; space brings everything back."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.e2e.faults import FaultyUpstream
from tests.e2e.server import Server, service


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        missing("root", "a small file system can only be mounted as root")
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        missing("root", "this machine lets nobody mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_generation_and_space_brings_it_back(small_disk: Path) -> None:
    with FaultyUpstream() as upstream:
        settings = service("far", "openai", base_url=upstream.url, model="ok") + service("echo")
        with Server(small_disk, settings) as server:
            assert server.wait_for("echo").wait_for("far").ask("far", "Before.")[0] == 200
            ballast = fill(small_disk)
            refused = until_refused(server)
            assert refused == (503, "audit_disk_full")
            asked = upstream.asked("ok")
            for _ in range(20):
                assert server.ask("far", "Full.")[0] == 503
            assert upstream.asked("ok") == asked
            assert server.get("/v1/models", server.key)[0] == 200
            assert server.get("/health")[0] in (200, 503)
            before = served(server)
            ballast.unlink()
            time.sleep(1.5)
            assert server.ask("far", "After.")[0] == 200
            assert upstream.asked("ok") == asked + 1
            assert len(served(server)) == len(before) + 1
            assert requests(server, "outcome") == requests(server, "intent")
            assert server.hanlin("audit", "verify").returncode == 0
            assert server.stop() == 0
            assert "Traceback" not in server.log()


def fill(folder: Path) -> Path:
    """A file that takes all the space there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
    return ballast


def until_refused(server: Server) -> tuple[int, str]:
    """The first refusal: what is left of the write-ahead log's space may take some more entries."""
    for _ in range(2000):
        status, answer = server.ask("echo", "Is there space?")
        if status != 200:
            return status, str(answer["error"]["code"])
    raise AssertionError("2000 answers fit onto a full disk")


def requests(server: Server, kind: str) -> set[str]:
    return {leaf["request"] for leaf in server.leaves() if leaf["event"] == f"generation:{kind}"}


def served(server: Server) -> list[str]:
    return [
        leaf["request"]
        for leaf in server.leaves()
        if leaf["event"] == "generation:outcome" and leaf["status"] == "completed"
    ]


def test_a_record_that_breaks_ends_the_process(tmp_path: Path) -> None:
    """A04, with a record that somebody destroyed: no answer without an entry, and an exit status that says so."""
    with Server(tmp_path, service("echo")) as server:
        assert server.wait_for("echo").ask("echo", "Before.")[0] == 200
        for file in (server.data / "audit").glob("audit.db*"):
            with file.open("r+b") as database:
                database.write(os.urandom(file.stat().st_size))
        status, answer = server.ask("echo", "After.")
        assert (status, answer["error"]["code"]) == (503, "audit_unavailable")
        assert server.wait() == 1
        assert "Traceback" not in server.log()
