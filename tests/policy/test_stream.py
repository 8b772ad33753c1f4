from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hanlin.policy.file import Scores, Term, WordList
from hanlin.policy.judging import ENDING, RANK, Hit, cover
from hanlin.policy.lexicon import Lexicon
from hanlin.policy.stream import LexiconWatcher
from hanlin.types import Verdict

LISTS = (
    WordList(
        "a", "A.1.a", "A.", ("av", "火车站", "大炸", "ab c"), exceptions=("火车站台", "一大炸弹药", "av no", "x av")
    ),
    WordList("b", "A.1.b", "B.", ("车站房", "a1", "火票"), exceptions=("火车站房顶", "火票b"), action="hold"),
    WordList("c", "A.1.c", "C.", ("一大炸弹药店主", "票房冠军"), action="replace"),
    WordList("m", "A.1.d", "M.", ("药店", "店主票", "no", "冠"), exceptions=("药店主",), action="mask"),
    WordList("s", "A.1.e", "S.", ("弹药", "x1", Term("台", weight=0.3)), weight=0.4, action="score"),
    WordList("f", "A.1.f", "F.", ("大火车站", "ab av"), action="allow"),
)
HOLD = Verdict.HOLD
LEXICON = Lexicon(LISTS, Scores(limit=1.0, action="hold"))
PIECES = st.sampled_from(
    [
        *"abcvxno1火車站台大炸弹药一票房冠店主 \n\u200b\u0301Ａﬁ*é\\u",
        "\n\n",
        "\u200b" * 9,
        "火车站台",
        "一大炸弹药店",
        "票房冠军",
        "大火车站",
        "药店主票",
        "av no",
        " x1 ",
        r"\u706b",
        r"\u8f66",
        r"\ud83d\ude00",
    ]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join)
CUTS = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def run(lexicon: Lexicon, text: str, cuts: list[int]) -> tuple[str, Hit | None, list[Hit]]:
    """What left of a text that came in pieces of these lengths (over and over), the hit that ended it, the others."""
    watcher, released, place, turn = LexiconWatcher(lexicon), "", 0, 0
    while place < len(text):
        length = cuts[turn % len(cuts)]
        piece, place, turn = text[place : place + length], min(place + length, len(text)), turn + 1
        passed = watcher.push(piece)
        if isinstance(passed, Hit):
            return released, passed, watcher.hits
        released += passed
        assert text[:place].endswith(watcher.held)
        assert len(released) + len(watcher.held) == place
    passed = watcher.push("", last=True)
    if isinstance(passed, Hit):
        return released, passed, watcher.hits
    assert watcher.held == ""
    return released + passed, None, watcher.hits


def first_ending(hits: tuple[Hit, ...]) -> Hit | None:
    """Of what was found in a whole text, the hit that completes first; without the score, which has no one span."""
    ending = [
        (end, -RANK[hit.verdict], start, hit)
        for hit in hits
        if hit.verdict in ENDING and hit.rule != "score"
        for start, end in hit.spans
    ]
    if not ending:
        return None
    end, _, start, hit = min(ending, key=lambda found: found[:3])
    return Hit(hit.rule, hit.reason, ((start, end),), hit.verdict, hit.category, hit.score)


@settings(max_examples=800, deadline=None)
@given(TEXTS, CUTS)
@example("大火车票房冠", [1])
@example("x\u200bav", [1])
@example(r"\u706b\u8f66站", [1])
def test_the_verdict_is_that_of_the_whole_text_however_it_was_cut(text: str, cuts: list[int]) -> None:
    whole = LEXICON.judge(text)
    released, hit, others = run(LEXICON, text, cuts)
    at_once = LexiconWatcher(LEXICON)
    assert (hit or released) == at_once.push(text, last=True)
    assert others == at_once.hits
    expected = first_ending(whole)
    if hit is None:
        assert expected is None
        assert others == list(whole)
        assert released == cover(text, whole)
    elif hit.rule == "score":
        assert "score" in {found.rule for found in whole}
        assert expected is None or hit.spans[-1][1] <= expected.spans[0][1]
    else:
        assert hit.spans == (expected.spans if expected else None)
        assert hit.rule == (expected.rule if expected else None)


@settings(max_examples=400, deadline=None)
@given(TEXTS, CUTS)
def test_of_what_ends_a_text_nothing_has_left_and_what_lies_before_left_with_its_masks(
    text: str, cuts: list[int]
) -> None:
    whole = LEXICON.judge(text)
    released, hit, _ = run(LEXICON, text, cuts)
    if hit is not None:
        start = max(hit.spans, key=lambda span: span[1])[0]
        masks = [found for found in whole if found.rule == "m"]
        spans = tuple(span for found in masks for span in found.spans if span[1] <= start)
        covers = tuple("*" * (end - begin) for begin, end in spans)
        before = [Hit("m", "M.", spans, masks[0].verdict, covers=covers)] if masks else []
        assert cover(text[:start], before).startswith(released)


@pytest.mark.slow
def test_of_a_hundred_thousand_random_cuts_none_leaks() -> None:
    """2,000 texts, each cut in 50 ways: nothing of what ends a text has left, and the end is always the same."""
    chance = random.Random(4)
    pieces = [
        *"av火车站台大炸弹药一票房冠店主b1x ",
        "火车站台",
        "一大炸弹药店",
        "票房冠军",
        "药店主票",
        "\u200b",
        "\n\n",
        r"\u706b",
        "無關",
    ]
    cuts = ended = 0
    for _ in range(2_000):
        text = "".join(chance.choices(pieces, k=chance.randint(2, 5)))
        expected = LexiconWatcher(LEXICON).push(text, last=True)
        for _ in range(50):
            released, hit, _ = run(LEXICON, text, chance.choices((1, 1, 2, 3, 7), k=4))
            cuts += 1
            if hit is None:
                assert released == expected
            else:
                ended += 1
                assert hit == expected
                assert len(released) <= max(hit.spans, key=lambda span: span[1])[0]
    assert cuts == 100_000
    assert ended > 5_000


PINYIN = Lexicon(
    [
        WordList("p", "A.1.h", "P.", ("炸弹制作", "自制炸弹教程"), exceptions=("炸弹制作者",), variants=("pinyin",)),
        WordList("m", "A.1.h", "M.", ("教程",), action="mask"),
    ]
)
SPELT = st.lists(
    st.sampled_from(
        [*"炸弹制作乍单自教程成者 n", "zha", "dan", "zhizuo", "zizhi", "制做", "jiaocheng", "作者", "\n\n"]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(SPELT, CUTS)
@example("乍弹制作", [1])
@example("zhadan制作者", [1])
def test_pinyin_is_found_on_a_stream_as_in_the_whole_text(text: str, cuts: list[int]) -> None:
    whole = PINYIN.judge(text)
    released, hit, _ = run(PINYIN, text, cuts)
    expected = first_ending(whole)
    if hit is None:
        assert expected is None
        assert released == cover(text, whole)
    else:
        assert expected is not None
        assert hit.spans == expected.spans
        assert len(released) <= hit.spans[0][0]


def pushed(watcher: LexiconWatcher, *pieces: str) -> list[str | Hit]:
    return [watcher.push(piece) for piece in pieces]


def test_only_what_may_become_a_term_waits() -> None:
    assert pushed(LexiconWatcher(LEXICON), "去票", "务", "a", "t ") == ["去", "票务", "", "at "]


def test_a_term_waits_for_the_character_that_may_make_it_another_word() -> None:
    watcher = LexiconWatcher(LEXICON)
    assert pushed(watcher, "an av", "\u200b", "e") == ["an ", "", "av\u200be"]
    assert pushed(watcher, " av", "!") == [" ", ""]
    assert watcher.push("x") == Hit("a", "A.", ((8, 10),), category="A.1.a")


def test_a_term_inside_a_word_that_left_before_is_no_term() -> None:
    assert pushed(LexiconWatcher(LEXICON), "j", "av", "a") == ["j", "av", "a"]


def test_the_end_of_the_text_ends_the_word() -> None:
    watcher = LexiconWatcher(LEXICON)
    assert watcher.push("an av") == "an "
    assert watcher.push("", last=True) == Hit("a", "A.", ((3, 5),), category="A.1.a")


def test_what_waits_leaves_at_a_paragraph_or_after_too_many_other_characters() -> None:
    assert pushed(LexiconWatcher(LEXICON), "票", "\n", "\n") == ["", "", "票\n\n"]
    watcher = LexiconWatcher(LEXICON)
    watcher.push("票" + "." * 50)
    assert watcher.held == ""


def test_masks_are_put_on_as_the_text_leaves_and_never_parted() -> None:
    watcher = LexiconWatcher(LEXICON)
    assert pushed(watcher, "那家药", "店", "开了") == ["那家", "", "**开了"]
    assert watcher.hits == [Hit("m", "M.", ((2, 4),), watcher.hits[0].verdict, "A.1.d", 1.0, ("**",))]


def test_the_term_with_which_the_scores_reach_their_limit_does_not_leave() -> None:
    watcher = LexiconWatcher(LEXICON)
    assert pushed(watcher, "弹药在弹药在", "x1 ", "在") == ["弹药在弹药在", "x1 ", "在"]
    assert [hit.spans for hit in watcher.hits] == [((0, 2), (3, 5), (6, 8))]
    assert watcher.push("讲台上") == Hit("score", "Several signals together.", ((0, 2), (6, 8), (11, 12)), HOLD)


def test_half_an_escape_waits_for_its_other_half() -> None:
    watcher = LexiconWatcher(LEXICON)
    assert pushed(watcher, '{"k": "\\', "u4e", "0d。") == ['{"k": "', "", "\\u4e0d。"]
    assert watcher.push(r"\u706b\u8f66\u7ad9吧") == Hit("a", "A.", ((14, 32),), category="A.1.a")


def test_a_piece_that_may_leave_is_the_same_object() -> None:
    piece = "quite ordinary"
    assert LexiconWatcher(LEXICON).push(piece) is piece


def test_ordinary_text_waits_hardly_at_all() -> None:
    terms = ("how to make a pipe bomb", "炸弹制作教程", "自制炸弹教程")
    lexicon, held = Lexicon([WordList("r", "A.1.h", "R.", terms)]), 0
    watcher = LexiconWatcher(lexicon)
    text = "How to write a letter: begin with whom it is for. 自己写信的教程：先写给谁。" * 20
    for character in text:
        watcher.push(character)
        held += len(watcher.held)
    assert 0 < held / len(text) < 1


def test_hostile_pieces_take_no_more_than_their_share() -> None:
    """A term of 400 characters that repeats itself, watched character by character."""
    lexicon = Lexicon([WordList("r", "A.1.h", "R.", ("啊" * 400 + "哦", "a" * 300), exceptions=("啊" * 400 + "哦哦",))])
    watcher = LexiconWatcher(lexicon)
    for piece in ("啊", "a", "\u200b", " ", "\\", r"\u554a", "啊\n") * 300:
        watcher.push(piece)
    assert len(watcher.held) < 3 * 401 * 6
