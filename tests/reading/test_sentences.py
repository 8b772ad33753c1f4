"""Sentences of six languages; every visible character is in one of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.reading import sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天下雨。你带伞了吗？“带了！”他说。", ["今天下雨。", "你带伞了吗？", "“带了！”", "他说。"]),
        ("Dr. Smith paid 3.5 m. It was fine.", ["Dr. Smith paid 3.5 m.", "It was fine."]),
        ("See e.g. Fig. 2 for it. Why? J. Doe knows!", ["See e.g. Fig. 2 for it.", "Why?", "J. Doe knows!"]),
        ("1. Open the file. 2. Close it.", ["1. Open the file.", "2. Close it."]),
        ("It ended in 2024. Then it rained.", ["It ended in 2024.", "Then it rained."]),
        ("Harga Rp 1.500,00. Bpk. Budi datang.", ["Harga Rp 1.500,00.", "Bpk. Budi datang."]),
        ("TP. Hồ Chí Minh rất đông. Trời nóng.", ["TP. Hồ Chí Minh rất đông.", "Trời nóng."]),
        ("Encik Ali, Petronas Bhd. telah tiba. Dia duduk.", ["Encik Ali, Petronas Bhd. telah tiba.", "Dia duduk."]),
        ("one line\nanother line", ["one line", "another line"]),
        ("Wait... what? https://a.b/?c=d is it.", ["Wait...", "what?", "https://a.b/?c=d is it."]),
        ("这是3.14版本。完.下一句", ["这是3.14版本。", "完.", "下一句"]),
        (" \n ", []),
    ],
)
def test_a_text_is_split_where_its_sentences_end(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_thai_without_full_stops_is_broken_at_blanks() -> None:
    text = "ประเทศไทยมีอากาศร้อน " * 40
    found = split(text)
    assert len(found) > 3
    assert all(len(sentence) <= 200 and sentence.endswith("ร้อน") for sentence in found)


@given(st.text(alphabet="ab.。!? \n”)1Aก中", max_size=300))
def test_no_visible_character_is_lost_or_doubled(text: str) -> None:
    spans = sentences(text)
    assert all(start < end for start, end in spans)
    assert "".join("".join(text[start:end] for start, end in spans).split()) == "".join(text.split())


@pytest.mark.parametrize("unit", [".", "a.", "。", " .", "!)", "Dr. ", "\n", "1", "ก", '."'])
def test_a_million_characters_of_one_kind_are_no_trap(unit: str) -> None:
    """Quadratic work would take hours here, and the time limit of the test ends it."""
    text = unit * (1_000_000 // len(unit))
    assert sum(end - start for start, end in sentences(text)) <= len(text)
