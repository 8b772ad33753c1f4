"""Does a policy do what its author says, and what would it change? Its own test sentences, and a set of samples."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from hanlin.policy.file import ClassifierRule, PersonalRule, WordList
from hanlin.policy.judging import ENDING, Spans
from hanlin.policy.policy import Judgement, Policy
from hanlin.policy.ruleset import Where
from hanlin.types import Verdict

SHIPPED_SAMPLES = Path(__file__).with_name("shipped") / "samples.jsonl"


class Failure(Struct, frozen=True):
    """A test sentence that does not come out as its rule says."""

    rule: str
    sentence: str
    expected: Literal["hit", "pass"]
    got: str
    """The verdict and the rules that hit."""


class Sample(Struct, frozen=True):
    """A sentence with what should become of it: shipped, or from a decision of the review."""

    id: str
    text: str
    language: Literal["zh", "en"]
    expected: Literal["allow", "refuse"]
    category: str = ""
    pair: str = ""
    """Id of the sentence with the same words and the other intent."""
    origin: Literal["shipped", "decision", "console"] = "shipped"


class Outcome(Struct, frozen=True):
    """What one version of a policy makes of a sample."""

    verdict: Verdict
    rule: str = ""
    spans: Spans = ()


class Change(Struct, frozen=True):
    """A sample that two versions judge differently."""

    sample: Sample
    before: Outcome
    after: Outcome
    better: bool
    """Whether it now comes out as expected."""


class Preview(Struct, frozen=True):
    """What a change of policy would change."""

    samples: int
    failures: tuple[Failure, ...]
    """The new version's own test sentences that fail; it cannot be published with one."""
    changes: tuple[Change, ...]
    wrong_before: int
    """Samples that did not come out as expected, and those that will not."""
    wrong_after: int


def failures(policy: Policy) -> list[Failure]:
    """The test sentences of a policy that do not hold."""
    found: list[Failure] = []
    rules: Iterable[WordList | PersonalRule | ClassifierRule] = (
        *policy.file.rules,
        *policy.file.personal,
        *policy.file.classifiers,
    )
    for rule in rules:
        where: Where = "input" if "input" in rule.where else "output"
        minor = isinstance(rule, WordList) and rule.audience == "minors"
        for sentence in rule.hits:
            judged = policy.judge(sentence, where, minor=minor)
            if all(hit.rule != rule.name for hit in judged.hits):
                found.append(Failure(rule.name, sentence, "hit", _in_words(judged)))
        for sentence in rule.passes:
            judged = policy.judge(sentence, where, minor=minor)
            if judged.verdict in ENDING:
                found.append(Failure(rule.name, sentence, "pass", _in_words(judged)))
    return found


def preview(before: Policy | None, after: Policy, samples: Iterable[Sample]) -> Preview:
    """Judge every sample by both versions as input; `before` None: a new policy, compared with letting all pass."""
    changes: list[Change] = []
    number = wrong_before = wrong_after = 0
    for sample in samples:
        number += 1
        old = _outcome(before.judge(sample.text)) if before else Outcome(Verdict.ALLOW)
        new = _outcome(after.judge(sample.text))
        wrong_before += not _as_expected(sample, old)
        wrong_after += not _as_expected(sample, new)
        if (old.verdict, old.rule) != (new.verdict, new.rule):
            changes.append(Change(sample, old, new, _as_expected(sample, new)))
    return Preview(number, tuple(failures(after)), tuple(changes), wrong_before, wrong_after)


def shipped_samples() -> list[Sample]:
    """The samples that come with Hanlin, written for it."""
    lines = SHIPPED_SAMPLES.read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=Sample) for line in lines if line.strip()]


def _outcome(judged: Judgement) -> Outcome:
    if not judged.hits:
        return Outcome(Verdict.ALLOW)
    return Outcome(judged.verdict, judged.hits[0].rule, judged.hits[0].spans)


def _as_expected(sample: Sample, outcome: Outcome) -> bool:
    return (outcome.verdict in ENDING) == (sample.expected == "refuse")


def _in_words(judged: Judgement) -> str:
    return f"{judged.verdict} ({', '.join(hit.rule for hit in judged.hits) or 'no rule'})"
