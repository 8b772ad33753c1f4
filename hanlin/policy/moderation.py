"""What a policy found, in the shape of OpenAI's moderation results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from hanlin.policy.judging import ENDING, RANK, Hit, Spans
from hanlin.policy.policy import Judgement
from hanlin.policy.risks import OPENAI, RISKS
from hanlin.types import Verdict

InputType = Literal["text", "image"]

FLAGGED_ABOVE = 0.5
"""A hit that the policy only scores flags its category when it is more likely right than wrong. A term of the default
weight, half of what refuses a text, does not."""
UNSAFE_FROM = 0.8
"""From here a picture is "highly probable" to be pornographic; below 0.2 it is likely safe (Yahoo's notes on the
network). What lies between is told as a score and flags nothing."""
PICTURE_RULE = "sexual-picture"
_PICTURE_RISK = "A.1.f"
_IN_PICTURES = ("sexual", _PICTURE_RISK)
"""The categories that are judged by what a picture shows; all others by the text in it."""

MEANT_BY = {
    "child-sexual-abuse": "sexual/minors",
    "pornography": "sexual",
    "self-harm-methods": "self-harm/instructions",
    "weapons": "illicit/violent",
}
"""Rules of the shipped policies -> the narrowest category they are about, where their names do not say it."""


class Found(Struct, frozen=True):
    """One hit, as far as it is public."""

    rule: str
    reason: str
    category: str
    verdict: Verdict
    score: float
    spans: Spans
    """In characters of the text that was sent (parts joined by a line break); none for what was read in a picture."""


class Explanation(Struct, frozen=True):
    """What OpenAI's form has no place for."""

    policy: str
    """Name and version, `default@3f9a…`."""
    verdict: Verdict
    hits: tuple[Found, ...]


class Result(Struct, frozen=True):
    """Every mapping holds OpenAI's 13 categories, then the 31 risks by their ids (`A.1.d`)."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, tuple[InputType, ...]]
    hanlin: Explanation
    type: str | UnsetType = UNSET
    model: str | UnsetType = UNSET


def result(text: Judgement, read: Sequence[Judgement] = (), unsafe: Sequence[float] = ()) -> Result:
    """The result for a text and pictures: their texts as they were `read`, and how `unsafe` each looks, 0 to 1.

    A category is true where a hit ends a text, or is scored above `FLAGGED_ABOVE`; what is masked, pseudonymised,
    steered or allowed has been dealt with and flags nothing. `flagged` when a category is, or the whole is refused.
    """
    hits = [*text.hits, *(replace(hit, spans=(), covers=()) for one in read for hit in one.hits)]
    hits += [_picture(score) for score in unsafe if score >= UNSAFE_FROM]
    verdict = max((text.verdict, *(one.verdict for one in read), *(hit.verdict for hit in hits)), key=RANK.__getitem__)
    categories = dict.fromkeys((*OPENAI, *RISKS), False)
    for hit in hits:
        for category in standing_for(hit):
            categories[category] |= flags(hit)
    return Result(
        any(categories.values()) or verdict in ENDING,
        categories,
        _scores(hits, [pair for one in (text, *read) for pair in one.scores.items()], unsafe),
        _input_types(written=not unsafe or any(one.text for one in (text, *read)), pictures=bool(unsafe)),
        Explanation(text.policy, verdict, tuple([_public(hit) for hit in hits])),
    )


def standing_for(hit: Hit) -> tuple[str, ...]:
    """The categories that a hit stands for: those of OpenAI that its rule is named for, or of its risk; and its risk.

    A rule is named for a category when its name begins with it, `/` written as `-`: `violence-weapons` is violence and
    not sexual though both are the risk A.1.f; `sexual-minors` is `sexual` and `sexual/minors`.
    """
    name = MEANT_BY.get(hit.rule, hit.rule).replace("_", "-").replace("/", "-") + "-"
    named = [category for category in OPENAI if name.startswith(category.replace("/", "-") + "-")]
    known = named or [category for category, risks in OPENAI.items() if hit.category in risks]
    return (*known, hit.category) if hit.category in RISKS else tuple(known)


def flags(hit: Hit) -> bool:
    """Whether a hit makes its categories true."""
    return hit.verdict in ENDING or (hit.verdict is Verdict.SCORE and hit.score > FLAGGED_ABOVE)


def _scores(hits: Sequence[Hit], by_risk: Sequence[tuple[str, float]], unsafe: Sequence[float]) -> dict[str, float]:
    """The highest score of each category: of hits, of classifiers by risk, of pictures."""
    scores = dict.fromkeys((*OPENAI, *RISKS), 0.0)
    for hit in hits:
        for category in standing_for(hit):
            scores[category] = max(scores[category], hit.score)
    for risk, score in by_risk:
        # where no more than a hit is behind it, the hit has told which of OpenAI's it is
        if risk in RISKS and score > scores[risk]:
            scores[risk] = score
            for category in [name for name, risks in OPENAI.items() if risk in risks]:
                scores[category] = max(scores[category], score)
    for category in _IN_PICTURES:
        scores[category] = max(scores[category], *unsafe, 0.0)
    return scores


def _picture(score: float) -> Hit:
    return Hit(PICTURE_RULE, "A picture looks pornographic.", (), Verdict.REFUSE, _PICTURE_RISK, score)


def _input_types(*, written: bool, pictures: bool) -> dict[str, tuple[InputType, ...]]:
    text: tuple[InputType, ...] = ("text",) if written else ()
    types = dict.fromkeys((*OPENAI, *RISKS), text)
    if pictures:
        types |= dict.fromkeys(_IN_PICTURES, (*text, "image"))
    return types


def _public(hit: Hit) -> Found:
    return Found(hit.rule, hit.reason, hit.category, hit.verdict, hit.score, hit.spans)
