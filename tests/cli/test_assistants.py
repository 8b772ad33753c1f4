"""`hanlin summarize`, `transcribe` and `translate`: a house of their own while no server runs; nothing stays behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hanlin.cli import main

SETTINGS = """
model = "none"
port = {port}

[[models]]
name = "says"
engine = "echo"
declaration = "It only says what it is told."
options = {{ answer = "苹果熟了，请在秋天来。" }}

[[services]]
name = "assistant"
models = ["says"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a settings file, where no server listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    (tmp_path / "hanlin.toml").write_text(SETTINGS.format(port=port), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_text_is_translated_into_a_labelled_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "note.txt").write_text("The apples are ripe, come in autumn.\n", encoding="utf-8")
    (folder / "words.csv").write_text("source,target\napples,苹果\n", encoding="utf-8")
    code = main(["translate", "note.txt", "--from", "en", "--to", "zh", "--glossary", "words.csv"])
    assert (code, capsys.readouterr().err.splitlines()[-1]) == (0, "note.zh.txt: 1 segments, 0 of them doubtful.")
    written = (folder / "note.zh.txt").read_text(encoding="utf-8")
    assert "苹果熟了，请在秋天来。" in written
    assert "AIGC" in written
    assert not list((folder / "data" / "blobs").rglob("blob_*"))


@pytest.mark.slow
def test_nobody_is_transcribed_who_has_not_agreed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "talk.wav").write_bytes(b"RIFF")
    assert main(["transcribe", "talk.wav"]) == 2
    assert "only if everybody who is heard knows and agrees" in capsys.readouterr().err
    assert not (folder / "data").exists()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["summarize", "gone.pdf"], "There is no file gone.pdf."),
        (["translate", "gone.pdf", "--to", "zh"], "There is no file gone.pdf."),
        (["transcribe", "gone.mp3"], "There is no file gone.mp3."),
    ],
)
def test_a_wrong_path_is_said_before_anything_starts(
    folder: Path, command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "data").exists()
