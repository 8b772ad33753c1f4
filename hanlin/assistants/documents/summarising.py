"""Summaries, key points and outlines of documents of any length: notes on each part, then one text of all notes.

Every sentence is read unless `quick` is asked for. A document of T tokens in parts of P takes T / P calls for the notes
and about T / 4P for merging them; each reads at most P tokens and writes at most a fifth of P.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from hanlin.assistants.documents import citing, extract, prompts
from hanlin.assistants.documents.content import Contents, Sentence, cited
from hanlin.assistants.documents.language import mostly
from hanlin.assistants.documents.links import without_foreign_links
from hanlin.assistants.documents.making import Making, Note, Plan, Steps, Writer, credited
from hanlin.assistants.documents.records import Document, Entry, Result, ResultKind, Summary
from hanlin.assistants.documents.shelf import Shelf
from hanlin.assistants.documents.shown import Shown
from hanlin.assistants.documents.tokens import NARROW_TOKENS, WIDE_TOKENS, batches, estimate
from hanlin.errors import BadRequest
from hanlin.reading import sentences as sentences_of
from hanlin.types import Actor, Message

SHORTEST_CHARACTERS = 250
"""Below it a text is its own summary (Tongyi Tingwu has the same)."""
CHARACTERS = {"short": 200, "medium": 500, "long": 1200}
POINTS = {"short": 5, "medium": 8, "long": 12}
MOST_DOCUMENTS = 20
QUICK_TOKENS = 800
"""What a 1.5B model reads in half a minute on one core (25 tokens a second, measured)."""
ROOM = 1.5
"""A summary may be so many times as long as was asked for; then it ends after a whole sentence."""
FEWEST_HEADINGS = 3
"""With so many headings of its own a document needs no model for its outline."""


class Summarising:
    """Made once per server."""

    def __init__(self, shelf: Shelf, contents: Contents, shown: Shown, writer: Writer) -> None:
        self._shelf = shelf
        self._contents = contents
        self._shown = shown
        self._writer = writer

    async def start(  # noqa: PLR0917 - one of each
        self, making: Making, actor: Actor, documents: Sequence[str], wish: Summary, kind: ResultKind, service: str
    ) -> Result:
        """Check what is asked for; make it or start its job."""
        chosen = await self._chosen(actor, documents)
        sentences = await self._sentences([each.id for each in chosen])
        result = self._shown.new(kind, [each.id for each in chosen], asked=wish.focus)
        language = wish.language or mostly(each.text for each in sentences[:200])
        plan = making.plan(actor, language, service, wish=wish)
        tokens = sum(estimate(each.text) for each in sentences)
        one = wish.quick or tokens <= plan.part_tokens or (kind is ResultKind.OUTLINE and _has_outline(sentences))
        return await making.make(actor, result, plan, calls=1 if one else tokens // plan.part_tokens + 1)

    async def make(self, steps: Steps, result: Result, plan: Plan) -> Result:
        sentences = await self._sentences(result.documents)
        if result.kind is ResultKind.OUTLINE and _has_outline(sentences):
            return replace(result, text=listed(headings(sentences)))
        read = sentences
        if plan.wish.quick:
            read = await asyncio.to_thread(
                extract.best, sentences, min(QUICK_TOKENS, plan.part_tokens), plan.wish.focus
            )
            left_out = sum(len(each.text) for each in sentences) - sum(len(each.text) for each in read)
            result = replace(result, notices=(*result.notices, "quick"), left_out=left_out)
        notes, text = await self._condensed(steps, result.id, plan, lines(read))
        messages, ceiling = _last(result.kind, plan, text)
        note = await self._writer.write(steps, result.id, "write", plan, messages, ceiling)
        names = {each.id: each.name for each in await self._shelf.chosen(await steps.actor(), result.documents)}
        written = whole(note.text) if note.cut else note.text
        return await self._cited(credited(result, [*notes, note]), written, read, names)

    async def _condensed(
        self, steps: Steps, result_id: str, plan: Plan, texts: Sequence[str]
    ) -> tuple[list[Note], str]:
        """All notes that were taken, and a text that fits one part: the document itself or notes on notes on it."""
        taken: list[Note] = []
        level = 0
        parts = list(batches(texts, plan.part_tokens))
        while len(parts) > 1:
            notes = []
            for number, part in enumerate(parts):
                await steps.report(number, len(parts) + 1, "summarising" if not level else "merging")
                messages = prompts.noted("\n".join(part), plan.wish.focus, plan.language, _note_characters(plan))
                step = f"part {level} {number}"
                notes.append(await self._writer.write(steps, result_id, step, plan, messages, plan.part_tokens // 5))
            taken += notes
            level += 1
            parts = list(batches([note.text for note in notes], plan.part_tokens))
        await steps.report(1, 2, "writing")
        return taken, "\n".join(parts[0])

    async def _cited(self, result: Result, text: str, read: Sequence[Sentence], names: dict[str, str]) -> Result:
        evidence = [each.text for each in read]
        clean = without_foreign_links(text.strip(), "\n".join(evidence), result.asked)
        marked, numbers = await asyncio.to_thread(citing.annotated, clean, evidence)
        citations = await cited(self._contents, [read[number - 1] for number in numbers], names)
        return replace(result, text=marked, citations=tuple(citations))

    async def _chosen(self, actor: Actor, documents: Sequence[str]) -> list[Document]:
        if not 1 <= len(set(documents)) <= MOST_DOCUMENTS:
            raise BadRequest(f"Choose 1 to {MOST_DOCUMENTS} documents, got {len(set(documents))}.", param="documents")
        chosen = await self._shelf.chosen(actor, documents)
        characters = sum(each.characters for each in chosen)
        if characters < SHORTEST_CHARACTERS:
            raise BadRequest(
                f"A text of {characters} characters needs no summary; from {SHORTEST_CHARACTERS} on it gets one.",
                action="Read it, or choose more documents.",
                code="too_short",
            )
        return chosen

    async def _sentences(self, documents: Sequence[str]) -> list[Sentence]:
        return [each for document in documents for each in await self._contents.sentences(document)]


def lines(sentences: Sequence[Sentence]) -> list[str]:
    """Sentences as a model reads them: a line each, headings as headings."""
    return [f"\n# {each.text}" if each.level else each.text for each in sentences]


def headings(sentences: Sequence[Sentence]) -> list[Entry]:
    return [Entry(each.text, each.level, each.page, each.block) for each in sentences if each.level]


def listed(entries: Sequence[Entry]) -> str:
    """An outline as a Markdown list with pages."""
    top = min((each.level for each in entries), default=1)
    return "\n".join(f"{'  ' * min(5, each.level - top)}- {each.text} ({each.page})" for each in entries)


def whole(text: str) -> str:
    """Without the sentence that a ceiling broke off, where there is one before it."""
    spans = sentences_of(text)
    return text[: spans[-2][1]] if len(spans) > 1 and text[spans[-1][1] - 1].isalnum() else text


def _has_outline(sentences: Sequence[Sentence]) -> bool:
    return len(headings(sentences)) >= FEWEST_HEADINGS


def _note_characters(plan: Plan) -> int:
    """What fits a note: a sixth of a part."""
    return int(plan.part_tokens / 6 / _share(plan.language))


def _share(language: str) -> float:
    """Tokens a character, in a script of wide ones or in an alphabet."""
    return WIDE_TOKENS if language in {"zh", "ja", "ko", "th"} else NARROW_TOKENS


def _last(kind: ResultKind, plan: Plan, text: str) -> tuple[list[Message], int]:
    """What the last call is told, and how many tokens it may write."""
    wish, language = plan.wish, plan.language
    characters = wish.characters or CHARACTERS[wish.length]
    if kind is ResultKind.POINTS:
        return prompts.points(text, wish.focus, language, POINTS[wish.length]), 60 * POINTS[wish.length]
    if kind is ResultKind.OUTLINE:
        return prompts.outlined(text, language), 500
    ceiling = int(characters * _share(language) * ROOM) + 40
    return prompts.summarised(text, wish.shape, wish.focus, language, characters), ceiling
