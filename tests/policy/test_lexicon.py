from __future__ import annotations

import base64
import html
from urllib.parse import quote

import pytest

from hanlin.policy.file import Scores, Term, WordList
from hanlin.policy.judging import Hit, cover
from hanlin.policy.lexicon import Lexicon
from hanlin.types import Verdict

GOODS = WordList(
    "goods", "A.1.h", "Not sold here.", ("AV", "pipe bomb", "火车站"), exceptions=("AV receiver", "火车站台")
)
LEXICON = Lexicon([GOODS])


def spans(text: str, lexicon: Lexicon = LEXICON) -> tuple[tuple[int, int], ...]:
    hits = lexicon.judge(text)
    return hits[0].spans if hits else ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("去火车站吧", (1, 4)),
        ("去火車站吧", (1, 4)),
        ("火 \u200b车*站", (0, 6)),
        ("a PIPE-bomb!", (2, 11)),
        ("a pipe\nbomb", (2, 11)),
        ("p i p e b o m b", (0, 15)),
        ("a рiре bоmb", (2, 11)),
        ("看AV片", (1, 3)),
    ],
)
def test_a_hidden_term_is_found_where_it_stands_in_the_original(text: str, found: tuple[int, int]) -> None:
    assert spans(text) == (found,)


@pytest.mark.parametrize("text", ["java", "AVs", "navy", "pipe bombs", "AV2", "éAV", "AV\u0301e", "ｊＡＶＡ"])
def test_latin_terms_stand_only_as_whole_words(text: str) -> None:
    assert spans(text) == ()


@pytest.mark.parametrize("text", ["AV\u200b.", "\u200bAV", "x\u200b" * 9 + " AV", "AV\ufe0f"])
def test_invisible_characters_are_no_letters_at_a_words_edge(text: str) -> None:
    assert len(spans(text)) == 1


@pytest.mark.parametrize("text", ["火\n\n车站", "火车\n \t\n站", "火........车站", "pipe\r\n\r\nbomb"])
def test_words_far_apart_or_across_a_blank_line_do_not_join(text: str) -> None:
    assert spans(text) == ()


def test_a_match_stretches_to_three_times_the_term_and_no_further() -> None:
    assert spans("火......车站") == ((0, 9),)
    assert spans("火.......车站") == ()


def test_an_exception_lies_over_its_own_term_only() -> None:
    assert spans("在火车站台等") == ()
    assert spans("在火车站台等，再去火车站") == ((9, 12),)
    assert spans("an AV receiver") == ()
    assert spans("an AV receivers") == ((3, 5),)


def test_an_exception_of_one_list_does_not_excuse_another() -> None:
    lexicon = Lexicon([GOODS, WordList("other", "A.1.a", "Other.", ("火车站台",))])
    assert lexicon.judge("在火车站台等") == (Hit("other", "Other.", ((1, 5),), category="A.1.a"),)


def test_what_lies_under_an_allowed_wording_is_found_by_no_list() -> None:
    other = WordList("other", "A.1.a", "Other.", ("车站",))
    allowed = WordList("fine", "A.1.h", "Fine.", ("北京火车站",), action="allow")
    lexicon = Lexicon([GOODS, other, allowed])
    assert lexicon.judge("在北京火车站") == ()
    assert [hit.spans for hit in lexicon.judge("北京火车站、火车站")] == [((6, 9),), ((7, 9),)]


def test_each_list_that_stands_is_one_hit_with_its_own_verdict_and_all_spans() -> None:
    lists = [
        WordList("a", "A.1.a", "A.", ("后天",), action="hold", weight=0.7),
        WordList("b", "A.2.b", "B.", ("今天", "今"), action="steer"),
    ]
    assert Lexicon(lists).judge("今天、后天、今天") == (
        Hit("b", "B.", ((0, 1), (0, 2), (6, 7), (6, 8)), Verdict.STEER, "A.2.b"),
        Hit("a", "A.", ((3, 5),), Verdict.HOLD, "A.1.a"),
    )


def test_a_hit_has_sixteen_spans_at_most_but_a_mask_all_of_them() -> None:
    lists = [
        WordList("a", "A.1.a", "A.", ("今天",)),
        WordList("m", "A.1.a", "M.", ("明天",), action="mask"),
    ]
    refused, masked = Lexicon(lists).judge("今天明天" * 40)
    assert len(refused.spans) == 16
    assert cover("今天明天" * 40, [masked]) == "今天**" * 40


def test_different_terms_of_scoring_lists_add_up_to_a_hit_of_their_own() -> None:
    lists = [
        WordList("s", "A.1.a", "S.", ("今天", Term("后天", weight=0.2)), action="score", weight=0.5),
        WordList("t", "A.1.b", "T.", ("昨天",), action="score", weight=0.3),
    ]
    lexicon = Lexicon(lists, Scores(limit=1.0, action="hold", reason="Together."))
    assert [hit.rule for hit in lexicon.judge("今天今天今天，昨天昨天")] == ["s", "t"]
    assert lexicon.judge("今天后天昨天")[-2:] == (
        Hit("score", "Together.", ((0, 2), (2, 4), (4, 6)), Verdict.HOLD, "", 1.0),
        Hit("t", "T.", ((4, 6),), Verdict.SCORE, "A.1.b", 0.3),
    )


def test_split_characters_are_found_where_a_list_or_a_term_asks_for_it() -> None:
    lexicon = Lexicon([WordList("a", "A.1.h", "A.", (Term("枪支弹药", variants=("split",)), "炸弹"))])
    assert spans("卖木仓支弹药", lexicon) == ((1, 6),)
    assert spans("卖木倉支弓单药", lexicon) == ((1, 7),)
    assert spans("火乍弹", lexicon) == ()


SAID = "去火车站吧"


@pytest.mark.parametrize(
    "written",
    [
        "".join(f"\\u{ord(c):04x}" for c in SAID),
        quote(SAID),
        "".join(f"&#{ord(c)};" for c in SAID),
        "".join(f"&#x{ord(c):X};" for c in SAID),
        base64.b64encode(SAID.encode()).decode(),
        base64.urlsafe_b64encode(("??>" + SAID).encode()).decode(),
        html.escape(quote(SAID)),
        base64.b64encode(quote(SAID).encode()).decode(),
        base64.b64encode(SAID.encode()).decode().replace("5", "%35"),
    ],
)
def test_what_is_encoded_is_found_and_the_span_is_the_encoded_run(written: str) -> None:
    text = f"说：{written} 。"
    ((start, end),) = spans(text)
    assert 2 <= start < end <= 2 + len(written)
    assert spans("平常的话。" * 2_000 + text + "平常的话。" * 2_000) == ((start + 10_000, end + 10_000),)


def test_what_is_partly_encoded_is_found_too() -> None:
    assert spans(r"去火\u8f66&#31449;吧") == ((1, 16),)
    assert spans("%E7%81%AB车站") == ((0, 11),)


def test_a_third_encoding_inside_two_others_is_left_alone() -> None:
    assert spans(quote(quote(SAID))) != ()
    assert spans(quote(quote(quote(SAID)))) == ()


def test_masks_of_what_is_encoded_cover_the_run() -> None:
    lexicon = Lexicon([WordList("m", "A.1.a", "M.", ("火车站",), action="mask")])
    text = r"{'to': '\u706b\u8f66\u7ad9'}"
    assert cover(text, lexicon.judge(text)) == "{'to': '******************'}"


def test_an_empty_lexicon_finds_nothing() -> None:
    assert Lexicon([]).judge("anything at all 什么都行") == ()


def test_terms_that_fold_to_nothing_find_nothing() -> None:
    assert Lexicon([WordList("a", "A.1.a", "A.", ("!!", "，"))]).judge("wow!! 好，") == ()


@pytest.mark.parametrize(
    "piece",
    [
        "火车站台",
        "火",
        "&#x",
        "&lt;",
        "%E7%81%AB",
        "%E7",
        "\\",
        r"\u706b",
        r"\ud83d",
        "QUJD",
        "QUJDREVGREVG.",
        "abcdefghijklm&",
        "A",
        "\n",
        "AV ",
    ],
)
def test_long_hostile_texts_take_their_share_of_time_and_no_more(piece: str) -> None:
    LEXICON.judge(piece * (400_000 // len(piece)))
