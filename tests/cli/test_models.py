"""hanlin models, as typed: results on standard output, progress on standard error, an exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from hanlin.catalog import Store, known
from hanlin.cli import main
from tests.catalog.files import gguf


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings file, and a store that must not be touched, as every command here names its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANLIN_WEIGHTS", str(tmp_path / "not-this-one"))
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "store")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf())
    return str(path)


def test_list_shows_what_is_known_and_where_it_stands(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--weights", folder]) == 0

    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [word.strip() for word in lines[0] if word.strip()] == ["name", "publisher", "licence", "size", "state"]
    assert [word.strip() for word in lines[1] if word.strip()] == [
        "qwen2.5-coder-1.5b-instruct",
        "Qwen (Alibaba Cloud)",
        "Apache-2.0",
        "1,117 MB",
        "not pulled",
    ]
    assert not Path(folder).exists()


def test_import_list_verify_remove(folder: str, file: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store = Store(Path(folder))
    assert main(["models", "import", file, "--licence", "MIT", "--weights", folder]) == 0
    entry = store.find("tiny")
    shown = capsys.readouterr()
    assert shown.out == f"tiny: {store.path(entry.sha256)}\n"
    assert shown.err == "Importing: 100 % of 0 MB\n"

    assert main(["models", "list", "--json", "--weights", folder]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["licence"], each["state"]) for each in listed[len(known()) :]] == [
        ("tiny", "MIT", "in store")
    ]

    assert main(["models", "verify", "--weights", folder]) == 0
    assert capsys.readouterr().out == "tiny: intact\n"

    assert main(["models", "remove", "tiny", "--weights", folder]) == 0
    assert main(["models", "verify", "--weights", folder]) == 0
    assert "Nothing to verify" in capsys.readouterr().out
    assert not (tmp_path / "not-this-one").exists()


def test_verify_names_a_corrupted_file_and_fails(folder: str, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "import", file, "--weights", folder])
    store = Store(Path(folder))
    digest = store.find("tiny").sha256
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(b"rotten")
    capsys.readouterr()

    assert main(["models", "verify", "tiny", "--weights", folder]) == 1
    assert capsys.readouterr().out == f"tiny: CORRUPTED, moved to {store.quarantined(digest)}\n"


def test_pull_offline_says_what_to_do_without_a_traceback(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name, the model of the settings is meant."""
    assert main(["models", "pull", "--offline", "--weights", folder]) == 2

    said = capsys.readouterr().err
    assert said.startswith(
        f"hanlin: The weights '{known()[0].name}' are not pulled, and offline is set. Bring the file"
    )
    assert "hanlin models import" in said


async def test_ctrl_c_stops_a_pull_with_a_word(folder: str) -> None:
    """A hub that never answers stands in for a slow one."""
    connected = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await asyncio.sleep(1)
        writer.close()

    hub = await asyncio.start_server(wait, "127.0.0.1", 0)
    port = hub.sockets[0].getsockname()[1]
    # where tests run in the background SIGINT is ignored, and a child inherits that
    attentive = ["env", "--default-signal=INT", sys.executable]
    command = [*attentive, "-m", "hanlin", "models", "pull", known()[1].name, "--weights", folder]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    await connected.wait()
    process.send_signal(signal.SIGINT)
    _, said = await process.communicate()
    hub.close()
    await hub.wait_closed()

    assert process.returncode == 130
    assert said.decode().splitlines()[-1] == "Stopped. What came is kept: the same command goes on from there."
