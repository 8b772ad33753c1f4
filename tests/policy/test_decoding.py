from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.policy.decoding import decodings, half_escape, unescaped

CHARACTERS = st.characters(exclude_categories=["Cs"])


@given(st.text(CHARACTERS), st.text(CHARACTERS))
def test_escapes_are_read_with_pairs_and_each_character_knows_where_it_was_written(before: str, said: str) -> None:
    units = said.encode("utf-16-be")
    written = "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
    before = before.replace("\\", "")
    read = unescaped(before + written)
    if read is None:
        assert written == ""
    else:
        assert read.text == before + said
        places = [read.written(place, place + 1) for place in range(len(read.text))]
        assert [start for start, _ in places] == sorted({start for start, _ in places})
        assert places[-1][1] == read.after(len(read.text)) == len(before + written)


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("a\\", "a"),
        ("a\\u", "a"),
        ("a\\u70", "a"),
        ("a\\u706", "a"),
        ("a\\u706b", "a\\u706b"),
        ("a\\n", "a\\n"),
        ("a\\ud83d", "a"),
        ("a\\ud83d\\ude0", "a"),
        ("a\\ud83d\\ude00", "a\\ud83d\\ude00"),
        ("a\\ud83dx", "a\\ud83dx"),
        ("", ""),
    ],
)
def test_what_may_become_an_escape_waits(text: str, ready: str) -> None:
    assert text[: half_escape(text)] == ready


@settings(max_examples=200)
@given(st.text(max_size=30), st.integers(1, 40))
def test_a_window_reads_what_is_encoded_and_what_stands_around_it(around: str, margin: int) -> None:
    run = base64.b64encode("四个汉字".encode()).decode()
    text = f"{around} {run} {around}"
    windows = list(decodings(text, margin))
    assert any("四个汉字" in window.text for window in windows)
    for window in windows:
        start, end = window.written(0, len(window.text))
        assert 0 <= start < end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        "100 % sure & so on;",
        "AT&T; R&D",
        "%zz",
        "&#xZZ;",
        "\\user",
        "internationalization",
        "=" * 50,
    ],
)
def test_what_is_not_encoded_is_left_alone(text: str) -> None:
    assert list(decodings(text, 10)) == []


@given(st.text(alphabet="\\u70d8b3&#x;lt%E7QUJD=+/ 火"))
def test_nothing_that_people_write_makes_it_fail(text: str) -> None:
    for window in decodings(text, 5):
        assert len(window.text) == len(window.starts) == len(window.ends)
        assert (window.starts < window.ends).all()
