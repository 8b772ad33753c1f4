"""How results are made: at once when it takes one call of the model, else as a job whose steps are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hanlin.assistants.documents.records import Result, ResultKind, ResultState, Summary, Tone
from hanlin.assistants.documents.shown import Shown
from hanlin.jobs import Jobs, State, Work
from hanlin.service import Answered, Calls
from hanlin.types import Actor, Message

T = TypeVar("T")
KINDS = {
    ResultKind.SUMMARY: "documents.summarise",
    ResultKind.POINTS: "documents.points",
    ResultKind.OUTLINE: "documents.outline",
    ResultKind.POLISH: "documents.polish",
    ResultKind.COMPARISON: "documents.compare",
}
PART_TOKENS = 2400
"""Of a part at most, whatever the model's window: small models overlook things in longer ones."""


class Plan(Struct, frozen=True, kw_only=True):
    """What is asked for, kept beside the result until it is made."""

    service: str
    part_tokens: int
    language: str
    wish: Summary = Summary()
    tone: Tone = "correct"


class Note(Struct, frozen=True):
    """What a model wrote about one part."""

    text: str
    request: str
    service: str
    cut: bool = False
    """It ended at the ceiling of tokens."""


class Steps(Protocol):
    """What a maker needs of a job; `AtOnce` does it without one."""

    async def actor(self) -> Actor: ...

    async def step(self, name: str, function: Callable[..., Awaitable[T]], *arguments: Any) -> T: ...

    async def report(self, done: int, total: int, note: str) -> None: ...


class AtOnce:
    """Runs steps as they come."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    async def actor(self) -> Actor:
        return self._actor

    async def step(self, name: str, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:  # noqa: ARG002
        return await function(*arguments)

    async def report(self, done: int, total: int, note: str) -> None:
        """Nobody watches."""


Maker = Callable[[Steps, Result, Plan], Awaitable[Result]]
"""Makes a result in steps; what it gives has everything but the state."""


class Making:
    """Made once per server."""

    def __init__(self, shown: Shown, jobs: Jobs, calls: Calls, makers: Mapping[ResultKind, Maker]) -> None:
        self._shown = shown
        self._jobs = jobs
        self._calls = calls
        self._makers = makers
        for kind in makers:
            jobs.define(KINDS[kind], self._body)

    def plan(
        self, actor: Actor, language: str, service: str, *, wish: Summary | None = None, tone: Tone = "correct"
    ) -> Plan:
        """A part is half the model's window at most, so that what it is told and what it writes has room."""
        window = self._calls.route(actor, service).model.context_tokens
        part = max(200, min(PART_TOKENS, window // 2))
        return Plan(service=service, part_tokens=part, language=language, wish=wish or Summary(), tone=tone)

    async def make(self, actor: Actor, result: Result, plan: Plan, *, calls: int) -> Result:
        """The finished result when it takes one call, else the running one, with its job."""
        await self._shown.add(actor, result)
        if calls <= 1:
            try:
                return await self._end(await self._makers[result.kind](AtOnce(actor), result, plan))
            except BaseException:
                await asyncio.shield(self._shown.remove(actor, result.id))
                raise
        await self._shown.note(result.id, "plan", msgspec.json.encode(plan))
        job = await self._jobs.start(actor, KINDS[result.kind], result.id)
        return await self._shown.save(replace(result, job=job.id))

    async def settled(self, result: Result) -> Result:
        """A running result whose job has ended otherwise: cancelled, or failed before it began."""
        if result.state is not ResultState.RUNNING or not result.job:
            return result
        job = await self._jobs.of(result.id)
        if job is None or job.state not in {State.CANCELLED, State.FAILED}:
            return result
        code = job.code or job.state.value
        return replace(result, state=ResultState.FAILED, code=code, problem=job.problem, action=job.action)

    async def _body(self, work: Work) -> None:
        actor = await work.actor()
        result = replace(await self._shown.get(actor, work.job.subject), job=work.job.id, state=ResultState.RUNNING)
        data = (await self._shown.noted(result.id))["plan"]
        await self._end(await self._makers[result.kind](work, result, msgspec.json.decode(data, type=Plan)))

    async def _end(self, made: Result) -> Result:
        done = await self._shown.save(replace(made, state=ResultState.DONE))
        await self._shown.forget_notes(made.id)
        return done


class Writer:
    """Asks the model for one text in a step, and keeps it under the step's name."""

    def __init__(self, shown: Shown, calls: Calls) -> None:
        self._shown = shown
        self._calls = calls

    async def write(  # noqa: PLR0917 - one step
        self, steps: Steps, result_id: str, step: str, plan: Plan, messages: list[Message], max_tokens: int
    ) -> Note:
        """What the model wrote in this step, now or before a crash."""
        await steps.step(step, self._ask, steps, result_id, step, plan.service, messages, max_tokens)
        return msgspec.json.decode((await self._shown.noted(result_id))[step], type=Note)

    async def _ask(  # noqa: PLR0917 - one step
        self, steps: Steps, result_id: str, step: str, service: str, messages: list[Message], max_tokens: int
    ) -> int:
        answered = await self._calls.chat(await steps.actor(), messages, service=service, max_tokens=max_tokens)
        await self._shown.note(result_id, step, msgspec.json.encode(_note(answered)))
        return answered.tokens


def credited(result: Result, notes: list[Note]) -> Result:
    """The result with the names of its receipts, and a word where the ceiling cut a text."""
    requests = dict.fromkeys([*result.request_ids, *(note.request for note in notes)])
    notices = dict.fromkeys([*result.notices, *(("cut",) if any(note.cut for note in notes) else ())])
    service = notes[-1].service if notes else result.service
    return replace(result, request_ids=tuple(requests), notices=tuple(notices), service=service)


def _note(answered: Answered) -> Note:
    return Note(answered.text, answered.request_id, answered.service, answered.finish_reason == "length")
