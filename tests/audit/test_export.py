"""An export is checked by a stranger with one file: what was changed is found and named."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.audit import verifier
from hanlin.audit.checkpoint import Checkpoint, sign
from hanlin.audit.export import export
from hanlin.audit.keys import unwrap
from hanlin.audit.store import Reader, open_reader
from hanlin.audit.tree import Tree, leaf_hash
from hanlin.errors import Conflict, NotFound
from tests.audit.cast import COLLEAGUE, MASTER_KEY, ORIGIN, opened
from tests.audit.test_receipts import check

LEAVES = 700


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 702 entries and its export, made once; tests work on copies."""
    folder = tmp_path_factory.mktemp("exported")

    async def make() -> None:
        async with opened(folder / "log") as log:
            futures = [log.intend(f"r{i}", COLLEAGUE, "chat", b"") for i in range(300)]
            await asyncio.gather(*futures)
            (folder / "held").write_text(await log.checkpoint())
            await asyncio.gather(*(log.intend(f"s{i}", COLLEAGUE, "chat", b"") for i in range(LEAVES - 300)))

    asyncio.run(make())
    reader = Reader(open_reader(folder / "log" / "audit.db"))
    assert list(export(reader, folder / "export"))[-1] == LEAVES + 2
    reader.connection.close()
    return folder


def bundle(n: int) -> str:
    return verifier.tile_path("entries", n, 256 if n < 2 else (LEAVES + 2) % 256)


def entries(export: Path, n: int) -> list[bytes]:
    content = (export / bundle(n)).read_bytes()
    width = 256 if n < 2 else (LEAVES + 2) % 256
    return list(verifier.split_bundle(content, n * 256, width))


def write(export: Path, n: int, found: list[bytes]) -> None:
    (export / bundle(n)).write_bytes(b"".join(len(entry).to_bytes(2) + entry for entry in found))


def test_an_export_verifies_with_the_verifier_in_it(exported: Path) -> None:
    status, said = check(exported / "export", "--held", exported / "held")
    assert (status, said[:3]) == (0, "OK ")
    assert "702 entries agree" in said
    assert (exported / "export" / "verifier.py").read_bytes() == Path(verifier.__file__).read_bytes()


def files_of(export: Path) -> list[Path]:
    return sorted(
        path for path in export.rglob("*") if path.is_file() and path.name not in ("README.md", "verifier.py")
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_byte_goes_unnoticed(exported: Path, data: st.DataObject) -> None:
    export = exported / "export"
    file = data.draw(st.sampled_from(files_of(export)))
    content = file.read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[position] ^= data.draw(st.integers(1, 255))
    file.write_bytes(changed)
    try:
        assert noticed(export), f"{file.name} byte {position}"
    finally:
        file.write_bytes(content)


def noticed(export: Path) -> bool:
    """Whether the verifier refuses, or the change is one of form only: white space, or base64's spare bits."""
    try:
        verifier.verify_export(export, None, [])
    except verifier.Bad:
        return True
    return form_only(export)


def form_only(export: Path) -> bool:
    reader = Reader(open_reader(export.parent / "log" / "audit.db"))
    identity, note = reader.identity(), reader.checkpoint()
    reader.connection.close()
    assert identity is not None
    assert note is not None
    same_key = verifier.parse_vkey((export / "vkey").read_text()) == verifier.parse_vkey(identity[1])
    same_text = (export / "checkpoint").read_text().partition("\n\n")[0] == note.partition("\n\n")[0]
    return same_key and same_text


MUTATIONS: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "drop": lambda found, i: found[:i] + found[i + 1 :],
    "duplicate": lambda found, i: [*found[:i], found[i], *found[i:]],
    "swap": lambda found, i: [*found[:i], found[i + 1], found[i], *found[i + 2 :]],
    "truncate": lambda found, i: found[:i],
    "edit": lambda found, i: [*found[:i], found[i].replace(b"chat", b"shop"), *found[i + 1 :]],
}


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_the_first_bad_index_is_named(exported: Path, tmp_path: Path, name: str) -> None:
    for index in (3, 255 - 1, 256, 600):
        export = tmp_path / f"{name}{index}"
        shutil.copytree(exported / "export", export)
        found = entries(export, index // 256)
        write(export, index // 256, MUTATIONS[name](found, index % 256))
        status, said = check(export)
        expected = index + 1 if name == "duplicate" else index
        assert (status, said.split(":")[0]) == (1, f"BAD index {expected}"), said


@pytest.mark.parametrize(
    "path", ["checkpoint", "vkey", "range", "tile/0/000", "tile/0/002.p/190", "tile/1/000.p/2", "tile/entries/001"]
)
def test_a_missing_file_is_named(exported: Path, tmp_path: Path, path: str) -> None:
    export = tmp_path / "export"
    shutil.copytree(exported / "export", export)
    (export / path).unlink()
    status, said = check(export)
    assert (status, said[:3], "missing" in said) == (1, "BAD", True)


def test_a_changed_entry_with_its_hash_is_named_by_the_tile_above(exported: Path, tmp_path: Path) -> None:
    export = tmp_path / "export"
    shutil.copytree(exported / "export", export)
    found = entries(export, 1)
    found[5] = found[5].replace(b"chat", b"shop")
    write(export, 1, found)
    (export / "tile/0/001").write_bytes(b"".join(leaf_hash(entry) for entry in found))
    assert check(export)[1] == "BAD index 256: tile 1 of level 0 does not agree with the tile above it\n"


def test_strangers_links_and_pipes_are_refused(exported: Path, tmp_path: Path) -> None:
    def stranger(export: Path) -> None:
        (export / "tile/0/stranger").write_bytes(b"")

    def folder_link(export: Path) -> None:
        (export / "tile/x").symlink_to("/")

    def device_link(export: Path) -> None:
        (export / "tile/0/000").unlink()
        (export / "tile/0/000").symlink_to("/dev/zero")

    def pipe(export: Path) -> None:
        (export / "tile/0/000").unlink()
        os.mkfifo(export / "tile/0/000")

    for plant in (stranger, folder_link, device_link, pipe):
        export = tmp_path / plant.__name__
        shutil.copytree(exported / "export", export)
        plant(export)
        assert check(export)[0] == 1


def test_an_insider_with_the_signing_key_is_caught_by_a_held_checkpoint(exported: Path, tmp_path: Path) -> None:
    """Who has the database and the key can write another past that agrees with itself; not with what others hold."""

    connection = sqlite3.connect(exported / "log" / "audit.db")
    (box,) = connection.execute("SELECT signing FROM log").fetchone()
    connection.close()
    key = Ed25519PrivateKey.from_private_bytes(unwrap(MASTER_KEY, box, b"hanlin audit signing key"))
    export = tmp_path / "export"
    shutil.copytree(exported / "export", export)
    tree = Tree()
    for n in range(3):
        found = entries(export, n)
        if n == 0:
            found[100] = found[100].replace(b"chat", b"shop")
        write(export, n, found)
        for entry in found:
            tree.append(leaf_hash(entry))
    for level, n, hashes in tree.full:
        (export / verifier.tile_path(level, n, 256)).write_bytes(hashes)
    for level, edge in enumerate(tree.edges):
        (export / verifier.tile_path(level, tree.size >> 8 * (level + 1), len(edge))).write_bytes(b"".join(edge))
    (export / "checkpoint").write_text(sign(Checkpoint(ORIGIN, tree.size, tree.root()), key))
    assert check(export)[0] == 0, "the rewritten record agrees with itself"
    status, said = check(export, "--held", exported / "held")
    assert (status, said) == (1, "BAD the first 301 entries do not have the root that was signed\n")


def test_a_part_of_the_time_is_exported_and_verifies(exported: Path, tmp_path: Path) -> None:
    reader = Reader(open_reader(exported / "log" / "audit.db"))
    for name, since, until in (("none", 0, 1), ("all", 0, None), ("future", 2**50, None)):
        list(export(reader, tmp_path / name, since, until))
        status, said = check(tmp_path / name)
        assert status == 0, said
    reader.connection.close()
    assert (tmp_path / "none" / "range").read_text() == "0 0\n"
    assert (tmp_path / "all" / "range").read_text() == "0 702\n"
    assert not (tmp_path / "future" / "tile" / "entries").exists()


async def test_an_export_never_mixes_with_what_is_there(tmp_path: Path) -> None:
    async with opened(tmp_path / "log"):
        pass
    reader = Reader(open_reader(tmp_path / "log" / "audit.db"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(Conflict, match="empty"):
        list(export(reader, tmp_path / "full"))
    reader.connection.close()


async def test_a_record_without_checkpoint_is_not_exported(tmp_path: Path) -> None:
    async with opened(tmp_path / "log") as log:
        reader = Reader(open_reader(tmp_path / "log" / "audit.db"))
        with pytest.raises(NotFound, match="no checkpoint"):
            list(export(reader, tmp_path / "export"))
        await log.checkpoint()
        assert list(export(reader, tmp_path / "export")) == [1]
        reader.connection.close()
    assert check(tmp_path / "export")[0] == 0


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_refused_with_a_sentence(tmp_path: Path, seed: int) -> None:
    noise = random.Random(seed)
    for name in ("vkey", "checkpoint", "range"):
        (tmp_path / name).write_bytes(noise.randbytes(noise.randrange(300)))
    with pytest.raises(verifier.Bad):
        verifier.verify_export(tmp_path, None, [])
