"""Files: list, bring, fetch, erase; and uploads that go on after a break, in the way of tus 1.0."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Meta, Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.errors import BadRequest
from hanlin.files import File, Upload
from hanlin.storage import receive
from hanlin.types import Permission

GENERATE = allow(Permission.GENERATE)
AnyRequest = Request[Any, Any, Any]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
OFFSET = "upload-offset"


class FileRecord(Struct, frozen=True):
    """A file of yours; `media_type` is what its content says."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    purpose: str
    created_at: int


class UploadRecord(Struct, frozen=True):
    """A file that is still coming: the next bytes are expected at `offset`."""

    id: str
    name: str
    size_bytes: int
    offset: int
    created_at: int
    expires_at: int
    file: str
    """Id of the file that it has become; empty until then."""


class NewUpload(Struct, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=300)]
    size_bytes: Annotated[int, Meta(ge=1)]
    purpose: Annotated[str, Meta(max_length=60)] = ""


@get("/files", opt=GENERATE)
async def list_files(rooms: House, actor: Caller, after: FromQuery[str] = "", limit: Limit = 100) -> list[FileRecord]:
    """Your files in this workspace, newest first; `after` is the last id seen."""
    return [_file(file) for file in await rooms.files.recent(actor, after=after[:80], limit=limit)]


@post("/files", opt=GENERATE, request_max_body_size=None)
async def bring_file(rooms: House, actor: Caller, request: AnyRequest) -> FileRecord:
    """The file of a form (`file`; field `purpose`). Large ones better come as an upload."""
    kind, files = request.headers.get("content-type", ""), rooms.files
    async with receive(request.stream(), kind, files.folder, limit_bytes=files.limit_bytes) as form:
        return _file(await files.add(actor, form.path, form.name, form.fields.get("purpose", "")))


@get("/files/{file:str}", opt=GENERATE)
async def show_file(rooms: House, actor: Caller, file: FromPath[str]) -> FileRecord:
    """One file of yours."""
    return _file(await rooms.files.get(actor, file))


@get("/files/{file:str}/content", opt=GENERATE)
async def fetch_file(rooms: House, actor: Caller, file: FromPath[str]) -> Stream:
    """Its bytes as you brought them."""
    found = await rooms.files.get(actor, file)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(found.name)}",
        "content-length": str(found.size_bytes),
        "x-content-type-options": "nosniff",
    }
    return Stream(rooms.files.stream(found), media_type=found.media_type, headers=headers)


@delete("/files/{file:str}", opt=GENERATE)
async def erase_file(rooms: House, actor: Caller, file: FromPath[str]) -> None:
    """Erase it with its bytes, and with what was made of it."""
    await rooms.files.erase(actor, file)


@post("/uploads", opt=GENERATE)
async def begin_upload(rooms: House, actor: Caller, data: JSONBody[NewUpload]) -> UploadRecord:
    """Announce a file that comes in pieces; it is kept for a day after its last byte."""
    return _upload(await rooms.files.begin(actor, data.name, data.size_bytes, data.purpose))


@get("/uploads/{upload:str}", opt=GENERATE)
async def show_upload(rooms: House, actor: Caller, upload: FromPath[str]) -> Response[UploadRecord]:
    """How far it is, in the body and in `Upload-Offset`."""
    return _offset(await rooms.files.upload(actor, upload))


@patch("/uploads/{upload:str}", opt=GENERATE, request_max_body_size=None)
async def append_upload(
    rooms: House, actor: Caller, request: AnyRequest, upload: FromPath[str]
) -> Response[UploadRecord]:
    """The next bytes, from `Upload-Offset` on. What came before a break stays: ask how far it is and go on."""
    offset = request.headers.get(OFFSET, "")
    if not offset.isdecimal():
        raise BadRequest("The header Upload-Offset says where these bytes begin.", param=OFFSET)
    return _offset(await rooms.files.append(actor, upload, int(offset), request.stream()))


@post("/uploads/{upload:str}/file", opt=GENERATE)
async def finish_upload(rooms: House, actor: Caller, upload: FromPath[str]) -> FileRecord:
    """Make the file of a whole upload; asked again, it is the same file."""
    return _file(await rooms.files.finish(actor, upload))


@delete("/uploads/{upload:str}", opt=GENERATE)
async def abandon_upload(rooms: House, actor: Caller, upload: FromPath[str]) -> None:
    """Give it up with what has come of it."""
    await rooms.files.abandon(actor, upload)


def _file(file: File) -> FileRecord:
    return FileRecord(**{name: getattr(file, name) for name in FileRecord.__struct_fields__})


def _upload(upload: Upload) -> UploadRecord:
    return UploadRecord(**{name: getattr(upload, name) for name in UploadRecord.__struct_fields__})


def _offset(upload: Upload) -> Response[UploadRecord]:
    return Response(_upload(upload), headers={OFFSET: str(upload.offset)})


HANDLERS = [
    list_files,
    bring_file,
    show_file,
    fetch_file,
    erase_file,
    begin_upload,
    show_upload,
    append_upload,
    finish_upload,
    abandon_upload,
]
router = Router(path="/", tags=["files"], route_handlers=HANDLERS)
