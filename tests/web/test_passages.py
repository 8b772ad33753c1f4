from __future__ import annotations

import pytest

from hanlin.web.passages import excerpt, pieces


@pytest.mark.parametrize(
    ("spans", "marked"),
    [
        ([], []),
        ([(0, 3)], ["abc"]),
        ([(2, 4), (1, 3)], ["bc", "d"]),
        ([(4, 2), (-3, 1), (5, 99), (7, 9)], ["a", "f"]),
        ([(1, 3), (1, 3)], ["bc"]),
    ],
)
def test_pieces_are_the_whole_text_whatever_the_spans_say(spans: list[tuple[int, int]], marked: list[str]) -> None:
    found = pieces("abcdef", spans)
    assert "".join(piece.text for piece in found) == "abcdef"
    assert [piece.text for piece in found if piece.marked] == marked


def test_an_excerpt_lies_around_the_first_span() -> None:
    text = "x" * 500 + " ivory\n\ncarvings " + "y" * 500
    short = excerpt(text, [(501, 516)])
    assert "ivory carvings" in short
    assert (short[0], short[-1], len(short) < 100) == ("…", "…", True)
    assert excerpt("Short.", []) == "Short."
    assert excerpt("", [(3, 9)]) == ""
