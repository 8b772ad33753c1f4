"""A real PostgreSQL for tests: a throwaway cluster on a Unix socket, made by the first test that wants it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SUPERUSER = "postgres"


def _binaries() -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders or not (folders[-1] / "initdb").exists():
        pytest.skip("no PostgreSQL server here: install the package postgresql")
    if importlib.util.find_spec("asyncpg") is None:
        pytest.skip("no asyncpg here: pip install 'hanlin[postgresql]'")
    return folders[-1]


class Server:
    """Makes databases; `url` addresses one of them."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self.folder = folder

    def run(self, program: str, *arguments: str) -> None:
        # PostgreSQL refuses to run as root; its clients do not mind
        user = ["runuser", "-u", SUPERUSER, "--"] if os.geteuid() == 0 and program in ("initdb", "pg_ctl") else []
        command = [*user, str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, timeout=60)

    def start(self) -> None:
        cheap = "-c fsync=off -c full_page_writes=off -c jit=off -c max_connections=50"
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' {cheap}"
        self.run("pg_ctl", "-D", f"{self.folder}/cluster", "-l", f"{self.folder}/log", "-w", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.folder}/cluster", "-m", "immediate", "-w", "stop")

    def create(self, name: str) -> None:
        self.run("createdb", "-h", str(self.folder), "-U", SUPERUSER, name)

    def execute(self, name: str, statements: str) -> None:
        options = ("-h", str(self.folder), "-U", SUPERUSER, "-v", "ON_ERROR_STOP=1", "-q")
        self.run("psql", *options, "-c", statements, name)

    def drop(self, name: str) -> None:
        self.run("dropdb", "-h", str(self.folder), "-U", SUPERUSER, "--force", name)

    def url(self, name: str) -> str:
        return f"postgresql://{SUPERUSER}@/{name}?host={self.folder}"


@contextmanager
def serve() -> Iterator[Server]:
    """A running server; skips the test, with the reason, where it cannot run."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="hanlin-pg-"))
    server = Server(binaries, folder)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, SUPERUSER)
        server.run(
            "initdb", "-D", f"{folder}/cluster", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
