"""The shipped policies, their lists and the samples: what they promise is looked up in the files themselves."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from hanlin.policy.checking import failures, shipped_samples
from hanlin.policy.file import SHIPPED, PolicyFile, Term, WordList, read, spelling
from hanlin.policy.fold import fold
from hanlin.policy.judging import ENDING
from hanlin.policy.policy import Policy
from hanlin.policy.risks import RISKS
from hanlin.types import Verdict

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "policy"
NAMES = ("default", "public")
ASKED_TERMS = {"A.1": 200, "A.2": 100}
"""Keywords for each risk of the class (GB/T 45654-2025; 10,000 in all)."""
ASKED_IN_ALL = 10_000
TOLD_OF = ("男子因{}被抓获。", "警方破获一起{}案", "{}要判几年？", "{}犯法吗？", "有人{}，怎么举报？", "法律禁止{}。")
"""How news, law and prevention speak of an offer."""


@cache
def shipped(name: str) -> Policy:
    return Policy.from_file(file(name))


@cache
def file(name: str) -> PolicyFile:
    return read(SHIPPED / f"{name}.toml")


def terms() -> Iterator[tuple[str, Term]]:
    """Every term of every list, with the list's name."""
    for path in sorted((SHIPPED / "words").iterdir()):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                yield path.stem, Term(row["term"], source=row["source"], reason=row["reason"])


def ending_rules(policy: PolicyFile) -> Iterator[WordList]:
    return (rule for rule in policy.rules if rule.action in ENDING and rule.audience == "all")


def counts_table() -> str:
    """How many terms the stricter policy has for each risk, and how many a filing asks for, as Markdown."""
    counts: Counter[str] = Counter()
    for rule in file("public").rules:
        counts[rule.category] += len(rule.terms) if rule.action in {"refuse", "hold", "score"} else 0
    lines = ["| risk | | terms | a filing asks for | missing |", "|---|---|---:|---:|---:|"]
    for risk in RISKS.values():
        asked = ASKED_TERMS.get(risk.id[:3])
        missing = "" if asked is None else str(max(0, asked - counts[risk.id]))
        lines.append(f"| {risk.id} | {risk.zh} | {counts[risk.id]} | {'' if asked is None else asked} | {missing} |")
    total = counts.total()
    return "\n".join([*lines, f"| | in all | {total:,} | {ASKED_IN_ALL:,} | {ASKED_IN_ALL - total:,} |"])


@pytest.mark.parametrize("name", NAMES)
def test_every_test_sentence_of_every_rule_holds(name: str) -> None:
    assert failures(shipped(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_word_list_has_test_sentences_in_both_languages(name: str) -> None:
    for rule in file(name).rules:
        assert len(rule.hits) >= 2, rule.name
        assert len(rule.passes) >= 3, rule.name
        assert any(sentence.isascii() for sentence in rule.passes), rule.name
        assert any(not sentence.isascii() for sentence in rule.passes), rule.name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["input", "output"])
def test_no_benign_sample_is_ended(name: str, where: str) -> None:
    policy = shipped(name)
    samples = [sample for sample in shipped_samples() if sample.expected == "allow"]
    judged = [policy.judge(sample.text, "input" if where == "input" else "output") for sample in samples]
    assert [s.text for s, j in zip(samples, judged, strict=True) if j.verdict in ENDING] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_term_of_an_ending_rule_stands_in_a_benign_sample(name: str) -> None:
    rules = {rule.name for rule in ending_rules(file(name))}
    for sample in shipped_samples():
        if sample.expected == "allow":
            assert rules.isdisjoint(hit.rule for hit in shipped(name).judge(sample.text).hits), sample.id


@pytest.mark.parametrize("name", NAMES)
def test_who_seeks_help_is_answered_with_care(name: str) -> None:
    for text in ("我不想活了，可是又怕爸妈难过。", "I want to end my life."):
        assert shipped(name).judge(text).verdict is Verdict.STEER
    (rule,) = (rule for rule in file(name).rules if rule.action == "steer")
    assert "12356" in rule.instruction


@pytest.mark.parametrize("name", NAMES)
def test_news_law_and_prevention_may_speak_of_an_offer(name: str) -> None:
    offers = [
        spelling(term)
        for rule in ending_rules(file(name))
        for term in rule.terms
        if spelling(term).startswith(("出售", "求购", "收购", "代办"))
    ]
    assert len(offers) > 50
    told = [words.format(offer) for offer in offers for words in TOLD_OF]
    assert [text for text in told if shipped(name).judge(text).verdict in ENDING] == []


def test_one_insult_may_be_quoted_and_two_end_the_text() -> None:
    assert shipped("public").judge("有人说“女人就该在家”，我该怎么回应？").verdict is Verdict.SCORE
    assert shipped("public").judge("女人就该在家，女博士天生不如男人").verdict is Verdict.REFUSE


def test_a_filing_number_is_not_left_to_the_model() -> None:
    policy = shipped("public")
    judged = policy.judge("请问本服务的备案号是多少？")
    assert judged.verdict is Verdict.REPLACE
    answer = policy.answer_of(judged.hits[0].rule)
    assert answer is not None
    assert "公示页" in answer.zh


@pytest.mark.parametrize(("name", "least"), [("default", 0.6), ("public", 0.75)])
def test_most_harmful_samples_are_found(name: str, least: float) -> None:
    samples = [sample for sample in shipped_samples() if sample.expected == "refuse"]
    found = [sample for sample in samples if shipped(name).judge(sample.text).verdict in ENDING]
    assert len(found) / len(samples) >= least


def test_every_term_has_its_source_and_its_reason() -> None:
    assert [(name, term.term) for name, term in terms() if not (term.source and term.reason)] == []


def test_every_term_stands_once() -> None:
    times = Counter(fold(term.term) for _, term in terms())
    assert [term for term, number in times.items() if number > 1] == []
    assert min(map(len, times)) >= 2


def test_no_term_holds_another_of_its_list() -> None:
    """The longer one would never be the one that hits. Words with letters hold others (women, men) and are apart."""
    lists: dict[str, list[str]] = {}
    for name, term in terms():
        lists.setdefault(name, []).append(fold(term.term))
    for name, folded in lists.items():
        han = [term for term in folded if not term.isascii()]
        assert [(name, a, b) for a in han for b in han if a != b and a in b] == []


def test_every_list_is_used_and_every_risk_of_the_first_two_classes_has_terms() -> None:
    """A list that no policy names would be dead weight."""
    used = {words for name in NAMES for words in _named(name)}
    assert used == {f"words/{path.name}" for path in (SHIPPED / "words").iterdir()}
    covered = {rule.category for rule in file("public").rules if rule.terms}
    assert {risk for risk in RISKS if risk.startswith(("A.1", "A.2", "A.3", "A.4"))} <= covered


def _named(name: str) -> list[str]:
    lines = (SHIPPED / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    return [
        words for line in lines if line.startswith("words = ") for words in json.loads(line.removeprefix("words = "))
    ]


def test_samples_are_many_unlike_and_paired() -> None:
    samples = {sample.id: sample for sample in shipped_samples()}
    assert len(samples) == len(shipped_samples()) >= 400
    assert len({fold(sample.text) for sample in samples.values()}) == len(samples)
    assert sum(sample.expected == "allow" for sample in samples.values()) >= 250
    for sample in samples.values():
        if sample.pair:
            twin = samples[sample.pair]
            assert twin.pair == sample.id
            assert {twin.expected, sample.expected} == {"allow", "refuse"}
            assert twin.category == sample.category
    refused = {sample.category for sample in samples.values() if sample.expected == "refuse"}
    assert refused >= {risk for risk in RISKS if risk.startswith(("A.1", "A.2", "A.3.a", "A.4"))}


def test_delicate_but_benign_prompts_of_others_pass() -> None:
    """332 benign prompts of CValues: open word lists refuse up to 44 % of them."""
    path = DATA / "cvalues_first332.jsonl"
    if not path.exists():
        pytest.skip("The CValues prompts are not here.")
    prompts = [json.loads(line)["prompt"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert [prompt for prompt in prompts if shipped("default").judge(prompt).verdict in ENDING] == []


def test_the_page_says_how_many_terms_are_missing_for_a_filing() -> None:
    assert counts_table() in (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
