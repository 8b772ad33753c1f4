"""Choosing without a model: the sentences that say most of what a document says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log, sqrt

from hanlin.assistants.documents.content import Sentence
from hanlin.assistants.documents.tokens import estimate
from hanlin.retrieval.terms import is_single, terms

SHORTEST_TERMS = 5
"""A sentence of fewer says too little to stand for others."""
FIRST = 1.3
"""How much more the first sentence of a block weighs, and what is said under the document's first heading."""
FOCUS = 4
REPEATED = 0.2
"""What a term still weighs each time it was chosen already."""


def best(sentences: Sequence[Sentence], budget_tokens: int, focus: str = "") -> list[Sentence]:
    """Sentences that fit the budget, in reading order: those whose terms the document uses most, each said once.

    Weights of terms summed (SumBasic: Nenkova, Vanderwende 2005), over the root of the length; terms of `focus` weigh
    more than any other.
    """
    held = [[term for term in terms(each.text) if not is_single(term)] for each in sentences]
    weights = _weights(held, focus)
    left, chosen = budget_tokens, set[int]()
    open_places = {place for place, found in enumerate(held) if len(set(found)) >= SHORTEST_TERMS}
    while open_places:
        place = max(open_places, key=lambda place: (_worth(place, sentences, held, weights), -place))
        open_places.discard(place)
        cost = estimate(sentences[place].text)
        if cost > left:
            continue
        left -= cost
        chosen.add(place)
        for term in set(held[place]):
            weights[term] *= REPEATED
        if left < budget_tokens // 20:
            break
    return [sentences[place] for place in sorted(chosen)]


def _weights(held: Sequence[Sequence[str]], focus: str) -> dict[str, float]:
    often = Counter(term for found in held for term in set(found))
    total = max(1, len(held))
    # what is said once is hardly what it is about, what is said everywhere is grammar
    common = {term: (count - 0.9) * log(1.01 * total / count) for term, count in often.items()}
    wanted = set(terms(focus))
    most = max(common.values(), default=0)
    return {term: weight + (FOCUS * most if term in wanted else 0) for term, weight in common.items()}


def _worth(
    place: int, sentences: Sequence[Sentence], held: Sequence[Sequence[str]], weights: dict[str, float]
) -> float:
    found = set(held[place])
    first = place == 0 or sentences[place - 1].block != sentences[place].block
    return sum(weights[term] for term in found) / sqrt(len(found)) * (FIRST if first else 1.0)
