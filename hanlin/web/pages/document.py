"""One document: its pages with the cited sentence marked, its text, and what is made of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from hanlin.assistants.documents import Citation, Document, DocumentState, Part, ResultKind, Summary, Table
from hanlin.errors import BadRequest
from hanlin.types import Permission
from hanlin.web import respond
from hanlin.web.card import JobCard, card
from hanlin.web.frame import Frame
from hanlin.web.pages.documents import CollectionRow, Conversation, DocumentRow, collection_rows, document_row
from hanlin.web.passages import Piece, pieces
from hanlin.web.respond import headers, redirect
from hanlin.web.visit import Admitted, Form, Visit, allow
from hanlin.web.worked import Made, made, told

GENERATE = allow(Permission.GENERATE)
TABS = ("text", "summary", "points", "outline", "tables", "ask")
PARTS = 400
"""Most blocks of text that stand on one page; a document without pages has them all on its first."""
TABLES, ROWS = 20, 60
"""Most tables, and rows of each, that are shown; the files hold all."""
PICTURE_PX = 1200
PICTURE_SECONDS = 300
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Rect:
    """A line of the cited sentence, in shares of the page."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PartRow:
    """A block of text; what is cited is marked in it."""

    kind: str
    level: int
    pieces: Sequence[Piece]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A line of the outline."""

    text: str
    level: int
    href: str


@dataclass(frozen=True, slots=True)
class TableRow:
    title: str
    place: str
    rows: Sequence[Sequence[str]]
    left_out: int
    csv: str


@dataclass(frozen=True, slots=True)
class Pager:
    """Where one is among the pages; an empty address where there is none."""

    number: int
    count: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class DocumentContext:
    """Variables of document.html."""

    frame: Frame
    collections: Sequence[CollectionRow]
    current: CollectionRow | None
    document: DocumentRow
    notices: Sequence[str]
    own: bool
    job: JobCard | None
    tabs: Sequence[Tab]
    tab: str
    pager: Pager
    picture: str
    """Address of the page's picture; "" where there is none."""
    rects: Sequence[Rect]
    cited: str
    """The sentence that is shown; "" when none was asked for."""
    blocks: Sequence[PartRow]
    results: Sequence[Made]
    entries: Sequence[EntryRow]
    tables: Sequence[TableRow]
    thread: str
    conversations: Sequence[Conversation]


@dataclass(frozen=True, slots=True)
class Sight:
    """What of a document somebody looks at."""

    document: Document
    page: int
    tab: str
    thread: str
    citation: Citation | None

    def href(self, *, page: int = 0, tab: str = "") -> str:
        tab = tab or self.tab
        thread = f"&thread={self.thread}" if self.thread and tab == "ask" else ""
        return f"/documents/files/{self.document.id}?page={page or self.page}&tab={tab}{thread}"


@get("/documents/files/{document:str}", opt=GENERATE)
async def document_page(
    visit: Admitted,
    *,
    document: FromPath[str],
    page: FromQuery[int] = 1,
    tab: FromQuery[str] = "text",
    cite: FromQuery[str] = "",
    thread: FromQuery[str] = "",
) -> Response[str]:
    """A page of it and a tab beside; `cite`: a result's id and the number of its citation, `work_….2`."""
    found = await visit.rooms.documents.document(visit.actor, document)
    citation = await _citation(visit, found, cite)
    shown = min(max(1, page), max(1, found.pages))
    sight = Sight(found, shown, tab if tab in TABS else "text", thread[:60], citation)
    return respond.page(visit, "document.html", await _context(visit, sight))


@get("/documents/files/{document:str}/pages/{number:int}", opt=GENERATE)
async def picture(visit: Admitted, document: FromPath[str], number: FromPath[int]) -> Response[bytes]:
    """A page as PNG; the browser keeps it for some minutes, so that turning pages is quick."""
    content = await visit.rooms.documents.picture(visit.actor, document, number, width_px=PICTURE_PX)
    kept = {**headers(visit), "Cache-Control": f"private, max-age={PICTURE_SECONDS}"}
    return Response(content, media_type="image/png", headers=kept)


@get("/documents/files/{document:str}/tables", opt=GENERATE)
async def tables_file(
    visit: Admitted,
    document: FromPath[str],
    kind: FromQuery[Literal["xlsx", "csv"]] = "xlsx",
    number: FromQuery[int] = 0,
) -> Response[bytes]:
    """All tables as a workbook, or one of them as CSV; they stand in the document, so no label is due."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "tables"
        name = await visit.rooms.documents.write_tables(visit.actor, document, path, kind=kind, number=number)
        content = path.read_bytes()
    disposition = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    media_type = WORKBOOK if kind == "xlsx" else "text/csv; charset=utf-8"
    return Response(content, media_type=media_type, headers={**headers(visit), **disposition})


@post("/documents/files/{document:str}/make", opt=GENERATE, status_code=200)
async def make(visit: Admitted, document: FromPath[str]) -> Response[str]:
    """A summary, key points or an outline, as the form says."""
    kind = visit.form["kind"]
    if kind not in ("summary", "points", "outline"):
        raise BadRequest("A summary, points or an outline can be made.", param="kind")
    await visit.rooms.documents.summarise(visit.actor, [document], _wish(visit.form), kind=ResultKind(kind))
    return redirect(visit, f"/documents/files/{document}?tab={kind}")


@post("/documents/files/{document:str}/again", opt=GENERATE, status_code=200)
async def read_again(visit: Admitted, document: FromPath[str]) -> Response[str]:
    await visit.rooms.documents.read_again(visit.actor, document)
    return redirect(visit, f"/documents/files/{document}")


@post("/documents/files/{document:str}/delete", opt=GENERATE, status_code=200)
async def erase(visit: Admitted, document: FromPath[str]) -> Response[str]:
    found = await visit.rooms.documents.document(visit.actor, document)
    await visit.rooms.documents.erase(visit.actor, document)
    return redirect(visit, f"/documents/{found.collection}")


def _wish(form: Form) -> Summary:
    values: dict[str, Any] = {name: form[name] for name in ("length", "shape", "language", "focus") if form[name]}
    try:
        return msgspec.convert({**values, "quick": bool(form["quick"])}, Summary)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The summary is not as expected: {error}.", action="Choose from the form.") from None


async def _citation(visit: Visit, document: Document, cite: str) -> Citation | None:
    """The citation that is asked for, if it is of this document; the result must be the visitor's."""
    result, _, number = cite.partition(".")
    if not number.isdecimal() or len(number) > 4:
        return None
    found = await visit.rooms.documents.result(visit.actor, result)
    named = (each for each in found.citations if each.number == int(number) and each.document == document.id)
    return next(named, None)


async def _context(visit: Visit, sight: Sight) -> DocumentContext:
    document, documents = sight.document, visit.rooms.documents
    ready = document.state is DocumentState.READY
    collections = await collection_rows(visit)
    own = document.person == visit.actor.person
    here = sight.href()
    citation = sight.citation if sight.citation and sight.citation.page in (0, sight.page) else None
    parts = await documents.parts(visit.actor, document.id, page=_paged(document, sight.page)) if ready else []
    return DocumentContext(
        frame=visit.frame(),
        collections=collections,
        current=next((row for row in collections if row.id == document.collection), None),
        document=await document_row(visit, document),
        notices=told(visit.words.documents, document.notices),
        own=own,
        job=await _job(visit, document) if own and not ready else None,
        tabs=[Tab(name, sight.href(tab=name), name == sight.tab) for name in TABS],
        tab=sight.tab,
        pager=_pager(sight),
        picture=f"/documents/files/{document.id}/pages/{sight.page}" if ready and document.pictures else "",
        rects=[_rect(box) for box in citation.boxes] if citation else [],
        cited=citation.sentence if citation else "",
        blocks=[_part(part, citation) for part in parts[:PARTS]],
        results=await _results(visit, sight, here) if ready else [],
        entries=await _entries(visit, sight) if ready and sight.tab == "outline" else [],
        tables=await _tables(visit, document) if ready and sight.tab == "tables" else [],
        thread=sight.thread,
        conversations=await _conversations(visit, document) if sight.tab == "ask" and not sight.thread else [],
    )


def _paged(document: Document, number: int) -> int:
    """The page to show the blocks of; 0, the whole, where there are no pages."""
    return number if document.pages > 1 or document.pictures else 0


async def _job(visit: Visit, document: Document) -> JobCard | None:
    job = await visit.rooms.jobs.of(document.id)
    return card(visit, job, then=f"/documents/files/{document.id}") if job else None


async def _results(visit: Visit, sight: Sight, here: str) -> list[Made]:
    documents = visit.rooms.documents
    if sight.tab == "ask":
        found = await documents.thread(visit.actor, sight.thread) if sight.thread else []
    elif sight.tab in ("summary", "points", "outline"):
        kind = ResultKind(sight.tab)
        found = await documents.results(visit.actor, document_id=sight.document.id, kind=kind, limit=5)
    else:
        found = []
    return await made(visit, found, here)


async def _entries(visit: Visit, sight: Sight) -> list[EntryRow]:
    entries = await visit.rooms.documents.outline(visit.actor, sight.document.id)
    return [EntryRow(each.text, min(each.level, 4), sight.href(page=max(1, each.page))) for each in entries[:PARTS]]


async def _tables(visit: Visit, document: Document) -> list[TableRow]:
    found = await visit.rooms.documents.tables(visit.actor, document.id)
    return [_table(visit, document, number, table) for number, table in enumerate(found[:TABLES])]


def _table(visit: Visit, document: Document, number: int, table: Table) -> TableRow:
    place = visit.words.documents.page_number.format(page=table.page) if table.page else ""
    address = f"/documents/files/{document.id}/tables?kind=csv&number={number}"
    return TableRow(table.title, place, table.rows[:ROWS], max(0, len(table.rows) - ROWS), address)


async def _conversations(visit: Visit, document: Document) -> list[Conversation]:
    answers = await visit.rooms.documents.results(visit.actor, document_id=document.id, kind=ResultKind.ANSWER)
    first = [each for each in answers if each.id == each.thread and each.scope == (document.id,)]
    address = f"/documents/files/{document.id}?tab=ask&thread="
    return [Conversation(address + each.thread, each.asked, visit.when(each.created_at)) for each in first[:8]]


def _pager(sight: Sight) -> Pager:
    number, count = sight.page, sight.document.pages
    before = sight.href(page=number - 1) if number > 1 else ""
    return Pager(number, count, before, sight.href(page=number + 1) if number < count else "")


def _rect(box: tuple[float, float, float, float]) -> Rect:
    left, top, right, bottom = (round(min(max(edge, 0), 1), 4) for edge in box)
    return Rect(left, top, round(max(0, right - left), 4), round(max(0, bottom - top), 4))


def _part(part: Part, citation: Citation | None) -> PartRow:
    spans = []
    if citation is not None and citation.block == part.block:
        start = part.text.find(citation.sentence)
        spans = [(start, start + len(citation.sentence))] if start >= 0 else [(0, len(part.text))]
    return PartRow(part.kind, min(max(part.level, 1), 4), pieces(part.text, spans), part.rows)


HANDLERS = [document_page, picture, tables_file, make, read_again, erase]
