"""Qwen3Guard-Gen (0.6B, 4B, 8B; Apache-2.0). The server applies its chat template, so a conversation is sent as it is.

The answer, as its README documents it: lines `Safety: Safe|Controversial|Unsafe`, `Categories: A, B` or `None`, and for
an assistant's message `Refusal: Yes|No`. Qwen3Guard-Stream takes token ids of Qwen's tokenizer and has no documented
form over HTTP; answers are judged by Gen, some sentences at a time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hanlin.policy.guards.adapter import Finding, Level, Question, Where
from hanlin.types import Message

RISKS = {
    "Violent": "A.1.f",
    "Non-violent Illegal Acts": "A.1.h",
    "Sexual Content or Sexual Acts": "A.1.f",
    "PII": "A.4.f",
    "Suicide & Self-Harm": "A.4.a",
    "Unethical Acts": "A.2.i",
    "Politically Sensitive Topics": "A.1.g",
    "Copyright Violation": "A.3.a",
    "Jailbreak": "",
}
"""Its categories -> the nearest risk. Its `Politically Sensitive Topics` is false information on public affairs by its
own definition, and `Unethical Acts` begins with bias and hate; a jailbreak is a way, not a risk."""
_SAFETY = re.compile(r"^Safety: ?(Safe|Controversial|Unsafe)[ \r]*$", re.MULTILINE)
_CATEGORIES = re.compile(r"^Categories: ?(.*)$", re.MULTILINE)


def questions(talk: Sequence[Message], model: str, where: Where) -> tuple[Question, ...]:  # noqa: ARG001
    return (Question(tuple(talk)),)


def read(question: Question, answer: str) -> tuple[Finding, ...]:  # noqa: ARG001
    safety = _SAFETY.search(answer)
    if safety is None:
        raise ValueError("Expected a line `Safety: Safe|Controversial|Unsafe`.")
    if safety[1] == "Safe":
        return ()
    level: Level = "controversial" if safety[1] == "Controversial" else "unsafe"
    listed = _CATEGORIES.search(answer)
    names = [name.strip() for name in listed[1].split(",")] if listed else []
    risks = dict.fromkeys(RISKS.get(name, "") for name in names)
    return tuple(Finding(level, risk) for risk in risks) or (Finding(level),)
