"""Labels on files: put them on, have them checked, carry them on as a platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.params import FromPath, FromQuery

from hanlin.api.platform.access import Caller, House, allow
from hanlin.api.platform.rooms import Rooms
from hanlin.errors import BadRequest
from hanlin.labels import HEADER, SourceType, header, prompt
from hanlin.labels.unlabelled import Agreement, Handout
from hanlin.service import Provenance, Wish
from hanlin.storage import Upload, receive
from hanlin.types import Actor, Label, Permission

AnyRequest = Request[Any, Any, Any]
TRUE = frozenset({"1", "true", "yes", "on"})
SOURCES = {"generated": SourceType.GENERATED, "edited": SourceType.EDITED, "composed": SourceType.COMPOSED}


@post("/labels", opt=allow(Permission.GENERATE), status_code=200, request_max_body_size=None)
async def label_file(rooms: House, actor: Caller, request: AnyRequest) -> Response[bytes]:
    """The file of a form (`file`) with every mark its kind can carry; it is on record and will be found again.

    Fields: `model` (a service or model of yours), `source` (generated, edited, composed), `language` (zh, en),
    `explicit`, `watermark` (true, false), `recipient` (who gets a file without explicit label).
    """
    async with _upload(rooms, request) as upload:
        route = rooms.registry.resolve(upload.fields.get("model") or _first_service(rooms, actor), actor)
        async with rooms.seals.sealed(actor, route, upload.path, upload.name, _wish(upload.fields)) as (path, sealed):
            return _file(
                path.read_bytes(), upload.name, sealed.media_type, sealed.label, layers=" ".join(sealed.layers)
            )


@post("/labels/checks", opt=allow(None), status_code=200, request_max_body_size=None)
async def check_file(rooms: House, actor: Caller, request: AnyRequest) -> Provenance:
    """What a form's `file`, or a JSON object's `text`, says of its origin; `declared`: its publisher says it is AI."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return await _check_text(rooms, actor, await request.body())
    async with _upload(rooms, request) as upload:
        declared = upload.fields.get("declared", "").lower() in TRUE
        return await rooms.seals.check(actor, upload.path, upload.name, declared=declared)


@post("/labels/propagations", opt=allow(Permission.GENERATE), status_code=200, request_max_body_size=None)
async def propagate_file(rooms: House, actor: Caller, request: AnyRequest) -> Response[bytes]:
    """The file of a form as a platform passes it on: the finding of Article 6 in headers, its fields in the label."""
    async with _upload(rooms, request) as upload:
        declared = upload.fields.get("declared", "").lower() in TRUE
        async with rooms.seals.propagated(actor, upload.path, upload.name, declared=declared) as (path, seen, label):
            language = upload.fields.get("language", "")
            said = {"finding": seen.finding.value, "prompt": quote(prompt(seen.finding, language))}
            return _file(path.read_bytes(), upload.name, seen.media_type, label, **said)


@put("/labels/agreement", opt=allow(Permission.MANAGE_PEOPLE), status_code=204)
async def agree(rooms: House, actor: Caller, version: FromQuery[str]) -> None:
    """Record that the workspace took on the duties of Article 9: files without explicit label may then be asked for."""
    await rooms.agreements.agree(actor, version)


@delete("/labels/agreement", opt=allow(Permission.MANAGE_PEOPLE))
async def withdraw(rooms: House, actor: Caller) -> None:
    """End the agreement of Article 9; what was handed out stays in its log for six months."""
    await rooms.agreements.withdraw(actor)


@get("/labels/agreements", opt=allow(Permission.READ_AUDIT))
async def list_agreements(rooms: House, actor: Caller) -> list[Agreement]:
    """Agreements of Article 9 that this workspace entered, newest first."""
    return await rooms.agreements.agreements(actor)


@get("/labels/handouts", opt=allow(Permission.READ_AUDIT))
async def list_handouts(rooms: House, actor: Caller, before: FromQuery[str] = "") -> list[Handout]:
    """Who received files without visible label, newest first, 200 at a time; `before` is the last id seen."""
    return await rooms.agreements.handouts(actor, before=before[:80])


@delete("/labels/handouts/{handout:str}", opt=allow(Permission.MANAGE_PEOPLE))
async def erase_handout(rooms: House, actor: Caller, handout: FromPath[str]) -> None:
    """Take a recipient out of the log who asks for it; not in the first six months."""
    await rooms.agreements.erase(actor, handout)


@asynccontextmanager
async def _upload(rooms: Rooms, request: AnyRequest) -> AsyncIterator[Upload]:
    kind = request.headers.get("content-type", "")
    async with receive(request.stream(), kind, rooms.seals.folder, limit_bytes=rooms.seals.upload_bytes) as upload:
        yield upload


async def _check_text(rooms: Rooms, actor: Actor, body: bytes) -> Provenance:
    try:
        asked = msgspec.json.decode(body, type=dict[str, str])
    except msgspec.DecodeError:
        raise BadRequest('Expected {"text": "…"}.', code="invalid_json") from None
    return await rooms.seals.check_text(
        actor, asked.get("text", ""), declared=asked.get("declared", "").lower() in TRUE
    )


def _wish(fields: dict[str, str]) -> Wish:
    source = fields.get("source", "generated")
    if source not in SOURCES:
        raise BadRequest(f"`source` is {', '.join(SOURCES)}; got {source[:40]!r}.", param="source")
    return Wish(
        source=SOURCES[source],
        language="zh" if fields.get("language") == "zh" else "en",
        explicit=fields.get("explicit", "true").lower() in TRUE,
        watermark=fields.get("watermark", "true").lower() in TRUE,
        recipient=fields.get("recipient", "")[:200],
    )


def _first_service(rooms: Rooms, actor: Actor) -> str:
    serving = [record.service.name for record in rooms.registry.services(actor) if record.serves]
    if not serving:
        raise BadRequest("No service of yours serves.", action="Name a model in the field `model`.", param="model")
    return serving[0]


def _file(content: bytes, name: str, media_type: str, label: Label | None, **said: str) -> Response[bytes]:
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "x-content-type-options": "nosniff",
    }
    headers |= {f"x-hanlin-{key}": value for key, value in said.items()}
    if label is not None:
        headers[HEADER] = header(label)
    return Response(content, media_type=media_type, headers=headers)


HANDLERS = [
    label_file,
    check_file,
    propagate_file,
    agree,
    withdraw,
    list_agreements,
    list_handouts,
    erase_handout,
]
router = Router(path="/", tags=["labels"], route_handlers=HANDLERS)
