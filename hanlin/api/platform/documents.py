"""Collections of documents, and what is made of them. What takes long is answered with 202 and a job to watch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from litestar import Response, Router, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.assistants.documents import (
    Collection,
    Document,
    Entry,
    Genre,
    Hit,
    Part,
    Result,
    ResultKind,
    ResultState,
    Summary,
    Table,
    Tone,
)
from hanlin.labels import HEADER, header
from hanlin.service import Wish
from hanlin.types import Permission

GENERATE = allow(Permission.GENERATE)
Id = Annotated[str, Meta(max_length=40)]
Ids = Annotated[list[Id], Meta(max_length=20)]
ServiceName = Annotated[str, Meta(max_length=200)]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class NewCollection(Struct, frozen=True):
    name: Annotated[str, Meta(max_length=1000)]
    shared: bool = False


class CollectionChange(Struct, frozen=True):
    name: Annotated[str, Meta(max_length=1000)] | None = None
    shared: bool | None = None


class NewDocument(Struct, frozen=True):
    file: Id
    """Of a file that was uploaded."""
    collection: Id = ""
    """Empty: the personal one."""


class NewText(Struct, frozen=True):
    text: str
    name: Annotated[str, Meta(max_length=200)] = ""
    collection: Id = ""


class SummaryRequest(Summary, frozen=True, kw_only=True):
    documents: Ids
    kind: Literal["summary", "points", "outline"] = "summary"
    service: ServiceName = ""


class Question(Struct, frozen=True, kw_only=True):
    question: Annotated[str, Meta(max_length=10_000)]
    documents: Ids = []
    collection: Id = ""
    """With neither: everything that you may read."""
    thread: Id = ""
    """The first answer of a conversation that goes on."""
    service: ServiceName = ""


class DraftRequest(Struct, frozen=True, kw_only=True):
    instruction: Annotated[str, Meta(max_length=20_000)]
    genre: Genre = "letter"
    tone: Tone = "formal"
    language: Annotated[str, Meta(max_length=10)] = ""
    documents: Ids = []
    service: ServiceName = ""


class PolishRequest(Struct, frozen=True, kw_only=True):
    text: Annotated[str, Meta(max_length=100_000)]
    tone: Tone = "correct"
    service: ServiceName = ""


class ComparisonRequest(Struct, frozen=True, kw_only=True):
    before: Id
    after: Id
    service: ServiceName = ""


@get("/documents/collections", opt=GENERATE)
async def list_collections(rooms: House, actor: Caller) -> list[Collection]:
    """Your collections, the personal one first, and those that others share in the workspace."""
    return await rooms.documents.collections(actor)


@post("/documents/collections", opt=GENERATE)
async def create_collection(rooms: House, actor: Caller, data: JSONBody[NewCollection]) -> Collection:
    """A new collection of yours; `shared`: everybody in the workspace may read it."""
    return await rooms.documents.create(actor, data.name, shared=data.shared)


@patch("/documents/collections/{collection_id:str}", opt=GENERATE)
async def change_collection(
    rooms: House, actor: Caller, collection_id: FromPath[str], data: JSONBody[CollectionChange]
) -> Collection:
    """Rename or share a collection of yours, or end its sharing."""
    return await rooms.documents.change(actor, collection_id, name=data.name, shared=data.shared)


@delete("/documents/collections/{collection_id:str}", opt=GENERATE)
async def remove_collection(rooms: House, actor: Caller, collection_id: FromPath[str]) -> None:
    """Delete a collection of yours with its documents and all that was made of them."""
    await rooms.documents.remove(actor, collection_id)


@get("/documents", opt=GENERATE)
async def list_documents(
    rooms: House,
    actor: Caller,
    *,
    collection: FromQuery[str] = "",
    search: FromQuery[str] = "",
    after: FromQuery[str] = "",
    limit: Limit = 100,
) -> list[Document]:
    """Documents that you may read, newest first; `search`: in names and titles, `after`: the last id seen."""
    return await rooms.documents.documents(actor, collection, search=search, after=after, limit=limit)


@post("/documents", opt=GENERATE, status_code=202)
async def add_document(rooms: House, actor: Caller, data: JSONBody[NewDocument]) -> Document:
    """Put a file of yours into a collection of yours; its `job` reads it."""
    return await rooms.documents.add(actor, data.file, data.collection)


@post("/documents/texts", opt=GENERATE, status_code=202)
async def paste_text(rooms: House, actor: Caller, data: JSONBody[NewText]) -> Document:
    """The same for a text."""
    return await rooms.documents.paste(actor, data.text, name=data.name, collection_id=data.collection)


@get("/documents/search", opt=GENERATE)
async def search_documents(
    rooms: House,
    actor: Caller,
    *,
    words: Annotated[str, QueryParameter(name="query", max_length=2000)],
    collection: FromQuery[str] = "",
    document: FromQuery[str] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=50)] = 20,
) -> list[Hit]:
    """Passages by words and meaning, best first; `marks` are where words of the query stand."""
    documents = [document] if document else []
    return await rooms.documents.search(actor, words, collection_id=collection, documents=documents, limit=limit)


@get("/documents/{document_id:str}", opt=GENERATE)
async def get_document(rooms: House, actor: Caller, document_id: FromPath[str]) -> Document:
    """One document, and how far it has been read."""
    return await rooms.documents.document(actor, document_id)


@delete("/documents/{document_id:str}", opt=GENERATE)
async def erase_document(rooms: House, actor: Caller, document_id: FromPath[str]) -> None:
    """Delete a document of yours with its passages and all that was made of it."""
    await rooms.documents.erase(actor, document_id)


@post("/documents/{document_id:str}/readings", opt=GENERATE, status_code=202)
async def read_document_again(rooms: House, actor: Caller, document_id: FromPath[str]) -> Document:
    """Read a document of yours anew, after a failure or since recognition is offered."""
    return await rooms.documents.read_again(actor, document_id)


@get("/documents/{document_id:str}/parts", opt=GENERATE)
async def list_parts(rooms: House, actor: Caller, document_id: FromPath[str], page: FromQuery[int] = 0) -> list[Part]:
    """The blocks of a page, or of the whole document, in reading order."""
    return await rooms.documents.parts(actor, document_id, page=page)


@get("/documents/{document_id:str}/pages/{page:int}", opt=GENERATE)
async def get_page(
    rooms: House,
    actor: Caller,
    document_id: FromPath[str],
    page: FromPath[int],
    width: Annotated[int, QueryParameter(ge=200, le=2000)] = 1000,
) -> Response[bytes]:
    """A page as PNG, `width` pixels wide."""
    picture = await rooms.documents.picture(actor, document_id, page, width_px=width)
    return Response(picture, media_type="image/png", headers={"x-content-type-options": "nosniff"})


@get("/documents/{document_id:str}/outline", opt=GENERATE)
async def get_outline(rooms: House, actor: Caller, document_id: FromPath[str]) -> list[Entry]:
    """The headings that the document has."""
    return await rooms.documents.outline(actor, document_id)


@get("/documents/{document_id:str}/tables", opt=GENERATE)
async def list_tables(rooms: House, actor: Caller, document_id: FromPath[str]) -> list[Table]:
    """The tables of a document as data."""
    return await rooms.documents.tables(actor, document_id)


@get("/documents/{document_id:str}/tables/file", opt=GENERATE)
async def get_tables(
    rooms: House,
    actor: Caller,
    document_id: FromPath[str],
    kind: FromQuery[Literal["xlsx", "csv"]] = "xlsx",
    number: FromQuery[int] = 0,
) -> Response[bytes]:
    """All tables as a workbook, or one of them (from 0) as CSV."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "tables"
        name = await rooms.documents.write_tables(actor, document_id, path, kind=kind, number=number)
        return _file(path.read_bytes(), name, WORKBOOK if kind == "xlsx" else "text/csv; charset=utf-8")


@post("/documents/summaries", opt=GENERATE)
async def summarise(rooms: House, actor: Caller, data: JSONBody[SummaryRequest]) -> Response[Result]:
    """A summary, key points or an outline of 1 to 20 documents, each read whole unless `quick`."""
    kind = ResultKind(data.kind)
    made = await rooms.documents.summarise(actor, data.documents, data, kind=kind, service=data.service)
    return _made(made)


@post("/documents/questions", opt=GENERATE)
async def ask_documents(rooms: House, actor: Caller, data: JSONBody[Question]) -> Response[Result]:
    """An answer with the sentences it comes from; `found` is false when the documents do not say it."""
    made = await rooms.documents.ask(
        actor,
        data.question,
        documents=data.documents,
        collection_id=data.collection,
        thread=data.thread,
        service=data.service,
    )
    return _made(made)


@post("/documents/drafts", opt=GENERATE)
async def draft(rooms: House, actor: Caller, data: JSONBody[DraftRequest]) -> Response[Result]:
    """A letter, report, notice … after your instruction and what the documents say of it."""
    made = await rooms.documents.draft(
        actor,
        data.instruction,
        genre=data.genre,
        tone=data.tone,
        language=data.language,
        documents=data.documents,
        service=data.service,
    )
    return _made(made)


@post("/documents/polishes", opt=GENERATE)
async def polish(rooms: House, actor: Caller, data: JSONBody[PolishRequest]) -> Response[Result]:
    """A text in another tone, with the differences word by word."""
    return _made(await rooms.documents.polish(actor, data.text, tone=data.tone, service=data.service))


@post("/documents/comparisons", opt=GENERATE)
async def compare(rooms: House, actor: Caller, data: JSONBody[ComparisonRequest]) -> Response[Result]:
    """What changed from one document to another, change by change."""
    return _made(await rooms.documents.compare(actor, data.before, data.after, service=data.service))


@get("/documents/results", opt=GENERATE)
async def list_results(
    rooms: House,
    actor: Caller,
    *,
    document: FromQuery[str] = "",
    kind: FromQuery[ResultKind | None] = None,
    after: FromQuery[str] = "",
    limit: Limit = 50,
) -> list[Result]:
    """What was made for you, newest first; `document`: of this one."""
    return await rooms.documents.results(actor, document_id=document, kind=kind, after=after, limit=limit)


@get("/documents/results/{result_id:str}", opt=GENERATE)
async def get_result(rooms: House, actor: Caller, result_id: FromPath[str]) -> Response[Result]:
    """One result; 202 while it is being made."""
    return _made(await rooms.documents.result(actor, result_id))


@get("/documents/results/{result_id:str}/thread", opt=GENERATE)
async def get_thread(rooms: House, actor: Caller, result_id: FromPath[str]) -> list[Result]:
    """All answers of the conversation that began with this one."""
    return await rooms.documents.thread(actor, result_id)


@delete("/documents/results/{result_id:str}", opt=GENERATE)
async def remove_result(rooms: House, actor: Caller, result_id: FromPath[str]) -> None:
    """Delete a result; what makes it is ended."""
    await rooms.documents.remove_result(actor, result_id)


@get("/documents/results/{result_id:str}/file", opt=GENERATE)
async def get_result_file(
    rooms: House,
    actor: Caller,
    result_id: FromPath[str],
    kind: FromQuery[Literal["docx", "md", "pdf", "html", "txt"]] = "docx",
    language: FromQuery[Literal["zh", "en"]] = "en",
) -> Response[bytes]:
    """A result as a file with every mark its kind can carry; `language` is the visible label's."""
    result = await rooms.documents.result(actor, result_id)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "result"
        name = await rooms.documents.write(actor, result_id, kind, path)
        route = rooms.registry.resolve(result.service, actor)
        async with rooms.seals.sealed(actor, route, path, name, Wish(language=language)) as (target, sealed):
            headers = {HEADER: header(sealed.label)}
            return _file(target.read_bytes(), name, sealed.media_type, headers)


def _made(result: Result) -> Response[Result]:
    return Response(result, status_code=202 if result.state is ResultState.RUNNING else 200)


def _file(content: bytes, name: str, media_type: str, headers: dict[str, str] | None = None) -> Response[bytes]:
    said = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}", "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers={**said, **(headers or {})})


HANDLERS = [
    list_collections,
    create_collection,
    change_collection,
    remove_collection,
    list_documents,
    add_document,
    paste_text,
    search_documents,
    get_document,
    erase_document,
    read_document_again,
    list_parts,
    get_page,
    get_outline,
    list_tables,
    get_tables,
    summarise,
    ask_documents,
    draft,
    polish,
    compare,
    list_results,
    get_result,
    get_thread,
    remove_result,
    get_result_file,
]
router = Router(path="/", tags=["documents"], route_handlers=HANDLERS)
