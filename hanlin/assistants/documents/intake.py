"""The job that reads a document: its content, the pages that are pictures of text, its passages, their vectors."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hanlin import reading
from hanlin.assistants.documents.content import Contents
from hanlin.assistants.documents.records import DocumentState
from hanlin.assistants.documents.shelf import Shelf
from hanlin.errors import HanlinError, NotServing
from hanlin.jobs import Jobs, Work
from hanlin.reading import Limits
from hanlin.retrieval import Index, Passage, chunk
from hanlin.retrieval.chunking import pieces
from hanlin.sandbox import Sandbox
from hanlin.service import Calls
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Media, Recognised, Vectors

KIND = "documents.read"
RECOGNITION_PX = 1600
"""Width of a page that is looked at: about 190 dots an inch of A4."""
BATCH = 32
"""Passages whose vectors are asked for at once; a crash loses no more."""
PICTURED = frozenset({"pdf", "picture"})
"""Kinds whose pages have pictures."""
LIMITS = Limits()


class Intake:
    """Made once per server; `Documents` starts its jobs."""

    def __init__(  # noqa: PLR0917 - one of each room
        self, shelf: Shelf, contents: Contents, blobs: Blobs, sandbox: Sandbox, index: Index, jobs: Jobs, calls: Calls
    ) -> None:
        self._shelf = shelf
        self._contents = contents
        self._blobs = blobs
        self._sandbox = sandbox
        self._index = index
        self._calls = calls
        jobs.define(KIND, self._body)

    async def picture(self, blob: str, name: str, page: int, width_px: int) -> bytes:
        """A page as PNG."""
        with tempfile.TemporaryDirectory() as place:
            target = Path(place) / "page.png"
            async with self._blobs.local(blob) as path:
                await self._sandbox.run(reading.render, str(path), name, page, width_px, str(target))
            return await asyncio.to_thread(target.read_bytes)

    async def _body(self, work: Work) -> None:
        document = work.job.subject
        try:
            await self._read(work, document)
        except HanlinError as error:
            words = {"code": error.code, "problem": error.message, "action": error.action}
            await self._shelf.update(document, state=DocumentState.FAILED, **words)
            raise

    async def _read(self, work: Work, document: str) -> None:
        await work.report(0, 0, "reading")
        scanned = await work.step("read", self._content, work, document)
        notices = set(await self._recognise_all(work, document, scanned))
        passages = await work.step("place", self._place, document, scanned)
        count = -(-passages // BATCH)
        for number in range(count):
            await work.report(number, count, "indexing")
            if not await work.step(f"vectors {number}", self._embed, work, document, number):
                notices.add("no_vectors")
                break
        await work.step("finish", self._finish, document, sorted(notices))
        await work.step("tidy", self._contents.forget_notes, document)
        await work.report(count, count, "indexing")

    async def _content(self, work: Work, document: str) -> list[int]:
        """Read the file; the numbers of its scanned pages."""
        row = await self._shelf.row(await work.actor(), document)
        await self._shelf.update(document, state=DocumentState.READING)
        async with self._blobs.local(row.blob) as path:
            content = await self._sandbox.run(reading.read, str(path), row.name, LIMITS)
        await self._contents.keep(document, content)
        return [page.number for page in content.pages if page.scanned]

    async def _recognise_all(self, work: Work, document: str, scanned: Sequence[int]) -> Sequence[str]:
        """Recognise scanned pages one by one; words for what could not be."""
        for done, page in enumerate(scanned):
            await work.report(done, len(scanned), "recognising")
            if not await work.step(f"recognise {page}", self._recognise, work, document, page):
                return ("ocr_missing",)
        return ()

    async def _recognise(self, work: Work, document: str, page: int) -> bool:
        actor = await work.actor()
        row = await self._shelf.row(actor, document)
        with tempfile.TemporaryDirectory() as place:
            picture = Path(place) / "page.png"
            await asyncio.to_thread(picture.write_bytes, await self.picture(row.blob, row.name, page, RECOGNITION_PX))
            try:
                found = await self._calls.recognise(actor, Media(str(picture)))
            except NotServing as error:
                return _missing(error)
        await self._contents.note(document, f"page {page}", msgspec.json.encode(found))
        return True

    async def _place(self, document: str, scanned: Sequence[int]) -> int:
        """Put recognised pages in their places; how many passages the document has."""
        content = await self._contents.load(document)
        for page in scanned:
            data = await self._contents.noted(document, f"page {page}")
            if data is not None:
                content = reading.recognised(content, page, msgspec.json.decode(data, type=Recognised))
        await self._contents.keep(document, content)
        passages = await self._passages(document)
        await self._shelf.update(
            document,
            title=content.title[:300],
            kind=content.kind[:20],
            pages=len(content.pages),
            characters=sum(len(block.text) for block in content.blocks),
            passages=len(passages),
            scanned=sum(page.scanned for page in content.pages),
            pictures=content.kind in PICTURED,
            notices=" ".join(content.notices),
        )
        return len(passages)

    async def _passages(self, document: str) -> list[Passage]:
        content = await self._contents.load(document)
        return await asyncio.to_thread(lambda: chunk(document, pieces(content)))

    async def _embed(self, work: Work, document: str, number: int) -> bool:
        actor: Actor = await work.actor()
        batch = (await self._passages(document))[number * BATCH : (number + 1) * BATCH]
        try:
            vectors = await self._calls.embed(actor, [passage.with_heading for passage in batch])
        except NotServing as error:
            return _missing(error)
        await self._contents.note(document, f"vectors {number}", msgspec.msgpack.encode(vectors))
        return True

    async def _finish(self, document: str, notices: Sequence[str]) -> None:
        """Index the passages; the document is ready."""
        passages = await self._passages(document)
        vectors = None if "no_vectors" in notices else await self._vectors(document, len(passages))
        await self._index.add(document, document, passages, vectors)
        content = await self._contents.load(document)
        words = " ".join([*content.notices, *notices])
        await self._shelf.update(document, state=DocumentState.READY, notices=words, code="", problem="", action="")

    async def _vectors(self, document: str, count: int) -> Vectors | None:
        rows: list[bytes] = []
        dimensions = 0
        for number in range(-(-count // BATCH)):
            data = await self._contents.noted(document, f"vectors {number}")
            assert data is not None
            batch = msgspec.msgpack.decode(data, type=Vectors)
            rows += batch.rows
            dimensions = batch.dimensions
        return Vectors(tuple(rows), dimensions) if rows else None


def _missing(error: NotServing) -> bool:
    """False for a skill that nobody offers; any other failure goes on."""
    if error.code != "skill_missing":
        raise error
    return False
