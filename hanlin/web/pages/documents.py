"""Documents: bring files, see how far they are read, find passages, ask; collections, one's own and shared ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from hanlin.assistants.documents import Collection, Document, DocumentState, Hit, ResultKind
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.pages.uploads import brought
from hanlin.web.passages import Piece, pieces
from hanlin.web.respond import explain, page, redirect
from hanlin.web.visit import BRINGS, Admitted, Visit, allow
from hanlin.web.worked import Made, made

GENERATE = allow(Permission.GENERATE)
SEARCH_CHARACTERS = 200
SHOWN = 200
"""Most documents of one list."""
CONVERSATIONS = 8


@dataclass(frozen=True, slots=True)
class CollectionRow:
    id: str
    name: str
    count: int
    shared: bool
    own: bool
    """Whether the viewer may add to it and change it."""
    personal: bool


@dataclass(frozen=True, slots=True)
class DocumentRow:
    id: str
    name: str
    title: str
    state: str
    word: str
    detail: str
    when: str
    problem: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class HitRow:
    """A passage that was found, its words marked."""

    href: str
    name: str
    place: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions that were asked before."""

    href: str
    asked: str
    when: str


@dataclass(frozen=True, slots=True)
class DocumentsContext:
    """Variables of documents.html."""

    frame: Frame
    collections: Sequence[CollectionRow]
    current: CollectionRow | None
    """None: all that the viewer may read; what is brought goes to the personal one."""
    documents: Sequence[DocumentRow]
    waiting: bool
    """Whether some are still being read."""
    search: str
    hits: Sequence[HitRow]
    conversations: Sequence[Conversation]


@dataclass(frozen=True, slots=True)
class ListContext:
    """Variables of the block `list`."""

    frame: Frame
    current: CollectionRow | None
    documents: Sequence[DocumentRow]
    waiting: bool
    search: str


@dataclass(frozen=True, slots=True)
class AnswersContext:
    """Variables of documents_answers.html."""

    frame: Frame
    collections: Sequence[CollectionRow]
    current: CollectionRow | None
    results: Sequence[Made]
    thread: str


@get("/documents", opt=GENERATE)
async def documents_page(visit: Admitted, search: FromQuery[str] = "") -> Response[str]:
    """All that the visitor may read."""
    return page(visit, "documents.html", await _context(visit, "", search))


@get("/documents/{collection:str}", opt=GENERATE)
async def collection_page(visit: Admitted, collection: FromPath[str], search: FromQuery[str] = "") -> Response[str]:
    return page(visit, "documents.html", await _context(visit, collection, search))


@get("/documents/list", opt=GENERATE)
async def list_part(visit: Admitted, collection: FromQuery[str] = "") -> Response[str]:
    """The list again, while some of it is being read."""
    current = (
        collection_row(visit, await visit.rooms.documents.collection(visit.actor, collection)) if collection else None
    )
    rows = await _documents(visit, collection, "")
    return page(visit, "documents.html", ListContext(visit.frame(), current, rows, _waiting(rows), ""), block="list")


@post("/documents/files", opt=BRINGS, status_code=200, request_max_body_size=None)
async def add(visit: Admitted) -> Response[str]:
    """Put files into a collection: uploads by their ids, or one file itself; one alone is opened at once."""
    came = await brought(visit)
    collection = came.form["collection"]
    added = [await visit.rooms.documents.add(visit.actor, file.id, collection) for file in came.files]
    if len(added) == 1:
        return redirect(visit, f"/documents/files/{added[0].id}")
    return redirect(visit, f"/documents/{collection}" if collection else "/documents")


@post("/documents/texts", opt=GENERATE, status_code=200)
async def paste(visit: Admitted) -> Response[str]:
    form = visit.form
    document = await visit.rooms.documents.paste(visit.actor, form["text"], collection_id=form["collection"])
    return redirect(visit, f"/documents/files/{document.id}")


@post("/documents/collections", opt=GENERATE, status_code=200)
async def create(visit: Admitted) -> Response[str]:
    shared = bool(visit.form["shared"])
    collection = await visit.rooms.documents.create(visit.actor, visit.form["name"], shared=shared)
    return redirect(visit, f"/documents/{collection.id}")


@post("/documents/{collection:str}/change", opt=GENERATE, status_code=200)
async def change(visit: Admitted, collection: FromPath[str]) -> Response[str]:
    """Rename a collection, and share it or no more."""
    shared = bool(visit.form["shared"])
    await visit.rooms.documents.change(visit.actor, collection, name=visit.form["name"], shared=shared)
    return redirect(visit, f"/documents/{collection}")


@post("/documents/{collection:str}/delete", opt=GENERATE, status_code=200)
async def remove(visit: Admitted, collection: FromPath[str]) -> Response[str]:
    await visit.rooms.documents.remove(visit.actor, collection)
    return redirect(visit, "/documents")


@post("/documents/ask", opt=GENERATE, status_code=200)
async def ask(visit: Admitted) -> Response[str]:
    """Ask a document, a collection, everything, or go on with a conversation."""
    form = visit.form
    chosen = [form["document"]] if form["document"] else []
    answer = await visit.rooms.documents.ask(
        visit.actor, form["question"], documents=chosen, collection_id=form["collection"], thread=form["thread"]
    )
    if len(answer.scope) == 1:
        address = f"/documents/files/{answer.scope[0]}?tab=ask&thread={answer.thread}"
        return redirect(visit, f"{address}#{answer.id}")
    return redirect(visit, f"/documents/answers/{answer.thread}#{answer.id}")


@get("/documents/answers/{thread:str}", opt=GENERATE)
async def answers_page(visit: Admitted, thread: FromPath[str]) -> Response[str]:
    """A conversation about a collection or everything."""
    results = await visit.rooms.documents.thread(visit.actor, thread)
    collections = await collection_rows(visit)
    asked = results[0].collection if results else ""
    current = next((row for row in collections if row.id == asked), None)
    shown = await made(visit, results, f"/documents/answers/{thread}")
    return page(visit, "documents_answers.html", AnswersContext(visit.frame(), collections, current, shown, thread))


async def collection_rows(visit: Visit) -> list[CollectionRow]:
    return [collection_row(visit, each) for each in await visit.rooms.documents.collections(visit.actor)]


def collection_row(visit: Visit, collection: Collection) -> CollectionRow:
    return CollectionRow(
        id=collection.id,
        name=visit.words.documents.personal if collection.personal else collection.name,
        count=collection.documents,
        shared=collection.shared,
        own=collection.person == visit.actor.person,
        personal=collection.personal,
    )


async def conversations(visit: Visit, collection: str) -> list[Conversation]:
    """The visitor's own, about more than one document; those about a collection when one is named."""
    answers = await visit.rooms.documents.results(visit.actor, kind=ResultKind.ANSWER, limit=60)
    first = [
        answer
        for answer in answers
        if answer.id == answer.thread and len(answer.scope) != 1 and collection in ("", answer.collection)
    ]
    return [
        Conversation(f"/documents/answers/{answer.thread}", answer.asked, visit.when(answer.created_at))
        for answer in first[:CONVERSATIONS]
    ]


async def _context(visit: Visit, collection: str, search: str) -> DocumentsContext:
    wanted = search[:SEARCH_CHARACTERS].strip()
    current = None
    if collection:
        current = collection_row(visit, await visit.rooms.documents.collection(visit.actor, collection))
    rows = await _documents(visit, collection, wanted)
    hits = await visit.rooms.documents.search(visit.actor, wanted, collection_id=collection) if wanted else []
    return DocumentsContext(
        frame=visit.frame(),
        collections=await collection_rows(visit),
        current=current,
        documents=rows,
        waiting=_waiting(rows),
        search=wanted,
        hits=[_hit(visit, hit) for hit in hits],
        conversations=await conversations(visit, collection),
    )


async def _documents(visit: Visit, collection: str, search: str) -> list[DocumentRow]:
    found = await visit.rooms.documents.documents(visit.actor, collection, search=search, limit=SHOWN)
    return [await document_row(visit, each) for each in found]


def _waiting(rows: Sequence[DocumentRow]) -> bool:
    return any(row.state in ("waiting", "reading") for row in rows)


async def document_row(visit: Visit, document: Document) -> DocumentRow:
    words = visit.words.documents
    unfinished = document.state in (DocumentState.WAITING, DocumentState.READING)
    job = await visit.rooms.jobs.of(document.id) if unfinished else None
    word = getattr(visit.words.jobs.note, job.note, "") if job else ""
    return DocumentRow(
        id=document.id,
        name=document.name,
        title=document.title if document.title != document.name else "",
        state=document.state,
        word=word or getattr(words.state, document.state),
        detail=_detail(visit, document),
        when=visit.when(document.created_at),
        problem=explain(visit.words, document.code, document.problem, document.action),
        done=job.done if job else 0,
        total=job.total if job else 0,
    )


def _detail(visit: Visit, document: Document) -> str:
    words = visit.words.documents
    if document.state is not DocumentState.READY:
        return ""
    pages = words.page_count.format(count=document.pages) if document.pages > 1 else ""
    return " · ".join(filter(None, [pages, words.character_count.format(count=f"{document.characters:,}")]))


def _hit(visit: Visit, hit: Hit) -> HitRow:
    place = visit.words.documents.page_number.format(page=hit.page) if hit.page else ""
    heading = hit.heading if hit.heading != hit.name else ""
    return HitRow(
        href=f"/documents/files/{hit.document}?page={max(1, hit.page)}",
        name=hit.name,
        place=" · ".join(filter(None, [place, heading])),
        pieces=pieces(hit.text, hit.marks),
    )


HANDLERS = [
    documents_page,
    collection_page,
    list_part,
    add,
    paste,
    create,
    change,
    remove,
    ask,
    answers_page,
]
