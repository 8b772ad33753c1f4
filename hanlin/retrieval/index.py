"""Passages by words and by meaning in one ranked list, from the spaces that the asker may see and no other."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

import numpy as np
from msgspec import Struct

from hanlin.errors import BadRequest
from hanlin.retrieval.marking import marks
from hanlin.retrieval.passages import Passage
from hanlin.retrieval.vectors import VectorFile
from hanlin.retrieval.words import NO_ROW, Entry, Words, number
from hanlin.types import Vectors

if TYPE_CHECKING:
    from tantivy import DocAddress

DEPTH = 50
"""Places of each of the two lists that are fused."""
MOST_FOUND = 50
MOST_PASSAGES = 50_000
"""Of one source."""
SMOOTHING = 10
"""Reciprocal rank fusion (Cormack, Clarke, Büttcher 2009): a list gives place n the score weight / (smoothing + n)."""
WEIGHTS = {"words": 1.0, "meaning": 0.5}
"""Both from the middle of a plateau: `benchmarks/bench_retrieval.py`. Small embedding models err more than words do."""

By = Literal["words", "meaning"]
P = ParamSpec("P")
T = TypeVar("T")


class Found(Struct, frozen=True):
    passage: Passage
    score: float
    """Of the fusion: it orders, and says nothing of how well the passage answers."""
    by: tuple[By, ...]
    marks: tuple[tuple[int, int], ...] = ()
    """(start, end) in characters of `passage.text` where words of the query stand, in order, none overlapping."""


class Index:
    """A folder that can be made anew from the sources at any time. Made by `open`, ended by `close`.

    Who may see what is decided by the caller, each time: a `search` looks only into the `spaces` that it names. Writes
    wait for one another and are durable when they return; a crash leaves a source as it was before or as it is after.
    """

    def __init__(self, words: Words, vectors: VectorFile) -> None:
        self._words = words
        self._vectors = vectors
        self._writing = ThreadPoolExecutor(1, "index")

    @classmethod
    async def open(cls, folder: Path) -> Index:
        """Open or begin the index in a folder of its own. Misconfigured while another process has it open."""
        return await asyncio.to_thread(_open, folder)

    async def close(self) -> None:
        await self._write(self._words.close)
        self._writing.shutdown()

    async def add(self, space: str, source: str, passages: Sequence[Passage], vectors: Vectors | None = None) -> None:
        """Put a source's passages in the place of those it had, in whatever space. Doing it twice is doing it once.

        `vectors` in the order of the passages; without them the source is found by words only. Raises Conflict
        (`other_dimensions`) when the index holds vectors of another model's dimensions.
        """
        if len(passages) > MOST_PASSAGES:
            raise BadRequest(
                f"A source has at most {MOST_PASSAGES} passages, got {len(passages)}.", code="too_many_passages"
            )
        for place, passage in enumerate(passages):
            if passage.source != source or passage.id != f"{source}.{place}":
                raise BadRequest(
                    f"Passage {place} does not bear its source and place.",
                    action="Make passages with `chunk`.",
                    code="other_source",
                )
        if vectors is not None and len(vectors.rows) != len(passages):
            raise BadRequest(f"{len(passages)} vectors were expected, got {len(vectors.rows)}.", code="bad_vectors")
        await self._write(self._replace, space, source, passages, vectors)

    async def remove(self, source: str) -> None:
        """Take a source out; nothing if there is none. Its text leaves the files with the next `purge`."""
        await self._write(self._replace, "", source, (), None)

    async def remove_space(self, space: str) -> None:
        """Take out all sources of a space."""
        await self._write(self._remove_space, space)

    async def purge(self) -> None:
        """Rewrite the files in which removed passages still stand. Afterwards no byte of them is in the folder.

        Vectors are overwritten when their passages are removed. Quick when nothing was removed; else about 1 ms of one
        core for each passage that shares a file with a removed one; searches go on, other writes wait.
        """
        await self._write(self._words.rewrite)

    async def count(self, source: str) -> int:
        """How many passages a source has here: 0 says that it is to be indexed (anew)."""
        return await asyncio.to_thread(self._words.count, source)

    async def passages(self, source: str) -> list[Passage]:
        """All of a source, in order. Whether the asker may see it is for the caller to know."""
        entries = await asyncio.to_thread(self._words.entries, source)
        return [entry.passage for entry in entries]

    async def search(
        self, spaces: Collection[str], query: str, vector: bytes | None = None, limit: int = 10
    ) -> list[Found]:
        """The best passages of these spaces, best first, at most 50.

        `vector` is the query's embedding (`Vectors.rows[0]`); without it, or when its dimensions are not the index's,
        only words are searched. A query is bare words: no character of it is a command. Its first 512 characters count.
        """
        if not spaces or limit < 1:
            return []
        return await asyncio.to_thread(self._search, frozenset(spaces), query, vector, min(limit, MOST_FOUND))

    def _write(self, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> asyncio.Future[T]:
        # a thread of its own: a write goes on to its end, and others wait, also when who asked for it is gone
        return asyncio.get_running_loop().run_in_executor(self._writing, partial(function, *args, **named))

    def _replace(self, space: str, source: str, passages: Sequence[Passage], vectors: Vectors | None) -> None:
        before = self._words.rows("source", source)[:, 0]
        rows = self._vectors.write(vectors) if vectors is not None and passages else np.full(len(passages), NO_ROW)
        entries = [Entry(space, int(row), passage) for row, passage in zip(rows, passages, strict=True)]
        try:
            self._words.replace(source, entries)
        except BaseException:
            self._vectors.release(rows[rows != NO_ROW])
            raise
        self._vectors.give(rows[rows != NO_ROW], number(space))
        self._vectors.release(before)

    def _remove_space(self, space: str) -> None:
        before = self._words.rows("space", space)[:, 0]
        self._words.remove_space(space)
        self._vectors.release(before)

    def _search(self, spaces: frozenset[str], query: str, vector: bytes | None, limit: int) -> list[Found]:
        words, searcher = self._words, self._words.snapshot()
        asked = words.query_terms(query)
        lists: dict[By, list[DocAddress]] = {"words": words.search(searcher, spaces, asked, DEPTH)}
        if vector is not None:
            owners = np.array([number(space) for space in spaces], np.int64)
            rows = self._vectors.nearest(owners, vector, DEPTH)
            lists["meaning"] = words.at_rows(searcher, spaces, rows.tolist())
        found = []
        for address, score, by in _fused(lists)[:limit]:
            passage = words.entry(searcher, address).passage
            found.append(Found(passage, score, by, marks(passage.text, asked, words.stemmed)))
        return found


def _fused(lists: dict[By, list[DocAddress]]) -> list[tuple[DocAddress, float, tuple[By, ...]]]:
    """Reciprocal rank fusion, best first."""
    scores: dict[tuple[int, int], float] = defaultdict(float)
    finders: dict[tuple[int, int], list[By]] = defaultdict(list)
    addresses = {}
    for by, found in lists.items():
        for place, address in enumerate(found, 1):
            key = (address.segment_ord, address.doc)
            addresses[key] = address
            scores[key] += WEIGHTS[by] / (SMOOTHING + place)
            finders[key].append(by)
    best = sorted(scores, key=lambda key: -scores[key])
    return [(addresses[key], scores[key], tuple(finders[key])) for key in best]


def _open(folder: Path) -> Index:
    folder.mkdir(parents=True, exist_ok=True)
    words, vectors = Words(folder / "words"), VectorFile(folder)
    held = words.rows()
    vectors.restore(held[:, 0], held[:, 1])
    return Index(words, vectors)
