"""What holds in one direction for one audience: the rules of a policy file, compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from hanlin.policy.chain import Chain
from hanlin.policy.classifier import Classifier, ClassifierJudge, embedded
from hanlin.policy.file import PolicyFile
from hanlin.policy.judging import Hit, Rule, Watcher
from hanlin.policy.lexicon import Lexicon
from hanlin.policy.personal import PersonalData, Pseudonyms
from hanlin.policy.stream import LexiconWatcher

Where = Literal["input", "output"]
Audience = Literal["all", "minors"]


class RuleSet:
    """Judges whole texts by all its rules, and makes the watcher of one text that grows."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        watchers: Sequence[Callable[[], Watcher]] = (),
        classifiers: Sequence[Classifier] = (),
        personal: Sequence[PersonalData] = (),
    ) -> None:
        self._rules = tuple(rules)
        self._personal = tuple(personal)
        self._classifiers = tuple(classifiers)
        self._watchers = tuple(watchers)
        self.watch: Callable[[], Watcher] = self._watchers[0] if len(self._watchers) == 1 else self._chain
        """A fresh watcher, for one channel of one choice."""

    @classmethod
    def compile(cls, file: PolicyFile, where: Where, audience: Audience, cache: Path | None = None) -> RuleSet:
        """The rules of a policy that hold for texts of this direction and people of this audience."""
        lists = [rule for rule in file.rules if where in rule.where and rule.audience in ("all", audience)]
        lexicon = Lexicon.load(lists, file.scores, cache, file.about)
        personal = [PersonalData(rule) for rule in file.personal if where in rule.where]
        judges = [ClassifierJudge(rule, embedded(rule.classifier)) for rule in file.classifiers if where in rule.where]
        classifiers = [embedded(rule.classifier) for rule in file.classifiers]
        watchers: list[Callable[[], Watcher]] = [lambda: LexiconWatcher(lexicon)]
        watchers += [rule.watch for rule in personal] + [judge.watch for judge in judges]
        return cls((lexicon, *judges), watchers, classifiers, personal)

    def judge(self, text: str, pseudonyms: Pseudonyms | None = None) -> tuple[Hit, ...]:
        """Everything that the rules find in a text."""
        hits: tuple[Hit, ...] = ()
        for rule in self._rules:
            hits += rule.judge(text)
        for finder in self._personal:
            hits += finder.judge(text, pseudonyms)
        return hits

    def scores(self, text: str) -> dict[str, float]:
        """Risk -> the highest probability that a classifier gives it, whatever a policy makes of it."""
        scores: dict[str, float] = {}
        for classifier in self._classifiers:
            for risk, score in classifier.scores(text).items():
                scores[risk] = max(score, scores.get(risk, 0.0))
        return scores

    def _chain(self) -> Watcher:
        return Chain([watch() for watch in self._watchers])
