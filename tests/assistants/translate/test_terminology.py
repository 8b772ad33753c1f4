"""Terms are found where they are, and seen in the target in whatever form they may take."""

from __future__ import annotations

import pytest

from hanlin.assistants.translate import terminology
from hanlin.assistants.translate.records import Term
from hanlin.assistants.translate.shield import shielded
from hanlin.assistants.translate.terminology import Matcher

TERMS = [
    Term("virus", "病毒"),
    Term("corona virus", "冠状病毒"),
    Term("study", "研究"),
    Term("肺炎", "pneumonia"),
    Term("COVID-19", "新冠肺炎 | 新型冠状病毒肺炎"),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Corona  Viruses and a virus", ["Corona  Viruses", "virus"]),
        ("antivirus software", []),
        ("STUDIES of it", ["STUDIES"]),
        ("新型肺炎很严重", ["肺炎"]),
        ("covid-19's <g1>virus</g1>", ["covid-19's", "virus"]),
        ("", []),
    ],
)
def test_terms_are_found_whole_in_any_case_and_number_the_longest_first(text: str, found: list[str]) -> None:
    assert [text[one.start : one.end] for one in Matcher(TERMS).find(text)] == found


def test_the_first_of_two_terms_for_one_source_wins() -> None:
    (found,) = Matcher([Term("bank", "银行"), Term("Bank", "河岸")]).find("a bank")
    assert found.term.target == "银行"


@pytest.mark.parametrize(
    ("target", "term", "holds"),
    [
        ("这是新型冠状 病毒肺炎。", TERMS[4], True),
        ("vaksinnya sudah ada", Term("vaccine", "vaksin"), True),
        ("Vaksin-vaksin", Term("vaccine", "vaksin"), True),
        ("vaksinasi", Term("vaccine", "vaksin"), False),
        ("the Virus's coat", Term("病毒", "virus"), True),
        ("一种<g1>病</g1>毒", TERMS[0], True),
    ],
)
def test_a_form_in_the_target_is_recognised(target: str, term: Term, holds: bool) -> None:
    assert terminology.holds(target, term) is holds


def test_terms_go_to_the_model_in_the_target_s_words_or_behind_markers() -> None:
    text = "This study is about a virus at http://a.b/virus."
    found = Matcher(TERMS).find(text)
    assert terminology.inlined(text, found[:2], "zh") == "This 研究 is about a 病毒 at http://a.b/virus."
    hidden = shielded(text, found)
    assert hidden.text == "This <k1/> is about a <k2/> at <k3/>."
    assert hidden.restored("这项<k1/>是关于<k2/>的，见<k3/>。<k9/>") == "这项研究是关于病毒的，见http://a.b/virus。"


def test_a_term_left_in_the_source_s_words_is_put_right() -> None:
    found = Matcher(TERMS).find("It is a virus.")
    assert terminology.repaired(found, "这是一种Virus。") == "这是一种病毒。"
    assert terminology.repaired(found, "这是一种细菌。") == "这是一种细菌。"
