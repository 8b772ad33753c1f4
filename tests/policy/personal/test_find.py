from __future__ import annotations

import csv
import json
import random
import time
import typing
from pathlib import Path

import pytest

from hanlin.policy.file import PersonalKind
from hanlin.policy.personal import Finding, find
from hanlin.policy.personal.checks import credit_check_digit, id_check_digit, passes_luhn

ALL: tuple[PersonalKind, ...] = typing.get_args(PersonalKind)
PASSPORT: tuple[PersonalKind, ...] = ("passport",)
ID_CARD: tuple[PersonalKind, ...] = ("id_card",)
SURE = 0.6
"""The default `least_score` of a rule."""
SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "policy"


def luhn_digit(digits: str) -> str:
    return next(digit for digit in "0123456789" if passes_luhn(digits + digit))


def sure(text: str, kinds: tuple[PersonalKind, ...] = ALL) -> list[tuple[PersonalKind, str]]:
    return [(finding.kind, text[finding.start : finding.end]) for finding in find(text, kinds) if finding.score >= SURE]


ID = "11010519491231002X"
"""The sample value of GB 11643."""
PERMIT = "91110019850614502" + id_check_digit("91110019850614502")
CREDIT = "91350100M000100Y43"
"""A sample value of GB 32100."""
CARD = "622202123456789012" + luhn_digit("622202123456789012")
CARD_IN_FOURS = f"{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:16]} {CARD[16:]}"
VISA = "4111111111111111"
"""A test number of card networks."""

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQ+/=\n-----END PRIVATE KEY-----"

FOUND: list[tuple[PersonalKind, str, str]] = [
    ("id_card", "身份证11010519491231002X请核对", ID),
    ("id_card", "号码：110105 19491231 002x。", "110105 19491231 002x"),
    ("id_card", "１１０１０５１９４９１２３１００２Ｘ", "１１０１０５１９４９１２３１００２Ｘ"),
    ("old_id_card", "旧身份证号110105491231002。", "110105491231002"),
    ("residence_permit", f"永居证{PERMIT}", PERMIT),
    ("credit_code", f"统一社会信用代码{CREDIT}，", CREDIT),
    ("bank_card", f"转到{CARD}", CARD),
    ("bank_card", f"卡号 {CARD_IN_FOURS}。", CARD_IN_FOURS),
    ("bank_card", f"信用卡{VISA}", VISA),
    ("bank_card", "pay with 4111-1111-1111-1111", "4111-1111-1111-1111"),
    ("mobile", "电话13812345678请回", "13812345678"),
    ("mobile", "打138 1234 5678找我", "138 1234 5678"),
    ("mobile", "打138-1234-5678找我", "138-1234-5678"),
    ("mobile", "１３８１２３４５６７８", "１３８１２３４５６７８"),
    ("mobile", "+86 13812345678", "+86 13812345678"),
    ("mobile", "8613812345678", "8613812345678"),
    ("mobile", "手机1 3 8 1 2 3 4 5 6 7 8", "1 3 8 1 2 3 4 5 6 7 8"),
    ("mobile", "138\u200b1234\u200b5678", "138\u200b1234\u200b5678"),
    ("mobile", "一三八一二三四五六七八", "一三八一二三四五六七八"),
    ("mobile", "tel13812345678", "13812345678"),
    ("landline", "座机010-62345678", "010-62345678"),
    ("landline", "传真：(0571) 87654321", "0571) 87654321"),
    ("landline", "电话62345678", "62345678"),
    ("passport", "护照E12345678", "E12345678"),
    ("travel_permit", "港澳通行证C12345678", "C12345678"),
    ("plate", "车牌京A12345违停", "京A12345"),
    ("plate", "沪AD12345", "沪AD12345"),
    ("email", "写给zhang.san@example.com吧", "zhang.san@example.com"),
    ("email", "mail a+b@mail.example.co.uk.", "a+b@mail.example.co.uk"),
    ("email", "ｚｓ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ｚｓ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
    ("ip_address", "从8.8.4.4登录", "8.8.4.4"),
    ("ip_address", "from 2a00:1450:4001:81b:0:0:0:200e.", "2a00:1450:4001:81b:0:0:0:200e"),
    ("secret", "export KEY=sk-abcDEF0123456789abcDEF01", "sk-abcDEF0123456789abcDEF01"),
    ("secret", f"hl_abcdefg2_{'Aa1_' * 12}b", f"hl_abcdefg2_{'Aa1_' * 12}b"),
    ("secret", "密码：Tr0ub4dor&3", "Tr0ub4dor&3"),
    ("secret", "postgres://app:s3cr3tPw@db.example.com/x", "s3cr3tPw"),
    ("secret", f"{PEM}\n", PEM),
    ("account", "加微信：abc_12345聊", "abc_12345"),
    ("account", "QQ号是123456789。", "123456789"),
    ("name", "姓名：张三丰，", "张三丰"),
    ("name", "我叫欧阳明，", "欧阳明"),
    ("name", "联系人 王小二 电话", "王小二"),
    ("name", "李雷老师好", "李雷"),
    ("name", "My name is Li Lei.", "Li Lei"),
    ("name", "Dear Mr. Smith, hello", "Smith"),
    ("address", "浙江省杭州市西湖区文三路90号3幢201室", "浙江省杭州市西湖区文三路90号3幢201室"),
    ("address", "住址：海淀区中关村大街27号，", "海淀区中关村大街27号"),
    ("address", "寄到北京市朝阳区建国路88号院2号楼", "北京市朝阳区建国路88号院2号楼"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_it_is_found_where_it_stands(kind: PersonalKind, text: str, value: str) -> None:
    assert (kind, value) in sure(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-15 13:45:22",
        "20240115134522",
        "时间戳1700000000000毫秒",
        "unix 1700000000",
        "订单号202401151234567890",
        "圆周率3.14159265358979",
        "比例0.13812345678",
        "金额13812345678.50元",
        "sha e13812345678f9a0b1c2",
        "a3f113812345678b",
        "版本1.2.3.4发布",
        "v10.0.19041.1",
        "127.0.0.1和192.168.1.1",
        "12:34:56",
        "std::vector<int> a::b::c",
        "00:1A:2B:3C:4D:5E",
        "客服400-800-1234",
        "110105194912310021",
        "11010519491331002X",
        "12345678901",
        "6222 0212 3456 7890 123",
        "123456789012345678",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "ISBN 978-7-111-54742-6",
        "@someone 你好",
        "a @ b.com",
        'password = os.environ["P"]',
        "密码：请咨询前台",
        "token: your_token_here",
        "https://example.com:8080/a@b",
        "京剧A级演员",
        "微信支付很方便",
        "我叫他来吃饭",
        "高兴的女士们",
        "谢谢老师",
        "浙江省杭州市西湖区风景很美",
        "北京大学在北京",
        "我国有34个省，上海市人口多",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert sure(text) == []


def test_a_surer_finding_stands_before_one_it_overlaps() -> None:
    """A mobile number that is the name of a mailbox is part of the e-mail address."""
    assert sure("13812345678@example.com") == [("email", "13812345678@example.com")]


def test_only_the_kinds_asked_for_are_found() -> None:
    assert sure("13812345678 a@example.com", ("email",)) == [("email", "a@example.com")]


def test_a_word_before_raises_the_score_and_one_after_does_not() -> None:
    alone, before, after = (find(text, PASSPORT)[0] for text in ("E12345678", "护照E12345678", "E12345678是护照"))
    assert alone.score == after.score < SURE <= before.score
    assert before.validator == "context"


def test_a_check_digit_decides() -> None:
    assert find(ID, ID_CARD) == [Finding("id_card", 0, 18, 0.98, "gb11643")]
    assert find("110105194912310021", ID_CARD) == [Finding("id_card", 0, 18, 0.5)]


def test_check_digits_are_those_of_the_standards_samples() -> None:
    assert id_check_digit(ID[:17]) == "X"
    assert credit_check_digit(CREDIT[:17]) == "3"
    assert passes_luhn(VISA)


def test_random_numbers_are_hardly_ever_taken_for_a_card_or_an_id() -> None:
    """One in ten passes Luhn, so Luhn alone never suffices; few with a right check digit hold a date."""
    draw = random.Random(7)
    numbers = ["".join(draw.choices("0123456789", k=draw.choice((16, 17, 18, 19)))) for _ in range(20_000)]
    assert sum(map(passes_luhn, numbers)) > 1_500
    assert sum(bool(sure(number, ("bank_card", "id_card", "residence_permit"))) for number in numbers) < 60


@pytest.mark.parametrize(
    "unit",
    [
        *["1", "1 ", "1-2", "138 1234 ", "a", "a.", "a@", "@", "1.", "1:", "a:", "sk-", "eyJ", "-", "-----BEGIN ", "://"],
        *["密码:", "://a:", "微信", "北京", "北京市", "市", "号", "姓名", "我叫王", "Mr. A", "Name: Ab ", "一", "王"],
        *["京A1", "\u200b", "１", "住址", "password:", "(", "+"],
    ],
)  # fmt: skip
def test_hostile_text_takes_no_longer_than_other_text(unit: str) -> None:
    text = unit * (400_000 // len(unit))
    began = time.process_time()
    find(text, ALL)
    assert time.process_time() - began < 20


def test_ordinary_text_of_people_is_left_alone() -> None:
    """32,157 remarks from the web (1.5 million characters) hold a few dozen data, and 332 delicate questions none."""
    if not SAMPLES.exists():
        pytest.skip("the shared samples are not here")
    remarks: list[str] = []
    for name in ("cold_train.csv", "cold_dev.csv"):
        with (SAMPLES / name).open(encoding="utf-8") as lines:
            remarks += [row["TEXT"] for row in csv.DictReader(lines)]
    counts = dict.fromkeys(ALL, 0)
    for finding in find("\n".join(remarks), ALL):
        counts[finding.kind] += finding.score >= SURE
    assert 0 < sum(counts.values()) < 60, counts
    questions = (SAMPLES / "cvalues_first332.jsonl").read_text(encoding="utf-8").splitlines()
    assert [sure(str(list(json.loads(question).values()))) for question in questions] == [[]] * len(questions)
