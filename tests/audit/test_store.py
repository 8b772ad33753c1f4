"""The file: append-only by trigger, read-only for everyone but the writer."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hanlin.audit.store import Reader, open_reader, open_writer, request_key
from hanlin.errors import AuditUnavailable, NotFound
from tests.audit.cast import generate, opened


async def test_leaves_are_neither_changed_nor_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await generate(log)
    connection = open_writer(tmp_path / "audit.db")
    for sql in ("UPDATE leaves SET leaf = x'00'", "UPDATE leaves SET seq = seq + 10", "DELETE FROM leaves"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(sql)
    connection.close()


async def test_durability_is_full_and_the_wal_is_kept(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "audit.db")
    settings = ("journal_mode", "synchronous", "wal_autocheckpoint", "journal_size_limit", "secure_delete")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in settings]
    connection.close()
    assert found == ["wal", 2, 0, -1, 1]


async def test_a_reader_cannot_write_nor_checkpoint_while_the_log_is_open(tmp_path: Path) -> None:
    """The bug of SQLite before 3.51.3 needs two connections that write or checkpoint: there is only ever one."""
    async with opened(tmp_path) as log:
        await generate(log)
        reader = open_reader(tmp_path / "audit.db")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM checkpoints")
        with pytest.raises(sqlite3.OperationalError, match="I/O error"):
            reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert Reader(reader).size() == log.size == 3
        reader.close()
        assert "one writing connection" in str(log.health()["sqlite"])


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "audit.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(AuditUnavailable, match="newer release"):
        open_writer(tmp_path / "audit.db")


def test_no_record_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no record"):
        open_reader(tmp_path / "audit.db")


@pytest.mark.parametrize(
    ("request_id", "stored"),
    [
        ("req_" + "0f" * 16, b"\x0f" * 16),
        ("req_" + "0F" * 16, "req_" + "0F" * 16),
        ("req_" + "0 " * 16, "req_" + "0 " * 16),
        ("chatcmpl-1", "chatcmpl-1"),
        ("123", "123"),
    ],
)
def test_only_the_exact_form_is_shortened(request_id: str, stored: bytes | str) -> None:
    assert request_key(request_id) == stored
