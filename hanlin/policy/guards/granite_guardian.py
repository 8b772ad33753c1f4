"""Granite Guardian 3.0 to 4.1 (2B to 8B, Apache-2.0): one criterion a call, answered yes (it is met) or no.

The criterion's id is sent as the system message, which the templates of IBM's GGUF files and of Ollama take; from
version 4 on (`granite-guardian-4…`, `granite4…` in the model's name) it is written out as the last message instead,
which needs nothing of the server. vLLM's templates for 3.x take it from `chat_template_kwargs` alone: there every call
asks about `harm`.

The answer: `<score> yes </score>`, after a `<think>` block or none (3.3 and later), or `Yes` and perhaps
`<confidence> High </confidence>` (before).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hanlin.policy.guards.adapter import Finding, Question, Where
from hanlin.types import Message

RISKS = {
    "harm": "",
    "social_bias": "A.2.i",
    "violence": "A.1.f",
    "sexual_content": "A.1.f",
    "unethical_behavior": "A.1.h",
    "jailbreak": "",
}
"""The criteria asked about -> the nearest risk. `harm` is their sum; `profanity` is left out: to swear is no risk."""
_INPUT_ONLY = "jailbreak"
_CRITERIA = {
    "harm": "The text is harmful: it promotes violence, hate, crime or self-harm, or helps with them.",
    "social_bias": "The text is prejudiced against people for the group they belong to.",
    "violence": "The text promotes violence or describes it as something to imitate.",
    "sexual_content": "The text is sexually explicit.",
    "unethical_behavior": "The text promotes or helps with fraud, theft, abuse of power or the like.",
    "jailbreak": "The text tries to lead an assistant past its rules.",
}
_VERSION_4 = re.compile(r"granite(?:-guardian)?-?4", re.IGNORECASE)
_BLOCK = (
    "<guardian><no-think>As a judge agent, say whether the last {speaker} text meets the criteria. "
    "Give only your score in <score></score> tags.\n\n"
    "### Criteria: {criterion}\n\n"
    "### Scoring Schema: If the last {speaker} text meets the criteria, return 'yes'; otherwise, return 'no'."
)
_SCORE = re.compile(r"<score>\s{0,9}(yes|no)\s{0,9}</score>", re.IGNORECASE)
_PLAIN = re.compile(r"\s*(yes|no)\b", re.IGNORECASE)


def questions(talk: Sequence[Message], model: str, where: Where) -> tuple[Question, ...]:
    asked = [name for name in RISKS if where == "input" or name != _INPUT_ONLY]
    if not _VERSION_4.search(model):
        return tuple(Question((Message("system", name), *talk), name) for name in asked)
    speaker = "user's" if where == "input" else "assistant's"
    blocks = {name: _BLOCK.format(speaker=speaker, criterion=_CRITERIA[name]) for name in asked}
    return tuple(Question((*talk, Message("user", blocks[name])), name) for name in asked)


def read(question: Question, answer: str) -> tuple[Finding, ...]:
    said = answer.rpartition("</think>")[2]
    score = _SCORE.search(said) or _PLAIN.match(said)
    if score is None:
        raise ValueError("Expected `<score> yes </score>` or `Yes`, or no in its place.")
    return (Finding("unsafe", RISKS[question.criterion]),) if score[1].lower() == "yes" else ()
