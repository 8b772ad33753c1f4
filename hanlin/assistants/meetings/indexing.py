"""A transcript as passages that are found by words and by meaning. Each recording is a space of its own."""

from __future__ import annotations

from hanlin.assistants.meetings.archive import Archive
from hanlin.assistants.meetings.transcripts import Transcripts
from hanlin.errors import NotServing
from hanlin.retrieval import Index, Passage, Piece, chunk
from hanlin.service import Calls
from hanlin.types import Actor, Vectors

BATCH = 64
"""Passages in one call for their vectors."""


class Indexing:
    def __init__(self, *, archive: Archive, transcripts: Transcripts, index: Index, calls: Calls) -> None:
        self._archive = archive
        self._transcripts = transcripts
        self._index = index
        self._calls = calls

    async def write(self, actor: Actor, recording: str) -> int:
        """Put a transcript as it is now into the index; how many passages it has."""
        await self._archive.change(recording, indexed=True)  # first: a correction made meanwhile has it done again
        said = await self._transcripts.all(recording)
        passages = chunk(
            recording,
            [
                Piece(one.text, block=one.number, start_seconds=one.start_seconds, end_seconds=one.end_seconds)
                for one in said
            ],
        )
        await self._index.add(recording, recording, passages, await self._vectors(actor, passages))
        return len(passages)

    async def vector(self, actor: Actor, text: str) -> bytes | None:
        """A question's vector; None where no embedding is offered."""
        found = await self._embed(actor, [text])
        return found.rows[0] if found else None

    async def _vectors(self, actor: Actor, passages: list[Passage]) -> Vectors | None:
        rows: list[bytes] = []
        dimensions = 0
        for start in range(0, len(passages), BATCH):
            texts = [passage.with_heading for passage in passages[start : start + BATCH]]
            found = await self._embed(actor, texts)
            if found is None:
                return None
            rows += found.rows
            dimensions = found.dimensions
        return Vectors(tuple(rows), dimensions) if rows else None

    async def _embed(self, actor: Actor, texts: list[str]) -> Vectors | None:
        try:
            return await self._calls.embed(actor, texts)
        except NotServing as error:
            if error.code != "skill_missing":
                raise
            return None
