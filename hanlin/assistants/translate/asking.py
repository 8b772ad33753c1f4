"""One segment through a model: asked, checked, asked otherwise, and never passed off for better than it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from msgspec import Struct

from hanlin.assistants.translate import checking, markup, pieces, prompts, shield, terminology
from hanlin.assistants.translate.languages import to_script
from hanlin.assistants.translate.records import Flag
from hanlin.assistants.translate.terminology import Matcher
from hanlin.errors import Refused
from hanlin.service import Calls
from hanlin.types import Actor, Skill

OTHER_SERVICES = 2
"""Most services that are asked after the first one."""
SPARE_TOKENS = 96
TOKENS_PER_BYTE = {"th": 2.5, "my": 5.0, "km": 5.0, "lo": 5.0, "hi": 3.0, "bn": 3.0, "ta": 4.0}
"""A translation's tokens by the bytes of its source, at most; 1 where nothing stands. A loop ends there."""
MOST_TOKENS = 4000


class Wanted(Struct, frozen=True):
    """What is wanted of a segment."""

    source: str
    """"" when nothing told the language."""
    target: str
    service: str
    matcher: Matcher


class Given(Struct, frozen=True):
    """What came of one segment, with what is wrong with it."""

    target: str
    flags: tuple[Flag, ...]
    service: str = ""
    request_id: str = ""

    @property
    def rank(self) -> tuple[int, int]:
        """Lower is better."""
        return sum(flag in checking.GRAVE for flag in self.flags), len(self.flags)


class Attempt(Struct, frozen=True):
    service: str
    otherwise: bool = False
    """Terms behind markers, the question in the target's language, a sentence at a time."""


async def translate(
    calls: Calls, actor: Actor, source: str, wanted: Wanted, *, first: Given | None = None, again: bool = False
) -> Given:
    """The best of some attempts: as told, otherwise, then the other services in the register's order.

    A service that was asked for by name is not left: who names one may have a reason to keep the text there. `first`
    is what the first attempt gave; `again`: a person did not like it, the first attempt is passed over. Raises what
    `calls.chat` raises, but for a refusal, which is a flag.
    """
    before, core, after = markup.peeled(source)
    best = first
    for attempt in list(_attempts(calls, actor, wanted))[1 if again or first else 0 :]:
        if best is not None and (not best.flags or Flag.REFUSED in best.flags):
            break
        given = await _attempt(calls, actor, core, wanted, attempt)
        best = given if best is None or given.rank < best.rank else best
    assert best is not None
    return best if best is first else _whole(best, core, before, after)


async def stream(calls: Calls, actor: Actor, source: str, wanted: Wanted) -> AsyncGenerator[Given]:
    """The first attempt at a short text while it is written; the last one given is checked."""
    before, core, after = markup.peeled(source)
    found = wanted.matcher.find(core)
    hidden = _inlined(core, found, wanted.target)
    told, text, service = prompts.messages(hidden.text, wanted.source, wanted.target), "", ""
    service = calls.route(actor, wanted.service).service.name
    try:
        limit = _tokens(hidden.text, wanted.target)
        async with aclosing(calls.stream(actor, told, service=service, max_tokens=limit)) as chunks:
            async for chunk in chunks:
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    if choice.finish_reason == "content_filter":
                        yield Given("", (Flag.REFUSED,), service)
                        return
                yield Given(_restored(hidden, prompts.answered(text, hidden.text), wanted.target), (), service)
    except Refused as refusal:
        yield Given("", (Flag.REFUSED,), service, refusal.request_id)
        return
    answer = terminology.repaired(found, _restored(hidden, prompts.answered(text, hidden.text), wanted.target))
    flags = tuple(checking.flags(core, answer, wanted.target, found))
    yield _whole(Given(answer, flags, service), core, before, after)


def check(source: str, target: str, wanted: Wanted) -> tuple[Flag, ...]:
    """The flags of any target, a person's too."""
    return tuple(checking.flags(source, target, wanted.target, wanted.matcher.find(source)))


def _attempts(calls: Calls, actor: Actor, wanted: Wanted) -> Iterator[Attempt]:
    first = calls.route(actor, wanted.service).service.name
    yield Attempt(first)
    yield Attempt(first, otherwise=True)
    if not wanted.service:
        others = [name for name in calls.offered(actor, Skill.CHAT) if name != first]
        yield from (Attempt(name) for name in others[:OTHER_SERVICES])


async def _attempt(calls: Calls, actor: Actor, core: str, wanted: Wanted, attempt: Attempt) -> Given:
    limit = 1 if attempt.otherwise else pieces.PIECE_CHARACTERS
    parts = [await _ask(calls, actor, part, wanted, attempt) for part in pieces.cut(core, limit)]
    target = _joined([part.target for part in parts], wanted.target)
    flags = _flags_of(parts) or tuple(checking.flags(core, target, wanted.target, wanted.matcher.find(core)))
    return Given(target, flags, parts[-1].service, parts[-1].request_id)


def _flags_of(parts: Sequence[Given]) -> tuple[Flag, ...]:
    return (Flag.REFUSED,) if any(Flag.REFUSED in part.flags for part in parts) else ()


async def _ask(calls: Calls, actor: Actor, part: str, wanted: Wanted, attempt: Attempt) -> Given:
    """One call for one piece; unchecked but for a refusal."""
    before, core, after = markup.peeled(part)
    if shield.is_all(core):
        return Given(part, ())
    found = wanted.matcher.find(core)
    hidden = shield.shielded(core, found) if attempt.otherwise else _inlined(core, found, wanted.target)
    told = prompts.messages(hidden.text, wanted.source, wanted.target, otherwise=attempt.otherwise)
    try:
        answer = await calls.chat(
            actor, told, service=attempt.service, max_tokens=_tokens(hidden.text, wanted.target), temperature=0
        )
    except Refused as refusal:
        return Given("", (Flag.REFUSED,), attempt.service, refusal.request_id)
    if answer.finish_reason == "content_filter":
        return Given("", (Flag.REFUSED,), answer.service, answer.request_id)
    text = _restored(hidden, prompts.answered(answer.text, hidden.text), wanted.target)
    repaired = terminology.repaired(found, text)
    return Given(f"{before}{repaired}{after}", (), answer.service, answer.request_id)


def _inlined(core: str, found: Sequence[terminology.Found], target: str) -> shield.Shielded:
    return shield.shielded(terminology.inlined(core, found, target))


def _restored(hidden: shield.Shielded, answer: str, target: str) -> str:
    return hidden.restored(to_script(answer, target))


def _tokens(text: str, target: str) -> int:
    return min(MOST_TOKENS, SPARE_TOKENS + int(len(text.encode()) * TOKENS_PER_BYTE.get(target, 1.0)))


def _joined(parts: Sequence[str], target: str) -> str:
    """Pieces put together; the blank between two sentences as the target's script has it."""
    text = parts[0]
    for part in parts[1:]:
        text = text.rstrip() + ("" if target.startswith(("zh", "ja")) else " ") + part.lstrip()
    return text


def _whole(given: Given, core: str, before: str, after: str) -> Given:
    """The best attempt with every marker of the source in it, whatever the model did to them."""
    target = given.target
    if target and not markup.intact(core, target):
        target = markup.replaced(core, target)
    return Given(f"{before}{target}{after}" if target else "", given.flags, given.service, given.request_id)
