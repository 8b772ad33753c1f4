from __future__ import annotations

from hanlin.policy.file import PersonalRule
from hanlin.policy.judging import cover
from hanlin.policy.personal import PersonalData, Pseudonyms
from hanlin.types import Verdict

TEXT = "我的手机是13812345678，邮箱zhang.san@example.com，再说一遍：138-1234-5678。"


def test_one_hit_carries_every_span_and_its_cover() -> None:
    (hit,) = PersonalData(PersonalRule("personal", ("mobile", "email"))).judge(TEXT)
    assert (hit.rule, hit.verdict, hit.category) == ("personal", Verdict.MASK, "A.4.f")
    assert [TEXT[start:end] for start, end in hit.spans] == ["13812345678", "zhang.san@example.com", "138-1234-5678"]
    assert cover(TEXT, [hit]) == "我的手机是138****5678，邮箱z***@example.com，再说一遍：138****5678。"


def test_a_text_without_personal_data_has_no_hit() -> None:
    assert PersonalData(PersonalRule("personal", ("mobile", "email"))).judge("今天是2024-01-15，天气很好。") == ()


def test_public_values_are_left_alone_however_they_are_written() -> None:
    rule = PersonalRule("personal", ("mobile", "email"), exceptions=("138 1234 5678", "Zhang.San@example.com"))
    assert PersonalData(rule).judge(TEXT) == ()


def test_findings_below_the_least_score_are_left_alone() -> None:
    text = "E12345678"
    assert PersonalData(PersonalRule("personal", ("passport",))).judge(text) == ()
    assert PersonalData(PersonalRule("personal", ("passport",), least_score=0.4)).judge(text) != ()


def test_pseudonyms_stand_in_for_values() -> None:
    rule = PersonalData(PersonalRule("personal", ("mobile", "email"), action="pseudonymise"))
    pseudonyms = Pseudonyms(taken=TEXT)
    covered = cover(TEXT, rule.judge(TEXT, pseudonyms), frozenset({Verdict.PSEUDONYMISE}))
    assert covered == "我的手机是[手机号1]，邮箱[邮箱1]，再说一遍：[手机号1]。"
    assert pseudonyms.originals == {"[手机号1]": "13812345678", "[邮箱1]": "zhang.san@example.com"}


def test_without_pseudonyms_a_mask_is_the_cover() -> None:
    (hit,) = PersonalData(PersonalRule("personal", ("mobile",), action="pseudonymise")).judge("13812345678")
    assert hit.covers == ("138****5678",)
