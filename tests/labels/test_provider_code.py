from __future__ import annotations

import pytest

from hanlin.errors import Misconfigured
from hanlin.labels import check_social_credit_code, provider_code

REAL = ["9144030008867405X2", "91110102MACQD9K640", "91110102MAD55U9H0F", "91110108MA01KP2T5U"]
"""Codes that stand in labels met in public."""


@pytest.mark.parametrize("code", REAL)
def test_real_codes_pass(code: str) -> None:
    check_social_credit_code(code)


@pytest.mark.parametrize("code", REAL)
def test_one_mistyped_character_is_noticed(code: str) -> None:
    for place in range(17):
        wrong = code[:place] + ("1" if code[place] == "0" else "0") + code[place + 1 :]
        with pytest.raises(Misconfigured, match="check digit"):
            check_social_credit_code(wrong)


@pytest.mark.parametrize("code", ["", "9144030008867405X", "9144030008867405X22", "9144030008867405x2", "I" * 18])
def test_other_shapes_are_refused(code: str) -> None:
    with pytest.raises(Misconfigured, match="must be 18 characters"):
        check_social_credit_code(code)


def test_the_code_is_the_one_a_real_label_carries() -> None:
    assert provider_code("9144030008867405X2", "0001") == "00119144030008867405X210001"
    assert provider_code("9144030008867405X2", "0001", "propagation") == "00119144030008867405X220001"


@pytest.mark.parametrize("model_code", ["", "1", "00a1", "00001", "00-1"])
def test_a_models_code_has_four_digits_or_capitals(model_code: str) -> None:
    with pytest.raises(Misconfigured, match="4 characters"):
        provider_code("9144030008867405X2", model_code)
