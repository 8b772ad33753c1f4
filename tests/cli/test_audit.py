"""hanlin audit: reading works beside a running server, writing refuses while there is one."""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from hanlin.audit import Log
from hanlin.cli.audit import add
from hanlin.errors import BadRequest, Conflict, NotFound
from tests.audit.cast import COLLEAGUE, MASTER_KEY, generate
from tests.audit.test_receipts import check

ORIGIN = "127.0.0.1:8000"


def hanlin(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    args = parser.parse_args(["audit", *arguments])
    return int(args.run(args))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANLIN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HANLIN_MASTER_KEY", MASTER_KEY.hex())
    return tmp_path / "data"


async def start(data: Path) -> Log:
    return await Log.open(data / "audit", origin=ORIGIN, master_key=MASTER_KEY)


async def test_verify_export_and_receipt_work_while_the_server_runs(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = await start(data)
    request = await generate(log)
    await log.checkpoint()
    assert hanlin("verify") == 0
    assert capsys.readouterr().out == "OK 3 entries agree with the newest checkpoint.\n"
    assert hanlin("export", "there", "--from", "2020-01-01") == 0
    assert check(tmp_path / "there")[0] == 0
    capsys.readouterr()
    assert hanlin("receipt", request) == 0
    assert json.loads(capsys.readouterr().out)["request"] == request
    assert hanlin("receipt", request, "--tlog-proof") == 0
    assert capsys.readouterr().out.startswith("c2sp.org/tlog-proof@v1\nindex 2\n")
    later = await generate(log)
    with pytest.raises(Conflict, match="No checkpoint covers"):
        hanlin("receipt", later)
    await log.close()


async def test_verify_says_what_is_wrong(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = await start(data)
    for _ in range(200):
        await generate(log)
    await log.close()
    connection = sqlite3.connect(data / "audit" / "audit.db")
    connection.execute("DROP TRIGGER leaves_stay")
    connection.execute("UPDATE leaves SET leaf = x'7b7d' WHERE seq = 77")
    connection.commit()
    connection.close()
    assert hanlin("verify") == 1
    assert capsys.readouterr().out.startswith("BAD Entry 77 is not what was recorded.")


async def test_writing_refuses_while_the_server_runs(data: Path) -> None:
    log = await start(data)
    import asyncio

    for command in (("gap", "--reason", "x"), ("erase", "per_1", "--basis", "x")):
        with pytest.raises(Conflict, match="Another process"):
            await asyncio.to_thread(hanlin, *command)
    await log.close()


async def test_a_gap_is_recorded_and_a_person_erased_without_a_server(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    log = await start(data)
    await generate(log)
    await log.close()
    backup = data / "backup.db"
    shutil.copy(data / "audit" / "audit.db", backup)
    log = await start(data)
    await generate(log)
    await log.close()
    shutil.copy(backup, data / "audit" / "audit.db")
    assert await asyncio.to_thread(hanlin, "gap", "--reason", "disk died") == 0
    assert "on record as entry 4" in capsys.readouterr().out
    assert await asyncio.to_thread(hanlin, "erase", COLLEAGUE.person, "--basis", "request") == 0
    assert "Erased" in capsys.readouterr().out
    assert await asyncio.to_thread(hanlin, "erase", COLLEAGUE.person, "--basis", "request") == 0
    assert "nothing to erase" in capsys.readouterr().out
    with pytest.raises(BadRequest):
        await asyncio.to_thread(hanlin, "gap", "--reason", " ")
    assert hanlin("verify") == 0


def test_no_record_yet(data: Path) -> None:
    for command in (("verify",), ("export", "there"), ("receipt", "req_1"), ("erase", "p", "--basis", "x")):
        with pytest.raises(NotFound, match="no record"):
            hanlin(*command)


def test_a_wrong_day_is_wrong_use(data: Path) -> None:
    with pytest.raises(SystemExit):
        hanlin("export", "there", "--from", "yesterday")
