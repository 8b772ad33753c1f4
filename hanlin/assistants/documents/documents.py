"""The room's face."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from hanlin import reading
from hanlin.accounts import require
from hanlin.assistants.documents import evidence
from hanlin.assistants.documents.asking import Asking, Scope
from hanlin.assistants.documents.comparing import Comparing
from hanlin.assistants.documents.content import Contents
from hanlin.assistants.documents.digesting import digest
from hanlin.assistants.documents.exporting import TableKind, write_result, write_tables
from hanlin.assistants.documents.intake import KIND, Intake
from hanlin.assistants.documents.making import Making, Writer
from hanlin.assistants.documents.records import (
    Collection,
    Digest,
    Document,
    DocumentState,
    Entry,
    Genre,
    Hit,
    Part,
    Result,
    ResultKind,
    Summary,
    Table,
    Tone,
)
from hanlin.assistants.documents.rewriting import Drafting, Polishing
from hanlin.assistants.documents.shelf import Shelf
from hanlin.assistants.documents.shown import Shown
from hanlin.assistants.documents.summarising import Summarising
from hanlin.errors import BadRequest, NotFound
from hanlin.files import File, Files
from hanlin.jobs import Jobs, State
from hanlin.retrieval import Found, Index
from hanlin.sandbox import Sandbox
from hanlin.service import Calls
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Announce, Permission, unheard
from hanlin.writing import Kind

PASTED = "pasted"
"""Purpose of the file that holds a pasted text: it goes with its document."""
PASTED_CHARACTERS = 1_000_000
PICTURE_PX = (200, 2000)


class Documents:
    """Made once per server. All functions ask for the permission to generate; what the actor may not read is NotFound.

    What takes more than one call of the model is made by a job: the Result is then `running` and names it, and
    `result` gives it again when it is done.
    """

    def __init__(
        self,
        database: Database,
        *,
        files: Files,
        blobs: Blobs,
        sandbox: Sandbox,
        index: Index,
        jobs: Jobs,
        calls: Calls,
        announce: Announce = unheard,
    ) -> None:
        self._files, self._index, self._jobs, self._calls = files, index, jobs, calls
        self._shelf = shelf = Shelf(database, index, announce)
        self._contents = contents = Contents(database)
        self._shown = shown = Shown(database)
        self._intake = Intake(shelf, contents, blobs, sandbox, index, jobs, calls)
        writer = Writer(shown, calls)
        self._asking = Asking(shelf, contents, shown, index, calls)
        self._drafting = Drafting(shelf, contents, shown, index, calls)
        self._summarising = Summarising(shelf, contents, shown, writer)
        self._polishing = Polishing(shown, writer)
        self._comparing = Comparing(shelf, contents, shown, writer, sandbox)
        summaries = dict.fromkeys((ResultKind.SUMMARY, ResultKind.POINTS, ResultKind.OUTLINE), self._summarising.make)
        others = {ResultKind.POLISH: self._polishing.make, ResultKind.COMPARISON: self._comparing.make}
        self._making = Making(shown, jobs, calls, summaries | others)
        files.on_erased(self._file_erased)

    async def open(self) -> None:
        """At start: results of documents that are gone go too."""
        await self._shelf.sweep()

    async def collections(self, actor: Actor) -> list[Collection]:
        """The actor's own, the personal one first (made if need be), then those others share in the workspace."""
        return await self._shelf.collections(actor)

    async def collection(self, actor: Actor, collection_id: str) -> Collection:
        return await self._shelf.collection(actor, collection_id)

    async def create(self, actor: Actor, name: str, *, shared: bool = False) -> Collection:
        """A new collection; a name has 1 to 120 characters."""
        return await self._shelf.create(actor, name, shared=shared)

    async def change(
        self, actor: Actor, collection_id: str, *, name: str | None = None, shared: bool | None = None
    ) -> Collection:
        """Rename or share one's own; NotAllowed for somebody else's shared one, Conflict for the personal one."""
        return await self._shelf.change(actor, collection_id, name=name, shared=shared)

    async def remove(self, actor: Actor, collection_id: str) -> None:
        """Delete a collection with its documents; uploaded files stay with their owner. Rights as for `change`."""
        for document in await self._shelf.remove(actor, collection_id):
            await self._let_go(actor, document)

    async def add(self, actor: Actor, file_id: str, collection_id: str = "") -> Document:
        """Put a file of the actor's into a collection of the actor's (empty: the personal one); a job reads it."""
        require(actor, Permission.GENERATE)
        file = await self._files.get(actor, file_id)
        where = collection_id or await self._shelf.personal(actor)
        return await self._start_reading(actor, await self._shelf.put(actor, file, where))

    async def paste(self, actor: Actor, text: str, *, name: str = "", collection_id: str = "") -> Document:
        """The same for a text of 1 to 1,000,000 characters; its name is its first line unless given."""
        require(actor, Permission.GENERATE)
        if not text.strip() or len(text) > PASTED_CHARACTERS:
            raise BadRequest(
                f"A pasted text has 1 to {PASTED_CHARACTERS:,} characters, got {len(text):,}.",
                action="Send a longer one as a file.",
                param="text",
            )
        title = " ".join((name or text.strip().splitlines()[0]).replace("/", " ").split())[:80]
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "text"
            await asyncio.to_thread(path.write_text, text, encoding="utf-8")
            file = await self._files.add(actor, path, f"{title}.txt", PASTED)
        return await self.add(actor, file.id, collection_id)

    async def documents(
        self, actor: Actor, collection_id: str = "", *, search: str = "", after: str = "", limit: int = 100
    ) -> list[Document]:
        """Documents of one collection or of all that the actor may read, newest first; `search`: in names and titles.

        `after`: the last id that was seen.
        """
        found = await self._shelf.documents(actor, collection_id, search=search, after=after, limit=limit)
        return [await self._settled(each) for each in found]

    async def document(self, actor: Actor, document_id: str) -> Document:
        return await self._settled(await self._shelf.document(actor, document_id))

    async def read_again(self, actor: Actor, document_id: str) -> Document:
        """Read a document of the actor's anew: after a failure, or when recognition is offered since."""
        document = await self._shelf.owned(actor, document_id)
        await self._jobs.forget(document.id)
        return await self._start_reading(actor, document)

    async def erase(self, actor: Actor, document_id: str) -> None:
        """Delete a document of the actor's with its passages and all results made of it; an uploaded file stays."""
        await self._let_go(actor, await self._shelf.erase(actor, document_id))

    async def parts(self, actor: Actor, document_id: str, *, page: int = 0) -> list[Part]:
        """The blocks of one page, or of the whole document (0), in reading order. Conflict while it is being read."""
        content = await self._content(actor, document_id)
        return [
            Part(
                block=number,
                kind=block.kind,
                text=block.text,
                level=block.level,
                page=block.page,
                box=block.box,
                rows=block.rows,
            )
            for number, block in enumerate(content.blocks)
            if page in (0, block.page)
        ]

    async def picture(self, actor: Actor, document_id: str, page: int, *, width_px: int = 1000) -> bytes:
        """A page as PNG, 200 to 2,000 pixels wide. BadFile (`no_page_picture`) for kinds without pages to look at."""
        row = await self._shelf.row(actor, document_id)
        low, high = PICTURE_PX
        return await self._intake.picture(row.blob, row.name, page, max(low, min(high, width_px)))

    async def outline(self, actor: Actor, document_id: str) -> list[Entry]:
        """Headings as they stand in the document; where there are none, `summarise` makes an OUTLINE."""
        found = reading.outline(await self._content(actor, document_id))
        return [Entry(each.text, each.level, each.page, each.block) for each in found]

    async def tables(self, actor: Actor, document_id: str) -> list[Table]:
        """All tables as they stand in the document, in reading order."""
        content = await self._content(actor, document_id)
        found, title = [], ""
        for number, block in enumerate(content.blocks):
            if block.kind == "table":
                found.append(
                    Table(document=document_id, page=block.page, block=number, title=title[:200], rows=block.rows)
                )
            title = block.text if block.kind in {"caption", "heading", "title"} else ""
        return found

    async def write_tables(
        self, actor: Actor, document_id: str, path: Path, *, kind: TableKind = "xlsx", number: int = 0
    ) -> str:
        """Write the tables as an XLSX workbook, a sheet each, or one of them (from 0) as CSV; the file's name.

        NotFound when there is none.
        """
        return await write_tables(await self.tables(actor, document_id), kind, path, number)

    async def search(
        self, actor: Actor, query: str, *, collection_id: str = "", documents: Sequence[str] = (), limit: int = 20
    ) -> list[Hit]:
        """Passages in one collection, in some documents, or in all that the actor may read; at most 50, best first."""
        asked = query.strip()[:500]
        if not asked:
            return []
        if documents:
            scope = [each.id for each in await self._shelf.chosen(actor, documents)]
        else:
            scope = await self._shelf.scope(actor, collection_id)
        found, _ = await evidence.find(self._index, self._calls, actor, scope, asked, limit=max(1, min(limit, 50)))
        known = await self._shelf.known(actor, [each.passage.source for each in found])
        return [_hit(each, known[each.passage.source]) for each in found if each.passage.source in known]

    async def summarise(
        self,
        actor: Actor,
        documents: Sequence[str],
        wish: Summary | None = None,
        *,
        kind: ResultKind = ResultKind.SUMMARY,
        service: str = "",
    ) -> Result:
        """A SUMMARY, POINTS or an OUTLINE of 1 to 20 documents, read whole; BadRequest below 250 characters."""
        if kind not in {ResultKind.SUMMARY, ResultKind.POINTS, ResultKind.OUTLINE}:
            raise BadRequest(f"A document is not summarised as {kind.value!r}.", param="kind")
        return await self._summarising.start(self._making, actor, documents, wish or Summary(), kind, service)

    async def ask(
        self,
        actor: Actor,
        question: str,
        *,
        documents: Sequence[str] = (),
        collection_id: str = "",
        thread: str = "",
        service: str = "",
    ) -> Result:
        """Answer from documents, a collection, or all that the actor may read; each claim names its sentence.

        `thread`: go on with a conversation, in the scope of its first question. What is not in the documents is said
        to be not in them: `found` is False.
        """
        scope = Scope(tuple(dict.fromkeys(documents)), collection_id)
        return await self._asking.ask(actor, question, scope, thread=thread, service=service)

    async def draft(
        self,
        actor: Actor,
        instruction: str,
        *,
        genre: Genre = "letter",
        tone: Tone = "formal",
        language: str = "",
        documents: Sequence[str] = (),
        service: str = "",
    ) -> Result:
        """A text written after an instruction of 1 to 4,000 characters and what the documents say of it."""
        require(actor, Permission.GENERATE)
        return await self._drafting.draft(actor, instruction, genre, tone, language, documents, service)

    async def polish(self, actor: Actor, text: str, *, tone: Tone = "correct", service: str = "") -> Result:
        """A text of 1 to 20,000 characters in another tone, with the differences word by word (`pieces`)."""
        require(actor, Permission.GENERATE)
        return await self._polishing.start(self._making, actor, text, tone, service)

    async def compare(self, actor: Actor, before: str, after: str, *, service: str = "") -> Result:
        """What changed from one document to another: found by code, told by the model."""
        return await self._comparing.start(self._making, actor, before, after, service)

    async def digest(
        self, actor: Actor, collection_id: str, since: int, instructions: str = "", service: str = ""
    ) -> Digest:
        """What the documents say that came into a collection after a time, as one text; a saved task's source."""
        return await digest(
            self._shelf, self._contents, self._calls, actor, collection_id, since, instructions, service
        )

    async def results(
        self, actor: Actor, *, document_id: str = "", kind: ResultKind | None = None, after: str = "", limit: int = 50
    ) -> list[Result]:
        """The actor's own, newest first; `document_id`: those made of it."""
        found = await self._shown.recent(actor, document_id=document_id, kind=kind, after=after, limit=limit)
        return [await self._making.settled(each) for each in found]

    async def result(self, actor: Actor, result_id: str) -> Result:
        return await self._making.settled(await self._shown.get(actor, result_id))

    async def thread(self, actor: Actor, result_id: str) -> list[Result]:
        """All answers of a conversation, oldest first; `result_id` is its first answer's."""
        return await self._shown.thread(actor, result_id)

    async def remove_result(self, actor: Actor, result_id: str) -> None:
        await self._shown.remove(actor, result_id)
        await self._jobs.forget(result_id)

    async def write(self, actor: Actor, result_id: str, kind: Kind, path: Path) -> str:
        """Write a result as `docx`, `md`, `pdf`, `html` or `txt`, its sources at the end; the file's name.

        The caller seals it: `seals.sealed(actor, route, path, name, wish)`.
        """
        return await write_result(await self.result(actor, result_id), kind, path)

    async def _start_reading(self, actor: Actor, document: Document) -> Document:
        job = await self._jobs.start(actor, KIND, document.id)
        await self._shelf.begun(document.id, job.id)
        return await self._shelf.document(actor, document.id)

    async def _settled(self, document: Document) -> Document:
        """A document whose reading was cancelled, or failed before it began, is not being read."""
        if document.state in {DocumentState.READY, DocumentState.FAILED}:
            return document
        job = await self._jobs.of(document.id)
        if job is None or job.state not in {State.CANCELLED, State.FAILED}:
            return document
        code = job.code or job.state.value
        return replace(document, state=DocumentState.FAILED, code=code, problem=job.problem, action=job.action)

    async def _content(self, actor: Actor, document_id: str) -> reading.Document:
        return await self._contents.load((await self._shelf.document(actor, document_id)).id)

    async def _let_go(self, actor: Actor, document: Document) -> None:
        """End what is being done with a document that is gone; the file of a pasted text goes with it."""
        await self._jobs.forget(document.id)
        try:
            file = await self._files.get(actor, document.file)
        except NotFound:
            return
        if file.purpose == PASTED:
            await self._files.erase(actor, file.id)

    async def _file_erased(self, file: File) -> None:
        gone = await self._shelf.of_file(file.id)
        for document_id in gone:
            await self._jobs.forget(document_id)
        await self._shelf.drop(gone)


def _hit(found: Found, document: Document) -> Hit:
    passage = found.passage
    return Hit(
        document=document.id,
        name=document.name,
        collection=document.collection,
        page=passage.page,
        heading=passage.heading,
        text=passage.text,
        marks=found.marks,
        score=found.score,
    )
