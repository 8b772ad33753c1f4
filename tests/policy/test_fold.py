from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.policy.fold import fold, offsets


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Pipe-Bomb", "pipebomb"),
        ("ＡＢＣ１２３", "abc123"),
        ("臺灣髮發", "台湾发发"),
        ("炸\u200b弹\ufe0f \u202e制*作", "炸弹制作"),
        ("re\u0301sume\u0301", "resume"),
        ("résumé", "resume"),
        ("ﬁne ㎏ ①", "finekg1"),
        ("炸\u3164弹", "炸弹"),
        ("😀 …\n", ""),
        ("a\ud800b", "ab"),
    ],
)
def test_spellings_of_a_word_become_one(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text())
def test_folding_goes_character_by_character(left: str, right: str) -> None:
    assert fold(left) + fold(right) == fold(left + right)


@given(st.text())
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(st.text())
def test_offsets_name_the_character_each_folded_one_came_from(text: str) -> None:
    places = offsets(text)
    assert places == sorted(places)
    assert "".join(fold(text[place]) for place in sorted(set(places))) == fold(text)
    assert len(places) == len(fold(text))


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_quick_way_for_ascii_agrees_with_the_table(text: str) -> None:
    assert fold(text) == fold(text + "弹").removesuffix("弹")
