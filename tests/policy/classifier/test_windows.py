"""Sentences and windows: the same however a text is cut, and bounded whatever it is made of."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hanlin.policy.classifier.windows import LEAST_CHARACTERS, MOST_CHARACTERS, Window, Windows
from hanlin.policy.fold import fold

PIECES = st.sampled_from(
    ["你好", "。", "！", "\n", "\n\n", ".", " ", "a", ". ", "…", "好" * 30, "好" * 199, "ﬁ", "\u200b", "?"]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def whole(text: str) -> tuple[str, list[Window]]:
    return Windows().take(text, last=True)


@settings(deadline=None)
@given(TEXTS, st.lists(st.integers(1, 40), min_size=1, max_size=5))
@example("好" * 199 + "." + " 好", [1])
@example("好" * 199 + "\n\n好", [1])
@example("好" * 12 + "。\n" + "\n好", [1])
def test_windows_are_the_same_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    windows, spans, words, place, turn = Windows(), [], [], 0, 0
    while place < len(text):
        piece = text[place : place + cuts[turn % len(cuts)]]
        place, turn = place + len(piece), turn + 1
        folded, found = windows.take(piece)
        spans += [window.span for window in found]
        words += [folded[slice(*window.folded)] for window in found]
        assert len(windows.held) < MOST_CHARACTERS
    folded, found = windows.take("", last=True)
    spans += [window.span for window in found]
    words += [folded[slice(*window.folded)] for window in found]
    expected_folded, expected = whole(text)
    assert windows.held == ""
    assert spans == [window.span for window in expected]
    assert words == [expected_folded[slice(*window.folded)] for window in expected]


@given(TEXTS)
def test_a_window_is_its_span_folded_and_no_longer_than_allowed(text: str) -> None:
    folded, windows = whole(text)
    for window in windows:
        start, end = window.span
        assert end - start <= MOST_CHARACTERS
        assert folded[slice(*window.folded)] == fold(text[start:end])


@given(TEXTS)
def test_every_letter_is_in_a_window(text: str) -> None:
    covered = {place for window in whole(text)[1] for place in range(*window.span)}
    assert {place for place, character in enumerate(text) if fold(character)} <= covered


def test_a_sentence_is_judged_with_what_stands_before_it() -> None:
    text = "今天的天气真的非常非常好。我们一起到公园里去散步吧！"
    assert [window.span for window in whole(text)[1]] == [(0, 13), (0, 26)]


def test_no_window_crosses_a_blank_line() -> None:
    text = "第一个文本在这里结束了。\n\n第二个文本从这里开始。"
    assert [window.span for window in whole(text)[1]] == [(0, 12), (14, 25)]


def test_a_short_sentence_waits_for_the_next() -> None:
    windows = Windows()
    assert windows.take("好。")[1] == []
    assert windows.held == "好。"
    assert len(windows.take("好" * LEAST_CHARACTERS + "。")[1]) == 1


@pytest.mark.parametrize("unit", ["。", "\n", "a\n", "好", ". ", "\n\n好", "\u200b"])
def test_hostile_texts_take_linear_time(unit: str) -> None:
    start = time.process_time()
    whole(unit * (400_000 // len(unit)))
    assert time.process_time() - start < 5
