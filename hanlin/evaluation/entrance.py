"""The entrance examination: can this model do, here and now, what a service promises of it?

Six questions with answers a machine can judge: two languages, arithmetic, a schema, a token ceiling, a stop word. It
takes seconds on a CPU, is bound to the weights' digest and says nothing about content safety: the test that a public
filing asks for (GB/T 45654-2025) is another, longer one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from msgspec import Struct

from hanlin.errors import HanlinError
from hanlin.evaluation.skills import SUITES, sit
from hanlin.registry import Certificate, Registry
from hanlin.registry.records import Answer
from hanlin.types import (
    Actor,
    ChatRequest,
    Chunk,
    Generation,
    Message,
    Model,
    ResponseFormat,
    ResponseSchema,
    Skill,
    new_id,
)

SUITE = "entrance-1"

Generate = Callable[[Generation], AsyncIterator[Chunk]]


class Reply(Struct, frozen=True):
    """What came back: all text, why it ended, tokens counted by the engine (None when it did not say)."""

    text: str
    finish_reason: str | None
    completion_tokens: int | None


class Question(Struct, frozen=True):
    name: str
    prompt: str
    judge: Callable[[Reply], str]
    """Returns "" when the reply is right, else what is wrong with it. Never quotes the reply."""
    max_tokens: int = 48
    stop: str | None = None
    response_format: ResponseFormat | None = None


def _has(*wanted: str) -> Callable[[Reply], str]:
    def judge(reply: Reply) -> str:
        found = any(word in reply.text.lower() for word in wanted)
        return "" if found else f"expected one of {', '.join(wanted)}"

    return judge


def _speaks_chinese(reply: Reply) -> str:
    letters = [c for c in reply.text if c.isalpha()]
    han = sum("\u4e00" <= c <= "\u9fff" for c in letters)
    return "" if letters and han * 2 > len(letters) else f"expected Chinese, {han} of {len(letters)} letters are"


def _is_city_object(reply: Reply) -> str:
    try:
        value = json.loads(reply.text)
    except ValueError:
        return "expected JSON that fits the schema, could not parse it"
    fits = isinstance(value, dict) and isinstance(value.get("city"), str)
    return "" if fits else "expected an object with the string `city`"


def _keeps_ceiling(reply: Reply) -> str:
    if reply.finish_reason != "length":
        return f"expected finish_reason 'length', got {reply.finish_reason!r}"
    if reply.completion_tokens is not None and reply.completion_tokens > 8:
        return f"expected at most 8 tokens, got {reply.completion_tokens}"
    return ""


def _stopped_before_five(reply: Reply) -> str:
    if "5" in reply.text:
        return "expected the answer to end before the stop word"
    return "" if reply.finish_reason == "stop" else f"expected finish_reason 'stop', got {reply.finish_reason!r}"


CITY = ResponseFormat(
    type="json_schema",
    json_schema=ResponseSchema(
        name="city",
        schema={
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    ),
)

QUESTIONS = (
    Question("english", "What is the capital of France? Answer with one word.", _has("paris")),
    Question("chinese", "用一句话介绍北京。", _speaks_chinese),
    Question("arithmetic", "What is 12 + 30? Answer with the number only.", _has("42")),
    Question("schema", "Name the capital of Japan as JSON.", _is_city_object, response_format=CITY),
    Question("ceiling", "Tell a long story about a river.", _keeps_ceiling, max_tokens=8),
    Question("stop", "Count from 1 to 9, digits separated by spaces.", _stopped_before_five, stop="5"),
)


async def examine(registry: Registry, actor: Actor, name: str, generate: Generate) -> Certificate:
    """Put the model through the entrance examination of its skill and record the certificate, passed or not.

    Asked at temperature 0, one question after another; each may be tried twice, because an engine may just be warming.
    Raises NotFound for an unknown model, Conflict while it is being examined.
    """
    with registry.examining(name) as model:
        if model.skill is not Skill.CHAT:
            return await registry.certify(actor, name, SUITES[model.skill], await sit(model, generate))
        answers = [await _ask(model, question, generate) for question in QUESTIONS]
        return await registry.certify(actor, name, SUITE, tuple(answers))


async def _ask(model: Model, question: Question, generate: Generate) -> Answer:
    fault = ""
    for _ in range(2):
        try:
            fault = question.judge(await _reply(model, question, generate))
        except HanlinError as error:
            fault = f"{error.code}: {error.message}"
        if not fault:
            return Answer(question.name, passed=True, detail="")
    return Answer(question.name, passed=False, detail=fault)


async def _reply(model: Model, question: Question, generate: Generate) -> Reply:
    chat = ChatRequest(
        model=model.name,
        messages=[Message(role="user", content=question.prompt)],
        max_tokens=question.max_tokens,
        temperature=0,
        stop=question.stop,
        response_format=question.response_format,
    )
    text, finish_reason, tokens = [], None, None
    async with aclosing(generate(Generation(new_id("req"), model, chat, question.max_tokens))) as chunks:  # type: ignore[type-var]
        async for chunk in chunks:
            for choice in chunk.choices:
                text.append(choice.delta.content or "")
                finish_reason = choice.finish_reason or finish_reason
            tokens = chunk.usage.completion_tokens if chunk.usage else tokens
    return Reply("".join(text), finish_reason, tokens)
