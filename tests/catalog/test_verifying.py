"""A flipped bit is found, the file is set aside and named, and everything else stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.catalog import Progress, State, Store, Verified, import_file, verify
from hanlin.errors import NotFound
from tests.catalog.files import gguf, metadata, weights


async def bring(store: Store, tmp_path: Path, name: str) -> str:
    (tmp_path / name).write_bytes(gguf(keys=(metadata("general.name", name),)))
    return (await import_file(store, tmp_path / name)).sha256


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


async def test_a_flipped_bit_is_found_and_the_others_stay(store: Store, tmp_path: Path) -> None:
    good, bad = await bring(store, tmp_path, "good"), await bring(store, tmp_path, "bad")
    flip_a_bit(store.path(bad))
    told: list[Progress] = []

    verified = {each.name: each for each in await verify(store, report=told.append)}

    assert (verified["good"].intact, verified["bad"].intact) == (True, False)
    assert verified["bad"].found == weights(store.quarantined(bad).read_bytes()).sha256
    assert store.state(store.find("good")) is State.STORED
    assert store.state(store.find("bad")) is State.QUARANTINED
    assert store.files() == [store.path(good)]
    assert told[-1].done_bytes == told[-1].total_bytes


async def test_good_weights_take_the_place_of_quarantined_ones(store: Store, tmp_path: Path) -> None:
    digest = await bring(store, tmp_path, "bad")
    flip_a_bit(store.path(digest))
    await verify(store)
    await bring(store, tmp_path, "bad")

    assert store.state(store.find("bad")) is State.STORED
    assert not store.quarantined(digest).exists()


async def test_one_name_verifies_only_its_file(store: Store, tmp_path: Path) -> None:
    digest = await bring(store, tmp_path, "one")
    await bring(store, tmp_path, "two")

    assert await verify(store, "one") == (Verified("one", digest, digest),)
    with pytest.raises(NotFound):
        await verify(store, "three")


async def test_a_file_that_no_entry_names_is_verified_under_its_hash(store: Store) -> None:
    digest = "0" * 64
    store.path(digest).parent.mkdir(parents=True)
    store.path(digest).write_bytes(gguf())
    (store.folder / "sha256" / "README").write_bytes(b"not weights")

    assert [(each.name, each.intact) for each in await verify(store)] == [(digest, False)]
    assert store.quarantined(digest).exists()


async def test_an_empty_store_has_nothing_to_verify(store: Store) -> None:
    assert await verify(store) == ()
