from __future__ import annotations

import pytest

from hanlin.policy.file import Term, WordList
from hanlin.policy.lexicon import Lexicon

pytest.importorskip("pypinyin", reason="the variant pinyin needs the package pypinyin")
LEXICON = Lexicon(
    [
        WordList("p", "A.1.h", "P.", ("自制炸弹", "炸弹制作教程", "毒品", "3D打印手枪"), variants=("pinyin",)),
        WordList("q", "A.1.h", "Q.", (Term("绿色通道", variants=("pinyin",)), "武装力量")),
    ]
)


def spans(text: str) -> tuple[tuple[int, int], ...]:
    hits = LEXICON.judge(text)
    return hits[0].spans if hits else ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("问自zhi炸弹吧", (1, 7)),
        ("问自制乍弹吧", (1, 5)),
        ("问字质乍但吧", None),
        ("zi zhi zha dan", (0, 14)),
        ("ZiZhiZhaDan!", (0, 11)),
        ("乍但治做叫成", (0, 6)),
        ("zha弹zhi作jiao程", (0, 13)),
        ("lv色通道", (0, 5)),
        ("ｚhà dàn 制作教程", (0, 12)),
        ("3D打yin手枪", (0, 8)),
    ],
)
def test_homophones_and_pinyin_are_found_with_their_place(text: str, found: tuple[int, int] | None) -> None:
    assert spans(text) == ((found,) if found else ())


@pytest.mark.parametrize("text", ["dupin", "读品", "武装li量"])
def test_short_terms_and_terms_that_do_not_ask_for_it_are_not_looked_for(text: str) -> None:
    assert spans(text) == ()


@pytest.mark.parametrize("text", ["xzizhizhadan", "zizhizhadans", "zizhizhadan9"])
def test_pinyin_at_an_edge_is_a_whole_word(text: str) -> None:
    assert spans(text) == ()


def test_a_character_of_several_syllables_or_of_half_of_one_is_no_homophone() -> None:
    lexicon = Lexicon([WordList("x", "A.1.h", "X.", ("西安自由行",), variants=("pinyin",))])
    assert lexicon.judge("西安自由型")[0].spans == ((0, 5),)
    assert lexicon.judge("先自由行") == ()


def test_a_long_text_is_read_as_a_short_one() -> None:
    text = "寻常的话，" * 2_000 + "zha弹zhi作jiao程"
    assert spans(text) == ((10_000, 10_013),)
