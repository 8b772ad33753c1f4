"""How files reach the pages: in pieces by script, going on after a break; without script as one plain form."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from litestar import Response, delete, head, patch, post
from litestar.params import FromPath

from hanlin.errors import BadFile, BadRequest, Conflict, HanlinError, TooLarge
from hanlin.files import File
from hanlin.storage import receive
from hanlin.types import Permission
from hanlin.web.respond import explain, headers
from hanlin.web.visit import PIECE, Admitted, Form, Visit, allow, check_token, parse_form

GENERATE = allow(Permission.GENERATE)
FIELDS_BYTES = 2_000_000
"""Longest form that names uploads that have come already."""
FILES = 50
"""Most files that one form may name."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A form and the files that it brings or names; every one is the visitor's own."""

    files: list[File]
    form: Form


async def brought(visit: Visit, purpose: str = "") -> Brought:
    """Read the form of a handler with the options `BRINGS`: files by the ids of uploads, or one file itself.

    NotAllowed without the session's token, BadRequest for more than 50 files.
    """
    kind = visit.request.headers.get("content-type", "")
    if kind.strip().lower().startswith("multipart/"):
        return await _received(visit, kind, purpose)
    form = parse_form(kind, await _body(visit))
    check_token(visit, form)
    named = list(dict.fromkeys(filter(None, form.all("file"))))
    if len(named) > FILES:
        raise BadRequest(f"At most {FILES} files at once, got {len(named)}.", action="Send the others after them.")
    return Brought([await visit.rooms.files.get(visit.actor, file) for file in named], form)


async def _received(visit: Visit, kind: str, purpose: str) -> Brought:
    files = visit.rooms.files
    coming = receive(visit.request.stream(), kind, files.folder, limit_bytes=files.limit_bytes, required=False)
    async with coming as upload:
        form = Form({name: [value] for name, value in upload.fields.items()})
        check_token(visit, form)
        if not upload.size_bytes:
            return Brought([], form)
        return Brought([await files.add(visit.actor, upload.path, upload.name, purpose)], form)


async def _body(visit: Visit) -> bytes:
    body = bytearray()
    async for chunk in visit.request.stream():
        body += chunk
        if len(body) > FIELDS_BYTES:
            raise TooLarge(f"A form has at most {FIELDS_BYTES} bytes.", action="Send less at once.")
    return bytes(body)


@post("/uploads", opt=GENERATE, status_code=200)
async def begin(visit: Admitted) -> Response[Any]:
    """Announce a file that comes in pieces: `name` and `size` in bytes."""
    return await _told(visit, _begun(visit))


@head("/uploads/{upload:str}", opt=GENERATE)
async def offset(visit: Admitted, upload: FromPath[str]) -> Response[None]:
    """From which byte on it is expected."""
    found = await visit.rooms.files.upload(visit.actor, upload)
    return Response(None, headers={**headers(visit), "Upload-Offset": str(found.offset)})


@patch("/uploads/{upload:str}", opt=PIECE, request_max_body_size=None)
async def append(visit: Admitted, upload: FromPath[str]) -> Response[Any]:
    """The next piece, from the byte that the header `Upload-Offset` names."""
    return await _told(visit, _appended(visit, upload))


@post("/uploads/{upload:str}/finish", opt=GENERATE, status_code=200)
async def finish(visit: Admitted, upload: FromPath[str]) -> Response[Any]:
    """Make the file of what came; the same one when asked again."""
    return await _told(visit, _finished(visit, upload))


@delete("/uploads/{upload:str}", opt=GENERATE, status_code=200)
async def abandon(visit: Admitted, upload: FromPath[str]) -> Response[Any]:
    return await _told(visit, _abandoned(visit, upload))


async def _begun(visit: Visit) -> dict[str, str]:
    size = visit.form["size"]
    if size == "0":
        raise BadFile("The file is empty.", action="Check that it was saved, and send it again.", code="empty_file")
    if not size.isdecimal() or len(size) > 20:
        raise BadRequest("The size of the file in bytes was expected.", param="size")
    return {"id": (await visit.rooms.files.begin(visit.actor, visit.form["name"], int(size))).id}


async def _appended(visit: Visit, upload: str) -> dict[str, str]:
    given = visit.request.headers.get("upload-offset", "")
    if not given.isdecimal() or len(given) > 20:
        raise BadRequest("The header Upload-Offset was expected.", param="Upload-Offset")
    grown = await visit.rooms.files.append(visit.actor, upload, int(given), visit.request.stream())
    return {"offset": str(grown.offset)}


async def _finished(visit: Visit, upload: str) -> dict[str, str]:
    return {"file": (await visit.rooms.files.finish(visit.actor, upload)).id}


async def _abandoned(visit: Visit, upload: str) -> dict[str, str]:
    return {"id": (await visit.rooms.files.abandon(visit.actor, upload)).id}


async def _told(visit: Visit, answer: Awaitable[dict[str, str]]) -> Response[Any]:
    """JSON for the script; what went wrong in the reader's language, and whether to ask for the offset and go on."""
    try:
        return Response(await answer, headers=headers(visit))
    except HanlinError as error:
        problem = explain(visit.words, error.code, error.message, error.action)
        told = {"problem": problem, "again": isinstance(error, Conflict)}
        return Response(told, status_code=error.status, headers=headers(visit))


HANDLERS = [begin, offset, append, finish, abandon]
