"""`serve`: seven steps in a fixed order, readable from top to bottom. The order is law, so it is code."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from hanlin.accounts import Reservation, require
from hanlin.audit import Outcome
from hanlin.errors import BadRequest, EngineTimeout
from hanlin.policy import Admission, whole_text
from hanlin.service.request import Held, Request
from hanlin.service.run import Finished, Run
from hanlin.service.running import Running
from hanlin.types import (
    Actor,
    ChatRequest,
    Choice,
    Chunk,
    Delta,
    Generation,
    Label,
    Message,
    Model,
    Permission,
    Route,
    Service,
    Skill,
    Verdict,
)

OVERTIME = "overtime"
"""What a generation's task is cancelled with when it takes longer than `generation_seconds`."""
BYTES_PER_TOKEN = 3
"""To reserve before the engine has counted: low for English (about 4), right for Chinese in UTF-8."""


class Record(Protocol):
    """What the pipeline needs of the audit log. Both calls submit at once; only waiting can be cancelled."""

    def intend(self, request_id: str, actor: Actor, service: str, body: bytes) -> asyncio.Future[int]: ...
    def conclude(self, request_id: str, actor: Actor, outcome: Outcome) -> asyncio.Future[int]: ...


class Rules(Protocol):
    """What the pipeline needs of a policy."""

    async def admit(self, chat: ChatRequest, actor: Actor) -> Admission: ...
    def release(self, admission: Admission, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk]: ...


class Meter(Protocol):
    """What the pipeline needs of quotas."""

    def reserve(self, actor: Actor, tokens: int) -> Reservation: ...
    def settle(self, reservation: Reservation, tokens_used: int) -> None: ...


class Mark(Protocol):
    """What the pipeline needs of a label: what it says, and to put it on chunks."""

    label: Label

    def mark(self, chunk: Chunk) -> Chunk: ...


async def _nobody_reviews(held: Held) -> str:
    """Where there is no review, what is held stays held."""
    return held.request.id


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages, as plain callables that `app` wires."""

    record: Record
    resolve: Callable[[str, Actor], Route]
    meter: Meter
    rules: Callable[[Route, Actor], Rules]
    generate: Callable[[Generation], AsyncIterator[Chunk]]
    label: Callable[[Route, str], Mark]
    observe: Callable[[Finished], None]
    running: Running
    remember: Callable[[str, Actor, bytes], None] = lambda *_: None
    """Gets request id, actor and all that left, when that is on record: so that it is found again without its label."""
    permit: Callable[[Request], None] = lambda _: None
    """Raises NotAllowed while who asks is suspended."""
    hold: Callable[[Held], Awaitable[str]] = _nobody_reviews
    """Puts text before people; returns the number of the case, "" when they let this very text pass before."""
    generation_seconds: float = 600


async def serve(p: Pipeline, request: Request) -> AsyncGenerator[Chunk]:
    """The only way a request reaches a model. Yields checked, labelled chunks; raises a HanlinError otherwise.

    The closing entry of the record is submitted before this returns, also when the reader goes away. Callers wrap it
    in `aclosing`, so that it closes at once and not when the garbage collector comes by.
    """
    run = Run()
    actor, chat = request.actor, request.chat
    reservation: Reservation | None = None
    task: asyncio.Task[object] | None = None
    overtime: asyncio.TimerHandle | None = None
    intent = p.record.intend(request.id, actor, "", request.body)
    try:
        task = p.running.enter(actor)
        overtime = asyncio.get_running_loop().call_later(p.generation_seconds, task.cancel, OVERTIME)
        await intent
        route = run.route = p.resolve(chat.model, actor)
        require(actor, Permission.GENERATE)
        check_skill(route, request.skill)
        p.permit(request)
        max_tokens = ceiling(chat, route.model)
        reservation = p.meter.reserve(actor, len(request.body) // BYTES_PER_TOKEN + max_tokens * (chat.n or 1))
        rules = p.rules(route, actor)
        admission = await admit(p, rules, request, run)
        marker = p.label(route, request.id)
        run.label, mark = marker.label.produce_id, marker.mark
        job = Generation(request.id, route.model, prompted(admission.chat, route.service), max_tokens, request.media)
        made = p.generate(job) if request.skill is Skill.CHAT else run.set_aside(p.generate(job))
        answer = told(admission, chat.n or 1) if admission.answer else rules.release(admission, made)
        async with aclosing(answer) as released:
            async for chunk in released:
                run.saw(chunk)
                yield mark(chunk)
        if run.detail is not None and run.left_as_given():
            yield Chunk(detail=run.detail)
        run.completed(asked=not admission.answer)
        if admission.withheld:
            await p.hold(withheld(request, run, admission.withheld))
    except BaseException as failure:
        ended = in_words(failure, task, p.generation_seconds)
        run.failed(ended)
        if ended is failure:
            raise
        raise ended from None
    finally:
        if overtime is not None:
            overtime.cancel()
        if p.running.leave(task):
            run.revoked()
        # shielded: a reader who leaves now cannot keep the outcome from being counted
        await asyncio.shield(conclude(p, request, run, reservation))


def in_words(failure: BaseException, task: asyncio.Task[object] | None, seconds: float) -> BaseException:
    """What to raise: EngineTimeout in the place of our own cancellation for overtime, else the failure itself."""
    if isinstance(failure, asyncio.CancelledError) and failure.args == (OVERTIME,) and task is not None:
        task.uncancel()
        return EngineTimeout(f"The answer took longer than {seconds:g} seconds and was ended.")
    return failure


def check_skill(route: Route, skill: Skill) -> None:
    """Raise BadRequest when the model does something else than what is asked for."""
    if route.model.skill is not skill:
        raise BadRequest(
            f"The service {route.service.name!r} is for {route.model.skill.value}, not for {skill.value}.",
            action="Name a service that offers it; GET /v1/models lists them.",
            code="wrong_skill",
            param="model",
        )


def ceiling(chat: ChatRequest, model: Model) -> int:
    """The most tokens one choice may have: as asked, never above the model's own."""
    asked = chat.max_completion_tokens or chat.max_tokens or model.max_output_tokens
    return min(asked, model.max_output_tokens)


def prompted(chat: ChatRequest, service: Service) -> ChatRequest:
    """The request with the service's own prompt before it."""
    if not service.system_prompt:
        return chat
    return replace(chat, messages=[Message(role="system", content=service.system_prompt), *chat.messages])


async def admit(p: Pipeline, rules: Rules, request: Request, run: Run) -> Admission:
    """Judge the input; raises Refused with the rule's public name when it may not enter, or not yet."""
    admission = await rules.admit(request.chat, request.actor)
    run.decisions = admission.decisions
    refusal = admission.refusal
    if refusal is None:
        return admission
    if admission.verdict is Verdict.HOLD and run.route is not None:
        decision = admission.decisions[-1]
        case = await p.hold(Held(request, run.route.service.name, "input", decision, whole_text(request.chat)))
        if not case:
            released = replace(decision, verdict=Verdict.ALLOW, reason="A person let this text pass.")
            admission.decisions.append(released)
            return admission
        refusal.action = f"{refusal.action} {case}".strip()
    raise refusal


async def told(admission: Admission, choices: int) -> AsyncGenerator[Chunk]:
    """A set answer of the operator's in the place of the model's; the model is not asked."""
    yield Chunk([Choice(index, Delta("assistant", admission.answer), "stop") for index in range(choices)])


def withheld(request: Request, run: Run, text: str) -> Held:
    """What people must see to decide on an answer: what has left, and what has not."""
    assert run.route is not None
    seen = run.output.decode("utf-8", "replace") + text
    return Held(request, run.route.service.name, "output", run.decisions[-1], seen)


def conclude(p: Pipeline, request: Request, run: Run, reservation: Reservation | None) -> asyncio.Future[int]:
    """Settle the quota and submit the closing entry; the returned future resolves when it is durable."""
    usage, counted = run.tokens(len(request.body) // BYTES_PER_TOKEN)
    if reservation is not None:
        p.meter.settle(reservation, usage.total_tokens)
    seconds = time.perf_counter() - run.started_at
    to_first = None if run.first_at is None else run.first_at - run.started_at
    service, model = (run.route.service.name, run.route.model) if run.route else ("", None)
    outcome = Outcome(
        status=run.status,
        service=service,
        model=model,
        decisions=tuple(run.decisions),
        usage=usage,
        output=run.output,
        label=run.label if run.first_at is not None else "",
        milliseconds=int(seconds * 1000),
        counted=counted,
    )
    closing = p.record.conclude(request.id, request.actor, outcome)

    def observe(done: asyncio.Future[int]) -> None:
        if not done.cancelled() and done.exception() is None:
            name = model.name if model else ""
            p.remember(request.id, request.actor, outcome.output)
            p.observe(
                Finished(
                    done.result(),
                    request.id,
                    request.actor,
                    service,
                    name,
                    run.status,
                    usage,
                    seconds,
                    to_first,
                    outcome.decisions,
                    request.end_user,
                )
            )

    closing.add_done_callback(observe)
    return closing
