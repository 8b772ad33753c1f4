from __future__ import annotations

import pytest

from hanlin.policy.file import PersonalKind
from hanlin.policy.personal import mask
from hanlin.policy.personal.cover import normalised


@pytest.mark.parametrize(
    ("kind", "value", "covered"),
    [
        ("mobile", "13812345678", "138****5678"),
        ("mobile", "138 1234-5678", "138****5678"),
        ("mobile", "+86 13812345678", "138****5678"),
        ("id_card", "11010519491231002X", "1101**********002X"),
        ("bank_card", "6222 0212 3456 7890 128", "6222***********0128"),
        ("landline", "010-62345678", "*******5678"),
        ("passport", "E12345678", "E*****678"),
        ("plate", "京A12345", "京A***45"),
        ("email", "zhang.san@example.com", "z***@example.com"),
        ("email", "z@example.com", "***@example.com"),
        ("ip_address", "8.8.4.4", "8.*.*.*"),
        ("ip_address", "2a00:1450:4001:81b:0:0:0:200e", "2a00:****"),
        ("name", "张三丰", "张**"),
        ("name", "Li Lei", "L***"),
        ("address", "浙江省杭州市西湖区文三路90号", "浙江省杭州市****"),
        ("secret", "sk-abcdefghijklmnopqrstuv", "sk-a****"),
        ("secret", "hunter22", "****"),
        ("account", "abc_12345", "a*****45"),
    ],
)
def test_a_mask_keeps_what_helps_a_reader(kind: PersonalKind, value: str, covered: str) -> None:
    assert mask(kind, value) == covered


def test_a_value_written_differently_is_the_same_value() -> None:
    assert normalised("１３８ 1234-5678") == normalised("13812345678")
    assert normalised("A.B@Example.com") == "a.b@example.com"
