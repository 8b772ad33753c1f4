"""A judgement in OpenAI's shape: which categories it makes true, and what it tells beside them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from openai.types import Moderation

from hanlin.policy import Judgement
from hanlin.policy.file import SHIPPED, read
from hanlin.policy.judging import ENDING, Hit
from hanlin.policy.moderation import FLAGGED_ABOVE, MEANT_BY, UNSAFE_FROM, Result, result, standing_for
from hanlin.policy.risks import OPENAI, RISKS
from hanlin.types import Verdict


def judgement(
    verdict: Verdict = Verdict.ALLOW,
    hits: tuple[Hit, ...] = (),
    scores: dict[str, float] | None = None,
    text: str = "words",
) -> Judgement:
    return Judgement(verdict, hits, scores or {}, text, "default@0123456789ab")


def hit(category: str, verdict: Verdict = Verdict.REFUSE, score: float = 1.0, rule: str = "some-rule") -> Hit:
    return Hit(rule, "A reason.", ((2, 5),), verdict, category, score)


def judged(*hits: Hit) -> Judgement:
    return judgement(max((one.verdict for one in hits), key=list(Verdict).index, default=Verdict.ALLOW), hits)


def true(found: Result) -> set[str]:
    return {category for category, holds in found.categories.items() if holds}


def test_nothing_found_is_nothing_flagged_in_all_44_categories() -> None:
    found = result(judgement())
    assert not found.flagged
    for mapping in (found.categories, found.category_scores, found.category_applied_input_types):
        assert list(mapping) == [*OPENAI, *RISKS]
    assert len(found.categories) == 13 + 31
    assert set(found.category_scores.values()) == {0.0}
    assert set(found.category_applied_input_types.values()) == {("text",)}


@pytest.mark.parametrize(
    ("risk", "categories"),
    [
        ("A.1.d", {"illicit/violent", "violence"}),
        ("A.2.a", {"hate"}),
        ("A.4.a", {"self-harm", "self-harm/instructions"}),
        ("A.4.f", set()),
        ("A.5.a", set()),
    ],
)
def test_a_hit_makes_its_risk_true_and_what_stands_for_it_at_openai_s(risk: str, categories: set[str]) -> None:
    found = result(judged(hit(risk)))
    assert found.flagged
    assert true(found) == {risk, *categories}
    assert {found.category_scores[category] for category in true(found)} == {1.0}


@pytest.mark.parametrize(
    ("rule", "categories"),
    [
        ("violence-weapons", {"violence"}),
        ("violence_graphic", {"violence", "violence/graphic"}),
        ("sexual-services", {"sexual"}),
        ("sexual-minors", {"sexual", "sexual/minors"}),
        ("pornography", {"sexual"}),
        ("child-sexual-abuse", {"sexual", "sexual/minors"}),
        ("weapons", {"illicit", "illicit/violent"}),
        ("self-harm-methods", {"self-harm", "self-harm/instructions"}),
        ("sexuality", {"harassment/threatening", "sexual", "violence"} & {c for c in OPENAI if "A.1.f" in OPENAI[c]}),
    ],
)
def test_a_rule_named_for_a_category_stands_for_no_other(rule: str, categories: set[str]) -> None:
    assert set(standing_for(hit("A.1.f", rule=rule))) == {"A.1.f", *categories}


@pytest.mark.parametrize("name", ["default", "public"])
def test_the_rules_whose_meaning_is_written_down_are_those_that_ship(name: str) -> None:
    shipped = {rule.name for rule in read(SHIPPED / f"{name}.toml").rules}
    assert MEANT_BY.keys() <= shipped
    assert set(MEANT_BY.values()) <= OPENAI.keys()


def test_no_rule_of_another_name_is_ever_about_minors_intent_or_graphic_violence() -> None:
    for risk in RISKS:
        assert not {"sexual/minors", "self-harm/intent", "violence/graphic"} & set(standing_for(hit(risk)))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_a_policy_has_dealt_with_flags_nothing(verdict: Verdict) -> None:
    found = result(judged(hit("A.4.f", verdict)))
    assert found.flagged is (verdict in ENDING or verdict is Verdict.SCORE)
    assert found.hanlin.verdict is verdict


@pytest.mark.parametrize(("score", "flagged"), [(FLAGGED_ABOVE, False), (FLAGGED_ABOVE + 0.01, True)])
def test_a_weak_signal_is_a_score_and_no_flag(score: float, flagged: bool) -> None:
    found = result(judged(hit("A.2.e", Verdict.SCORE, score)))
    assert (found.flagged, found.categories["hate"], found.category_scores["hate"]) == (flagged, flagged, score)


def test_several_weak_signals_that_refuse_together_are_flagged_though_no_category_is() -> None:
    weak = (hit("A.2.e", Verdict.SCORE, 0.4), hit("A.2.d", Verdict.SCORE, 0.5))
    found = result(judgement(Verdict.REFUSE, weak))
    assert (found.flagged, true(found)) == (True, set())


def test_a_classifier_s_probability_is_told_and_flags_nothing_by_itself() -> None:
    found = result(judgement(scores={"A.2.b": 0.9, "A.2.c": 0.3}))
    assert not found.flagged
    assert (found.category_scores["hate"], found.category_scores["A.2.b"], found.category_scores["A.2.c"]) == (
        0.9,
        0.9,
        0.3,
    )


def test_the_score_of_a_risk_that_only_a_hit_is_behind_spreads_to_no_category_it_is_not_named_for() -> None:
    found = result(judgement(Verdict.REFUSE, (hit("A.1.f", rule="pornography"),), {"A.1.f": 1.0, "A.9.z": 1.0}))
    assert {category: score for category, score in found.category_scores.items() if score} == {
        "sexual": 1.0,
        "A.1.f": 1.0,
    }
    sure = result(judgement(Verdict.SCORE, (hit("A.2.a", Verdict.SCORE, 0.5),), {"A.2.a": 0.8}))
    assert (sure.category_scores["hate"], sure.flagged) == (0.8, False)


def test_hits_are_told_with_rule_and_span_and_never_with_words() -> None:
    found = result(judged(hit("A.1.d", rule="terror")))
    (one,) = found.hanlin.hits
    assert (one.rule, one.reason, one.category, one.spans) == ("terror", "A reason.", "A.1.d", ((2, 5),))
    assert b"words" not in msgspec.json.encode(found)


@pytest.mark.parametrize(("unsafe", "flagged"), [(UNSAFE_FROM - 0.01, False), (UNSAFE_FROM, True)])
def test_a_picture_is_sexual_from_the_published_limit_and_says_nothing_of_violence(
    unsafe: float, flagged: bool
) -> None:
    found = result(judgement(text=""), unsafe=[0.1, unsafe])
    assert (found.flagged, true(found)) == (flagged, {"sexual", "A.1.f"} if flagged else set())
    assert (found.category_scores["sexual"], found.category_scores["violence"]) == (unsafe, 0.0)
    assert found.hanlin.verdict is (Verdict.REFUSE if flagged else Verdict.ALLOW)
    types = found.category_applied_input_types
    assert (types["sexual"], types["A.1.f"], types["violence"], types["hate"]) == (("image",), ("image",), (), ())


def test_text_in_a_picture_is_judged_as_text_without_places_in_it() -> None:
    found = result(judgement(text=""), [judged(hit("A.1.d"))], [0.0])
    assert found.categories["A.1.d"]
    assert [one.spans for one in found.hanlin.hits] == [()]
    assert found.category_applied_input_types["hate"] == ("text",)
    assert found.category_applied_input_types["sexual"] == ("text", "image")


@given(
    some.lists(
        some.builds(
            hit,
            some.sampled_from(["", *RISKS]),
            some.sampled_from(Verdict),
            some.floats(0, 1),
            some.sampled_from(["some-rule", "sexual-minors", "self-harm-intent"]),
        ),
        max_size=4,
    ),
    some.lists(some.floats(0, 1), max_size=2),
)
def test_openai_s_client_reads_every_result_and_what_is_true_is_scored(hits: list[Hit], unsafe: list[float]) -> None:
    found = result(judged(*hits), unsafe=unsafe)
    read = Moderation.model_validate_json(msgspec.json.encode(found), strict=True)
    assert read.flagged is found.flagged
    assert read.categories.sexual_minors is found.categories["sexual/minors"]
    for category in true(found):
        assert found.flagged
        assert any(category in standing_for(one) for one in hits) or max(unsafe, default=0) >= UNSAFE_FROM
