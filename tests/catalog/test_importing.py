"""An operator's own file comes in under its hash, checked, and apart from the file it came from."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from hanlin.catalog import Progress, Store, import_file, known
from hanlin.catalog.store import State
from hanlin.errors import BadRequest, Conflict
from tests.catalog.files import gguf, metadata, safetensors, weights


def left(store: Store) -> list[str]:
    return [path.name for path in (store.folder / "partial").glob("import-*")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "My Model (v2).bin"
    path.write_bytes(gguf())
    return path


async def test_unknown_weights_get_an_entry_of_their_own(store: Store, file: Path) -> None:
    told: list[Progress] = []

    entry = await import_file(store, file, report=told.append)

    assert entry == store.find("my-model-v2")
    assert (entry.licence, entry.publisher, entry.format, entry.context_tokens) == ("unknown", "imported", "gguf", 4096)
    assert (entry.sha256, entry.size_bytes) == (weights(gguf()).sha256, len(gguf()))
    stored = store.path(entry.sha256)
    assert (stored.read_bytes(), stat.S_IMODE(stored.stat().st_mode)) == (gguf(), 0o444)
    assert told == [Progress(len(gguf()), len(gguf()), "file")]
    assert left(store) == []


async def test_name_and_licence_can_be_said(store: Store, file: Path) -> None:
    file.write_bytes(safetensors())

    entry = await import_file(store, file, name="mine", licence="MIT")

    assert (entry.name, entry.licence, entry.file) == ("mine", "MIT", "mine.safetensors")


async def test_later_writes_to_the_file_do_not_reach_the_store(store: Store, file: Path) -> None:
    entry = await import_file(store, file)
    file.write_bytes(b"overwritten")

    assert store.path(entry.sha256).read_bytes() == gguf()


async def test_the_same_bytes_again_are_the_same_entry(store: Store, file: Path) -> None:
    first = await import_file(store, file)

    assert await import_file(store, file, name="another", licence="MIT") == first
    assert len(store.entries()) == len(known()) + 1


async def test_importing_mends_a_damaged_file_in_the_store(store: Store, file: Path) -> None:
    entry = await import_file(store, file)
    store.path(entry.sha256).chmod(0o644)
    store.path(entry.sha256).write_bytes(bytes(len(gguf())))

    await import_file(store, file)

    assert store.path(entry.sha256).read_bytes() == gguf()


async def test_two_different_files_cannot_have_one_name(store: Store, file: Path) -> None:
    await import_file(store, file, name="mine")
    file.write_bytes(safetensors())

    for taken in ("mine", known()[0].name):
        with pytest.raises(Conflict, match="belongs to other weights"):
            await import_file(store, file, name=taken)
    assert len(store.files()) == 1


async def test_imports_at_once_lose_no_entry(store: Store, tmp_path: Path) -> None:
    files = [tmp_path / f"m{number}.gguf" for number in range(6)]
    for number, path in enumerate(files):
        path.write_bytes(gguf(keys=(metadata("number", number),)))

    await asyncio.gather(*(import_file(store, path) for path in files))

    assert {entry.name for entry in store.entries()[len(known()) :]} == {path.stem for path in files}


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "A", "a b", "x" * 101, "-rf", "a\n", "模型", "\u202egpj.exe"]
)
async def test_a_name_that_could_be_more_than_a_name_is_refused(store: Store, file: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="--name"):
        await import_file(store, file, name=name)

    assert (store.files(), left(store)) == ([], [])


@pytest.mark.parametrize(
    ("file_name", "name"),
    [("模型.gguf", "imported"), ("..gguf", "imported"), ("Ünï code.gguf", "n-code"), ("a" * 200 + ".gguf", "a" * 100)],
)
async def test_any_file_name_gives_a_name(store: Store, tmp_path: Path, file_name: str, name: str) -> None:
    (tmp_path / file_name).write_bytes(gguf())

    assert (await import_file(store, tmp_path / file_name)).name == name


async def test_a_part_of_split_weights_is_refused_with_the_way_out(store: Store, file: Path) -> None:
    file.write_bytes(gguf(keys=(metadata("split.count", 2),)))

    with pytest.raises(BadRequest, match="llama-gguf-split --merge"):
        await import_file(store, file)


async def test_an_unsound_file_leaves_no_trace(store: Store, file: Path) -> None:
    file.write_bytes(gguf()[:-100])

    with pytest.raises(BadRequest):
        await import_file(store, file)

    assert store.files() == []
    assert store.state(weights(gguf())) is State.MISSING
