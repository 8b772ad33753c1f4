"""Files: whose they are, how many bytes a person has, what goes when they go."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from hanlin.errors import BadFile, BadRequest, NotFound, TooLarge
from hanlin.files import File, Files
from hanlin.storage.blobs import Blobs
from tests.accounts.conftest import Announced
from tests.files.conftest import member

OWNER = member()
Bring = Callable[[bytes], Path]


async def test_a_file_is_taken_over_with_what_its_content_says(
    files: Files, bring: Bring, announced: Announced
) -> None:
    path = bring(b"%PDF-1.7 and so on")
    file = await files.add(OWNER, path, "C:\\letters\\annual report.doc", "user_data")
    assert not path.exists()
    assert (file.name, file.media_type, file.size_bytes, file.purpose) == (
        "annual report.doc",
        "application/pdf",
        18,
        "user_data",
    )
    assert file.sha256 == sha256(b"%PDF-1.7 and so on").hexdigest()
    assert await files.get(OWNER, file.id) == file
    async with files.local(OWNER, file.id) as local:
        assert local.read_bytes() == b"%PDF-1.7 and so on"
    assert b"".join([piece async for piece in files.stream(file, 5, 8)]) == b"1.7"
    assert announced == [("file:added", OWNER.person)]


async def test_a_file_of_no_known_kind_stays_where_it_was(files: Files, bring: Bring) -> None:
    path = bring(b"MZ\x90\0")
    with pytest.raises(BadFile):
        await files.add(OWNER, path, "report.pdf")
    assert path.exists()
    assert await files.recent(OWNER) == []


async def test_a_stranger_and_the_same_person_elsewhere_see_nothing(files: Files, bring: Bring) -> None:
    file = await files.add(OWNER, bring(b"text"), "a.txt")
    for other in (member("stranger"), member(workspace="ws_2")):
        assert await files.recent(other) == []
        for call in (files.get, files.erase):
            with pytest.raises(NotFound) as theirs:
                await call(other, file.id)
            with pytest.raises(NotFound) as random:
                await call(other, "file_" + "0" * 32)
            assert str(theirs.value) == str(random.value)
        with pytest.raises(NotFound):
            async with files.local(other, file.id):
                pass
    assert await files.get(OWNER, file.id) == file


async def test_files_are_listed_newest_first_by_page_and_purpose(files: Files, bring: Bring) -> None:
    made = [await files.add(OWNER, bring(b"text"), f"{number}.txt", f"p{number % 2}") for number in range(5)]
    assert await files.recent(OWNER) == made[::-1]
    assert await files.recent(OWNER, limit=2) == [made[4], made[3]]
    assert await files.recent(OWNER, limit=2, after=made[3].id) == [made[2], made[1]]
    assert await files.recent(OWNER, purpose="p1") == [made[3], made[1]]
    assert await files.recent(OWNER, oldest=True, limit=2, after=made[1].id) == [made[2], made[3]]


async def test_a_purpose_is_one_word(files: Files, bring: Bring) -> None:
    with pytest.raises(BadRequest, match="purpose"):
        await files.add(OWNER, bring(b"text"), "a.txt", "for Ms Li")


async def test_limit_and_quota(files: Files, bring: Bring) -> None:
    """40 million bytes a file and 50 a person, here; unfinished uploads count."""
    with pytest.raises(TooLarge, match="at most 40000000"):
        await files.add(OWNER, bring(bytes(40_000_001)), "a.txt")
    first = await files.begin(OWNER, "a.txt", 30_000_000)
    with pytest.raises(TooLarge, match="each person has") as refused:
        await files.begin(OWNER, "b.txt", 30_000_000)
    assert refused.value.code == "file_quota_exceeded"
    with pytest.raises(TooLarge):
        await files.add(OWNER, bring(b"a" * 30_000_000), "b.txt")
    await files.begin(member("colleague"), "b.txt", 30_000_000)
    await files.abandon(OWNER, first.id)
    await files.add(OWNER, bring(b"a" * 30_000_000), "b.txt")


async def test_erasing_tells_who_listens_before_the_bytes_go(
    files: Files, blobs: Blobs, bring: Bring, announced: Announced
) -> None:
    heard: list[tuple[str, bytes]] = []

    async def listen(file: File) -> None:
        heard.append((file.id, await blobs.read(file.blob)))

    files.on_erased(listen)
    file = await files.add(OWNER, bring(b"text"), "a.txt")
    await files.erase(OWNER, file.id)
    assert heard == [(file.id, b"text")]
    with pytest.raises(NotFound):
        await blobs.read(file.blob)
    with pytest.raises(NotFound):
        await files.erase(OWNER, file.id)
    assert announced == [("file:added", OWNER.person), ("file:erased", OWNER.person)]


async def test_erasing_a_person_erases_everything_brought(files: Files, bring: Bring) -> None:
    elsewhere = member(workspace="ws_2")
    for actor in (OWNER, OWNER, elsewhere):
        await files.add(actor, bring(b"text"), "a.txt")
    upload = await files.begin(OWNER, "a.txt", 10)
    theirs = await files.add(member("colleague"), bring(b"text"), "a.txt")
    await files.erase_all(OWNER.person, OWNER.workspace)
    assert await files.recent(OWNER) == []
    with pytest.raises(NotFound):
        await files.upload(OWNER, upload.id)
    assert len(await files.recent(elsewhere)) == 1
    await files.erase_all(OWNER.person)
    assert await files.recent(elsewhere) == []
    assert await files.recent(member("colleague")) == [theirs]
