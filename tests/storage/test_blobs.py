"""Blobs in a folder and in a bucket (the same client over a store in memory)."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from hanlin.errors import Misconfigured, NotFound
from hanlin.storage.blobs import PIECE_BYTES, Blobs, Bucket
from hanlin.types import new_id


@pytest.fixture(params=["folder", "bucket"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return await Blobs.open(tmp_path / "blobs")
    store = pytest.importorskip("obstore.store", reason="obstore is not installed").MemoryStore()
    return Blobs(Bucket(store, tmp_path))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(b"0123456789")
    return file


async def streamed(blobs: Blobs, blob: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.stream(blob, start, end)])


async def test_a_file_is_taken_over_and_read_back(blobs: Blobs, source: Path) -> None:
    blob = await blobs.put(source)
    assert not source.exists()
    assert (await blobs.read(blob), await blobs.size(blob)) == (b"0123456789", 10)
    async with blobs.local(blob) as path:
        assert path.read_bytes() == b"0123456789"


async def test_a_part_is_streamed(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"0123456789")
    assert [await streamed(blobs, blob, *part) for part in ((2, 5), (8, 99), (10, None), (4, 4), (7, None))] == [
        b"234",
        b"89",
        b"",
        b"",
        b"789",
    ]


async def test_more_than_one_piece(blobs: Blobs) -> None:
    data = os.urandom(2 * PIECE_BYTES + 7)
    blob = await blobs.put_bytes(data)
    assert await blobs.read(blob) == data
    assert await streamed(blobs, blob, 5, PIECE_BYTES + 9) == data[5 : PIECE_BYTES + 9]


async def test_keeping_twice_under_one_id_is_keeping_once(blobs: Blobs, source: Path) -> None:
    """What a step of a job does again after a crash."""
    blob = new_id("blob")
    assert [await blobs.put_bytes(b"a", blob=blob) for _ in range(2)] == [blob, blob]
    assert await blobs.read(blob) == b"a"
    other = new_id("blob")
    assert [await blobs.put(source, blob=other) for _ in range(2)] == [other, other]
    with pytest.raises(FileNotFoundError):
        await blobs.put(source, blob=new_id("blob"))


async def test_what_was_deleted_or_never_was_is_not_found(blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"a")
    for _ in range(2):
        await blobs.delete(blob)
    for missing in (blob, new_id("blob"), "../../etc/passwd", "blob_" + "0" * 31, ""):
        with pytest.raises(NotFound):
            await blobs.read(missing)
        with pytest.raises(NotFound):
            await blobs.size(missing)
        with pytest.raises(NotFound):
            async with blobs.local(missing):
                pass


async def test_a_folder_keeps_blobs_private_and_shows_none_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    blobs = await Blobs.open(folder)
    blob = await blobs.put_bytes(b"a")
    async with blobs.local(blob) as path:
        assert folder in path.parents
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
    (folder / "coming" / new_id("blob")).write_bytes(b"cut off by a crash")
    again = await Blobs.open(folder)
    assert await again.read(blob) == b"a"
    assert list((folder / "coming").iterdir()) == []


async def test_many_at_once(blobs: Blobs) -> None:
    ids = await asyncio.gather(*(blobs.put_bytes(bytes([number])) for number in range(50)))
    assert await asyncio.gather(*map(blobs.read, ids)) == [bytes([number]) for number in range(50)]


async def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(Misconfigured, match="folder or in"):
        await Blobs.open("https://example.org/")
