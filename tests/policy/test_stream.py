from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hanlin.policy.judging import Hit
from hanlin.policy.lexicon import Lexicon, WordRule
from hanlin.policy.stream import LexiconWatcher

LEXICON = Lexicon(
    [
        WordRule("a", "A.", ("av", "火车站", "大炸", "ab c"), ("火车站台", "一大炸弹药", "av no", "x av")),
        WordRule("b", "B.", ("车站房", "a1", "火", "ba"), ("火车票", "大火", "ba b")),
        WordRule("c", "C.", ("一大炸弹药店主", "票房冠军")),
    ]
)
PIECES = st.sampled_from(
    [
        *"abcvxno1火車站台大炸弹药一票房冠店主 \n\u200b\u0301Ａﬁ*é",
        "\n\n",
        "\u200b" * 9,
        "火车站台",
        "一大炸弹药店",
        "火车票",
        "av no",
        "ba b",
    ]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join)


def run(text: str, cuts: list[int]) -> tuple[str, Hit | None]:
    """What left of a text that came in pieces of these lengths (over and over), and the hit that stopped it."""
    watcher, released, place, turn = LexiconWatcher(LEXICON), "", 0, 0
    while place < len(text):
        length = cuts[turn % len(cuts)]
        piece, place, turn = text[place : place + length], place + length, turn + 1
        passed = watcher.push(piece)
        if isinstance(passed, Hit):
            return released, passed
        released += passed
        assert released + watcher.held == text[:place]
    passed = watcher.push("", last=True)
    return (released, passed) if isinstance(passed, Hit) else (released + passed, None)


@settings(max_examples=500, deadline=None)
@given(TEXTS, st.lists(st.integers(1, 6), min_size=1, max_size=5))
@example("大火车票房冠", [1])
@example("x\u200bav", [1])
def test_the_verdict_is_that_of_the_whole_text_and_nothing_forbidden_leaves(text: str, cuts: list[int]) -> None:
    whole = LEXICON.judge(text)
    released, hit = run(text, cuts)
    assert (hit is None) == (whole is None)
    if whole is None or hit is None:
        assert released == text
    else:
        assert text.startswith(released)
        assert len(released) <= min(whole.spans[0][0], hit.spans[0][0])


def pushed(watcher: LexiconWatcher, *pieces: str) -> list[str | Hit]:
    return [watcher.push(piece) for piece in pieces]


def test_only_what_may_become_a_term_waits() -> None:
    assert pushed(LexiconWatcher(LEXICON), "去票", "务", "a", "t ") == ["去", "票务", "", "at "]


def test_a_term_waits_for_the_character_that_may_make_it_another_word() -> None:
    watcher = LexiconWatcher(LEXICON)
    assert pushed(watcher, "an av", "\u200b", "e") == ["an ", "", "av\u200be"]
    assert pushed(watcher, " av", "!", "x") == [" ", "", Hit("a", "A.", ((8, 10),))]


def test_a_term_inside_a_word_that_left_before_is_no_term() -> None:
    assert pushed(LexiconWatcher(LEXICON), "j", "av", "a") == ["j", "av", "a"]


def test_the_end_of_the_text_ends_the_word() -> None:
    watcher = LexiconWatcher(LEXICON)
    assert watcher.push("an av") == "an "
    assert watcher.push("", last=True) == Hit("a", "A.", ((3, 5),))


def test_what_waits_leaves_at_a_paragraph_or_after_too_many_other_characters() -> None:
    assert pushed(LexiconWatcher(LEXICON), "票", "\n", "\n") == ["", "", "票\n\n"]
    watcher = LexiconWatcher(LEXICON)
    watcher.push("票" + "." * 50)
    assert watcher.held == ""


def test_a_piece_that_may_leave_is_the_same_object() -> None:
    piece = "quite ordinary"
    assert LexiconWatcher(LEXICON).push(piece) is piece


def test_ordinary_text_waits_hardly_at_all() -> None:
    lexicon = Lexicon([WordRule("r", "R.", ("how to make a pipe bomb", "炸弹制作教程", "自制炸弹教程"))])
    watcher, held = LexiconWatcher(lexicon), 0
    text = "How to write a letter: begin with whom it is for. 自己写信的教程：先写给谁。" * 20
    for character in text:
        watcher.push(character)
        held += len(watcher.held)
    assert 0 < held / len(text) < 1
