from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hanlin.policy.judging import Hit
from hanlin.policy.texts import covered, mapped, texts, whole_text
from hanlin.types import ChatRequest, Verdict

WORD = st.text("ab 好\n", min_size=1, max_size=4)
PART = st.one_of(
    WORD.map(lambda word: {"type": "text", "text": word}), WORD.map(lambda word: {"type": "refusal", "refusal": word})
)
CALL = st.fixed_dictionaries({"function": st.fixed_dictionaries({"name": WORD, "arguments": WORD})})
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]), "content": st.one_of(WORD, st.lists(PART, max_size=3))},
    optional={
        "name": WORD,
        "refusal": WORD,
        "reasoning_content": WORD,
        "tool_calls": st.lists(CALL, max_size=2),
    },
)
REQUEST = st.lists(MESSAGE, min_size=1, max_size=4).map(lambda messages: {"model": "m", "messages": messages})


def chat(value: dict[str, Any]) -> ChatRequest:
    return msgspec.convert(value, ChatRequest)


@given(REQUEST)
def test_a_rewrite_visits_exactly_the_texts_that_are_judged(value: dict[str, Any]) -> None:
    seen: list[str] = []

    def visit(text: str) -> str:
        seen.append(text)
        return text

    request = chat(value)
    assert [mapped(message, visit) for message in request.messages] == request.messages
    assert seen == texts(request)


def test_covers_land_in_the_text_they_were_found_in_and_nowhere_else() -> None:
    request = chat(
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": "call 123"},
                {"role": "assistant", "tool_calls": [{"function": {"name": "f123", "arguments": '{"n":"123"}'}}]},
                {"role": "user", "content": [{"type": "text", "text": "123"}, {"type": "text", "text": "no"}]},
            ],
        }
    )
    whole = whole_text(request)
    spans = tuple((at, at + 3) for at in range(len(whole)) if whole.startswith("123", at))
    assert len(spans) == 4
    changed = covered(request, [Hit("n", "N.", spans, Verdict.MASK, covers=("***",) * 4)])
    assert texts(changed) == ["call ***", "f123", '{"n":"***"}', "***", "no"]
    assert covered(request, [Hit("n", "N.", spans, Verdict.SCORE)]) == request
