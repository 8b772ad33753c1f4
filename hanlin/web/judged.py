"""What a policy made of a text, as a page shows it: the verdict, each hit, and the text with its marks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hanlin.policy import Hit, Judgement, Policy
from hanlin.policy.policy import HELD, language_of_text
from hanlin.types import Verdict
from hanlin.web.reasons import risk_name

SHOWN_CHARACTERS = 20_000
"""Of a longer text only the beginning is shown; it is judged whole."""
BARS = 8
LEAST_BAR = 0.01


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text that the same hits mark."""

    text: str
    verdict: str = ""
    """The strongest of its hits; "" where nothing was found."""
    numbers: str = ""
    """Of the hits, as the list of hits counts them."""


@dataclass(frozen=True, slots=True)
class HitRow:
    rule: str
    reason: str
    verdict: str
    risk: str
    percent: int | None
    """How sure the rule is; None where a term stands or does not."""
    places: int


@dataclass(frozen=True, slots=True)
class Bar:
    risk: str
    percent: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One text and what came of it. It lives as long as the answer to the request."""

    verdict: str
    told: str
    """What the person reads in the place of an answer; "" when an answer comes."""
    hits: Sequence[HitRow]
    pieces: Sequence[Piece]
    hidden: int
    """Characters behind those that are shown."""
    covered: str
    """The text as it would go on, where that differs; "" where it does not."""
    bars: Sequence[Bar]


def trial(policy: Policy, text: str, judged: Judgement, language: str) -> Trial:
    """The page's view of a judgement, risks named in the reader's language."""
    classifiers = {rule.name for rule in policy.file.classifiers}
    measuring = classifiers | {rule.name for rule in policy.file.personal}
    return Trial(
        verdict=judged.verdict,
        told=_told(policy, text, judged),
        hits=[_row(hit, language, measuring) for hit in judged.hits],
        pieces=pieces(text[:SHOWN_CHARACTERS], judged.hits),
        hidden=max(0, len(text) - SHOWN_CHARACTERS),
        covered=judged.text[:SHOWN_CHARACTERS] if judged.text != text else "",
        bars=_bars(judged, classifiers, language),
    )


def pieces(text: str, hits: Sequence[Hit]) -> list[Piece]:
    """The text cut wherever a mark begins or ends; joined they are the text. `hits` come strongest first."""
    edges: dict[int, list[int]] = defaultdict(list)
    for number, hit in enumerate(hits, 1):
        for start, end in hit.spans:
            if start < min(end, len(text)):
                edges[start].append(number)
                edges[min(end, len(text))].append(-number)
    found: list[Piece] = []
    marking: Counter[int] = Counter()
    place = 0
    for edge in sorted({*edges, len(text)}):
        if edge > place:
            found.append(_piece(text[place:edge], hits, marking))
        for number in edges[edge]:
            marking[abs(number)] += 1 if number > 0 else -1
        place = edge
    return found


def numbered(category: str, language: str) -> str:
    """A risk by its name in a language and its number; the number alone when the annex has none such."""
    name = risk_name(category, language)
    return f"{name} ({category})" if name else category


def _piece(text: str, hits: Sequence[Hit], marking: Counter[int]) -> Piece:
    numbers = sorted(+marking)
    return Piece(text, hits[numbers[0] - 1].verdict, " ".join(map(str, numbers))) if numbers else Piece(text)


def _row(hit: Hit, language: str, measuring: Collection[str]) -> HitRow:
    measured = hit.rule in measuring or hit.verdict is Verdict.SCORE
    percent = round(hit.score * 100) if measured else None
    risk = numbered(hit.category, language)
    return HitRow(hit.rule, hit.reason, hit.verdict, risk, percent, len(hit.spans))


def _told(policy: Policy, text: str, judged: Judgement) -> str:
    said = policy.file.refusal if judged.verdict is Verdict.REFUSE else None
    if judged.verdict is Verdict.HOLD:
        said = HELD
    elif judged.verdict is Verdict.REPLACE:
        said = policy.answer_of(judged.hits[0].rule)
    if said is None:
        return ""
    return said.zh if language_of_text(text) == "zh" else said.en


def _bars(judged: Judgement, classifiers: Collection[str], language: str) -> list[Bar]:
    """The risks a classifier sees, the likeliest first; not those that only other rules' hits have put there."""
    if not classifiers:
        return []
    others: dict[str, float] = {}
    for hit in judged.hits:
        if hit.rule not in classifiers:
            others[hit.category] = max(hit.score, others.get(hit.category, 0.0))
    seen = [
        (score, risk) for risk, score in judged.scores.items() if score >= LEAST_BAR and score > others.get(risk, 0)
    ]
    ranked = sorted(seen, key=lambda item: -item[0])[:BARS]
    return [Bar(numbered(risk, language), round(score * 100)) for score, risk in ranked]
