"""A policy as people read it: one row a rule, whatever its kind, and a sentence for everything else it sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace

from hanlin.policy import PolicyFile
from hanlin.policy.file import ClassifierRule, GuardRule, PersonalRule, Refusal, Term, WordList, spelling
from hanlin.web.judged import numbered

FEW_TERMS = 5
"""Shown with a rule before it is opened."""
SHOWN_TERMS = 200
"""Shown when it is opened; the rest is in the TOML."""


@dataclass(frozen=True, slots=True)
class TermRow:
    term: str
    evidence: str
    """Source and reason, where they were given."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule of any kind."""

    name: str
    reason: str
    watches: str
    risk: str
    tone: str
    """The verdict it comes to, for its colour."""
    does: str
    """The same in words."""
    few: Sequence[str]
    """The first things it looks for."""
    terms: Sequence[TermRow]
    count: int
    """Of all terms; 0 for a rule that is no word list."""
    notes: Sequence[tuple[str, str]]
    """What else it says: a word for it, and the text."""
    exceptions: Sequence[str]
    hits: Sequence[str]
    passes: Sequence[str]
    more: int = 0
    """Terms that are not shown."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """The rules of one kind."""

    kind: str
    rules: Sequence[RuleRow]


def chapters(file: PolicyFile, words: SimpleNamespace, language: str) -> list[Chapter]:
    """All rules in the order of the file, by kind; kinds without rules are left out."""
    found = [
        Chapter("terms", [_word_list(rule, words, language) for rule in file.rules]),
        Chapter("personal", [_personal(rule, words, language) for rule in file.personal]),
        Chapter("classifiers", [_classifier(rule, words) for rule in file.classifiers]),
        Chapter("guards", [_guard(rule, words) for rule in file.guards]),
    ]
    return [chapter for chapter in found if chapter.rules]


def term_count(file: PolicyFile) -> int:
    return sum(len(rule.terms) for rule in file.rules)


def settings(file: PolicyFile, words: SimpleNamespace) -> list[tuple[str, str]]:
    """Everything else that holds, a word for it and a sentence each."""
    limits, ladder, review, injection = file.limits, file.ladder, file.review, file.injection
    said = words.setting
    rows = [
        (said.refusal, _both(file.refusal)),
        (said.scores, getattr(said, f"scores_{file.scores.action}").format(limit=f"{file.scores.limit:g}")),
        (said.injection, getattr(said, f"injection_{injection.action}")),
        (said.ladder, _ladder(file, said) if ladder.suspend_hours else said.ladder_none),
        (said.minors, _minors(file, said)),
        (said.review, getattr(said, f"review_{review.eyes}").format(hours=f"{review.due_hours:g}")),
        (
            said.limits,
            said.limits_text.format(
                input=f"{limits.max_input_characters:,}", output=f"{limits.max_output_characters:,}"
            ),
        ),
    ]
    if injection.action != "allow" and injection.tools == "withdraw":
        rows.insert(3, (said.tools, said.tools_text))
    return rows


def _word_list(rule: WordList, words: SimpleNamespace, language: str) -> RuleRow:
    said = words.fact
    notes = [(said.weight, f"{rule.weight:g}")] if rule.action == "score" else []
    if rule.variants:
        notes.append((said.variants, "; ".join(getattr(words.variant, name) for name in rule.variants)))
    if rule.answer:
        notes.append((said.answer, _both(rule.answer)))
    if rule.instruction:
        notes.append((said.instruction, rule.instruction))
    if not rule.counts:
        notes.append((said.counts, said.counts_not))
    return RuleRow(
        name=rule.name,
        reason=rule.reason,
        watches=_watches(rule.where, words, rule.audience),
        risk=numbered(rule.category, language),
        tone=rule.action,
        does=getattr(words.action, rule.action),
        few=[spelling(term) for term in rule.terms[:FEW_TERMS]],
        terms=[_term(term) for term in rule.terms[:SHOWN_TERMS]],
        count=len(rule.terms),
        notes=notes,
        exceptions=rule.exceptions[:SHOWN_TERMS],
        hits=rule.hits,
        passes=rule.passes,
        more=max(0, len(rule.terms) - SHOWN_TERMS),
    )


def _term(term: str | Term) -> TermRow:
    if isinstance(term, str):
        return TermRow(term, "")
    return TermRow(term.term, " · ".join(filter(None, (term.source, term.reason))))


def _personal(rule: PersonalRule, words: SimpleNamespace, language: str) -> RuleRow:
    return RuleRow(
        name=rule.name,
        reason=rule.reason,
        watches=_watches(rule.where, words),
        risk=numbered(rule.category, language),
        tone=rule.action,
        does=getattr(words.action, rule.action),
        few=[getattr(words.kind, kind) for kind in rule.kinds],
        terms=(),
        count=0,
        notes=[(words.fact.least_score, f"{rule.least_score:.0%}")],
        exceptions=rule.exceptions[:SHOWN_TERMS],
        hits=rule.hits,
        passes=rule.passes,
    )


def _classifier(rule: ClassifierRule, words: SimpleNamespace) -> RuleRow:
    notes = [
        (words.fact.sure.format(percent=f"{least:.0%}"), getattr(words.action, does))
        for least, does in ((rule.review, rule.on_review), (rule.refuse, rule.on_refuse))
    ]
    few = [f"{threshold}: {does}" for threshold, does in notes]
    row = _model(rule, rule.on_refuse, few, notes, words)
    return replace(row, hits=rule.hits, passes=rule.passes)


def _guard(rule: GuardRule, words: SimpleNamespace) -> RuleRow:
    said, action = words.fact, words.action
    notes = [
        (said.unsafe, getattr(action, rule.on_unsafe)),
        (said.controversial, getattr(action, rule.on_controversial)),
        (said.failure, action.refuse if rule.on_failure == "refuse" else words.verdict.allow),
        (said.timeout, f"{rule.timeout_seconds:g} s"),
    ]
    return _model(rule, rule.on_unsafe, [rule.model, rule.kind], notes, words)


def _model(
    rule: ClassifierRule | GuardRule,
    strongest: str,
    few: Sequence[str],
    notes: Sequence[tuple[str, str]],
    words: SimpleNamespace,
) -> RuleRow:
    """A rule that is a model's judgement: it has no terms, and finds its risk itself."""
    return RuleRow(
        name=rule.name,
        reason=rule.reason,
        watches=_watches(rule.where, words),
        risk=words.any_risk,
        tone=strongest,
        does=getattr(words.action, strongest),
        few=few,
        terms=(),
        count=0,
        notes=notes,
        exceptions=(),
        hits=(),
        passes=(),
    )


def _watches(where: Sequence[str], words: SimpleNamespace, audience: str = "all") -> str:
    watched: str = words.where.both if len(set(where)) == 2 else getattr(words.where, where[0])
    return f"{watched} · {words.where.minors}" if audience == "minors" else watched


def _both(said: Refusal) -> str:
    return f"{said.zh}\n{said.en}"


def _ladder(file: PolicyFile, said: SimpleNamespace) -> str:
    ladder = file.ladder
    sentence: str = said.ladder_text.format(row=ladder.in_a_row, day=ladder.per_day, hours=f"{ladder.suspend_hours:g}")
    return sentence


def _minors(file: PolicyFile, said: SimpleNamespace) -> str:
    minors = file.minors
    parts = [said.minors_hours.format(start=minors.from_hour, end=minors.to_hour)]
    if minors.minutes_per_day:
        parts.append(said.minors_minutes.format(minutes=minors.minutes_per_day))
    if minors.instruction:
        parts.append(f"{said.minors_instruction} {minors.instruction}")
    return "\n".join(parts)
