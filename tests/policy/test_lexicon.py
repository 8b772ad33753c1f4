from __future__ import annotations

import pytest

from hanlin.policy.judging import Hit
from hanlin.policy.lexicon import Lexicon, WordRule

RULE = WordRule("goods", "Not sold here.", ("AV", "pipe bomb", "火车站"), ("AV receiver", "火车站台"))
LEXICON = Lexicon([RULE])


def spans(text: str) -> tuple[tuple[int, int], ...]:
    hit = LEXICON.judge(text)
    return hit.spans if hit else ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("去火车站吧", (1, 4)),
        ("去火車站吧", (1, 4)),
        ("火 \u200b车*站", (0, 6)),
        ("a PIPE-bomb!", (2, 11)),
        ("a pipe\nbomb", (2, 11)),
        ("p i p e b o m b", (0, 15)),
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


def test_an_exception_of_one_rule_does_not_excuse_another() -> None:
    lexicon = Lexicon([RULE, WordRule("other", "Other.", ("火车站台",))])
    assert lexicon.judge("在火车站台等") == Hit("other", "Other.", ((1, 5),))


def test_the_rule_that_is_broken_first_is_named_with_all_its_spans() -> None:
    lexicon = Lexicon([WordRule("a", "A.", ("后天",)), WordRule("b", "B.", ("今天",))])
    assert lexicon.judge("今天、后天、今天") == Hit("b", "B.", ((0, 2), (6, 8)))


def test_an_empty_lexicon_finds_nothing() -> None:
    assert Lexicon([]).judge("anything at all 什么都行") is None


def test_many_near_misses_do_not_take_long() -> None:
    assert spans("火车站台" * 20_000) == ()
