"""May this happen? A policy judges what people send and what models answer; `Policies` holds those of one server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Literal

import msgspec

from hanlin.errors import Misconfigured, NotFound, Refused, nearest
from hanlin.policy.answer import Answer
from hanlin.policy.file import SHIPPED, PolicyFile, read
from hanlin.policy.judging import Hit, Rule, Watcher
from hanlin.policy.lexicon import Lexicon, WordRule
from hanlin.policy.stream import LexiconWatcher
from hanlin.types import ChatRequest, Chunk, Decision, Verdict

Language = Literal["zh", "en"]
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_BLANK_LINE = "\n\n"
"""Between texts judged together: no match crosses one."""
INPUT_LIMIT = "max_input_characters"
"""The length rule's public name."""


class Policy:
    """Input and output rules at one version. Holds no state of a request: one object serves all of them."""

    def __init__(self, file: PolicyFile, inputs: tuple[Rule, ...], watch: Callable[[], Watcher]) -> None:
        """Judge input by `inputs`, first hit counts; watch each channel of an answer by a fresh `watch()`."""
        self.file = file
        self.name = file.name
        self.version = file.version()
        self._inputs = inputs
        self._watch = watch
        self._reference = f"{self.name}@{self.version}"
        self._allowed = self._decide(Verdict.ALLOW, "", "No rule was broken.")

    @classmethod
    def from_file(cls, file: PolicyFile) -> Policy:
        outputs = _lexicon(file, "output")
        return cls(file, (_lexicon(file, "input"),), lambda: LexiconWatcher(outputs))

    def admit(self, chat: ChatRequest) -> Decision:
        """Judge all text of a request: messages, tool results, tool arguments, tools and response format."""
        text = _BLANK_LINE.join(_texts(chat))
        limit = self.file.limits.max_input_characters
        if len(text) > limit:
            reason = f"The input has {len(text)} characters; at most {limit} are allowed."
            return self._decide(Verdict.REFUSE, INPUT_LIMIT, reason)
        for rule in self._inputs:
            if hit := rule.judge(text):
                return self._decide(Verdict.REFUSE, hit.rule, hit.reason, hit.spans)
        return self._allowed

    async def release(
        self, chunks: AsyncIterator[Chunk], decisions: list[Decision], *, choices: int = 1
    ) -> AsyncGenerator[Chunk]:
        """Let an answer of that many choices out as far as no rule is broken; append one decision when it is known.

        Chunks that need no change pass as the same object. On a hit, or at the length limit, the source is closed,
        every open choice finishes with `content_filter` or `length`, and nothing follows. Closing this closes the
        source.
        """
        answer = Answer(self._watch, self.file.limits.max_output_characters, choices)
        try:
            async for chunk in chunks:
                taken = answer.take(chunk)
                if taken is chunk:
                    yield chunk
                    continue
                if isinstance(taken, Hit) or answer.full:
                    decisions.append(self._ending(taken))
                    await _close(chunks)
                    yield _last(answer, taken)
                    return
                if taken is not None:
                    yield taken
            rest = answer.rest()
            decisions.append(self._ending(rest) if isinstance(rest, Hit) or answer.full else self._allowed)
            if rest is not None:
                yield _last(answer, rest) if isinstance(rest, Hit) or answer.full else rest
        finally:
            await _close(chunks)

    def refusal(self, chat: ChatRequest, decision: Decision) -> Refused:
        """What the asker is told of a refused input: a limit's numbers, or the policy's sentence in their language."""
        if decision.rule == INPUT_LIMIT:
            return Refused(decision.reason, rule=decision.rule, stage="input", action="Send less text.")
        if language_of(chat) == "zh":
            return Refused(self.file.refusal.zh, rule=decision.rule, stage="input", action=f"规则：{decision.rule}。")
        return Refused(self.file.refusal.en, rule=decision.rule, stage="input", action=f"Rule: {decision.rule}.")

    def _ending(self, taken: Chunk | Hit | None) -> Decision:
        if isinstance(taken, Hit):
            return self._decide(Verdict.REFUSE, taken.rule, taken.reason, taken.spans)
        reason = f"The answer was cut at {self.file.limits.max_output_characters} characters."
        return self._decide(Verdict.ALLOW, "max_output_characters", reason)

    def _decide(self, verdict: Verdict, rule: str, reason: str, spans: tuple[tuple[int, int], ...] = ()) -> Decision:
        return Decision(verdict, rule, reason, spans, self._reference)


class Policies:
    """The policies of one server, by name."""

    def __init__(self, folder: Path | None, policies: dict[str, Policy]) -> None:
        self._folder = folder
        self._policies = policies

    @classmethod
    async def load(cls, folder: Path | None = None) -> Policies:
        """Read every `*.toml` of a folder, or the shipped policy. Raises Misconfigured when one cannot be used."""
        return cls(folder, await asyncio.to_thread(_load, folder))

    async def reload(self) -> None:
        """Read the files again and swap all at once; answers under way keep theirs. On an error nothing changes."""
        self._policies = await asyncio.to_thread(_load, self._folder)

    def get(self, name: str) -> Policy:
        """The policy of that name. Raises NotFound with the nearest names."""
        policy = self._policies.get(name)
        if policy is None:
            raise NotFound(f"No policy named {name!r}.", action=nearest(name, self._policies))
        return policy

    def all(self) -> tuple[Policy, ...]:
        """Every policy, by name."""
        return tuple(self._policies[name] for name in sorted(self._policies))


def language_of(chat: ChatRequest) -> Language:
    """The language to refuse in: `zh` when the last message that a person wrote has Chinese characters and no kana."""
    written = next((message.text() for message in reversed(chat.messages) if message.role == "user"), "")
    return "zh" if _HAN.search(written) and not _KANA.search(written) else "en"


def _load(folder: Path | None) -> dict[str, Policy]:
    paths = sorted(folder.glob("*.toml")) if folder else [SHIPPED]
    if not paths:
        raise Misconfigured(f"{folder} holds no policy file (*.toml).", action="Put one there or unset `policies`.")
    policies: dict[str, Policy] = {}
    for path in paths:
        file = read(path)
        if file.name in policies:
            raise Misconfigured(f"{path}: policy {file.name!r} is in two files.", action="Rename or remove one.")
        policies[file.name] = Policy.from_file(file)
    return policies


def _lexicon(file: PolicyFile, where: Literal["input", "output"]) -> Lexicon:
    lists = [rule for rule in file.rules if where in rule.where]
    return Lexicon([WordRule(rule.name, rule.reason, rule.terms, rule.exceptions) for rule in lists])


def _texts(chat: ChatRequest) -> list[str]:
    texts: list[str] = []
    for message in chat.messages:
        if isinstance(message.content, str):
            texts.append(message.content)
        elif message.content:
            texts += [text for part in message.content for text in (part.text, part.refusal) if isinstance(text, str)]
        texts += [text for text in (message.name, message.refusal, message.reasoning_content) if text]
        for call in message.tool_calls or ():
            texts += [call.function.name, call.function.arguments]
    texts += [msgspec.json.encode(extra).decode() for extra in (chat.tools, chat.response_format) if extra]
    return texts


def _last(answer: Answer, taken: Chunk | Hit | None) -> Chunk:
    if isinstance(taken, Hit):
        return answer.end("content_filter")
    return answer.end("length", taken)


async def _close(chunks: AsyncIterator[Chunk]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
