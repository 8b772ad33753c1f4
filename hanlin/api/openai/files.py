"""Everything under /v1/files and /v1/uploads, in OpenAI's form. An upload's parts come in any order."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import parse_qs, quote

import msgspec
from msgspec import Meta, Struct

from hanlin.api.asgi import SECURITY, Receive, Scope, Send, encode, header, read_body, respond
from hanlin.api.openai.provenance import body
from hanlin.api.openai.wire import decode
from hanlin.errors import BadRequest, NotFound
from hanlin.files import File, Files, Upload
from hanlin.storage import receive as receive_form
from hanlin.types import Actor

PART_BYTES = 64 * 1024 * 1024
"""Of one part, as OpenAI's."""
REQUEST_BYTES = 1024 * 1024
PAGE = 10_000
Short = Annotated[str, Meta(max_length=300)]


class FileBody(Struct):
    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: str
    media_type: str
    object: str = "file"
    status: str = "processed"


class FileList(Struct):
    data: list[FileBody]
    has_more: bool
    first_id: str | None
    last_id: str | None
    object: str = "list"


class Deleted(Struct):
    id: str
    object: str = "file"
    deleted: bool = True


class UploadBody(Struct):
    id: str
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled"]
    file: FileBody | None = None
    object: str = "upload"


class PartBody(Struct):
    id: str
    upload_id: str
    created_at: int
    object: str = "upload.part"


class UploadRequest(Struct, frozen=True):
    filename: Short
    purpose: Short
    bytes: Annotated[int, Meta(ge=1)]
    mime_type: Short = ""
    """Not believed: what a file is, its content says."""


class Completion(Struct, frozen=True):
    part_ids: Annotated[list[Short], Meta(min_length=1, max_length=10_000)]
    md5: Short | None = None


_upload_request = msgspec.json.Decoder(UploadRequest)
_completion = msgspec.json.Decoder(Completion)


async def serve_files(files: Files, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request below /v1/files. NotFound for a path or method that there is not."""
    match scope["method"], scope["path"].removeprefix("/v1/files").split("/")[1:]:
        case "GET", []:
            await _list(files, actor, scope, send)
        case "POST", []:
            await _create(files, actor, scope, receive, send)
        case "GET", [file_id]:
            await respond(send, 200, encode(_file(await files.get(actor, file_id))))
        case "DELETE", [file_id]:
            await files.erase(actor, file_id)
            await respond(send, 200, encode(Deleted(file_id)))
        case "GET", [file_id, "content"]:
            await _content(files, await files.get(actor, file_id), send)
        case _:
            raise _no_url(scope)


async def serve_uploads(files: Files, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request below /v1/uploads. NotFound for a path or method that there is not."""
    match scope["method"], scope["path"].removeprefix("/v1/uploads").split("/")[1:]:
        case "POST", []:
            asked = decode(_upload_request, await read_body(scope, receive, REQUEST_BYTES))
            upload = await files.begin(actor, asked.filename, asked.bytes, asked.purpose)
            await respond(send, 200, encode(_upload(upload)))
        case "POST", [upload_id, "parts"]:
            await _add_part(files, actor, upload_id, scope, receive, send)
        case "POST", [upload_id, "complete"]:
            said = decode(_completion, await read_body(scope, receive, REQUEST_BYTES))
            upload = await files.upload(actor, upload_id)
            file = await files.complete(actor, upload_id, said.part_ids, said.md5 or "")
            await respond(send, 200, encode(_upload(upload, "completed", file)))
        case "POST", [upload_id, "cancel"]:
            await respond(send, 200, encode(_upload(await files.abandon(actor, upload_id), "cancelled")))
        case _:
            raise _no_url(scope)


async def _list(files: Files, actor: Actor, scope: Scope, send: Send) -> None:
    asked = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
    limit = asked.get("limit", str(PAGE))
    if not limit.isdecimal() or not 1 <= int(limit) <= PAGE:
        raise BadRequest(f"limit is 1 to {PAGE}.", param="limit")
    if asked.get("order", "desc") not in ("asc", "desc"):
        raise BadRequest("order is asc or desc.", param="order")
    found = await files.recent(
        actor,
        after=asked.get("after", "")[:100],
        limit=int(limit) + 1,
        purpose=asked.get("purpose", "")[:100],
        oldest=asked.get("order") == "asc",
    )
    page = [_file(file) for file in found[: int(limit)]]
    ends = (page[0].id, page[-1].id) if page else (None, None)
    await respond(send, 200, encode(FileList(page, len(found) > len(page), *ends)))


async def _create(files: Files, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    kind = header(scope, b"content-type").decode("latin-1")
    async with receive_form(body(receive), kind, files.folder, limit_bytes=files.limit_bytes) as form:
        file = await files.add(actor, form.path, form.name, form.fields.get("purpose", ""))
    await respond(send, 200, encode(_file(file)))


async def _add_part(  # noqa: PLR0917 - the request, and whose upload
    files: Files, actor: Actor, upload_id: str, scope: Scope, receive: Receive, send: Send
) -> None:
    await files.upload(actor, upload_id)  # before its bytes are taken in
    kind = header(scope, b"content-type").decode("latin-1")
    async with receive_form(body(receive), kind, files.folder, limit_bytes=PART_BYTES) as form:
        part = await files.add_part(actor, upload_id, form.path)
    await respond(send, 200, encode(PartBody(part.id, part.upload, part.created_at)))


async def _content(files: Files, file: File, send: Send) -> None:
    headers = [
        (b"content-type", file.media_type.encode()),
        (b"content-length", str(file.size_bytes).encode()),
        (b"content-disposition", f"attachment; filename*=UTF-8''{quote(file.name)}".encode()),
        *SECURITY,
    ]
    started = False
    async for piece in files.stream(file):
        if not started:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            started = True
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _file(file: File) -> FileBody:
    return FileBody(file.id, file.size_bytes, file.created_at, file.name, file.purpose or "user_data", file.media_type)


def _upload(
    upload: Upload, status: Literal["pending", "completed", "cancelled"] = "pending", file: File | None = None
) -> UploadBody:
    return UploadBody(
        id=upload.id,
        bytes=upload.size_bytes,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
        filename=upload.name,
        purpose=upload.purpose or "user_data",
        status=status,
        file=None if file is None else _file(file),
    )


def _no_url(scope: Scope) -> NotFound:
    return NotFound(
        f"There is no {scope['method'][:20]} {scope['path'][:200]} here.",
        action="Offered: GET and POST /v1/files, GET and DELETE /v1/files/{id}, GET /v1/files/{id}/content, "
        "POST /v1/uploads, POST /v1/uploads/{id}/parts, …/complete and …/cancel.",
        code="unknown_url",
    )
