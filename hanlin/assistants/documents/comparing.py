"""Two versions of a document: what changed is found by code, and told by the model change by change."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from msgspec.structs import replace

from hanlin.assistants.documents import prompts
from hanlin.assistants.documents.content import Contents, Sentence
from hanlin.assistants.documents.language import mostly
from hanlin.assistants.documents.links import without_foreign_links
from hanlin.assistants.documents.making import Making, Plan, Steps, Writer, credited
from hanlin.assistants.documents.records import Change, Result, ResultKind
from hanlin.assistants.documents.shelf import Shelf
from hanlin.assistants.documents.shown import Shown
from hanlin.assistants.documents.tokens import pieces
from hanlin.errors import BadRequest
from hanlin.sandbox import Sandbox
from hanlin.types import Actor

MOST_TOLD = 40
"""Changes that the model tells in words; all others are listed without."""
MOST_LISTED = 1000
CHANGE_TOKENS = 120


class Comparing:
    """Made once per server."""

    def __init__(self, shelf: Shelf, contents: Contents, shown: Shown, writer: Writer, sandbox: Sandbox) -> None:
        self._shelf = shelf
        self._contents = contents
        self._shown = shown
        self._writer = writer
        self._sandbox = sandbox

    async def start(self, making: Making, actor: Actor, before: str, after: str, service: str) -> Result:
        if before == after:
            raise BadRequest("Two different documents are compared.", action="Choose another one.", param="after")
        chosen = [each.id for each in await self._shelf.chosen(actor, [before, after])]
        result = self._shown.new(ResultKind.COMPARISON, chosen)
        sentences = await self._contents.sentences(after)
        plan = making.plan(actor, mostly(each.text for each in sentences[:200]), service)
        changes = await self._changes(chosen)
        return await making.make(actor, replace(result, changes=tuple(changes)), plan, calls=len(changes))

    async def make(self, steps: Steps, result: Result, plan: Plan) -> Result:
        """Each change in words. The changes were found before, and stand in the result."""
        told, notes = [], []
        most = min(MOST_TOLD, len(result.changes))
        for number, change in enumerate(result.changes[:most]):
            await steps.report(number, most, "comparing")
            old, new = (next(pieces([side], plan.part_tokens // 2), "") for side in (change.before, change.after))
            messages = prompts.changed(old, new, plan.language)
            note = await self._writer.write(steps, result.id, f"change {number}", plan, messages, CHANGE_TOKENS)
            words = " ".join(without_foreign_links(note.text, change.before, change.after).split())
            told.append(replace(change, words=words))
            notes.append(note)
        untold = ("changes_not_told",) if len(result.changes) > most else ()
        made = credited(replace(result, notices=(*result.notices, *untold)), notes) if notes else result
        return replace(made, changes=(*told, *result.changes[most:]))

    async def _changes(self, documents: Sequence[str]) -> list[Change]:
        old, new = [await self._contents.sentences(each) for each in documents]
        spans = await self._sandbox.run(changed, [each.text for each in old], [each.text for each in new])
        return [_change(old[start:end], new[first:last]) for start, end, first, last in spans]


def changed(before: list[str], after: list[str]) -> list[tuple[int, int, int, int]]:
    """Stretches (start, end, start, end) in which two lists of sentences differ; at most MOST_LISTED, in order.

    Run in the sandbox: its time grows with the square of what repeats.
    """
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [(start, end, first, last) for kind, start, end, first, last in codes if kind != "equal"][:MOST_LISTED]


def _change(old: Sequence[Sentence], new: Sequence[Sentence]) -> Change:
    return Change(
        before="\n".join(each.text for each in old),
        after="\n".join(each.text for each in new),
        page_before=old[0].page if old else 0,
        page_after=new[0].page if new else 0,
    )
