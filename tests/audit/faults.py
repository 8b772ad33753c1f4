"""A disk that fails on demand: a SQLite connection whose chosen call raises what SQLite would raise."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any


class Disk:
    """Counts the statements of the connections it makes; fails at the chosen one, or when told to."""

    def __init__(self, fail_at: int = 0) -> None:
        self.calls = 0
        self.fail_at = fail_at
        self.full = False
        self.broken_commits = False
        self.blocked = threading.Event()
        self.blocked.set()
        self.commits = 0

    def connect(self, *arguments: Any, **settings: Any) -> sqlite3.Connection:
        disk = self

        class Faulty(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                disk.before(sql)
                return super().execute(sql, *values)

            def executemany(self, sql: str, values: Any) -> sqlite3.Cursor:
                disk.before(sql)
                return super().executemany(sql, values)

        return sqlite3.connect(*arguments, **settings, factory=Faulty)

    def before(self, sql: str) -> None:
        self.calls += 1
        if self.calls == self.fail_at:
            raise error(sqlite3.SQLITE_IOERR, "disk I/O error")
        if sql == "COMMIT":
            self.blocked.wait()
            self.commits += 1
            if self.broken_commits:
                raise error(sqlite3.SQLITE_IOERR, "disk I/O error")
        if self.full and sql.startswith("INSERT"):
            raise error(sqlite3.SQLITE_FULL, "database or disk is full")


def error(code: int, message: str) -> sqlite3.OperationalError:
    made = sqlite3.OperationalError(message)
    made.sqlite_errorcode = code
    return made


Connect = Callable[..., sqlite3.Connection]
