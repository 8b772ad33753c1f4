"""What of the documents is shown to a model for a question: the best passages, as numbered sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hanlin.assistants.documents.content import Contents, Sentence, cut
from hanlin.assistants.documents.tokens import estimate
from hanlin.errors import NotServing
from hanlin.retrieval import Found, Index
from hanlin.service import Calls
from hanlin.types import Actor

FEWEST_TOKENS, MOST_TOKENS = 400, 1600
"""Of the evidence for one question: a twelfth of the model's window, within these. Small models read worse in more."""
SEARCHED = 16
"""Passages that are looked at."""


def numbered(sentences: Sequence[Sentence], names: Mapping[str, str]) -> str:
    """As a model reads them: a line a sentence, numbered from 1, below the name of its document and its heading."""
    lines: list[str] = []
    place = ("", "")
    for number, sentence in enumerate(sentences, 1):
        here = (sentence.document, sentence.heading)
        if here != place:
            lines.append(f"## {names.get(sentence.document, '')} {sentence.heading}".rstrip())
            place = here
        lines.append(f"[{number}] {sentence.text}")
    return "\n".join(lines)


def budget(context_tokens: int) -> int:
    """Tokens of evidence for a model with this window."""
    return max(FEWEST_TOKENS, min(MOST_TOKENS, context_tokens // 12))


async def find(
    index: Index, calls: Calls, actor: Actor, spaces: Sequence[str], query: str, *, limit: int = SEARCHED
) -> tuple[list[Found], bool]:
    """The best passages of the documents that `spaces` names, and whether they were searched by meaning too."""
    vector = None
    try:
        vector = (await calls.embed(actor, [query])).rows[0]
    except NotServing as error:
        if error.code != "skill_missing":
            raise
    return await index.search(spaces, query, vector, limit), vector is not None


async def nearest(calls: Calls, actor: Actor, text: str, others: Sequence[str]) -> list[int]:
    """Places (from 0) of other texts, the nearest in meaning first; as they come where no vectors are offered."""
    try:
        rows = (await calls.embed(actor, [text, *others])).rows
    except NotServing as error:
        if error.code != "skill_missing":
            raise
        return list(range(len(others)))
    wanted, *given = [np.frombuffer(row, "<f4") for row in rows]
    return sorted(range(len(others)), key=lambda place: -float(given[place] @ wanted))


async def gather(contents: Contents, found: Iterable[Found], budget_tokens: int) -> tuple[Sentence, ...]:
    """Sentences of the best passages, as many as fit, in the order of the documents."""
    loaded: dict[str, list[Sentence]] = {}
    chosen: dict[tuple[str, int], Sentence] = {}
    left = budget_tokens
    for each in found:
        source = each.passage.source
        if source not in loaded:
            content = await contents.load(source)
            loaded[source] = list(cut(source, content))
        for place, sentence in _within(loaded[source], each):
            cost = estimate(sentence.text) + 4
            if (source, place) not in chosen and cost <= left:
                chosen[source, place] = sentence
                left -= cost
        if left < 40:
            break
    order = {source: place for place, source in enumerate(loaded)}
    return tuple(chosen[key] for key in sorted(chosen, key=lambda key: (order[key[0]], key[1])))


def _within(sentences: Sequence[Sentence], found: Found) -> list[tuple[int, Sentence]]:
    """The sentences of a passage; of a paragraph that runs over several passages only those that stand in this one."""
    passage = found.passage
    squeezed = "".join(passage.text.split())
    blocks = range(passage.first_block, passage.last_block + 1)
    return [
        (place, sentence)
        for place, sentence in enumerate(sentences)
        if sentence.block in blocks and "".join(sentence.quote.split()) in squeezed
    ]
