from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
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
        ("рауραl ɡооɡlе ｓрам", "paypal google spam"),
        ("ВОДКА водка", "bo\u0434ka bo\u0434ka"),
    ],
)
def test_spellings_of_a_word_become_one(written: str, folded: str) -> None:
    assert fold(written) == folded.replace(" ", "")


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


LONG = st.lists(
    st.sampled_from(["今天天氣", "Ａbc ", "😀", "\ud800", "ﬁ½", "𠀋", "\u9f8d", "x" * 3000, "，\n"]), max_size=40
).map(lambda pieces: "".join(pieces) * 30)


@settings(max_examples=30, deadline=None)
@given(LONG)
def test_long_texts_fold_as_short_ones_do(text: str) -> None:
    short = [text[start : start + 1000] for start in range(0, len(text), 1000)]
    folded = fold(text)
    assert folded == "".join(fold(piece) for piece in short)
    places = offsets(text)
    expected = [1000 * number + place for number, piece in enumerate(short) for place in offsets(piece)]
    assert [places[index] for index in range(len(folded))] == expected
    assert len(places) == len(folded)


def test_the_table_of_long_texts_knows_what_the_other_knows() -> None:
    text = "".join(chr(code) for code in range(0, 0x110000, 11) if not 0xD800 <= code < 0xE000)
    assert fold(text) == "".join(fold(text[start : start + 1000]) for start in range(0, len(text), 1000))
