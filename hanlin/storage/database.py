"""One handle on one database: a SQLite file, or PostgreSQL. The same statements run on both.

SQLite is opened through exactly one connection. Every SQLite from 3.7.0 to 3.51.2 can corrupt a WAL file when two
connections write or checkpoint at the same moment (sqlite.org/wal.html#walresetbug), and most Python builds link one
of these. One connection in the one process that holds the data folder's lock cannot meet the bug, and needs no
retries on "database is locked".
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, ExceptionContext, MetaData, Table, event, inspect, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hanlin.errors import Misconfigured, NotServing

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All rooms' tables hang on it; each room declares its own in its tables.py."""

MIGRATIONS = Path(__file__).parent / "migrations"
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
WAIT_SECONDS = 5
"""Longest wait for a connection or a lock; after it the caller gets 503 instead of a hang."""
MIGRATION_LOCK = 0x48616E6C696E
"""PostgreSQL advisory lock: of several servers starting at once, one migrates."""

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL loses acknowledged commits on power loss in WAL mode
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}",
    "PRAGMA secure_delete = ON",  # erasing a person overwrites the bytes
)


class Database:
    """Give `read()` and `write()` to whoever has tables; made by `open`, ended by `close`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(hanlin_writes=True)

    @classmethod
    async def open(cls, url: str) -> Database:
        """Connect to `sqlite:///<file>` or `postgresql://…` and bring the schema to this version's.

        A SQLite file that a migration would change is first copied to `<file>.<its schema>.backup`. Raises
        Misconfigured for an unknown URL or a newer schema, NotServing when the database does not answer.
        """
        database = cls(_create_engine(url))
        try:
            await database._try_file()
            await _migrate(database)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def url(self) -> URL:
        return self._engine.url

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One consistent view. NotServing when the database does not answer within seconds."""
        return _transaction(self._engine)

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """One transaction: committed at the end, rolled back on any exception, durable when left."""
        return _transaction(self._writer)

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows `on_conflict_do_update`, in this database's dialect."""
        return sqlite.insert(table) if self.url.get_backend_name() == "sqlite" else postgresql.insert(table)

    async def close(self) -> None:
        await self._engine.dispose()

    async def _try_file(self) -> None:
        # aiosqlite leaves its thread behind when it cannot open a file, and the thread may outlive the loop it talks to
        file = self.url.database
        if self.url.get_backend_name() == "sqlite" and file:
            try:
                await asyncio.to_thread(lambda: sqlite3.connect(file).close())
            except sqlite3.OperationalError as error:
                raise _unavailable(error) from error


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(engine.begin())
        except (OSError, DBAPIError, PoolTimeout) as error:
            raise _unavailable(error) from error
        try:
            yield connection
        except (OperationalError, InterfaceError) as error:
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> NotServing:
    return NotServing(
        f"The database did not do what was asked ({type(error).__name__}).",
        action="Try again in a few seconds; if it stays, look at the database server, its disk and the log.",
        code="database_unavailable",
    )


def _create_engine(url: str) -> AsyncEngine:
    address = _address(url)
    try:
        if address.get_backend_name() != "sqlite":
            return create_async_engine(address, pool_size=10, pool_timeout=WAIT_SECONDS, pool_pre_ping=True)
        engine = create_async_engine(address, pool_size=1, max_overflow=0, pool_timeout=WAIT_SECONDS)
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"The driver {error.name!r} of {address.drivername!r} is not installed.",
            action="Run `pip install 'hanlin[postgresql]'`.",
        ) from None
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    event.listen(engine.sync_engine, "handle_error", _keep_sqlite)
    return engine


def _address(url: str) -> URL:
    expected = "Write `sqlite:///<file>` or `postgresql://<user>:<password>@<host>/<name>`."
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise Misconfigured("database_url is not a URL.", action=expected) from None
    backend = address.get_backend_name()
    if backend not in DRIVERS or address.database in (None, "", ":memory:"):
        raise Misconfigured(
            f"database_url must name a SQLite file or a PostgreSQL database, got {backend!r}.", action=expected
        )
    return address.set(drivername=DRIVERS[backend])


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, never behind our back
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _keep_sqlite(context: ExceptionContext) -> None:
    # The driver's thread works off its queue in order, so a statement whose waiter was cancelled ends before the
    # rollback. Reconnecting, SQLAlchemy's answer, would for a moment make two connections.
    if isinstance(context.original_exception, asyncio.CancelledError):
        context.is_disconnect = False


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("hanlin_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _migrate(database: Database) -> None:
    known = sorted(file.stem for file in MIGRATIONS.glob("versions/[0-9]*.py"))
    async with database.read() as connection:
        version = await connection.run_sync(_schema_version)
    if version == known[-1]:
        return  # without importing Alembic: most starts end here
    if version is not None and version not in known:
        raise Misconfigured(
            f"The database has schema {version!r}; this Hanlin knows schemas up to {known[-1]!r}.",
            action="Start the newer Hanlin that migrated it, or put the backup back that it made beside the database.",
            code="schema_too_new",
        )
    if version is not None and database.url.get_backend_name() == "sqlite":
        await _back_up(database, version)
    async with database.write() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        await connection.run_sync(_upgrade)


def _schema_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")


async def _back_up(database: Database, version: str) -> None:
    file = Path(str(database.url.database))
    backup, partial = (file.with_name(f"{file.name}.{version}.{word}") for word in ("backup", "partial"))
    free, needed = await asyncio.to_thread(lambda: (shutil.disk_usage(file.parent).free, 2 * file.stat().st_size))
    if free < needed:
        raise Misconfigured(
            f"The backup before the migration needs {needed} bytes, {free} are free.",
            action=f"Free space in the folder of {file.name}, then start again.",
        )
    await asyncio.to_thread(partial.unlink, missing_ok=True)
    async with database._engine.connect() as connection:  # noqa: SLF001
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute("VACUUM INTO ?", (str(partial),))
    await asyncio.to_thread(_publish, partial, backup)


def _publish(partial: Path, backup: Path) -> None:
    _make_durable(partial)
    partial.replace(backup)
    _make_durable(backup.parent)


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
