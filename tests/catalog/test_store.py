"""The store's folder: what is there is whole, and names never become paths."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from hanlin.catalog import State, Store, import_file, known, remove
from hanlin.catalog.stoppable import Stop, Stopped
from hanlin.errors import BadRequest, Misconfigured, NotFound, NotServing
from tests.catalog.files import gguf


async def imported(store: Store, tmp_path: Path) -> str:
    (tmp_path / "tiny.gguf").write_bytes(gguf())
    return (await import_file(store, tmp_path / "tiny.gguf")).sha256


def test_an_unknown_name_is_answered_with_the_nearest(store: Store) -> None:
    with pytest.raises(NotFound, match=r"Known: qwen2\.5-coder-1\.5b-instruct"):
        store.find("qwen2.5-coder-1.5b-instrukt")


def test_weights_that_are_not_there_are_required_with_the_command_that_brings_them(store: Store) -> None:
    name = known()[0].name

    with pytest.raises(NotServing, match=f"are not pulled. Run `hanlin models pull {name}`"):
        store.require(name)


async def test_required_weights_are_a_path(store: Store, tmp_path: Path) -> None:
    digest = await imported(store, tmp_path)

    assert store.require("tiny") == store.path(f"sha256:{digest}") == store.folder / "sha256" / digest


async def test_a_file_cut_short_in_the_store_does_not_count_as_there(store: Store, tmp_path: Path) -> None:
    digest = await imported(store, tmp_path)
    os.truncate(store.path(digest), 100)

    assert store.state(store.find("tiny")) is State.MISSING


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "sha256:" + "A" * 64, "a" * 63, "a" * 64 + "\n", "NUL"])
def test_only_a_digest_becomes_a_path(store: Store, digest: str) -> None:
    for place in (store.path, store.partial, store.quarantined):
        with pytest.raises(BadRequest):
            place(digest)


async def test_removed_weights_leave_nothing_and_imported_ones_lose_their_entry(store: Store, tmp_path: Path) -> None:
    digest = await imported(store, tmp_path)
    store.partial(digest).write_bytes(b"x" * 10)

    assert await remove(store, "tiny") == len(gguf()) + 10
    assert store.entries() == known()
    assert (store.files(), store.partial(digest).exists()) == ([], False)
    with pytest.raises(NotFound):
        await remove(store, "tiny")


def test_a_damaged_list_of_imports_is_named(store: Store) -> None:
    store.folder.mkdir()
    (store.folder / "imported.json").write_bytes(b"[{")

    with pytest.raises(Misconfigured, match=r"imported\.json is damaged"):
        store.entries()


async def test_the_lock_holds_between_processes_and_ends_with_its_holder(store: Store) -> None:
    """A killed process leaves no lock behind."""
    program = (
        "import sys; from pathlib import Path\n"
        "from hanlin.catalog import Store; from hanlin.catalog.stoppable import Stop\n"
        "with Store(Path(sys.argv[1])).lock('a', Stop()): print('held', flush=True); sys.stdin.read()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(store.folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    stop = Stop()
    with pytest.raises(Stopped), store.lock("a", stop, stop.set):
        pytest.fail("the lock was given twice")
    process.kill()
    await process.communicate()
    with store.lock("a", Stop(), lambda: pytest.fail("the lock outlived its holder")):
        pass
