"""Where a term is only spoken of, nothing is found; a stream and a whole text agree on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.policy.file import WordList
from hanlin.policy.judging import Hit
from hanlin.policy.lexicon import Lexicon
from hanlin.policy.stream import LexiconWatcher

REFUSING = WordList("papers", "A.1.h", "Papers.", terms=("代办假驾照", "fake passports"))
MASKING = WordList("word", "A.1.h", "A word.", terms=("驾照",), action="mask")
WORDINGS = ("举报…", "因…", "…会坐牢", "…判几年", "buying … illegal")
LEXICON = Lexicon([REFUSING], about=WORDINGS)


@pytest.mark.parametrize(
    "text",
    [
        "举报代办假驾照",
        "男子因代办假驾照被警方抓获",
        "代办假驾照会坐牢吗？",
        "代 办 假 驾 照， 会 坐 牢 吗",
        "因 \u200b代辦假駕照",
        "Is buying fake passports illegal?",
    ],
)
def test_a_term_that_is_spoken_of_is_not_found(text: str) -> None:
    assert LEXICON.judge(text) == ()
    assert Lexicon([REFUSING]).judge(text) != ()


@pytest.mark.parametrize(
    "text",
    ["代办假驾照", "代办假驾照，会开车就行", "原因很多，代办假驾照", "is buying fake passports easy", "代办假驾照会"],
)
def test_a_term_that_is_used_is_found(text: str) -> None:
    (hit,) = LEXICON.judge(text)
    assert hit.rule == "papers"


def test_what_is_masked_is_masked_all_the_same() -> None:
    (hit,) = Lexicon([MASKING], about=WORDINGS).judge("举报驾照")
    assert hit.rule == "word"


PIECES = st.sampled_from(
    [
        "代办假驾照",
        "代办假",
        "驾照",
        "会坐牢",
        "会坐",
        "判几年",
        "判",
        "举报",
        "因",
        "，",
        " ",
        "\n\n",
        "is buying ",
        "fake passports",
        " illegal",
        "x",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join), st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_a_stream_comes_to_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    watcher, released, place, turn = LexiconWatcher(LEXICON), "", 0, 0
    ended = None
    while place < len(text) and ended is None:
        piece = text[place : place + cuts[turn % len(cuts)]]
        place, turn = place + len(piece), turn + 1
        passed = watcher.push(piece)
        ended = passed if isinstance(passed, Hit) else None
        released += "" if isinstance(passed, Hit) else passed
    if ended is None:
        passed = watcher.push("", last=True)
        ended = passed if isinstance(passed, Hit) else None
        released += "" if isinstance(passed, Hit) else passed
    whole = LEXICON.judge(text)
    assert (ended is None) == (whole == ())
    if ended is None:
        assert released == text
    else:
        assert text.startswith(released)
        assert len(released) <= whole[0].spans[0][0]
