"""The record on disk: one SQLite file, one connection that writes, readers that cannot.

Durability: WAL with synchronous FULL, so what is acknowledged has been synced. SQLite up to 3.51.2 can corrupt a
database when two connections write or checkpoint at once (sqlite.org/wal.html#walresetbug). Here one connection does
both, under a lock on the folder; every other one is opened `mode=ro`, which can do neither, so any version is safe.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hanlin.audit.tree import TILE_WIDTH, fold, leaf_hash, subtree
from hanlin.errors import AuditUnavailable, NotFound

Connect = Callable[..., sqlite3.Connection]
Row = tuple[int, bytes | str | None, int | None, bytes, bytes | None]
"""seq, request, subject, leaf, sealed: the columns of `leaves`."""

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE log (origin TEXT NOT NULL, vkey TEXT NOT NULL, signing BLOB NOT NULL);
CREATE TABLE tree (size INTEGER NOT NULL, frontier BLOB NOT NULL, open_from INTEGER NOT NULL);
CREATE TABLE retention (first INTEGER NOT NULL, sweep INTEGER);
CREATE TABLE leaves (seq INTEGER PRIMARY KEY, request BLOB, subject INTEGER, leaf BLOB NOT NULL, sealed BLOB);
CREATE INDEX leaves_request ON leaves (request) WHERE request IS NOT NULL;
CREATE TABLE tiles (level INTEGER, n INTEGER, hashes BLOB NOT NULL, PRIMARY KEY (level, n));
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL);
CREATE TABLE keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT NOT NULL, month TEXT NOT NULL, wrapped BLOB NOT NULL,
  UNIQUE (person, month)
);
CREATE TABLE holds (person TEXT PRIMARY KEY, reason TEXT NOT NULL);
CREATE TRIGGER leaves_stay BEFORE UPDATE OF seq, request, leaf ON leaves
  BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
CREATE TRIGGER leaves_remain BEFORE DELETE ON leaves WHEN OLD.seq >= (SELECT first FROM retention)
  BEGIN SELECT RAISE(ABORT, 'the record is append-only'); END;
INSERT INTO tree VALUES (0, x'', 0);
INSERT INTO retention VALUES (0, NULL);
"""
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # The writer checkpoints itself, after it has answered, and sees the error: SQLite's own would be swallowed.
    "PRAGMA wal_autocheckpoint = 0",
    # A WAL that is overwritten costs no file-system journal commits; one that grows costs one each time.
    "PRAGMA journal_size_limit = -1",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
)
_REQUEST_ID = re.compile(r"req_[0-9a-f]{32}", re.ASCII).fullmatch
INSERTED_ROWS = 64
"""Rows of one INSERT; its statements for 1 to 64 rows stay prepared."""
CACHED_STATEMENTS = 256
CACHED_ROOTS = 65_536


def insert_leaves(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Append rows in as few statements as may be.

    Each statement lets go of the interpreter once. With one a row, every row waits for the event loop to give it back.
    """
    for start in range(0, len(rows), INSERTED_ROWS):
        part = rows[start : start + INSERTED_ROWS]
        connection.execute(_insert(len(part)), [value for row in part for value in row])


@cache
def _insert(count: int) -> str:
    values = ", ".join(["(?, ?, ?, ?, ?)"] * count)
    return f"INSERT INTO leaves (seq, request, subject, leaf, sealed) VALUES {values}"  # noqa: S608 -- only marks


def open_writer(path: Path, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """The one connection that writes. Its transactions are explicit. Raises AuditUnavailable for a newer schema."""
    connection = connect(path, isolation_level=None, check_same_thread=False, cached_statements=CACHED_STATEMENTS)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    for pragma in PRAGMAS:
        connection.execute(pragma).fetchall()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise AuditUnavailable(
            f"The record has schema {version}, this release knows {SCHEMA_VERSION}.", action="Start a newer release."
        )
    if version == 0:
        connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint. Raises NotFound when there is no record."""
    if not path.is_file():
        raise NotFound(f"There is no record at {path.name!r}.", action="Check the data folder in the settings.")
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)


def request_key(request_id: str) -> bytes | str:
    """How a request id is stored: `req_` and 32 hex digits as 16 bytes, anything else as it is."""
    return bytes.fromhex(request_id[4:]) if _REQUEST_ID(request_id) else request_id


class Reader:
    """Reads leaves, hashes and checkpoints over a connection; used by one thread at a time.

    A leaf that somebody changed by hand may have become text: it is cast, so that it is read all the same, and found.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._roots: dict[tuple[int, int], bytes] = {}
        """Roots of full tiles by (level, index): they never change."""

    def _one(self, sql: str, *values: Any) -> Any:
        rows = self.connection.execute(sql, values).fetchall()
        return rows[0] if rows else None

    def size(self) -> int:
        return int(self._one("SELECT size FROM tree")[0])

    def first(self) -> int:
        """The first leaf that is still there; the ones before it were pruned."""
        return int(self._one("SELECT first FROM retention")[0])

    def identity(self) -> tuple[str, str] | None:
        """Origin and vkey, None before the log was first opened."""
        row: tuple[str, str] | None = self._one("SELECT origin, vkey FROM log")
        return row

    def checkpoint(self, up_to: int | None = None) -> str | None:
        """The newest signed note, or the newest of a tree of at most `up_to` leaves."""
        limit = 2**62 if up_to is None else up_to
        row = self._one("SELECT note FROM checkpoints WHERE size <= ? ORDER BY size DESC LIMIT 1", limit)
        return None if row is None else row[0]

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Leaves start to end - 1. Raises NotFound when one of them is missing."""
        sql = "SELECT CAST(leaf AS BLOB) FROM leaves WHERE seq >= ? AND seq < ? ORDER BY seq"
        rows = [row[0] for row in self.connection.execute(sql, (start, end)).fetchall()]
        if len(rows) != end - start:
            raise NotFound(f"{end - start} entries were expected from {start}, {len(rows)} are there.")
        return rows

    def rows_of(self, request_id: str) -> list[tuple[int, bytes, int | None, bytes | None]]:
        """(seq, leaf, subject, sealed) of a request, in order."""
        sql = "SELECT seq, CAST(leaf AS BLOB), subject, sealed FROM leaves WHERE request = ? ORDER BY seq"
        return self.connection.execute(sql, (request_key(request_id),)).fetchall()

    def before(self, seq: int, limit: int) -> list[tuple[int, bytes]]:
        """(seq, leaf) of up to `limit` leaves before `seq`, newest first."""
        sql = "SELECT seq, CAST(leaf AS BLOB) FROM leaves WHERE seq < ? ORDER BY seq DESC LIMIT ?"
        return self.connection.execute(sql, (seq, limit)).fetchall()

    def after(self, seq: int, limit: int) -> list[tuple[int, bytes]]:
        sql = "SELECT seq, CAST(leaf AS BLOB) FROM leaves WHERE seq > ? ORDER BY seq LIMIT ?"
        return self.connection.execute(sql, (seq, limit)).fetchall()

    def tile(self, level: int, n: int, width: int = TILE_WIDTH) -> list[bytes]:
        """The first `width` hashes of a tile, from its row when it is full, else worked out from what is below."""
        row = self._one("SELECT hashes FROM tiles WHERE level = ? AND n = ?", level, n)
        if row is not None:
            return [row[0][i : i + 32] for i in range(0, 32 * width, 32)]
        start = n * TILE_WIDTH
        if level == 0:
            return [leaf_hash(leaf) for leaf in self.leaves(start, start + width)]
        return [self._root(level - 1, index) for index in range(start, start + width)]

    def _root(self, level: int, n: int) -> bytes:
        found = self._roots.get((level, n))
        if found is None:
            if len(self._roots) >= CACHED_ROOTS:
                self._roots.clear()
            found = self._roots[level, n] = fold(self.tile(level, n))
        return found

    def node(self, height: int, index: int) -> bytes:
        """A `tree.Node` over what is stored."""
        level, rest = divmod(height, 8)
        if rest == 0 and level:
            return self._root(level - 1, index)
        n, offset = divmod(index << rest, TILE_WIDTH)
        return fold(self.tile(level, n, offset + (1 << rest))[offset:])

    def root(self, size: int) -> bytes:
        return subtree(0, size, self.node)

    def pages(self, start: int, end: int, width: int = 4096) -> Iterator[tuple[int, list[bytes]]]:
        """Leaves start to end - 1 in pages (first seq, leaves); each is a short read, so the WAL is never held."""
        for page in range(start, end, width):
            yield page, self.leaves(page, min(page + width, end))
