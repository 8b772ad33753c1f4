"""The provider code of the implicit label: 27 digits and capitals (服务提供者编码规则, TC260-PG-20252A)."""

from __future__ import annotations

import re
from typing import Literal

from hanlin.errors import Misconfigured

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100: no I, O, S, V, Z."""
_MODULUS = 31
_CODE = re.compile(f"[{_ALPHABET}]{{18}}")
_MODEL_CODE = re.compile(r"[0-9A-Z]{4}")
_PROVIDER_CODE = re.compile(f"0011([{_ALPHABET}]{{18}})[012][0-9A-Z]{{4}}")
_KINDS = {"generation": "1", "propagation": "2"}


def check_social_credit_code(code: str) -> None:
    """Check a 统一社会信用代码 (GB 32100): 18 characters, the last a check digit. Raises Misconfigured."""
    if not _CODE.fullmatch(code):
        raise Misconfigured(
            f"social_credit_code must be 18 characters of {_ALPHABET}, got {code!r}.",
            action="Copy the 统一社会信用代码 from the business licence.",
        )
    expected = _check_digit(code)
    if code[17] != expected:
        raise Misconfigured(
            f"social_credit_code {code!r} has the check digit {code[17]!r}, expected {expected!r}.",
            action="Look for a mistyped character: it must be the operator's own code.",
        )


def is_provider_code(code: str) -> bool:
    """Whether a text is a provider code of an organisation with a credit code whose check digit is right."""
    inside = _PROVIDER_CODE.fullmatch(code)
    return inside is not None and inside[1][17] == _check_digit(inside[1])


def provider_code(
    social_credit_code: str, model_code: str, kind: Literal["generation", "propagation"] = "generation"
) -> str:
    """`00`, organisation `1`, bound to a credit code `1`, the 18 of the code, service type, 4 of the model.

    Raises Misconfigured when one of the parts is not as the rule wants it.
    """
    check_social_credit_code(social_credit_code)
    if not _MODEL_CODE.fullmatch(model_code):
        raise Misconfigured(
            f"A model's code must be 4 characters 0-9A-Z, got {model_code!r}.", action="Set `code` of the model."
        )
    return f"0011{social_credit_code}{_KINDS[kind]}{model_code}"


def _check_digit(code: str) -> str:
    total = sum(_ALPHABET.index(character) * pow(3, place, _MODULUS) for place, character in enumerate(code[:17]))
    return _ALPHABET[-total % _MODULUS]
