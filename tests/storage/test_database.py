"""One handle, two kinds of database, one schema."""

import asyncio
import importlib
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import hanlin
from hanlin.errors import Misconfigured, NotServing
from hanlin.storage import Database, metadata
from hanlin.storage import database as module
from tests.storage.postgresql import Server


def import_all_tables() -> list[str]:
    root = Path(hanlin.__file__).parent
    names = [".".join(("hanlin", *file.relative_to(root).with_suffix("").parts)) for file in root.rglob("tables.py")]
    for name in names:
        importlib.import_module(name)
    return names


async def test_the_migrated_schema_is_what_the_tables_declare(database: Database) -> None:
    assert "hanlin.accounts.tables" in import_all_tables()

    def compare(connection: Any) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with database.read() as connection:
        assert await connection.run_sync(compare) == []


def test_migrations_form_one_chain_in_the_order_of_their_file_names() -> None:
    stems = sorted(file.stem for file in module.MIGRATIONS.glob("versions/[0-9]*.py"))
    parents = []
    for stem in stems:
        source = (module.MIGRATIONS / "versions" / f"{stem}.py").read_text()
        assert re.search(r'^revision(?:: str)? = "(\w+)"$', source, re.MULTILINE)[1] == stem  # type: ignore[index]
        parents.append(re.search(r'^down_revision(?:: [^=]+)? = (?:"(\w+)"|None)$', source, re.MULTILINE)[1])  # type: ignore[index]
    assert parents == [None, *stems[:-1]]
    assert all(len(stem) <= 32 for stem in stems)


async def test_sqlite_is_durable_checks_foreign_keys_and_has_one_connection(
    sqlite_template: Path, tmp_path: Path
) -> None:
    file = Path(shutil.copy(sqlite_template, tmp_path / "one.db"))
    database = await Database.open(f"sqlite:///{file}")
    async with database.write() as connection:
        found = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }
        waiting = asyncio.create_task(anext(aiter_read(database)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "secure_delete": 1,
    }
    assert await waiting == 1
    assert open_files(file) == 1
    await database.close()
    assert open_files(file) == 0


async def aiter_read(database: Database) -> Any:
    async with database.read() as connection:
        value = (await connection.execute(text("SELECT 1"))).scalar()
    yield value


def open_files(file: Path) -> int:
    return sum(link.exists() and link.readlink() == file for link in Path("/proc/self/fd").iterdir())


async def test_a_cancelled_write_leaves_nothing_behind_and_never_a_second_connection(
    sqlite_template: Path, tmp_path: Path
) -> None:
    file = Path(shutil.copy(sqlite_template, tmp_path / "cancelled.db"))
    database = await Database.open(f"sqlite:///{file}")

    async def write(number: int) -> None:
        async with database.write() as connection:
            for step in range(50):
                await connection.execute(
                    text("INSERT INTO usage_cursor (log, seq) VALUES (:log, 1)"), {"log": f"{number}.{step}"}
                )

    for number in range(20):
        task = asyncio.create_task(write(number))
        await asyncio.sleep(0.001 * number)
        task.cancel()
        await asyncio.wait([task])
        assert open_files(file) == 1
    async with database.read() as connection:
        counts = (await connection.execute(text("SELECT count(*) FROM usage_cursor"))).scalar_one()
    assert counts % 50 == 0
    await database.close()


async def test_write_commits_all_or_nothing(database: Database) -> None:
    insert = text("INSERT INTO usage_cursor (log, seq) VALUES (:log, 1)")

    async def write_twice() -> None:
        async with database.write() as connection:
            await connection.execute(insert, {"log": "a"})
            await connection.execute(insert, {"log": "a"})

    with pytest.raises(IntegrityError):
        await write_twice()
    async with database.write() as connection:
        await connection.execute(insert, {"log": "b"})
    async with database.read() as connection:
        assert list((await connection.execute(text("SELECT log FROM usage_cursor"))).scalars()) == ["b"]


async def test_an_upsert_runs_on_both_databases(database: Database) -> None:
    from hanlin.accounts.tables import usage_cursor

    for seq in (1, 2):
        statement = database.insert(usage_cursor).values(log="a", seq=seq)
        async with database.write() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["log"], set_={"seq": seq}))
    async with database.read() as connection:
        assert (await connection.execute(usage_cursor.select())).all() == [("a", 2)]


async def test_a_locked_sqlite_answers_503_and_recovers(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PRAGMAS", (*module.PRAGMAS, "PRAGMA busy_timeout = 50"))
    file = Path(shutil.copy(sqlite_template, tmp_path / "locked.db"))
    database = await Database.open(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(NotServing) as refused:
        async with database.write():
            pass
    assert (refused.value.status, refused.value.code) == (503, "database_unavailable")
    other.execute("ROLLBACK")
    other.close()
    async with database.write() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1
    await database.close()


async def test_a_restarted_postgresql_is_found_again(postgresql_server: Server) -> None:
    database = await Database.open(postgresql_server.url("hanlin"))
    postgresql_server.stop()
    with pytest.raises(NotServing):
        async with database.read() as connection:
            await connection.execute(text("SELECT 1"))
    postgresql_server.start()
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1
    await database.close()


async def test_servers_that_start_at_once_migrate_once(postgresql_server: Server) -> None:
    postgresql_server.create("together")
    databases = await asyncio.gather(*(Database.open(postgresql_server.url("together")) for _ in range(4)))
    async with databases[0].read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM alembic_version"))).scalar() == 1
    for database in databases:
        await database.close()
    postgresql_server.drop("together")


async def test_a_newer_schema_is_refused_with_its_name(database: Database, database_url: str) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    with pytest.raises(Misconfigured) as refused:
        await Database.open(database_url)
    assert refused.value.code == "schema_too_new"
    assert "'9999_future'" in refused.value.message


def newest_migration() -> str:
    return max(file.stem for file in module.MIGRATIONS.glob("versions/[0-9]*.py"))


def add_migration(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    last = newest_migration()
    shutil.copytree(module.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "0999_next.py").write_text(
        f'from alembic import op\nrevision = "0999_next"\ndown_revision = "{last}"\ndef upgrade():\n{body}\n'
    )
    monkeypatch.setattr(module, "MIGRATIONS", folder)


async def test_a_migration_is_preceded_by_a_backup(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path(shutil.copy(sqlite_template, tmp_path / "hanlin.db"))
    before = newest_migration()
    add_migration(monkeypatch, tmp_path / "migrations", "    op.execute('DROP TABLE usage')")
    await (await Database.open(f"sqlite:///{file}")).close()
    backup = sqlite3.connect(tmp_path / f"hanlin.db.{before}.backup")
    assert backup.execute("SELECT version_num FROM alembic_version").fetchall() == [(before,)]
    assert backup.execute("SELECT count(*) FROM usage").fetchall() == [(0,)]
    backup.close()
    assert not list(tmp_path.glob("*.partial"))


async def test_a_failed_migration_changes_nothing(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_migration(
        monkeypatch, tmp_path / "migrations", "    op.execute('DROP TABLE usage')\n    raise ZeroDivisionError"
    )
    with pytest.raises(ZeroDivisionError):
        await Database.open(database_url)
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM usage"))).scalar() == 0


def test_a_start_on_the_newest_schema_does_not_import_alembic(sqlite_template: Path) -> None:
    program = (
        "import asyncio, sys; from hanlin.storage import Database\n"
        "async def main(): await (await Database.open(sys.argv[1])).close()\n"
        "asyncio.run(main()); print('alembic' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{sqlite_template}"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "False\n"


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://h/db", "sqlite://", "sqlite:///:memory:", "postgresql://h:x/"]
)
async def test_other_addresses_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        await Database.open(url)
    assert refused.value.action == "Write `sqlite:///<file>` or `postgresql://<user>:<password>@<host>/<name>`."


async def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotServing):
        await Database.open(f"sqlite:///{tmp_path}/missing/hanlin.db")
    with pytest.raises(NotServing):
        await Database.open(f"postgresql:///nothing?host={tmp_path}")
