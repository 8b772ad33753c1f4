"""Texts written anew: drafts after an instruction and what documents say, and texts in another tone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec.structs import replace

from hanlin.assistants.documents import citing, evidence, prompts
from hanlin.assistants.documents.content import Contents, Sentence, cited
from hanlin.assistants.documents.language import language as language_of
from hanlin.assistants.documents.links import without_foreign_links
from hanlin.assistants.documents.making import Making, Plan, Steps, Writer, credited
from hanlin.assistants.documents.records import Genre, Piece, Result, ResultKind, ResultState, Tone
from hanlin.assistants.documents.shelf import Shelf
from hanlin.assistants.documents.shown import Shown
from hanlin.assistants.documents.tokens import batches, estimate
from hanlin.errors import BadRequest
from hanlin.retrieval import Index
from hanlin.service import Calls
from hanlin.types import Actor

INSTRUCTION_CHARACTERS = 4000
POLISHED_CHARACTERS = 20_000
DRAFT_TOKENS = 1200
_WORD = re.compile(r"[^\W\u0e00-\u0eff\u3400-\u9fff]+|\s+|.", re.DOTALL)
"""A word of an alphabet, a stretch of blanks, or one character."""
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


class Drafting:
    """Made once per server."""

    def __init__(self, shelf: Shelf, contents: Contents, shown: Shown, index: Index, calls: Calls) -> None:
        self._shelf = shelf
        self._contents = contents
        self._shown = shown
        self._index = index
        self._calls = calls

    async def draft(  # noqa: PLR0917 - one of each
        self,
        actor: Actor,
        instruction: str,
        genre: Genre,
        tone: Tone,
        language: str,
        documents: Sequence[str],
        service: str,
    ) -> Result:
        asked = _bounded(instruction, INSTRUCTION_CHARACTERS, "instruction")
        chosen = {each.id: each.name for each in await self._shelf.chosen(actor, documents)}
        sentences: tuple[Sentence, ...] = ()
        if chosen:
            found, _ = await evidence.find(self._index, self._calls, actor, list(chosen), asked)
            tokens = evidence.budget(self._calls.route(actor, service).model.context_tokens)
            sentences = await evidence.gather(self._contents, found, tokens)
        text = evidence.numbered(sentences, chosen)
        messages = prompts.drafted(asked, genre, tone, language or language_of(asked), text)
        answered = await self._calls.chat(actor, messages, service=service, max_tokens=DRAFT_TOKENS)
        texts = [each.text for each in sentences]
        clean = without_foreign_links(citing.without_marks(answered.text.strip()), *texts, asked)
        marked, numbers = citing.annotated(clean, texts) if texts else (clean, [])
        citations = await cited(self._contents, [sentences[number - 1] for number in numbers], chosen)
        result = self._shown.new(ResultKind.DRAFT, list(chosen), asked=asked, text=marked, citations=tuple(citations))
        notices = ("cut",) if answered.finish_reason == "length" else ()
        done = {"state": ResultState.DONE, "notices": notices, "service": answered.service}
        return await self._shown.add(actor, replace(result, request_ids=(answered.request_id,), **done))


class Polishing:
    """Made once per server."""

    def __init__(self, shown: Shown, writer: Writer) -> None:
        self._shown = shown
        self._writer = writer

    async def start(self, making: Making, actor: Actor, text: str, tone: Tone, service: str) -> Result:
        asked = _bounded(text, POLISHED_CHARACTERS, "text")
        result = self._shown.new(ResultKind.POLISH, (), asked=asked)
        plan = making.plan(actor, language_of(asked), service, tone=tone)
        return await making.make(actor, result, plan, calls=len(_parts(asked, plan)))

    async def make(self, steps: Steps, result: Result, plan: Plan) -> Result:
        notes, parts = [], _parts(result.asked, plan)
        for number, part in enumerate(parts):
            await steps.report(number, len(parts), "writing")
            messages = prompts.polished(part, plan.tone, plan.language)
            ceiling = estimate(part) * (3 if plan.tone == "expand" else 2) + 60
            notes.append(await self._writer.write(steps, result.id, f"part {number}", plan, messages, ceiling))
        text = "\n\n".join(without_foreign_links(note.text.strip(), result.asked) for note in notes)
        made = replace(credited(result, notes), text=text)
        if lost := set(_NUMBER.findall(result.asked)) - set(_NUMBER.findall(text)):
            made = replace(made, notices=(*made.notices, "numbers_lost"), left_out=len(lost))
        pieces = await asyncio.to_thread(differences, result.asked, text)
        return replace(made, pieces=tuple(pieces))


def differences(before: str, after: str) -> list[Piece]:
    """What was taken out, put in and kept, word by word (character by character in Chinese and Thai)."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    found: list[Piece] = []
    for kind, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Piece("same", "".join(old[old_start:old_end])))
            continue
        if old_start < old_end:
            found.append(Piece("removed", "".join(old[old_start:old_end])))
        if new_start < new_end:
            found.append(Piece("added", "".join(new[new_start:new_end])))
    return found


def _parts(text: str, plan: Plan) -> list[str]:
    """Paragraphs together, as many as fit half a part: what is written is about as long as what is read."""
    paragraphs = re.split(r"\n\s*\n", text)
    return ["\n\n".join(batch) for batch in batches(paragraphs, plan.part_tokens // 2)]


def _bounded(text: str, most: int, param: str) -> str:
    cleaned = text.strip().replace("\r\n", "\n").replace("\0", "")
    if not 1 <= len(cleaned) <= most:
        raise BadRequest(
            f"`{param}` has 1 to {most} characters, got {len(cleaned)}.", action="Send it in parts.", param=param
        )
    return cleaned
