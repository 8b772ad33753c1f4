"""Watching a growing text for personal data: nothing of a datum leaves before it is known whether it is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hanlin.policy.judging import ENDING, Hit, cover
from hanlin.policy.personal.find import LOOKBACK_CHARACTERS, Finder
from hanlin.policy.personal.kinds import Finding, level
from hanlin.types import Verdict

_COVERED = frozenset({Verdict.MASK, Verdict.PSEUDONYMISE})


class _MakeHit(Protocol):
    def __call__(self, text: str, findings: Sequence[Finding], base: int) -> Hit: ...


class PersonalWatcher:
    """A `Watcher`. Held is what at the end may still be a datum; what leaves is masked where the rule says so.

    Held at most: 346 characters of an e-mail's domain, 8,192 of a secret whose beginning is certain, else below 120.
    """

    __slots__ = ("_before", "_finder", "_hit", "_released_characters", "_verdict", "held", "hits")

    def __init__(self, finder: Finder, verdict: Verdict, hit: _MakeHit) -> None:
        self.held = ""
        self.hits: list[Hit] = []
        self._finder, self._verdict, self._hit = finder, verdict, hit
        self._before = ""
        self._released_characters = 0
        """Of the text as it came."""

    def push(self, text: str, *, last: bool = False) -> str | Hit:
        levelled = level(text)
        if not self.held and self._finder.is_idle(self._before, levelled):
            self._remember(text, levelled)
            return text
        seen, before = self.held + text, self._before
        whole, start = before + level(seen), len(before)
        free = len(whole) if last else self._finder.grows(whole, start)
        findings = self._finder.find_between(whole, start, free)
        if findings and findings[-1].end > free:
            free = findings.pop().start
        released, self.held = seen[: free - start], seen[free - start :]
        base = self._released_characters - start
        self._remember(released, whole[start:free])
        return self._pass(released, before + seen, findings, base) if findings else released

    def _pass(self, released: str, whole: str, findings: Sequence[Finding], base: int) -> str | Hit:
        hit = self._hit(whole, findings, base)
        if self._verdict in ENDING:
            return hit
        self.hits.append(hit)
        shift = self._released_characters - len(released)
        own = tuple((start - shift, end - shift) for start, end in hit.spans)
        return cover(released, [Hit(hit.rule, hit.reason, own, hit.verdict, covers=hit.covers)], _COVERED)

    def _remember(self, released: str, levelled: str) -> None:
        self._released_characters += len(released)
        self._before = (self._before + levelled)[-LOOKBACK_CHARACTERS:]
