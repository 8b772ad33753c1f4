"""`hanlin label`, `hanlin inspect` and the evidence pack, on real files from an empty folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanlin.cli import main
from hanlin.labels.evidence.samples import SAMPLES

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HANLIN_OPERATOR", "Example")
    (tmp_path / "in").mkdir()
    return tmp_path


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / "in" / name).write_bytes(SAMPLES[name]())


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_is_labelled_and_inspected(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "picture.jpg", "sound.ogg", "document.pdf", "text.html", "answer.json")
    assert main(["label", "in", "--to", "out", "--json", "--language", "zh"]) == 0
    sealed = {Path(str(line["file"])).name: line for line in printed(capsys)}
    assert sealed["picture.jpg"]["layers"] == ["explicit", "watermark", "security", "metadata", "credential"]
    assert sealed["sound.ogg"]["layers"] == ["explicit", "watermark", "security", "metadata"]
    assert sealed["document.pdf"]["layers"] == ["explicit", "security", "metadata", "credential"]
    assert sealed["answer.json"]["layers"] == ["security", "metadata"]
    assert main(["inspect", "out", "--json", "--expect-label"]) == 0
    seen = {Path(str(line["file"])).name: line for line in printed(capsys)}
    for name, line in seen.items():
        assert line["finding"] == "confirmed", name
        assert [found["label"] for found in line["labels"]] == [sealed[name]["label"]], name  # type: ignore[attr-defined]
        assert line["security"][0]["integrity"] == "holds", name  # type: ignore[index]
    assert seen["picture.jpg"]["watermark"]["payload"] == sealed["picture.jpg"]["watermark"]  # type: ignore[index]
    assert seen["sound.ogg"]["watermark"]["payload"] == sealed["sound.ogg"]["watermark"]  # type: ignore[index]
    assert seen["text.html"]["explicit"] is True


def test_sound_says_the_operator_s_own_sentence_where_there_is_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np
    import soundfile

    put(folder, "sound.wav")
    plain, rate = soundfile.read(folder / "in" / "sound.wav")
    sentence = 0.3 * np.random.default_rng(1).standard_normal(2 * rate).clip(-3, 3) / 3
    soundfile.write(folder / "sentence.wav", sentence, rate)
    monkeypatch.setenv("HANLIN_SPOKEN_LABEL", "sentence.wav")
    assert main(["label", "in/sound.wav", "--to", "out", "--no-watermark"]) == 0
    labelled, _ = soundfile.read(folder / "out" / "sound.wav")
    assert np.abs(labelled[: len(sentence)] - sentence).max() < 1e-3
    assert len(labelled) >= len(plain) + 2 * len(sentence)
    monkeypatch.setenv("HANLIN_SPOKEN_LABEL", "missing.wav")
    assert main(["label", "in/sound.wav", "--to", "out2"]) == 2


def test_what_cannot_be_labelled_stays_and_the_rest_is_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "text.md")
    (folder / "in" / "broken.png").write_bytes(SAMPLES["picture.png"]()[:50])
    (folder / "in" / "table.csv").write_text("a,b\n")
    assert main(["label", "in", "--in-place"]) == 1
    captured = capsys.readouterr()
    assert "text.md: explicit, security, metadata" in captured.out
    assert "broken.png: " in captured.err
    assert "table.csv: The file is of no kind that is known here." in captured.err
    assert (folder / "in" / "table.csv").read_text() == "a,b\n"
    assert sorted(path.name for path in (folder / "in").iterdir()) == ["broken.png", "table.csv", "text.md"]


def test_where_marked_files_go_must_be_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(folder, "text.md")
    assert main(["label", "in"]) == 2
    assert "--to FOLDER" in capsys.readouterr().err
    assert main(["label", "missing.png", "--in-place"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_an_unlabelled_file_and_an_unreadable_one_have_their_exit_codes(folder: Path) -> None:
    put(folder, "text.txt")
    assert main(["inspect", "in"]) == 0
    assert main(["inspect", "in", "--expect-label"]) == 3
    (folder / "in" / "odd.bin").write_bytes(b"\0\1")
    assert main(["inspect", "in/odd.bin"]) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_evidence_pack_holds_report_samples_and_dumps(
    folder: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pikepdf

    monkeypatch.setenv("HANLIN_LANGUAGE", language)
    monkeypatch.setenv("HANLIN_SOCIAL_CREDIT_CODE", "9144030008867405X2")
    assert main(["label", "report", "--to", "evidence"]) == 0
    samples = {path.name for path in (folder / "evidence" / "samples").iterdir()}
    assert samples == set(SAMPLES)
    for name in samples:
        dump = json.loads((folder / "evidence" / "metadata" / f"{name}.json").read_text())
        (found,) = dump["labels"]
        assert found["label"]["ContentProducer"].startswith("00119144030008867405X21")
        assert found["faults"] == []
    with pikepdf.open(folder / "evidence" / "report.pdf") as report:
        assert len(report.pages) >= 2
    assert main(["label", "report", "--to", "evidence"]) == 2


def test_a_second_key_folder_gives_other_signatures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whose key signed a label is told apart: here the one reader knows, there a stranger's."""
    put(folder, "text.md")
    assert main(["label", "in/text.md", "--to", "out"]) == 0
    capsys.readouterr()
    assert main(["inspect", "out", "--json"]) == 0
    assert printed(capsys)[0]["security"][0]["pinned"] is True  # type: ignore[index]
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "text.md").write_bytes((folder / "out" / "text.md").read_bytes())
    (folder / "data").rename(folder / "old-data")
    assert main(["inspect", "elsewhere", "--json"]) == 0
    security = printed(capsys)[0]["security"][0]  # type: ignore[index]
    assert (security["integrity"], security["pinned"]) == ("holds", False)
    assert not (folder / "data").exists()  # looking leaves nothing behind
