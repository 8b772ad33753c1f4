from __future__ import annotations

import typing

from hypothesis import example, given, settings
from hypothesis import strategies as st

from hanlin.policy.file import PersonalKind, PersonalRule
from hanlin.policy.judging import Hit, cover
from hanlin.policy.personal import PersonalData

ALL: tuple[PersonalKind, ...] = typing.get_args(PersonalKind)
MASKING = PersonalData(PersonalRule("masking", ALL, least_score=0.3))
PIECES = st.sampled_from(
    [
        *"0123456789ABEXabz 　.-@:：/+_()的我叫是张王欧阳号京浙市区路，。\n１Ａ＠\u200b一三",
        *[
            "13812345678",
            "+86 ",
            "138",
            "1234",
            "5678",
            "11010519491231002X",
            "11010519491231002",
            "6222021234567890128",
        ],
        *[
            "91350100M000100Y43",
            "E12345678",
            "H12345678",
            "京A12345",
            "zhang.san@example.com",
            "@example.com",
            "8.8.8.8",
        ],
        *[
            "2001:db8:85a3:8d3:1319:8a2e:370:7348",
            "sk-abcdefghijklmnopqrstuvwx",
            "eyJ",
            "password: ",
            "hunter22!",
            "密码：",
            "://bob:",
        ],
        *[
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----END RSA PRIVATE KEY-----",
            "\nMIIEow\n",
            "微信号：",
            "QQ",
            "姓名：",
            "我叫",
            "张三丰",
        ],
        *[
            "先生",
            "Mr. ",
            "my name is ",
            "Zhang San ",
            "浙江省",
            "杭州市",
            "西湖区",
            "文三路",
            "90号",
            "3幢",
            "201室",
            "住址：",
            "010-62345678",
        ],
        *[
            "9" * 30,
            "1 3 8 1 2 3 4 5 6 7 8 ",
            "a" * 70,
            "手机",
            "Name: ",
            "一三八一二三四五六七八",
            "济南京",
            "0.",
            "400-800-1234",
            "-----",
        ],
    ]
)
TEXTS = st.lists(PIECES, max_size=24).map("".join)


def watched(rule: PersonalData, text: str, cuts: list[int]) -> str:
    """What leaves of a text that comes in pieces of these lengths, over and over."""
    watcher, released, place, turn = rule.watch(), "", 0, 0
    while place < len(text):
        length = cuts[turn % len(cuts)]
        passed = watcher.push(text[place : place + length])
        assert isinstance(passed, str)
        released, place, turn = released + passed, place + length, turn + 1
    passed = watcher.push("", last=True)
    assert isinstance(passed, str)
    assert watcher.held == ""
    whole = [span for hit in rule.judge(text) for span in hit.spans]
    assert [span for hit in watcher.hits for span in hit.spans] == whole
    return released + passed


@settings(max_examples=800)
@example("5+86 13812345678", [1])
@example("8@g.an@e.om2", [1])
@example("2001::e:0:7348.99999", [1])
@example("我叫文路", [1])
@example("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END A PRIVATE KEY-----", [6, 7])
@given(TEXTS, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_what_leaves_is_the_whole_text_covered(text: str, cuts: list[int]) -> None:
    assert watched(MASKING, text, cuts) == cover(text, MASKING.judge(text))


@settings(max_examples=300)
@given(TEXTS, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_where_a_finding_ends_the_text_nothing_of_it_has_left(text: str, cuts: list[int]) -> None:
    rule = PersonalData(PersonalRule("refusing", ALL, action="refuse"))
    watcher, released, place, turn, hit = rule.watch(), "", 0, 0, None
    while place <= len(text) and hit is None:
        length = cuts[turn % len(cuts)]
        passed = watcher.push(text[place : place + length], last=place + length > len(text))
        hit, released = (passed, released) if isinstance(passed, Hit) else (None, released + passed)
        place, turn = place + length, turn + 1
    whole = rule.judge(text)
    assert (hit is None) == (not whole)
    if hit is None:
        assert released == text
    else:
        assert text.startswith(released)
        assert hit.spans[0] == whole[0].spans[0]
        assert len(released) <= hit.spans[0][0]


def test_ordinary_words_leave_at_once() -> None:
    watcher = PersonalData(PersonalRule("personal", ("mobile", "id_card", "bank_card"))).watch()
    pieces = ["今天", "是", "星期二，", "hello", " world", "。"]
    assert [watcher.push(piece) for piece in pieces] == pieces


def test_only_a_number_waits_and_it_leaves_masked() -> None:
    watcher = PersonalData(PersonalRule("personal", ("mobile",))).watch()
    pieces = ["打138", "1234", "5678", "吧", "，2024", "年"]
    assert [watcher.push(piece) for piece in pieces] == ["打", "", "", "138****5678吧", "，", "2024年"]
    assert [hit.spans for hit in watcher.hits] == [((1, 12),)]


def test_scores_are_noted_and_change_nothing() -> None:
    watcher = PersonalData(PersonalRule("personal", ("mobile",), action="score")).watch()
    assert watcher.push("打13812345678吧") == "打13812345678吧"
    assert [hit.spans for hit in watcher.hits] == [((1, 12),)]


def test_what_is_held_stays_bounded() -> None:
    """Long runs without an end are let go; a secret whose beginning is certain waits up to 8,192 characters."""
    for unit, most in (("1", 120), ("1 ", 120), ("a", 120), ("a.", 120), ("1-", 120), ("@a.", 800), ("北京市", 160)):
        watcher, longest = MASKING.watch(), 0
        for _ in range(3000):
            watcher.push(unit)
            longest = max(longest, len(watcher.held))
        assert longest <= most, unit
