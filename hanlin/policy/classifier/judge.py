"""A classifier as a rule of a policy: three ways by two thresholds, on whole texts and on growing ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hanlin.policy.classifier.windows import Window, Windows
from hanlin.policy.file import ClassifierRule
from hanlin.policy.judging import ENDING, RANK, Hit, Spans
from hanlin.types import Verdict


class Classifier(Protocol):
    """Gives probabilities of risks that exclude one another: their sum is the probability that any is there."""

    name: str
    version: str
    """A digest of the weights."""
    categories: tuple[str, ...]
    """Risks, `A.2.d`; see `risks.RISKS`."""

    def scores(self, text: str) -> dict[str, float]:
        """Risk -> probability, of the window of the text where their sum is greatest."""

    def weigh(self, folded: str, windows: Sequence[Window]) -> NDArray[np.float64]:
        """A row for each window of the folded text (at least one), a column for each category: probabilities."""


class _Found(Struct, frozen=True):
    span: tuple[int, int]
    verdict: Verdict
    category: str
    score: float


class ClassifierJudge:
    """A `Rule` that judges sentence by sentence, each with up to 200 characters of what stands before it."""

    def __init__(self, rule: ClassifierRule, classifier: Classifier) -> None:
        self._rule = rule
        self._classifier = classifier
        self._on_review = Verdict(rule.on_review)
        self._on_refuse = Verdict(rule.on_refuse)

    def judge(self, text: str) -> tuple[Hit, ...]:
        """At most one hit: the strongest verdict, with the spans of all windows that have it."""
        found = list(self.find(*Windows().take(text, last=True)))
        return (self.hit(found),) if found else ()

    def watch(self) -> SentenceWatcher:
        """A `Watcher`: it ends a text at the first sentence by which `judge` of the text so far would."""
        return SentenceWatcher(self)

    def find(self, folded: str, windows: Sequence[Window]) -> Iterable[_Found]:
        """What stands at or above a threshold, in order."""
        if not windows:
            return
        rows = self._classifier.weigh(folded, windows)
        totals = rows.sum(axis=1)
        for index in np.flatnonzero(totals >= min(self._rule.review, self._rule.refuse)).tolist():
            score = float(totals[index])
            verdict = self._on_refuse if score >= self._rule.refuse else self._on_review
            category = self._classifier.categories[int(rows[index].argmax())]
            yield _Found(windows[index].span, verdict, category, min(score, 1.0))

    def hit(self, found: Sequence[_Found]) -> Hit:
        """One hit of all that was found: the strongest verdict's spans, the surest's category and score."""
        verdict = max((one.verdict for one in found), key=RANK.__getitem__)
        strongest = [one for one in found if one.verdict == verdict]
        surest = max(strongest, key=lambda one: one.score)
        spans = _joined(one.span for one in strongest)
        return Hit(self._rule.name, self._rule.reason, spans, verdict, surest.category, surest.score)


class SentenceWatcher:
    """Holds each sentence until it has been judged (at most 200 characters), then lets it go whole."""

    def __init__(self, judge: ClassifierJudge) -> None:
        self.held = ""
        self.hits: list[Hit] = []
        self._judge = judge
        self._windows = Windows()
        self._found: list[_Found] = []

    def push(self, text: str, *, last: bool = False) -> str | Hit:
        """The sentences that ended and may leave, or the hit; see `Watcher`."""
        before = self.held
        found = list(self._judge.find(*self._windows.take(text, last=last)))
        self.held = self._windows.held
        for one in found:
            if one.verdict in ENDING:
                return self._judge.hit([one])
        if found:
            self._found += found
            self.hits = [self._judge.hit(self._found)]
        seen = before + text
        return seen[: len(seen) - len(self.held)] if self.held else seen


def _joined(spans: Iterable[tuple[int, int]]) -> Spans:
    """Spans in order of their starts, those that overlap made one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
