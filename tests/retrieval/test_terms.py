"""What is written alike in another width, case or script is searched as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.retrieval.terms import fold, places, terms


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("戰國無雙", "战国无双"),
        ("ＡＢＣ１２３", "abc123"),
        ("Straße ﬁne", "strasse fine"),
        ("Hà Nội, đường", "ha noi  duong"),
        ("e\u0301te\u0301", "ete"),
        ("ที่นี่", "ที่นี่"),
        ("が", "が"),
        ("한국어", "한국어"),
        ("a\u0000b\ud800c", "a b c"),
    ],
)
def test_a_text_is_folded(written: str, folded: str) -> None:
    assert fold(written) == folded


def test_chinese_is_cut_into_pairs_and_characters() -> None:
    assert sorted(terms("翰林院 AI")) == sorted(["翰林", "林院", "翰", "林", "院", "ai"])


def test_thai_is_cut_into_pairs_only() -> None:
    assert terms("นาม") == ["นา", "าม"]


def test_one_character_alone_is_a_term() -> None:
    assert (terms("龍"), terms("ก"), terms("")) == (["龙"], ["ก"], [])


@given(st.text())
def test_each_character_of_a_folded_text_knows_where_it_came_from(text: str) -> None:
    folded, found = fold(text), places(text)
    assert len(found) == len(folded) + 1
    assert all(fold(text[place]).find(letter) >= 0 for letter, place in zip(folded, found, strict=False))


@given(st.text())
def test_terms_hold_no_blanks(text: str) -> None:
    """They travel to the index joined by blanks."""
    assert all(term and term.split() == [term] for term in terms(text))
