"""Llama Guard 3 (1B, 8B) and 4 (12B), Llama licence. The server applies their chat template, which lists S1 to S14.

The answer: `safe`, or `unsafe` and on the next line the categories, `S1,S10`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hanlin.policy.guards.adapter import Finding, Question, Where
from hanlin.policy.risks import MLCOMMONS
from hanlin.types import Message

_ANSWER = re.compile(r"\s*(safe|unsafe)\b[^\S\n]*\n?[^\S\n]*((?:S\d{1,2}[, ]*)*)")


def questions(talk: Sequence[Message], model: str, where: Where) -> tuple[Question, ...]:  # noqa: ARG001
    return (Question(tuple(talk)),)


def read(question: Question, answer: str) -> tuple[Finding, ...]:  # noqa: ARG001
    said = _ANSWER.match(answer)
    if said is None:
        raise ValueError("Expected `safe`, or `unsafe` and a line of categories.")
    if said[1] == "safe":
        return ()
    named = re.findall(r"S\d+", said[2])
    risks = dict.fromkeys(next(iter(MLCOMMONS.get(name, ())), "") for name in named)
    return tuple(Finding("unsafe", risk) for risk in risks) or (Finding("unsafe"),)
