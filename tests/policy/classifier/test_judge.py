"""Three ways by two thresholds, and a stream that ends where the whole text so far would."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hanlin.policy.classifier.judge import ClassifierJudge
from hanlin.policy.classifier.windows import Window
from hanlin.policy.file import ClassifierRule
from hanlin.policy.judging import ENDING, Hit
from hanlin.types import Verdict


class Counting:
    """The share of `x` (and of `y`) in a window, as a probability of each of two risks."""

    name = "counting"
    version = "1"
    categories: tuple[str, ...] = ("A.2.a", "A.2.d")

    def scores(self, text: str) -> dict[str, float]:
        raise NotImplementedError

    def weigh(self, folded: str, windows: Sequence[Window]) -> NDArray[np.float64]:
        texts = [folded[slice(*window.folded)] for window in windows]
        return np.array([[text.count(letter) / len(text) for letter in "xy"] for text in texts])


RULE = ClassifierRule("offence", "offence", "Offensive.", review=0.4, refuse=0.8)
GOOD, DOUBTFUL, BAD = "一二三四五六七八九十甲乙。", "xxxxxx一二三四五六。", "yyyyyyyyyyyy。"
TEXTS = st.lists(st.sampled_from([GOOD, DOUBTFUL, BAD, "xy", "\n\n", "。", "好. ", "x" * 90]), max_size=14).map("".join)
RULES = st.sampled_from(
    [
        RULE,
        ClassifierRule("offence", "offence", "Offensive.", review=0.4, refuse=0.8, on_review="hold"),
        ClassifierRule("offence", "offence", "Offensive.", review=0.4, refuse=0.8, on_refuse="score"),
        ClassifierRule("offence", "offence", "Offensive.", 0.4, 0.8, "hold", "score"),
    ]
)


@pytest.mark.parametrize(
    ("text", "verdict", "category", "score"),
    [(DOUBTFUL, Verdict.SCORE, "A.2.a", 0.5), (BAD, Verdict.REFUSE, "A.2.d", 1.0)],
)
def test_the_thresholds_make_three_ways(text: str, verdict: Verdict, category: str, score: float) -> None:
    judge = ClassifierJudge(RULE, Counting())
    assert judge.judge(GOOD) == ()
    assert judge.judge(text) == (Hit("offence", "Offensive.", ((0, len(text)),), verdict, category, score),)


def test_spans_are_the_windows_of_the_strongest_verdict() -> None:
    """The first sentence is doubtful and the third bad; only the third's window is shown."""
    (hit,) = ClassifierJudge(RULE, Counting()).judge(DOUBTFUL + "\n\n" + BAD)
    assert (hit.verdict, hit.spans) == (Verdict.REFUSE, ((15, 28),))


def test_a_sentence_leaves_whole_once_it_has_been_judged() -> None:
    watcher = ClassifierJudge(RULE, Counting()).watch()
    assert watcher.push(GOOD[:5]) == ""
    assert watcher.held == GOOD[:5]
    assert watcher.push(GOOD[5:] + "甲") == GOOD
    assert watcher.push("", last=True) == "甲"
    assert (watcher.held, watcher.hits) == ("", [])


def test_a_piece_that_needs_no_waiting_is_the_same_object() -> None:
    assert ClassifierJudge(RULE, Counting()).watch().push(GOOD) is GOOD


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.lists(st.integers(1, 60), min_size=1, max_size=4), RULES)
def test_a_stream_is_judged_as_the_whole_text_however_it_is_cut(
    text: str, cuts: list[int], rule: ClassifierRule
) -> None:
    """What does not end a text is noted alike; what ends it is the hit of the text up to that sentence."""
    judge = ClassifierJudge(rule, Counting())
    watcher, released, place, turn = judge.watch(), "", 0, 0
    passed: str | Hit = ""
    while place < len(text) and isinstance(passed, str):
        piece = text[place : place + cuts[turn % len(cuts)]]
        place, turn = place + len(piece), turn + 1
        passed = watcher.push(piece)
        if isinstance(passed, str):
            released += passed
            assert released + watcher.held == text[:place]
    if isinstance(passed, str):
        passed = watcher.push("", last=True)
    whole = judge.judge(text)
    if isinstance(passed, Hit):
        (expected,) = judge.judge(text[: passed.spans[-1][1]])
        assert passed.verdict in ENDING
        assert (passed.verdict, passed.category, passed.score) == (expected.verdict, expected.category, expected.score)
        assert passed.spans[-1][1] == expected.spans[-1][1]
        assert len(released) < passed.spans[-1][1]
        assert whole[0].verdict in ENDING
    else:
        assert released + passed == text
        assert tuple(watcher.hits) == whole
        assert not whole or whole[0].verdict not in ENDING
