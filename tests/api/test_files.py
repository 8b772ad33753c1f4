"""/v1/files and /v1/uploads as OpenAI's client drives them; /api/files and /api/uploads."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from hanlin.api.platform import files as resources
from hanlin.files import Files
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from tests.api.asgi_client import Client
from tests.api.desks import finished, keys, openai, platform
from tests.files.conftest import member
from tests.jobs.conftest import database_url
from tests.storage.databases import database, sqlite_template

__all__ = ["database", "database_url", "sqlite_template"]

FIND = keys(owner=member(), stranger=member("stranger"))
PDF = b"%PDF-1.7 a letter"


@pytest.fixture
async def files(database: Database, tmp_path: Path) -> Files:
    opened = Files(database, blobs=await Blobs.open(tmp_path / "blobs"), folder=tmp_path / "in", limit_bytes=1000)
    await opened.open()
    return opened


@pytest.fixture
async def owner(files: Files) -> AsyncIterator[AsyncOpenAI]:
    async with openai(files, FIND, "owner") as client:
        yield client


@pytest.fixture
async def stranger(files: Files) -> AsyncIterator[AsyncOpenAI]:
    async with openai(files, FIND, "stranger") as client:
        yield client


@pytest.fixture
def client(files: Files) -> Client:
    return platform([resources.router], FIND, files=files)


async def test_openais_client_brings_lists_fetches_and_deletes_a_file(owner: AsyncOpenAI) -> None:
    made = await owner.files.create(file=("信.pdf", PDF), purpose="user_data")
    assert (made.filename, made.bytes, made.purpose, made.status) == ("信.pdf", len(PDF), "user_data", "processed")
    assert await owner.files.retrieve(made.id) == made
    content = await owner.files.content(made.id)
    assert content.content == PDF
    assert content.response.headers["content-type"] == "application/pdf"
    assert content.response.headers["content-disposition"] == "attachment; filename*=UTF-8''%E4%BF%A1.pdf"
    assert content.response.headers["x-content-type-options"] == "nosniff"
    deleted = await owner.files.delete(made.id)
    assert (deleted.id, deleted.deleted) == (made.id, True)
    with pytest.raises(NotFoundError):
        await owner.files.retrieve(made.id)


async def test_openais_client_pages_through_files(owner: AsyncOpenAI) -> None:
    made = [(await owner.files.create(file=(f"{n}.txt", b"text"), purpose="batch")).id for n in range(5)]
    page = await owner.files.list(limit=2)
    assert ([one.id for one in page.data], page.has_more) == (made[:2:-1], True)
    assert [one.id async for one in owner.files.list(limit=2)] == made[::-1]
    assert [one.id async for one in owner.files.list(limit=2, order="asc")] == made
    assert (await owner.files.list(purpose="vision")).data == []


async def test_openais_client_uploads_in_parts(owner: AsyncOpenAI) -> None:
    upload = await owner.uploads.create(
        bytes=len(PDF), filename="a.pdf", mime_type="application/pdf", purpose="user_data"
    )
    assert (upload.status, upload.file) == ("pending", None)
    last = await owner.uploads.parts.create(upload.id, data=PDF[9:])
    first = await owner.uploads.parts.create(upload.id, data=PDF[:9])
    with pytest.raises(BadRequestError):
        await owner.uploads.complete(upload.id, part_ids=[first.id])
    done = await owner.uploads.complete(upload.id, part_ids=[first.id, last.id], md5=hashlib.md5(PDF).hexdigest())
    assert done.status == "completed"
    assert done.file is not None
    assert (await owner.files.content(done.file.id)).content == PDF


async def test_openais_client_uploads_a_whole_file_and_cancels(owner: AsyncOpenAI) -> None:
    done = await owner.uploads.upload_file_chunked(
        file=PDF, filename="a.pdf", bytes=len(PDF), mime_type="application/pdf", purpose="user_data", part_size=4
    )
    assert done.file is not None
    assert done.file.bytes == len(PDF)
    other = await owner.uploads.create(bytes=5, filename="a", mime_type="text/plain", purpose="user_data")
    assert (await owner.uploads.cancel(other.id)).status == "cancelled"
    with pytest.raises(NotFoundError):
        await owner.uploads.parts.create(other.id, data=b"x")


async def test_openais_client_is_refused_in_openais_words(owner: AsyncOpenAI, stranger: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        await owner.files.create(file=("a.exe", b"MZ\x90\0"), purpose="user_data")
    assert refused.value.code == "unknown_file"
    mine = await owner.files.create(file=("a.txt", b"text"), purpose="user_data")
    for call in (stranger.files.retrieve, stranger.files.delete, stranger.files.content):
        with pytest.raises(NotFoundError):
            await call(mine.id)
    assert (await stranger.files.list()).data == []
    with pytest.raises(NotFoundError) as no_url:
        await owner.put("/files/a/b/c", cast_to=object)
    assert no_url.value.code == "unknown_url"
    with pytest.raises(BadRequestError):
        await owner.files.list(limit=0)


async def test_a_file_comes_in_pieces_and_is_fetched(client: Client) -> None:
    made = await client.send("POST", "/api/uploads", key="owner", json={"name": "a.pdf", "size_bytes": len(PDF)})
    assert (made.status, made.json["offset"]) == (201, 0)
    path = f"/api/uploads/{made.json['id']}"
    for start in (0, 10):
        part = PDF[start : start + 10]
        sent = await client.send("PATCH", path, key="owner", headers={"Upload-Offset": str(start)}, body=part)
        assert (sent.status, sent.headers["upload-offset"]) == (200, str(start + len(part)))
    wrong = await client.send("PATCH", path, key="owner", headers={"Upload-Offset": "3"}, body=b"x")
    assert (wrong.status, wrong.error["code"]) == (409, "upload_offset")
    assert (await client.send("PATCH", path, key="owner", body=b"x")).error["param"] == "upload-offset"
    assert (await client.send("GET", path, key="owner")).headers["upload-offset"] == str(len(PDF))
    file = await client.send("POST", f"{path}/file", key="owner")
    assert (file.status, file.json["media_type"]) == (201, "application/pdf")
    assert "blob" not in file.json
    listed = await client.send("GET", "/api/files", key="owner")
    assert listed.json == [file.json]
    async with client.stream("GET", f"/api/files/{file.json['id']}/content", key="owner") as exchange:
        fetched = await finished(exchange)
    assert (fetched.body, fetched.headers["content-length"]) == (PDF, str(len(PDF)))
    assert (await client.send("DELETE", f"/api/files/{file.json['id']}", key="owner")).status == 204
    assert (await client.send("GET", "/api/files", key="owner")).json == []


async def test_a_file_comes_as_a_form(client: Client) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n# Title\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    made = await client.send("POST", "/api/files", key="owner", headers=headers, body=form)
    assert (made.status, made.json["name"], made.json["size_bytes"]) == (201, "a.md", 7)


async def test_a_stranger_gets_what_a_random_id_gets(client: Client) -> None:
    made = await client.send("POST", "/api/uploads", key="owner", json={"name": "a.txt", "size_bytes": 4})
    theirs, random = f"/api/uploads/{made.json['id']}", "/api/uploads/upload_" + "0" * 32
    for method, suffix in (("GET", ""), ("PATCH", ""), ("POST", "/file"), ("DELETE", "")):
        headers = {"Upload-Offset": "0"}
        answers = [
            await client.send(method, path + suffix, key="stranger", headers=headers, body=b"abcd")
            for path in (theirs, random)
        ]
        assert [answer.status for answer in answers] == [404, 404]
        assert answers[0].json == answers[1].json
