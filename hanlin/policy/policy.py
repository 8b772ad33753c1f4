"""May this happen? A policy judges what people send and what models answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hanlin.errors import Refused
from hanlin.policy import injection
from hanlin.policy.admission import Admission
from hanlin.policy.file import PolicyFile, Refusal
from hanlin.policy.guarding import guarded
from hanlin.policy.guards import Guard
from hanlin.policy.judging import RANK, Hit, cover, strongest
from hanlin.policy.minors import Attendance
from hanlin.policy.personal import Pseudonyms
from hanlin.policy.ruleset import RuleSet, Where
from hanlin.policy.texts import BLANK_LINE, COVERED, covered, texts
from hanlin.types import Actor, ChatRequest, Chunk, Decision, Message, Verdict

Language = Literal["zh", "en"]
Ask = Callable[[str, list[Message]], Awaitable[str]]
"""Asks a registered model by name; for guard models, whose answers are measurements and reach nobody."""

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
INPUT_LIMIT = "max_input_characters"
"""The length rule's public name."""
LONG_CHARACTERS = 20_000
"""Longer requests are judged beside the event loop, where they cannot make the others wait."""
HELD = Refusal(
    zh="这个请求需要先由人看过。复核之后，请把同样的内容再发一次。",
    en="A person has to look at this request first. After the review, send the same again.",
)


class Judgement(Struct, frozen=True):
    """What a policy makes of one text."""

    verdict: Verdict
    hits: tuple[Hit, ...]
    scores: dict[str, float]
    """Risk -> 0 to 1: of the rules that hit, and of every classifier whatever its threshold."""
    text: str
    """The text as it would go on: with what is masked or pseudonymised covered."""
    policy: str = ""
    """Name and version of the policy that judged."""


class Policy:
    """Input and output rules at one version. Holds no state of a request: one object serves all of them."""

    def __init__(
        self,
        file: PolicyFile,
        rules: Callable[[Where, bool], RuleSet],
        *,
        guards: Sequence[Guard] = (),
        attendance: Attendance | None = None,
    ) -> None:
        """Judge by `rules(where, minor)`."""
        self.file = file
        self.name = file.name
        self.version = file.version()
        self.reference = f"{self.name}@{self.version}"
        """Name and version, as decisions carry them."""
        self.limits = file.limits
        self.allowed = Decision(Verdict.ALLOW, "", "No rule was broken.", (), self.reference)
        self._rules = rules
        self._guards = tuple(guards)
        self._guards_answers = any("output" in guard.rule.where for guard in guards)
        self._attendance = attendance or Attendance()
        self._lists = {rule.name: rule for rule in file.rules}
        self._counting = {rule.name for rule in file.every_rule() if rule.counts}
        self._categories = {rule.name: rule.category for rule in file.rules}
        self._categories |= {rule.name: rule.category for rule in file.personal}

    @classmethod
    def from_file(
        cls,
        file: PolicyFile,
        *,
        ask: Ask | None = None,
        cache: Path | None = None,
        attendance: Attendance | None = None,
    ) -> Policy:
        """Compile a policy; takes seconds for very long word lists that are not in the `cache` folder yet.

        Without `ask`, guard models are not asked.
        """
        minors = any(rule.audience == "minors" for rule in file.rules)
        audiences: tuple[Literal["all", "minors"], ...] = ("all", "minors") if minors else ("all",)
        wheres: tuple[Where, ...] = ("input", "output")
        sets = {
            (where, audience): RuleSet.compile(file, where, audience, cache)
            for audience in audiences
            for where in wheres
        }
        return cls(
            file,
            lambda where, minor: sets[where, "minors" if minor and minors else "all"],
            guards=[Guard(rule, ask) for rule in file.guards] if ask else (),
            attendance=attendance,
        )

    def counts(self, rule: str) -> bool:
        """Whether a refusal by this rule counts on the ladder of sanctions."""
        return rule in self._counting

    def category_of(self, rule: str) -> str:
        """The risk that a rule stands for; "" where it is the judge's, not the rule's."""
        return self._categories.get(rule, "")

    def judge(self, text: str, where: Where = "input", *, minor: bool = False) -> Judgement:
        """What would happen to a text on its own, and why; guard models are not asked."""
        rules = self._rules(where, minor)
        hits = rules.judge(text, Pseudonyms(taken=text))
        worst = strongest(hits)
        scores = rules.scores(text)
        for hit in hits:
            if hit.category:
                scores[hit.category] = max(hit.score, scores.get(hit.category, 0.0))
        ordered = tuple(sorted(hits, key=lambda hit: -RANK[hit.verdict]))
        verdict = worst.verdict if worst else Verdict.ALLOW
        return Judgement(verdict, ordered, scores, cover(text, hits, COVERED), self.reference)

    async def admit(self, chat: ChatRequest, actor: Actor) -> Admission:
        """Judge all text of a request; the admission carries the refusal, or what the model is asked."""
        rules = self._rules("input", actor.minor)
        admission = Admission(self, self._rules("output", actor.minor), chat)
        found = texts(chat)
        text = found[0] if len(found) == 1 else BLANK_LINE.join(found)
        characters = len(text)
        if characters > self.limits.max_input_characters:
            limit = self.limits.max_input_characters
            reason = f"The input has {characters} characters; at most {limit} are allowed."
            return self._refused(admission, Hit(INPUT_LIMIT, reason))
        pseudonyms = Pseudonyms(taken=text) if self.file.personal else None
        if characters > LONG_CHARACTERS:
            hits = await asyncio.to_thread(rules.judge, text, pseudonyms)
        else:
            hits = rules.judge(text, pseudonyms)
        hits += tuple(injection.find(chat))
        if actor.minor and (late := self._attendance.check(actor.person, self.file.minors)):
            hits += (late,)
        if self._guards:
            hits += await self._consult(chat, "input")
        if not hits and not actor.minor:
            admission.chat = injection.without_control_tokens(chat)
            admission.decisions.append(self.allowed)
            return admission
        return self._weigh(admission, chat, hits, actor, pseudonyms)

    def release(self, admission: Admission, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk]:
        """Let an answer out as far as no rule is broken; see `Admission.release`."""
        released = admission.release(chunks)
        if not self._guards_answers:
            return released

        async def consult(answer: str) -> tuple[Hit, ...]:
            said = [*admission.chat.messages, Message(role="assistant", content=answer)]
            return await self._consult(replace(admission.chat, messages=said), "output")

        return guarded(admission, released, consult, self.decide)

    def decide(self, hit: Hit) -> Decision:
        """The decision that a hit comes to, at this version."""
        return Decision(hit.verdict, hit.rule, hit.reason, hit.spans, self.reference)

    def answer_of(self, rule: str) -> Refusal | None:
        """The set answer of a word list."""
        return self._lists[rule].answer if rule in self._lists else None

    def _weigh(
        self, admission: Admission, chat: ChatRequest, hits: Sequence[Hit], actor: Actor, pseudonyms: Pseudonyms | None
    ) -> Admission:
        """Do what the hits ask for, the strongest deciding."""
        worst = strongest(hits)
        verdict = worst.verdict if worst else Verdict.ALLOW
        admission.language = language_of(chat)
        admission.chat = injection.without_control_tokens(chat)
        refuses_injection = self.file.injection.action == "refuse" and any(hit.rule == injection.RULE for hit in hits)
        if refuses_injection and RANK[verdict] < RANK[Verdict.REFUSE]:
            worst = replace(next(hit for hit in hits if hit.rule == injection.RULE), verdict=Verdict.REFUSE)
            verdict = Verdict.REFUSE
        if worst is not None and verdict in (Verdict.REFUSE, Verdict.HOLD):
            return self._refused(admission, worst, hits)
        admission.decisions += [self.decide(hit) for hit in hits if hit is not worst]
        admission.decisions.append(self.decide(worst) if worst else self.allowed)
        if worst is not None and verdict is Verdict.REPLACE and (said := self.answer_of(worst.rule)):
            admission.answer = said.zh if admission.language == "zh" else said.en
        chat = injection.without_control_tokens(covered(chat, hits))
        if pseudonyms is not None and pseudonyms.originals:
            admission.restore(pseudonyms.originals)
        admission.chat = self._steered(chat, hits, minor=actor.minor)
        return admission

    def _steered(self, chat: ChatRequest, hits: Sequence[Hit], *, minor: bool) -> ChatRequest:
        """The request with the operator's instructions before it, and with data marked as data."""
        told = [self._lists[hit.rule].instruction for hit in hits if hit.rule in self._lists]
        if minor:
            told.append(self.file.minors.instruction)
        if instructions := "\n\n".join(filter(None, told)):
            chat = replace(chat, messages=[Message(role="system", content=instructions), *chat.messages])
        if any(hit.rule == injection.RULE for hit in hits) and self.file.injection.action == "mark":
            chat = injection.marked(chat)
            if self.file.injection.tools == "withdraw":
                chat = replace(chat, tools=None, tool_choice=None, parallel_tool_calls=None)
        return chat

    def _refused(self, admission: Admission, worst: Hit, hits: Sequence[Hit] = ()) -> Admission:
        """With what the asker is told: a limit's numbers, or the policy's sentence in their language and the rule."""
        admission.decisions += [self.decide(hit) for hit in hits if hit is not worst]
        decision = self.decide(worst)
        admission.decisions.append(decision)
        zh = language_of(admission.chat) == "zh"
        said = HELD if worst.verdict is Verdict.HOLD else self.file.refusal
        message, action = (said.zh, f"规则：{worst.rule}。") if zh else (said.en, f"Rule: {worst.rule}.")
        if worst.rule == INPUT_LIMIT:
            message, action = worst.reason, "Send less text."
        elif worst.rule.startswith("minors-"):
            message = worst.reason
        admission.refusal = Refused(message, rule=worst.rule, stage="input", action=action)
        if worst.verdict is Verdict.HOLD:
            admission.refusal = Refused(message, rule=worst.rule, stage="input", action=action, code="held_for_review")
        return admission

    async def _consult(self, chat: ChatRequest, where: Where) -> tuple[Hit, ...]:
        asked = [guard.judge(chat.messages, where) for guard in self._guards if where in guard.rule.where]
        return tuple([hit for hits in await asyncio.gather(*asked) for hit in hits])


def language_of(chat: ChatRequest) -> Language:
    """The language to refuse in, by the last message that a person wrote."""
    return language_of_text(next((message.text() for message in reversed(chat.messages) if message.role == "user"), ""))


def language_of_text(text: str) -> Language:
    """`zh` for a text with Chinese characters and no kana, else `en`."""
    return "zh" if _HAN.search(text) and not _KANA.search(text) else "en"
