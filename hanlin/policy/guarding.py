"""An answer that guard models judge as well: what has come waits until they have seen it, a few sentences at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from hanlin.policy.admission import Admission
from hanlin.policy.judging import ENDING, Hit, strongest
from hanlin.types import Choice, Chunk, Decision, Verdict

WINDOW_CHARACTERS = 200
"""Judged at the end of a sentence once this many have come, and at the end."""
_SENTENCE_ENDS = "。！？；!?\n."


async def guarded(
    admission: Admission,
    released: AsyncGenerator[Chunk],
    consult: Callable[[str], Awaitable[Sequence[Hit]]],
    decide: Callable[[Hit], Decision],
) -> AsyncGenerator[Chunk]:
    """Let out what `consult` (of all text so far) does not end; else every open choice ends with `content_filter`."""
    waiting: list[Chunk] = []
    text, judged = "", 0
    open_choices = set(range(admission.chat.n or 1))
    async with aclosing(released):
        async for chunk in released:
            waiting.append(chunk)
            text += "".join([choice.delta.content or "" for choice in chunk.choices])
            if len(text) - judged < WINDOW_CHARACTERS or text.rstrip(" ")[-1:] not in _SENTENCE_ENDS:
                continue
            if hit := _note(admission, await consult(text), decide):
                yield _ended(admission, hit, text[judged:], open_choices)
                return
            judged = len(text)
            for passed in _let_go(waiting, open_choices):
                yield passed
        if len(text) > judged and (hit := _note(admission, await consult(text), decide)):
            yield _ended(admission, hit, text[judged:], open_choices)
            return
        for passed in _let_go(waiting, open_choices):
            yield passed


def _note(admission: Admission, hits: Sequence[Hit], decide: Callable[[Hit], Decision]) -> Hit | None:
    """Put the hits among the decisions, the strongest last; that one when it ends the answer."""
    worst = strongest(hits)
    known = set(admission.decisions)
    admission.decisions += [one for hit in hits if hit is not worst and (one := decide(hit)) not in known]
    if worst is not None and (last := decide(worst)) not in known:
        admission.decisions.append(last)
    return worst if worst is not None and worst.verdict in ENDING else None


def _ended(admission: Admission, hit: Hit, withheld: str, open_choices: set[int]) -> Chunk:
    if hit.verdict is Verdict.HOLD:
        admission.withheld = withheld
    return Chunk([Choice(index, finish_reason="content_filter") for index in sorted(open_choices)])


def _let_go(waiting: list[Chunk], open_choices: set[int]) -> list[Chunk]:
    gone = list(waiting)
    waiting.clear()
    for chunk in gone:
        open_choices -= {choice.index for choice in chunk.choices if choice.finish_reason}
    return gone
