"""The words of a corrected text keep the times of the letters they share with what was recognised."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hanlin.assistants.meetings.aligning import aligned
from hanlin.assistants.meetings.records import SpokenWord

WORDS = (
    SpokenWord(" We", 0.0, 0.2, 0.9),
    SpokenWord(" shipp", 0.3, 0.6, 0.4),
    SpokenWord(" on", 0.7, 0.8, 0.9),
    SpokenWord(" Friday", 1.0, 1.6, 0.8),
)


def test_a_word_that_stays_keeps_its_time_and_one_that_is_new_takes_the_time_between() -> None:
    found = aligned("We ship it on Friday", WORDS, 0, 2)
    assert [word.text for word in found] == ["We", " ship", " it", " on", " Friday"]
    times = {word.text.strip(): (word.start_seconds, word.end_seconds) for word in found}
    assert times["We"][0] < 0.1
    assert abs(times["on"][0] - 0.7) < 0.05
    assert abs(times["Friday"][0] - 1.0) < 0.05
    assert times["Friday"][1] == 1.6
    assert 0.4 < times["it"][0] < 0.75
    assert [word.probability for word in found] == [0.9, 1.0, 1.0, 0.9, 0.8]


def test_chinese_is_aligned_character_by_character_with_its_marks() -> None:
    words = tuple(SpokenWord(character, n, n + 1.0, 0.5) for n, character in enumerate("我们周五发货"))
    found = aligned("我们周六，发货。", words, 0, 6)
    assert [word.text for word in found] == ["我", "们", "周", "六，", "发", "货。"]
    assert [word.start_seconds for word in found][4:] == [4.0, 5.0]


@given(st.text("abc 我们。", min_size=1, max_size=30).filter(str.strip), st.text("abc 我们", min_size=1, max_size=20))
def test_words_are_in_order_within_the_segment_and_make_up_the_text(text: str, before: str) -> None:
    words = tuple(SpokenWord(letter, n / 2, n / 2 + 0.5, 1.0) for n, letter in enumerate(before))
    found = aligned(" ".join(text.split()), words, 0, 1)
    assert "".join(word.text for word in found) == " ".join(text.split())
    assert all(0 <= word.start_seconds <= word.end_seconds <= len(before) / 2 for word in found)
    assert all(one.end_seconds <= two.start_seconds + 0.001 for one, two in pairwise(found))
