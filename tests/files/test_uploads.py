"""Uploads that go on after a break."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hanlin.errors import BadFile, BadRequest, Conflict, NotFound, TooLarge
from hanlin.files import Files
from hanlin.storage.blobs import Blobs
from tests.accounts.conftest import Clock
from tests.files.conftest import Opening, member, pieces

OWNER = member()
TEXT = b"0123456789"


async def content(files: Files, file_id: str) -> bytes:
    return b"".join([piece async for piece in files.stream(await files.get(OWNER, file_id))])


async def test_bytes_come_in_order_and_become_a_file(files: Files) -> None:
    upload = await files.begin(OWNER, "../notes.md", 10, "user_data")
    assert (upload.name, upload.offset, upload.size_bytes) == ("notes.md", 0, 10)
    assert (await files.append(OWNER, upload.id, 0, pieces(b"0123", b"45"))).offset == 6
    assert (await files.append(OWNER, upload.id, 6, pieces(b"6789"))).offset == 10
    file = await files.finish(OWNER, upload.id)
    assert (file.name, file.media_type, file.purpose) == ("notes.md", "text/markdown", "user_data")
    assert await content(files, file.id) == TEXT
    assert await files.finish(OWNER, upload.id) == file
    with pytest.raises(Conflict):
        await files.append(OWNER, upload.id, 10, pieces(b"x"))


async def test_a_wrong_offset_is_refused_and_nothing_changes(files: Files) -> None:
    upload = await files.begin(OWNER, "a.txt", 10)
    await files.append(OWNER, upload.id, 0, pieces(b"012345"))
    for offset in (0, 5, 7):
        with pytest.raises(Conflict, match="expected at 6") as refused:
            await files.append(OWNER, upload.id, offset, pieces(b"x"))
        assert refused.value.code == "upload_offset"
    assert (await files.upload(OWNER, upload.id)).offset == 6


async def test_what_came_before_a_break_stays(files: Files) -> None:
    upload = await files.begin(OWNER, "a.txt", 10)

    async def broken() -> AsyncIterator[bytes]:
        yield b"0123"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await files.append(OWNER, upload.id, 0, broken())
    assert (await files.upload(OWNER, upload.id)).offset == 4
    await files.append(OWNER, upload.id, 4, pieces(b"456789"))
    assert await content(files, (await files.finish(OWNER, upload.id)).id) == TEXT


async def test_a_cancelled_request_loses_nothing_that_came(files: Files) -> None:
    upload = await files.begin(OWNER, "a.txt", 10)
    came = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"0123"
        came.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(files.append(OWNER, upload.id, 0, slow()))
    await came.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await files.append(OWNER, upload.id, 4, pieces(b"456789"))).offset == 10


async def test_an_upload_goes_on_after_a_restart(opening: Opening, tmp_path: Path) -> None:
    files = await opening()
    upload = await files.begin(OWNER, "a.txt", 10)
    await files.append(OWNER, upload.id, 0, pieces(b"012345"))
    data = tmp_path / "incoming" / upload.id / "data"
    data.write_bytes(b"012345" + b"written, and never answered for")
    (tmp_path / "incoming" / "upload_of_nobody").mkdir()
    (tmp_path / "incoming" / "upload-form").write_bytes(b"cut off")
    again = await opening()
    assert [entry.name for entry in (tmp_path / "incoming").iterdir()] == [upload.id]
    await again.append(OWNER, upload.id, 6, pieces(b"6789"))
    assert await content(again, (await again.finish(OWNER, upload.id)).id) == TEXT


async def test_a_crash_between_the_bytes_and_the_row_is_finished_again(
    opening: Opening, blobs: Blobs, tmp_path: Path
) -> None:
    files = await opening()
    upload = await files.begin(OWNER, "a.txt", 10)
    await files.append(OWNER, upload.id, 0, pieces(TEXT))
    await blobs.put(tmp_path / "incoming" / upload.id / "data", blob="blob_" + upload.id.removeprefix("upload_"))
    again = await opening()
    assert await content(again, (await again.finish(OWNER, upload.id)).id) == TEXT


async def test_more_than_was_announced_is_refused_and_less_is_not_finished(files: Files) -> None:
    upload = await files.begin(OWNER, "a.txt", 10)
    with pytest.raises(TooLarge):
        await files.append(OWNER, upload.id, 0, pieces(b"0123456", b"789x"))
    assert (await files.upload(OWNER, upload.id)).offset == 7
    with pytest.raises(Conflict, match="7 of 10"):
        await files.finish(OWNER, upload.id)
    for size in (0, 40_000_001):
        with pytest.raises(TooLarge):
            await files.begin(OWNER, "a.txt", size)


async def test_two_cannot_write_at_once(files: Files) -> None:
    upload = await files.begin(OWNER, "a.txt", 10)
    gate, came = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        came.set()
        await gate.wait()
        yield TEXT

    first = asyncio.create_task(files.append(OWNER, upload.id, 0, slow()))
    await came.wait()
    with pytest.raises(Conflict, match="Somebody else"):
        await files.append(OWNER, upload.id, 0, pieces(TEXT))
    gate.set()
    assert (await first).offset == 10


async def test_what_is_of_no_known_kind_is_gone_when_it_is_finished(files: Files, tmp_path: Path) -> None:
    upload = await files.begin(OWNER, "a.exe", 4)
    await files.append(OWNER, upload.id, 0, pieces(b"MZ\x90\0"))
    with pytest.raises(BadFile):
        await files.finish(OWNER, upload.id)
    with pytest.raises(NotFound):
        await files.upload(OWNER, upload.id)
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_an_upload_is_gone_after_a_day_without_a_byte(files: Files, clock: Clock, tmp_path: Path) -> None:
    left = await files.begin(OWNER, "a.txt", 10)
    going = await files.begin(OWNER, "b.txt", 10)
    clock.now += 80_000
    await files.append(OWNER, going.id, 0, pieces(b"0"))
    clock.now += 10_000
    with pytest.raises(NotFound, match="after a day"):
        await files.upload(OWNER, left.id)
    assert await files.expire() == 1
    assert (await files.upload(OWNER, going.id)).offset == 1
    assert [entry.name for entry in (tmp_path / "incoming").iterdir()] == [going.id]


async def test_an_upload_is_unknown_to_everybody_else(files: Files) -> None:
    upload = await files.begin(OWNER, "a.txt", 10)
    stranger = member("stranger")
    for call in (files.upload, files.finish, files.abandon):
        with pytest.raises(NotFound):
            await call(stranger, upload.id)
    with pytest.raises(NotFound):
        await files.append(stranger, upload.id, 0, pieces(TEXT))
    assert (await files.upload(OWNER, upload.id)).offset == 0


Bring = Callable[[bytes], Path]


async def test_parts_come_in_any_order_and_are_put_together_in_the_order_that_is_said(
    files: Files, bring: Bring
) -> None:
    upload = await files.begin(OWNER, "a.txt", 10)
    last = await files.add_part(OWNER, upload.id, bring(b"6789"))
    first = await files.add_part(OWNER, upload.id, bring(b"012345"))
    with pytest.raises(TooLarge):
        await files.add_part(OWNER, upload.id, bring(b"x"))
    for wrong in ([first.id], [first.id, first.id], [first.id, "part_" + "0" * 32]):
        with pytest.raises(BadRequest):
            await files.complete(OWNER, upload.id, wrong)
    with pytest.raises(BadRequest, match="MD5"):
        await files.complete(OWNER, upload.id, [last.id, first.id], hashlib.md5(TEXT).hexdigest())
    file = await files.complete(OWNER, upload.id, [first.id, last.id], hashlib.md5(TEXT).hexdigest())
    assert await content(files, file.id) == TEXT
    assert await files.complete(OWNER, upload.id, [first.id, last.id]) == file
    with pytest.raises(Conflict):
        await files.abandon(OWNER, upload.id)
    with pytest.raises(Conflict):
        await files.add_part(OWNER, upload.id, bring(b"x"))
