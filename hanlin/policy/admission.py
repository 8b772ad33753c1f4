"""One request's way through a policy: what was decided of it, and what of its answer may leave."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Protocol

from msgspec.structs import replace

from hanlin.errors import Refused
from hanlin.policy.answer import Answer
from hanlin.policy.file import Limits, Refusal
from hanlin.policy.judging import Hit
from hanlin.policy.ruleset import RuleSet
from hanlin.types import ChatRequest, Chunk, Decision, Delta, Verdict

OUTPUT_LIMIT = "max_output_characters"
"""The length rule's public name."""


class House(Protocol):
    """What an admission needs of its policy."""

    limits: Limits
    allowed: Decision

    def decide(self, hit: Hit) -> Decision: ...
    def answer_of(self, rule: str) -> Refusal | None: ...


class Admission:
    """What `Policy.admit` says of a request; `release` lets its answer out."""

    __slots__ = (
        "_house",
        "_originals",
        "_rules",
        "answer",
        "chat",
        "decisions",
        "language",
        "refusal",
        "withheld",
    )

    def __init__(self, house: House, rules: RuleSet, chat: ChatRequest) -> None:
        self.chat = chat
        """What the model is asked: the request with what was covered, marked or added."""
        self.decisions: list[Decision] = []
        """At least one of the input; one more of the answer when it is over."""
        self.refusal: Refused | None = None
        """What the asker is told when the request may not enter."""
        self.answer = ""
        """A set answer, in the place of the model's; its text is the operator's and leaves as it is."""
        self.withheld = ""
        """Text of an answer that waits for a person's decision."""
        self.language = "en"
        self._house = house
        self._rules = rules
        self._originals: Mapping[str, str] = {}

    def restore(self, originals: Mapping[str, str]) -> None:
        """Put these originals back where their placeholders stand in the answer."""
        self._originals = originals

    @property
    def verdict(self) -> Verdict:
        """What the last decision said."""
        return self.decisions[-1].verdict

    async def release(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk]:
        """Let the answer out as far as no rule is broken; append a decision when it is known.

        Chunks that need no change pass as the same object. On an ending hit, or at the length limit, the source is
        closed, every open choice finishes with `content_filter` or `length`, and nothing follows but a set answer.
        Closing this closes the source.
        """
        offered = self.chat.tools
        tools = frozenset([tool.function.name for tool in offered]) if offered else frozenset[str]()
        answer = Answer(
            self._rules.watch,
            self._house.limits.max_output_characters,
            choices=self.chat.n or 1,
            tools=tools,
            originals=self._originals,
        )
        try:
            async for chunk in chunks:
                taken = answer.take(chunk)
                if taken is chunk:
                    yield chunk
                    continue
                if isinstance(taken, Hit) or answer.full:
                    await _close(chunks)
                    yield self._end(answer, taken)
                    return
                if taken is not None:
                    yield taken
            rest = answer.rest()
            if isinstance(rest, Hit) or answer.full:
                yield self._end(answer, rest)
            else:
                self._note(answer)
                self.decisions.append(self._house.allowed)
                if rest is not None:
                    yield rest
        finally:
            await _close(chunks)

    def _note(self, answer: Answer) -> None:
        self.decisions += [self._house.decide(hit) for hit in answer.hits()]

    def _end(self, answer: Answer, taken: Chunk | Hit | None) -> Chunk:
        self._note(answer)
        if not isinstance(taken, Hit):
            reason = f"The answer was cut at {self._house.limits.max_output_characters} characters."
            self.decisions.append(self._house.decide(Hit(OUTPUT_LIMIT, reason, (), Verdict.ALLOW)))
            return answer.end("length", taken)
        self.decisions.append(self._house.decide(taken))
        if taken.verdict is Verdict.HOLD:
            self.withheld = answer.withheld
        ending = answer.end("content_filter")
        said = self._house.answer_of(taken.rule) if taken.verdict is Verdict.REPLACE else None
        return _said(ending, said.zh if self.language == "zh" else said.en, answer) if said else ending


def _said(ending: Chunk, text: str, answer: Answer) -> Chunk:
    """The last chunk with a set answer in it, set apart from what has left before."""
    return replace(
        ending,
        choices=[
            replace(choice, delta=Delta(content=("\n\n" if answer.began(choice.index) else "") + text))
            for choice in ending.choices
        ],
    )


async def _close(chunks: AsyncIterator[Chunk]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
