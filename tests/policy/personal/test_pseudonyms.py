from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hanlin.policy.personal import Pseudonyms, Restorer


def restored(originals: dict[str, str], text: str, cuts: list[int]) -> str:
    watcher, out, place, turn = Restorer(originals), "", 0, 0
    while place < len(text):
        length = cuts[turn % len(cuts)]
        out += watcher.push(text[place : place + length])
        place, turn = place + length, turn + 1
    out += watcher.push("", last=True)
    assert watcher.held == ""
    return out


def test_the_same_value_gets_the_same_placeholder() -> None:
    pseudonyms = Pseudonyms(taken="我的手机是13812345678")
    assert pseudonyms.cover("mobile", "13812345678") == "[手机号1]"
    assert pseudonyms.cover("mobile", "13912345678") == "[手机号2]"
    assert pseudonyms.cover("mobile", "138 1234 5678") == "[手机号1]"
    assert pseudonyms.originals == {"[手机号1]": "13812345678", "[手机号2]": "13912345678"}


def test_placeholders_speak_the_language_of_the_text() -> None:
    assert Pseudonyms(taken="write to a@example.com").cover("email", "a@example.com") == "[email 1]"


def test_a_placeholder_that_stands_in_the_text_is_not_given_out() -> None:
    pseudonyms = Pseudonyms(taken="【手机号 1】和[手机号2]是什么？")
    assert pseudonyms.cover("mobile", "13812345678") == "[手机号3]"


def test_kinds_that_share_a_word_share_its_numbers() -> None:
    pseudonyms = Pseudonyms()
    assert pseudonyms.cover("id_card", "11010519491231002X") == "[身份证号1]"
    assert pseudonyms.cover("old_id_card", "110105491231002") == "[身份证号2]"


ORIGINALS = {"[手机号1]": "13812345678", "[手机号11]": "13912345678", "[email 1]": "a@example.com"}


def test_originals_come_back_whatever_a_model_does_to_the_brackets() -> None:
    text = "打【手机号1】或［手机号 11］，写[email1]或[ email 1 ]；[手机号7]和[1]不认识。"
    whole = "打13812345678或13912345678，写a@example.com或a@example.com；[手机号7]和[1]不认识。"
    assert restored(ORIGINALS, text, [len(text)]) == whole
    assert restored(ORIGINALS, text, [1]) == whole


@given(
    st.lists(st.sampled_from([*"[]【】 1号a，", "手机号", "[手机号1]", "email", "[email 1]", "[手机号1"]), max_size=20),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
)
def test_a_stream_is_restored_as_the_whole(pieces: list[str], cuts: list[int]) -> None:
    text = "".join(pieces)
    assert restored(ORIGINALS, text, cuts) == restored(ORIGINALS, text, [max(1, len(text))])


def test_only_what_may_be_a_placeholder_is_held() -> None:
    watcher = Restorer(ORIGINALS)
    pieces = ["打", "[", "手机", "那", "个[1", "2, 3]"]
    assert [watcher.push(piece) for piece in pieces] == ["打", "", "", "[手机那", "个[1", "2, 3]"]
