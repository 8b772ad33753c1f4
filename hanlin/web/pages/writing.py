"""Write with documents: draft, polish, compare two versions; and every result as a page and a sealed file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from hanlin.assistants.documents import DocumentState, Genre, ResultKind, Tone
from hanlin.errors import BadRequest
from hanlin.labels import HEADER, header
from hanlin.service import Wish
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.pages.document import Tab
from hanlin.web.pages.documents import CollectionRow, Conversation, collection_rows
from hanlin.web.respond import headers, page, redirect
from hanlin.web.visit import Admitted, Visit, allow, local_path
from hanlin.web.worked import Made, made

GENERATE = allow(Permission.GENERATE)
KINDS = (ResultKind.DRAFT, ResultKind.POLISH, ResultKind.COMPARISON)
CHOICES = 100
"""Most documents to choose from; the others are found by their page."""
LANGUAGES = ("", "zh", "en")


@dataclass(frozen=True, slots=True)
class Pick:
    """A document to choose."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class WriteContext:
    """Variables of documents_write.html."""

    frame: Frame
    collections: Sequence[CollectionRow]
    tab: str
    tabs: Sequence[Tab]
    picks: Sequence[Pick]
    chosen: str
    genres: Sequence[str]
    tones: Sequence[str]
    languages: Sequence[str]
    earlier: Sequence[Conversation]


@dataclass(frozen=True, slots=True)
class ResultContext:
    """Variables of documents_result.html."""

    frame: Frame
    collections: Sequence[CollectionRow]
    work: Made
    back: str


@get("/documents/write", opt=GENERATE)
async def write_page(visit: Admitted, tab: FromQuery[str] = "draft", document: FromQuery[str] = "") -> Response[str]:
    kind = ResultKind(tab) if tab in KINDS else ResultKind.DRAFT
    found = await visit.rooms.documents.documents(visit.actor, limit=CHOICES)
    earlier = await visit.rooms.documents.results(visit.actor, kind=kind, limit=10)
    context = WriteContext(
        frame=visit.frame(),
        collections=await collection_rows(visit),
        tab=kind,
        tabs=[Tab(name, f"/documents/write?tab={name}", name is kind) for name in KINDS],
        picks=[Pick(each.id, each.name) for each in found if each.state is DocumentState.READY],
        chosen=document,
        genres=get_args(Genre),
        tones=get_args(Tone),
        languages=LANGUAGES,
        earlier=[
            Conversation(f"/documents/results/{each.id}", _called(visit, each.asked), visit.when(each.created_at))
            for each in earlier
        ],
    )
    return page(visit, "documents_write.html", context)


@post("/documents/write/draft", opt=GENERATE, status_code=200)
async def draft(visit: Admitted) -> Response[str]:
    form, choices = visit.form, {"genre": get_args(Genre), "tone": get_args(Tone), "language": LANGUAGES}
    wanted: dict[str, Any] = {name: _among(form[name], choices[name], name) for name in choices}
    made = await visit.rooms.documents.draft(visit.actor, form["text"], documents=form.all("documents"), **wanted)
    return redirect(visit, f"/documents/results/{made.id}")


@post("/documents/write/polish", opt=GENERATE, status_code=200)
async def polish(visit: Admitted) -> Response[str]:
    tone: Any = _among(visit.form["tone"], get_args(Tone), "tone")
    made = await visit.rooms.documents.polish(visit.actor, visit.form["text"], tone=tone)
    return redirect(visit, f"/documents/results/{made.id}")


@post("/documents/write/comparison", opt=GENERATE, status_code=200)
async def compare(visit: Admitted) -> Response[str]:
    made = await visit.rooms.documents.compare(visit.actor, visit.form["before"], visit.form["after"])
    return redirect(visit, f"/documents/results/{made.id}")


@get("/documents/results/{result:str}", opt=GENERATE)
async def result_page(visit: Admitted, result: FromPath[str]) -> Response[str]:
    """One result, also while it is being made."""
    found = await visit.rooms.documents.result(visit.actor, result)
    (shown,) = await made(visit, [found], f"/documents/results/{found.id}")
    back = f"/documents/write?tab={found.kind}" if found.kind in KINDS else "/documents"
    return page(visit, "documents_result.html", ResultContext(visit.frame(), await collection_rows(visit), shown, back))


@get("/documents/results/{result:str}/file", opt=GENERATE)
async def result_file(
    visit: Admitted, result: FromPath[str], kind: FromQuery[Literal["docx", "md", "pdf", "html", "txt"]] = "docx"
) -> Response[bytes]:
    """The result as a file; it leaves sealed."""
    rooms = visit.rooms
    found = await rooms.documents.result(visit.actor, result)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "result"
        name = await rooms.documents.write(visit.actor, result, kind, path)
        route = rooms.registry.resolve(found.service, visit.actor)
        sealing = rooms.seals.sealed(visit.actor, route, path, name, Wish(language=visit.language))
        async with sealing as (target, sealed):
            content, media_type, mark = target.read_bytes(), sealed.media_type, header(sealed.label)
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    said = {**headers(visit), "Content-Disposition": disposition, HEADER: mark}
    return Response(content, media_type=media_type, headers=said)


@post("/documents/results/{result:str}/delete", opt=GENERATE, status_code=200)
async def remove(visit: Admitted, result: FromPath[str]) -> Response[str]:
    await visit.rooms.documents.remove_result(visit.actor, result)
    return redirect(visit, local_path(visit.form["then"] or "/documents"))


def _among(value: str, choices: Sequence[str], name: str) -> str:
    if value not in choices:
        raise BadRequest("This cannot be chosen.", action="Choose from the form.", param=name)
    return value


def _called(visit: Visit, asked: str) -> str:
    words: str = visit.words.documents.unnamed
    return " ".join(asked.split())[:90] or words


HANDLERS = [write_page, draft, polish, compare, result_page, result_file, remove]
