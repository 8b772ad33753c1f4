"""What was read of documents: kept, and cut into sentences that know where they stand."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import delete, select

from hanlin.assistants.documents.records import Box, Citation
from hanlin.assistants.documents.tables import contents, readings
from hanlin.errors import Conflict
from hanlin.reading import Block, Document, places, sentences
from hanlin.storage import Database

CONTENT_BYTES = 256 * 1024 * 1024
"""Ceiling for a stored content when it is unpacked; it was written here, so this only guards against a broken row."""


class Sentence(Struct, frozen=True):
    """A sentence of a document; of a table, a row."""

    document: str
    page: int
    block: int
    text: str
    """As a model reads it: on one line; of a row, each cell behind its column's name."""
    quote: str
    """As it stands in the block's text."""
    heading: str = ""
    """The nearest heading before it."""
    level: int = 0
    """Of a heading itself, 1 highest (the title too); of all other text 0."""


class Contents:
    """One a server; rights are asked for before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, document_id: str, content: Document) -> None:
        """Store, in the place of what was there."""
        data = await asyncio.to_thread(_packed, content)
        values = {"document": document_id, "data": data}
        statement = self._database.insert(contents).values(values)
        async with self._database.write() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["document"], set_={"data": data}))

    async def load(self, document_id: str) -> Document:
        """Conflict while the document has not been read."""
        async with self._database.read() as connection:
            data = await connection.scalar(select(contents.c.data).where(contents.c.document == document_id))
        if data is None:
            raise Conflict("The document has not been read yet.", action="Wait until it is ready.", code="not_read")
        return await asyncio.to_thread(_unpacked, data)

    async def sentences(self, document_id: str) -> list[Sentence]:
        """All of a document's, in reading order, headings included."""
        content = await self.load(document_id)
        return await asyncio.to_thread(lambda: list(cut(document_id, content)))

    async def note(self, document_id: str, step: str, data: bytes) -> None:
        """Keep what a step of reading gave; the same step again takes its place."""
        values = {"document": document_id, "step": step, "data": data}
        statement = self._database.insert(readings).values(values)
        async with self._database.write() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=["document", "step"], set_={"data": data})
            )

    async def noted(self, document_id: str, step: str) -> bytes | None:
        where = readings.c.document == document_id, readings.c.step == step
        async with self._database.read() as connection:
            return await connection.scalar(select(readings.c.data).where(*where))

    async def forget_notes(self, document_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(readings).where(readings.c.document == document_id))


def cut(document_id: str, content: Document) -> Iterator[Sentence]:
    """The sentences of a content, in reading order; rows of a table follow its head, `Food: Grain; Calories: 200`."""
    heading = ""
    for number, block in enumerate(content.blocks):
        level = max(1, block.level) if block.kind in {"title", "heading"} else 0
        if level:
            heading = " ".join(block.text.split())[:200]
        for text, quote in _rows(block) if block.rows else _sentences(block.text):
            yield Sentence(document_id, block.page, number, text, quote, "" if level else heading, level)


def boxes(content: Document, sentence: Sentence) -> tuple[Box, ...]:
    """Where a sentence's lines stand in the page's picture; a table row's is the whole table."""
    block = content.blocks[sentence.block]
    found = places(content, sentence.page, sentence.quote)
    return found or ((block.box,) if block.box else ())


async def cited(contents: Contents, sentences: Sequence[Sentence], names: Mapping[str, str]) -> list[Citation]:
    """Sentences as numbered citations, with their places in the pages' pictures."""
    loaded = {each: await contents.load(each) for each in {sentence.document for sentence in sentences}}
    return [
        Citation(
            number=number,
            document=each.document,
            name=names.get(each.document, ""),
            page=each.page,
            block=each.block,
            sentence=each.text,
            boxes=boxes(loaded[each.document], each),
        )
        for number, each in enumerate(sentences, 1)
    ]


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    for start, end in sentences(text):
        yield " ".join(text[start:end].split()), text[start:end]


def _rows(block: Block) -> Iterator[tuple[str, str]]:
    head, *body = block.rows
    if not body:
        yield " | ".join(cell for cell in head if cell), block.text
    for row in body:
        cells = [f"{name}: {cell}" if name else cell for name, cell in zip(head, row, strict=False) if cell]
        if cells:
            yield " ".join("; ".join(cells).split()), " | ".join(" ".join(cell.split()) for cell in row)


def _packed(content: Document) -> bytes:
    return zlib.compress(msgspec.json.encode(content), 6)


def _unpacked(data: bytes) -> Document:
    return msgspec.json.decode(zlib.decompressobj().decompress(data, CONTENT_BYTES), type=Document)
