"""What is told apart, counted, chosen and compared without a model."""

from __future__ import annotations

import pytest

from hanlin.assistants.documents import Piece
from hanlin.assistants.documents.comparing import changed
from hanlin.assistants.documents.content import Sentence
from hanlin.assistants.documents.extract import best
from hanlin.assistants.documents.language import alike, language
from hanlin.assistants.documents.rewriting import differences
from hanlin.assistants.documents.tokens import batches, estimate


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("租金是多少？", "zh"),
        ("Word是哪一年推出的？", "zh"),
        ("How much is the rent?", "en"),
        ("Berapa harga sewa yang harus dibayar untuk kantor ini?", "id"),
        ("Giá thuê của văn phòng này là bao nhiêu?", "vi"),
        ("ค่าเช่าเท่าไหร่", "th"),
        ("家賃はいくらですか", "ja"),
        ("임대료는 얼마입니까", "ko"),
        ("1868", "en"),
        ("", "en"),
    ],
)
def test_the_language_of_a_text(text: str, code: str) -> None:
    assert language(text) == code


def test_scripts_are_alike_or_not() -> None:
    assert alike("Berapa harga?", "How much?")
    assert not alike("租金是多少？", "How much?")


def test_batches_hold_every_character_and_fit() -> None:
    texts = ["a short one", "x" * 5000, "汉字" * 900, ""]
    found = list(batches(texts, 300))
    assert "".join(piece for batch in found for piece in batch) == "".join(texts)
    assert all(sum(estimate(piece) for piece in batch) <= 300 for batch in found)


def sentence(text: str, block: int) -> Sentence:
    return Sentence("doc_1", 1, block, text, text)


def test_the_best_sentences_are_what_the_document_is_about() -> None:
    texts = [
        "The harbour was rebuilt after the storm of 1953.",
        "Lunch was served at noon in a small tent outside.",
        "The storm destroyed half of the harbour and its cranes.",
        "New cranes were bought for the harbour by the city.",
        "Somebody had lost a blue umbrella near the gate there.",
    ]
    sentences = [sentence(text, number) for number, text in enumerate(texts)]
    chosen = [each.text for each in best(sentences, 45)]
    assert chosen == [texts[0], texts[2]] or chosen == [texts[0], texts[3]] or chosen == [texts[2], texts[3]]
    assert best(sentences, 20, focus="umbrella gate")[0].text == texts[4]


def test_a_sentence_is_not_chosen_for_what_was_said() -> None:
    same = "The harbour was rebuilt after the storm of 1953."
    other = "Seven fishermen moved their boats to the northern pier."
    chosen = best([sentence(same, 0), sentence(same, 1), sentence(other, 2)], 34)
    assert [each.text for each in chosen] == [same, other]


def test_chinese_differs_character_by_character() -> None:
    assert differences("他昨天来了", "他今天来了") == [
        Piece("same", "他"), Piece("removed", "昨"), Piece("added", "今"), Piece("same", "天来了"),
    ]  # fmt: skip


def test_changes_come_as_stretches_in_order() -> None:
    assert changed(["a", "b", "c"], ["a", "x", "c", "d"]) == [(1, 2, 1, 2), (3, 3, 3, 4)]
