"""The Article 6 table: what a platform must say of an upload, and the label it writes."""

import pytest

from hanlin.labels.verdict import Evidence, Finding, judge, prompt, propagated
from hanlin.types import Label

TABLE = [
    # metadata, declared, traces -> finding (Measures, Article 6, first paragraph, 1 to 3)
    (Evidence(labels=("1",)), False, Finding.CONFIRMED),
    (Evidence(labels=("1",)), True, Finding.CONFIRMED),
    (Evidence(labels=("1",), watermark=True), False, Finding.CONFIRMED),
    (Evidence(credential=True), False, Finding.CONFIRMED),
    (Evidence(metadata=True), True, Finding.CONFIRMED),
    (Evidence(), True, Finding.POSSIBLE),
    (Evidence(watermark=True, explicit=True), True, Finding.POSSIBLE),
    (Evidence(labels=("2",)), False, Finding.POSSIBLE),
    (Evidence(labels=("3",)), True, Finding.POSSIBLE),
    (Evidence(labels=("3",)), False, Finding.SUSPECTED),
    (Evidence(explicit=True), False, Finding.SUSPECTED),
    (Evidence(watermark=True), False, Finding.SUSPECTED),
    (Evidence(fingerprint=True), False, Finding.SUSPECTED),
    (Evidence(credential=False), False, Finding.SUSPECTED),
    (Evidence(), False, Finding.NONE),
    (Evidence(labels=("AIGC",)), False, Finding.CONFIRMED),
]


@pytest.mark.parametrize(("evidence", "declared", "finding"), TABLE)
def test_the_finding_is_that_of_article_6(evidence: Evidence, *, declared: bool, finding: Finding) -> None:
    assert judge(evidence, declared=declared) is finding


@pytest.mark.parametrize("finding", [Finding.CONFIRMED, Finding.POSSIBLE, Finding.SUSPECTED])
def test_each_prompt_names_both_elements_and_how_sure_it_is(finding: Finding) -> None:
    chinese, english = prompt(finding, "zh"), prompt(finding, "en")
    assert "人工智能" in chinese
    assert "生成" in chinese
    assert "AI-generated" in english
    assert {Finding.CONFIRMED: "由", Finding.POSSIBLE: "可能", Finding.SUSPECTED: "疑似"}[finding] in chinese


def test_where_nothing_is_found_nothing_is_said_and_nothing_written() -> None:
    assert prompt(Finding.NONE, "zh") == prompt(Finding.NONE, "en") == ""
    assert propagated(None, Finding.NONE, "platform", "7") is None


def test_a_platform_fills_its_own_fields_and_keeps_the_producer_s() -> None:
    produced = Label("1", "maker", "m1", "signature", "maker", "m1", "old")
    assert propagated(produced, Finding.CONFIRMED, "platform", "7") == Label(
        "1", "maker", "m1", "signature", "platform", "7", ""
    )


@pytest.mark.parametrize(("finding", "value"), [(Finding.POSSIBLE, "2"), (Finding.SUSPECTED, "3")])
def test_a_file_without_label_gets_the_platform_s_own(finding: Finding, value: str) -> None:
    assert propagated(None, finding, "platform", "7") == Label(value, "", "", "", "platform", "7", "")
