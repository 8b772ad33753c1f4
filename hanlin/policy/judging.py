"""The two seams of a policy: what judges a whole text, and what watches one that is still being written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from hanlin.types import Verdict

Spans = tuple[tuple[int, int], ...]

RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}
"""A stronger verdict has a higher rank."""
ENDING = frozenset({Verdict.REPLACE, Verdict.HOLD, Verdict.REFUSE})
"""What ends an answer: nothing more of it leaves."""


class Hit(Struct, frozen=True):
    """A rule found something. Words are public; `spans` are (start, end) in characters of the original text."""

    rule: str
    reason: str
    spans: Spans = ()
    verdict: Verdict = Verdict.REFUSE
    category: str = ""
    """The risk, `A.1.d`; see `risks.RISKS`."""
    score: float = 1.0
    """How sure the rule is, 0 to 1: a classifier's probability, a term's weight."""
    covers: tuple[str, ...] = ()
    """What stands in the place of each span where it is masked or pseudonymised; as many as there are spans."""


class Rule(Protocol):
    """Judges a whole text: a word list, a classifier, a finder of personal data."""

    def judge(self, text: str) -> tuple[Hit, ...]:
        """Everything found, one hit a rule, in the order of their first spans. `()` for nearly every text."""


class Watcher(Protocol):
    """Watches one text while it grows; a fresh one for every channel of every choice of an answer."""

    @property
    def held(self) -> str:
        """What was pushed and not yet let go."""

    @property
    def hits(self) -> list[Hit]:
        """What was found and did not end the text (scored, masked), in characters of the whole text as it came."""

    def push(self, text: str, *, last: bool = False) -> str | Hit:
        """What may leave now, in order, nothing twice; `text` itself when that is all of it. Nothing is held after
        `last`. A hit is returned when it ends the text (`ENDING`); the watcher is spent then.
        """


def strongest(hits: Iterable[Hit]) -> Hit | None:
    """The hit with the strongest verdict, the first of them; None of none."""
    return max(hits, key=lambda hit: RANK[hit.verdict], default=None)


def cover(text: str, hits: Iterable[Hit], verdicts: frozenset[Verdict] = frozenset({Verdict.MASK})) -> str:
    """The text with the spans of such hits replaced by their covers; where spans overlap, the first longest stands."""
    pieces = [
        (start, -end, cover)
        for hit in hits
        if hit.verdict in verdicts
        for (start, end), cover in zip(hit.spans, hit.covers, strict=True)
    ]
    covered, place = [], 0
    for start, end, put in sorted(pieces):
        if start >= place:
            covered += [text[place:start], put]
            place = -end
    return "".join([*covered, text[place:]])
