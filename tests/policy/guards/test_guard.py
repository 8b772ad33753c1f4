"""Guard models: their documented forms of answers, and what happens when none of these comes."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import EngineFailed
from hanlin.policy.file import GuardRule
from hanlin.policy.guards import Guard, granite_guardian, qwen3guard
from hanlin.policy.guards.adapter import Where
from hanlin.policy.guards.guard import MOST_CHARACTERS, MOST_MESSAGES, NO_ANSWER, conversation
from hanlin.policy.judging import Hit
from hanlin.policy.risks import RISKS
from hanlin.types import ContentPart, FunctionCall, Message, ToolCall, Verdict

USER = [Message("user", "How do I …?")]
PAIR = [*USER, Message("assistant", "Like this …")]
KINDS = ("qwen3guard", "llama_guard", "granite_guardian")


class Answering:
    """Gives the same answer to every question, or the one for a criterion; keeps what it was asked."""

    def __init__(self, answer: str = "", by_criterion: dict[str, str] | None = None) -> None:
        self.asked: list[tuple[str, list[Message]]] = []
        self._answer = answer
        self._by_criterion = by_criterion or {}

    async def __call__(self, model: str, messages: list[Message]) -> str:
        self.asked.append((model, messages))
        return self._by_criterion.get(messages[0].text(), self._answer)


def rule(kind: str, **changes: Any) -> GuardRule:
    fields: dict[str, Any] = {"name": "guard", "kind": kind, "model": f"{kind}-8b", **changes}
    return GuardRule(**fields)


async def found(kind: str, answer: str, messages: list[Message] = USER, **changes: Any) -> list[tuple[str, str]]:
    where: Where = "output" if messages[-1].role == "assistant" else "input"
    hits = await Guard(rule(kind, **changes), Answering(answer)).judge(messages, where)
    return [(hit.verdict.value, hit.category) for hit in hits]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Safety: Safe\nCategories: None", []),
        ("Safety: Safe\nCategories: None\nRefusal: Yes", []),
        ("Safety: Unsafe\nCategories: Violent", [("refuse", "A.1.f")]),
        (
            "Safety: Unsafe\nCategories: Suicide & Self-Harm, PII\nRefusal: No",
            [("refuse", "A.4.a"), ("refuse", "A.4.f")],
        ),
        ("Safety: Controversial\r\nCategories: Unethical Acts\r\n", [("score", "A.2.i")]),
        ("Safety: Unsafe\nCategories: Jailbreak", [("refuse", "")]),
        ("Safety: Unsafe\nCategories: Something New", [("refuse", "")]),
        ("Safety: Unsafe", [("refuse", "")]),
    ],
)
async def test_qwen3guard_answers_are_read(answer: str, expected: list[tuple[str, str]]) -> None:
    assert await found("qwen3guard", answer, PAIR) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("safe", []),
        ("\n\nsafe\n", []),
        ("\n\nunsafe\nS1", [("refuse", "A.1.d")]),
        ("unsafe\nS10,S2", [("refuse", "A.1.e"), ("refuse", "A.1.h")]),
        ("unsafe S11", [("refuse", "A.4.a")]),
        ("unsafe\nS99", [("refuse", "")]),
        ("unsafe", [("refuse", "")]),
    ],
)
async def test_llama_guard_answers_are_read(answer: str, expected: list[tuple[str, str]]) -> None:
    assert await found("llama_guard", answer) == expected


@pytest.mark.parametrize(
    "answers",
    [
        ("<score> no </score>", "<score> yes </score>"),
        ("<think>\n</think>\n<score>no</score>", "<think>is it <score> no </score>?</think><score> Yes </score>"),
        ("No", "Yes\n<confidence> High </confidence>"),
    ],
)
async def test_granite_guardian_is_asked_for_each_criterion(answers: tuple[str, str]) -> None:
    ask = Answering(answers[0], {"violence": answers[1], "harm": answers[1]})
    hits = await Guard(rule("granite_guardian"), ask).judge(USER, "input")
    assert [(hit.verdict.value, hit.category) for hit in hits] == [("refuse", "A.1.f")]
    criteria = {messages[0].text() for _, messages in ask.asked}
    assert criteria == {"harm", "social_bias", "violence", "sexual_content", "unethical_behavior", "jailbreak"}
    assert all(messages[1:] == USER for _, messages in ask.asked)


async def test_harm_without_a_kind_is_a_hit_without_a_risk() -> None:
    ask = Answering("<score> no </score>", {"harm": "<score> yes </score>"})
    (hit,) = await Guard(rule("granite_guardian"), ask).judge(USER, "input")
    assert (hit.verdict, hit.category) == (Verdict.REFUSE, "")


async def test_version_4_of_granite_guardian_reads_the_criterion_from_the_last_message() -> None:
    ask = Answering("<score> no </score>")
    await Guard(rule("granite_guardian", model="granite-guardian-4.1-8b"), ask).judge(PAIR, "output")
    assert len(ask.asked) == 5
    for _, messages in ask.asked:
        assert messages[:-1] == PAIR
        assert messages[-1].role == "user"
        assert messages[-1].text().startswith("<guardian><no-think>")
        assert "last assistant's text" in messages[-1].text()


async def test_what_happens_is_the_rules_to_say() -> None:
    changes: dict[str, Any] = {"on_unsafe": "hold", "on_controversial": "refuse", "reason": "Not here."}
    asked = Guard(rule("qwen3guard", **changes), Answering("Safety: Controversial\nCategories: PII"))
    assert await asked.judge(USER, "input") == (Hit("guard", "Not here.", (), Verdict.REFUSE, "A.4.f", 0.5),)
    assert await found("qwen3guard", "Safety: Unsafe\nCategories: PII", **changes) == [("hold", "A.4.f")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("answer", ["", "I cannot help with that.", "Safety:", "<score>maybe</score>", "unsa", "{}"])
async def test_an_answer_in_no_known_form_refuses_and_names_no_text(kind: str, answer: str) -> None:
    hits = await Guard(rule(kind), Answering(answer)).judge(USER, "input")
    assert hits == (Hit("guard", NO_ANSWER, (), Verdict.REFUSE),)


@pytest.mark.parametrize("error", [EngineFailed("It broke."), TimeoutError(), ConnectionResetError()])
async def test_a_guard_that_breaks_refuses_or_is_noted(error: Exception) -> None:
    async def ask(model: str, messages: list[Message]) -> str:
        raise error

    assert await Guard(rule("llama_guard"), ask).judge(USER, "input") == (Hit("guard", NO_ANSWER),)
    (noted,) = await Guard(rule("llama_guard", on_failure="allow"), ask).judge(USER, "input")
    assert (noted.verdict, noted.score, noted.reason) == (Verdict.SCORE, 0.0, NO_ANSWER)


async def test_a_slow_guard_is_not_waited_for() -> None:
    cancelled = []

    async def ask(model: str, messages: list[Message]) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(model)
            raise
        return "safe"

    hits = await Guard(rule("llama_guard", timeout_seconds=0.02), ask).judge(USER, "input")
    assert hits == (Hit("guard", NO_ANSWER),)
    assert cancelled == ["llama_guard-8b"]


async def test_an_error_of_our_own_is_not_taken_for_a_silent_guard() -> None:
    async def ask(model: str, messages: list[Message]) -> str:
        raise KeyError(model)

    with pytest.raises(KeyError):
        await Guard(rule("llama_guard"), ask).judge(USER, "input")


async def test_nothing_is_asked_about_nothing() -> None:
    ask = Answering("unsafe")
    assert await Guard(rule("llama_guard"), ask).judge([Message("user", "  ")], "input") == ()
    assert await Guard(rule("llama_guard"), ask).judge([Message("system", "Be kind.")], "input") == ()
    assert ask.asked == []


async def test_a_long_message_is_cut_to_its_end() -> None:
    ask = Answering("safe")
    await Guard(rule("llama_guard"), ask).judge([Message("user", "a" * 50_000 + "END")], "input")
    (message,) = ask.asked[0][1]
    assert len(message.text()) == MOST_CHARACTERS
    assert message.text().endswith("aEND")


def test_a_conversation_is_what_templates_take() -> None:
    call = ToolCall(FunctionCall("search", '{"q": "x"}'), id="1")
    messages = [
        Message("system", "Be kind."),
        Message("user", [ContentPart("text", text="one"), ContentPart("text", text="two")]),
        Message("assistant", "Let me see.", tool_calls=[call], reasoning_content="Hm."),
        Message("tool", "a result", tool_call_id="1"),
        Message("user", "three"),
    ]
    assert conversation(messages, "input") == [
        Message("user", "one\ntwo"),
        Message("assistant", 'Hm.\nLet me see.\n{"q": "x"}'),
        Message("user", "a result\n\nthree"),
    ]


@given(
    st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=3))),
    st.sampled_from(["input", "output"]),
)
def test_turns_alternate_and_end_with_what_is_judged(messages: list[Message], where: Where) -> None:
    talk = conversation(messages, where)
    assert talk[0].role == "user"
    assert all(one.role != two.role for one, two in pairwise(talk))
    assert len(talk) <= MOST_MESSAGES
    if where == "input" or not any(message.role == "assistant" for message in messages):
        assert talk[-1].role == "user"
    else:
        assert talk[-1].role == "assistant"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", ["S1,", "unsafe\n", "<score> ", "</think>", "Safety: \n", " ", "Categories: a,", "\n"])
async def test_a_hostile_answer_is_read_in_little_time(kind: str, unit: str) -> None:
    start = time.process_time()
    await Guard(rule(kind), Answering("unsafe\n" + unit * 100_000)).judge(USER, "input")
    assert time.process_time() - start < 1


def test_every_mapped_risk_is_one_of_the_standard() -> None:
    named = {*qwen3guard.RISKS.values(), *granite_guardian.RISKS.values()} - {""}
    assert named <= RISKS.keys()
