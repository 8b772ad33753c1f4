"""What the finds in one text come to: a hit for each list, and one when the scores add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from hanlin.policy.file import Scores, WordList
from hanlin.policy.judging import ENDING, Hit
from hanlin.types import Verdict

MOST_SPANS = 16
"""Of one hit. A list that masks a whole text has all of its spans, for nothing of them may be left uncovered."""
SCORE_RULE = "score"
_ROUNDING = 1e-9
"""Ten times 0.1 reach a limit of 1."""


class Find(NamedTuple):
    """A term that stands unless it is shielded. Finds sort as they complete: by end, the stronger verdict first."""

    end: int
    weakness: int
    start: int
    list: int
    term: int
    weight: float
    settled: bool
    """False while what follows may undo or shield it."""
    shielded: bool
    hold: int
    """Where it, or what may shield it, begins."""


class _Listed:
    """What was found of one list."""

    __slots__ = ("spans", "weight")

    def __init__(self) -> None:
        self.spans: dict[tuple[int, int], None] = {}
        self.weight = 0.0


class Tally:
    """Takes the finds of one text as they complete."""

    def __init__(self, lists: Sequence[WordList], scores: Scores, most_masked: int = MOST_SPANS) -> None:
        self._lists, self._scores, self._most_masked = lists, scores, most_masked
        self._found: dict[int, _Listed] = defaultdict(_Listed)
        self._terms: dict[int, tuple[int, int]] = {}
        self._total = 0.0

    def add(self, find: Find) -> Hit | None:
        """The hit that this find makes; None if it does not end a text (`ENDING`), alone or with those before it."""
        rule, span, listed = self._lists[find.list], (find.start, find.end), self._found[find.list]
        if len(listed.spans) < (self._most_masked if rule.action == "mask" else MOST_SPANS):
            listed.spans[span] = None
            listed.weight = max(listed.weight, find.weight)
        if rule.action == "score":
            return self._add_score(find, span)
        return _hit(rule, [span], find.weight) if rule.action in ENDING else None

    def hits(self) -> list[Hit]:
        """One hit for each list that was found, and the `score` if there is one, by first span."""
        hits = [_hit(self._lists[number], sorted(found.spans), found.weight) for number, found in self._found.items()]
        if self._reached():
            hits.append(self._score())
        return sorted(hits, key=lambda hit: hit.spans)

    def _add_score(self, find: Find, span: tuple[int, int]) -> Hit | None:
        if find.term in self._terms:
            return None
        self._terms[find.term] = span
        self._total += find.weight
        return self._score() if self._reached() else None

    def _reached(self) -> bool:
        return bool(self._terms) and self._total >= self._scores.limit - _ROUNDING

    def _score(self) -> Hit:
        spans = tuple(sorted(list(self._terms.values())[-MOST_SPANS:]))
        return Hit(
            SCORE_RULE, self._scores.reason, spans, Verdict(self._scores.action), score=min(1.0, round(self._total, 6))
        )


def _hit(rule: WordList, spans: Sequence[tuple[int, int]], weight: float) -> Hit:
    covers = tuple(["*" * (end - start) for start, end in spans]) if rule.action == "mask" else ()
    score = weight if rule.action == "score" else 1.0  # what is refused is refused for sure
    return Hit(rule.name, rule.reason, tuple(spans), Verdict(rule.action), rule.category, score, covers)
