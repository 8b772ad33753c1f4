"""Passages are cut where the text is cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hanlin.reading import Block, Document, Page
from hanlin.retrieval import Passage, Piece, chunk, pieces
from hanlin.retrieval.chunking import LONGEST_CHARACTERS, TARGET_CHARACTERS

SENTENCE = "翰林院在唐代设立，掌管起草诏书，后来也收藏典籍，供人查考。"


def test_a_heading_travels_with_what_stands_under_it() -> None:
    found = chunk(
        "doc_1",
        [
            Piece("规章", "title", 0, block=0),
            Piece("第一章 总则", "heading", 1, block=1),
            Piece("第一条\n适用", "heading", 2, block=2),
            Piece("本规章适用于全体。", block=3),
            Piece("第二章", "heading", 1, block=4),
            Piece("另有规定的除外。", block=5),
        ],
    )
    assert found == [
        Passage(
            "doc_1.0", "doc_1", "本规章适用于全体。", "规章 › 第一章 总则 › 第一条 适用", first_block=3, last_block=3
        ),
        Passage("doc_1.1", "doc_1", "另有规定的除外。", "规章 › 第二章", first_block=5, last_block=5),
    ]
    assert found[1].with_heading == "规章 › 第二章\n另有规定的除外。"


def test_a_heading_with_nothing_under_it_is_found_too() -> None:
    found = chunk("s", [Piece("封面", "heading", 1), Piece("附录", "heading", 1), Piece("表一", "heading", 2)])
    assert [(passage.heading, passage.text) for passage in found] == [("", "封面"), ("附录", "表一")]


def test_a_heading_as_long_as_a_text_is_a_text() -> None:
    found = chunk("s", [Piece(SENTENCE * 60, "heading", 1, block=1), Piece("正文。", block=2)])
    assert all(passage.heading == "" and len(passage.text) <= LONGEST_CHARACTERS for passage in found)
    assert found[-1].text.endswith("正文。")


def test_short_paragraphs_come_together_up_to_the_target() -> None:
    found = chunk("s", [Piece(SENTENCE * 3, block=number) for number in range(12)])
    assert [(passage.first_block, passage.last_block) for passage in found] == [(0, 4), (5, 9), (10, 11)]
    assert all(len(passage.text) >= TARGET_CHARACTERS for passage in found[:-1])


def test_no_passage_runs_over_two_pages() -> None:
    found = chunk("s", [Piece("甲。", page=1), Piece("乙。", page=2), Piece("丙。", page=2)])
    assert [(passage.page, passage.text) for passage in found] == [(1, "甲。"), (2, "乙。\n丙。")]


def test_a_long_paragraph_is_cut_between_sentences_and_repeats_the_last_one() -> None:
    sentences = [f"第{number}句：{SENTENCE}" for number in range(60)]
    found = chunk("s", [Piece("".join(sentences), page=3, block=7)])
    assert all(text in "".join(sentences) for text in (passage.text for passage in found))
    assert all(len(passage.text) <= LONGEST_CHARACTERS for passage in found)
    for before, after in pairwise(found):
        assert after.text.startswith(before.text[before.text.rindex("第") :])
    assert {(passage.page, passage.first_block, passage.last_block) for passage in found} == {(3, 7, 7)}


def test_a_long_table_is_cut_between_rows_and_repeats_its_first_row() -> None:
    rows = ["城市 | 人口"] + [f"城市{number} | {number * 1000} | {SENTENCE}" for number in range(40)]
    found = chunk("s", [Piece("\n".join(rows), "table")])
    assert [row for passage in found for row in passage.text.split("\n")[1:]] == rows[1:]
    assert {passage.text.split("\n")[0] for passage in found} == {rows[0]}
    assert len(found) > 2


def test_about_150_words_of_english_are_one_passage() -> None:
    found = chunk("s", [Piece("The committee met on Monday and agreed on the plan. ") for _ in range(60)])
    words = [len(passage.text.split()) for passage in found[:-1]]
    assert all(130 <= count <= 230 for count in words)


def test_speech_keeps_its_times() -> None:
    found = chunk(
        "s", [Piece("我们开始吧。", start_seconds=1.5, end_seconds=3), Piece("好。", start_seconds=3, end_seconds=4)]
    )
    assert [(passage.start_seconds, passage.end_seconds) for passage in found] == [(1.5, 4)]


def test_the_blocks_of_a_document_are_pieces() -> None:
    document = Document(
        "规章", "docx", (Page(1),), (Block("title", "规章"), Block("heading", "总则", level=2), Block("text", "甲。"))
    )
    assert [(passage.heading, passage.text, passage.first_block) for passage in chunk("s", pieces(document))] == [
        ("规章 › 总则", "甲。", 2)
    ]


@given(
    st.lists(
        st.tuples(
            st.text("甲乙丙 abc。.\n|", max_size=900),
            st.sampled_from(["text", "table", "heading", "list", "code"]),
            st.integers(0, 3),
        ),
        max_size=12,
    )
)
def test_nothing_is_lost_and_nothing_too_long(made: list[tuple[str, str, int]]) -> None:
    """Every character that is not blank stands in some passage or heading; the bound holds but for a repeated row."""
    given_pieces = [Piece(text * 3, kind, level, block=number) for number, (text, kind, level) in enumerate(made)]
    found = chunk("s", given_pieces)
    kept = "".join("".join((passage.heading + passage.text).split()) for passage in found)
    for piece in given_pieces:
        if piece.kind != "heading":
            assert set("".join(piece.text.split())) <= set(kept)
    body = sum(len("".join(piece.text.split())) for piece in given_pieces if piece.kind != "heading")
    assert sum(len("".join(passage.text.split())) for passage in found) >= body
    assert all(len(passage.text) * 0.45 <= LONGEST_CHARACTERS + 100 for passage in found)
    assert [passage.id for passage in found] == [f"s.{number}" for number in range(len(found))]
