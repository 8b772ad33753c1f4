"""A rule of a policy over personal data: judges whole texts, and watches growing ones."""

from __future__ import annotations

from collections.abc import Sequence

from hanlin.policy.file import PersonalRule
from hanlin.policy.judging import Hit
from hanlin.policy.personal.cover import mask, normalised
from hanlin.policy.personal.find import Finder
from hanlin.policy.personal.kinds import Finding
from hanlin.policy.personal.pseudonyms import Pseudonyms
from hanlin.policy.personal.watch import PersonalWatcher
from hanlin.types import Verdict


class PersonalData:
    """A `Rule`. Holds no state of a text: one object serves all of them."""

    def __init__(self, rule: PersonalRule) -> None:
        self._rule = rule
        self._verdict = Verdict(rule.action)
        self._public = frozenset(map(normalised, rule.exceptions))
        self._finder = Finder(rule.kinds, self._counts)

    def judge(self, text: str, pseudonyms: Pseudonyms | None = None) -> tuple[Hit, ...]:
        """One hit with every finding. Covers are masks; placeholders where the rule pseudonymises and is given some."""
        findings = self._finder.find(text)
        return (self._hit(text, findings, 0, pseudonyms),) if findings else ()

    def watch(self) -> PersonalWatcher:
        """A watcher whose findings are those of `judge` on the whole text, however it is cut in pieces."""
        return PersonalWatcher(self._finder, self._verdict, self._hit)

    def _counts(self, finding: Finding, text: str) -> bool:
        if finding.score < self._rule.least_score:
            return False
        return not self._public or normalised(text[finding.start : finding.end]) not in self._public

    def _hit(self, text: str, findings: Sequence[Finding], base: int, pseudonyms: Pseudonyms | None = None) -> Hit:
        """The hit for findings in a text whose first character is number `base` of the whole."""
        named = pseudonyms if pseudonyms and self._verdict is Verdict.PSEUDONYMISE else None
        put = named.cover if named else mask
        return Hit(
            rule=self._rule.name,
            reason=self._rule.reason,
            spans=tuple((base + finding.start, base + finding.end) for finding in findings),
            verdict=self._verdict,
            category=self._rule.category,
            score=max(finding.score for finding in findings),
            covers=tuple(put(finding.kind, text[finding.start : finding.end]) for finding in findings),
        )
