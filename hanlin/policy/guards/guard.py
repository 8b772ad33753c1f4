"""A guard model as a rule of a policy: asked about the last message of a conversation, and not waited for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hanlin.errors import HanlinError
from hanlin.policy.file import GuardRule
from hanlin.policy.guards import granite_guardian, llama_guard, qwen3guard
from hanlin.policy.guards.adapter import Adapter, Finding, Question, Where
from hanlin.policy.judging import Hit
from hanlin.types import Message, Verdict

Ask = Callable[[str, list[Message]], Awaitable[str]]
"""Name of a registered model, messages -> the text of its answer, generated at temperature 0."""
ADAPTERS: dict[str, Adapter] = {
    "qwen3guard": qwen3guard,
    "llama_guard": llama_guard,
    "granite_guardian": granite_guardian,
}
MOST_CHARACTERS = 8_000
"""Of each message: its last ones are judged. The smallest of these guards reads about 8,000 tokens at a time."""
MOST_MESSAGES = 3
"""Of the end of a conversation; guards judge the last one and read the others as context."""
_MOST_ANSWER_CHARACTERS = 20_000
_SURE = {"unsafe": 1.0, "controversial": 0.5}
NO_ANSWER = "The guard did not answer."


class Guard:
    def __init__(self, rule: GuardRule, ask: Ask) -> None:
        self.rule = rule
        self._ask = ask
        self._adapter = ADAPTERS[rule.kind]

    async def judge(self, messages: Sequence[Message], where: Where) -> tuple[Hit, ...]:
        """One hit for each risk that the guard found in the last message; on output that is the answer so far.

        Without an answer in time, or with one that cannot be read: a hit that says so, which refuses or (with
        `on_failure = "allow"`) counts for nothing and stands in the record.
        """
        talk = conversation(messages, where)
        if not talk[-1].text().strip():
            return ()
        questions = self._adapter.questions(talk, self.rule.model, where)
        try:
            async with asyncio.timeout(self.rule.timeout_seconds):
                answers = await asyncio.gather(*map(self._put, questions))
        except TimeoutError:
            return (self._failed(),)
        found = dict.fromkeys(finding for answer in answers for finding in answer or ())
        named = [finding for finding in found if finding.category] or list(found)
        failed = (self._failed(),) if None in answers else ()
        return tuple(self._hit(finding) for finding in named) + failed

    async def _put(self, question: Question) -> tuple[Finding, ...] | None:
        """None when nothing came that can be read; whatever it was, it must not reach anybody."""
        try:
            answer = await self._ask(self.rule.model, list(question.messages))
            return self._adapter.read(question, answer[-_MOST_ANSWER_CHARACTERS:])
        except (HanlinError, OSError, ValueError):
            return None

    def _hit(self, finding: Finding) -> Hit:
        action = self.rule.on_unsafe if finding.level == "unsafe" else self.rule.on_controversial
        verdict, score = Verdict(action), _SURE[finding.level]
        return Hit(self.rule.name, self.rule.reason, (), verdict, finding.category, score)

    def _failed(self) -> Hit:
        if self.rule.on_failure == "refuse":
            return Hit(self.rule.name, NO_ANSWER, (), Verdict.REFUSE)
        return Hit(self.rule.name, NO_ANSWER, (), Verdict.SCORE, score=0.0)


def conversation(messages: Sequence[Message], where: Where) -> list[Message]:
    """The end of a conversation as guards' templates take it: user and assistant in turn, user first.

    Tool results count as the user's words (the model reads them as input), the operator's system message is left out,
    and messages of one side that follow each other become one. The last is the user's, on output the assistant's.
    """
    turns: list[tuple[str, list[str]]] = []
    for message in messages:
        if message.role in {"system", "developer"}:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not turns or turns[-1][0] != role:
            turns.append((role, []))
        turns[-1][1].append(_words(message))
    last = "user" if where == "input" else "assistant"
    while turns and turns[-1][0] != last:
        turns.pop()
    kept = turns[-MOST_MESSAGES:]
    if kept and kept[0][0] == "assistant":
        kept = kept[1:] if len(kept) > 1 else [("user", [""]), *kept]
    said = kept or [("user", [""])]
    return [
        Message("assistant" if role == "assistant" else "user", "\n\n".join(texts)[-MOST_CHARACTERS:])
        for role, texts in said
    ]


def _words(message: Message) -> str:
    arguments = [call.function.arguments for call in message.tool_calls or []]
    return "\n".join(text for text in (message.reasoning_content, message.text(), *arguments) if text)
