"""What the policy stopped, as the person concerned sees it: their cases, their sanctions, and how they object."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated
from urllib.parse import quote

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec.structs import replace

from hanlin.assistants.chat import Message, State
from hanlin.audit import OutcomeLeaf
from hanlin.audit.leaves import decode
from hanlin.errors import NotFound
from hanlin.policy import Policy
from hanlin.policy.file import Review
from hanlin.review import Case, Sanction
from hanlin.review.sanctions import AGAIN_DAYS
from hanlin.types import Decision, Permission, Status, Verdict
from hanlin.web.frame import Frame
from hanlin.web.passages import Piece, excerpt, pieces
from hanlin.web.reasons import find_policy, risk_name, rule_reason
from hanlin.web.refusals import oneself, serving_policy, suspension, why
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Visit, allow

OWN = allow(Permission.GENERATE)
REFUSED = frozenset({Status.REFUSED_INPUT.value, Status.REFUSED_OUTPUT.value})
LISTED = 50
HELD = {"release": "passed", "uphold": "kept"}
JUDGED = 100_000
"""Characters in which the rule's words are looked for; a case holds no more."""
SPANS = 200
ENDING = frozenset({Verdict.REPLACE.value, Verdict.HOLD.value, Verdict.REFUSE.value})


@dataclass(frozen=True, slots=True)
class Subject:
    """What an objection is about."""

    request: str
    service: str
    decision: Decision
    text: str
    """From the conversation; "" of a request by API, whose text is kept nowhere."""


@dataclass(frozen=True, slots=True)
class OwnCase:
    id: str
    kind: str
    state: str
    """A word of `review.my_outcome`: of a held text passed or kept, where an objection has release or uphold."""
    opened: str
    due: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class OwnSanction:
    step: str
    said: str
    imposed: str
    requests: Sequence[str]
    """The refused requests behind it, to object to; none once it is over."""
    ended: bool


@dataclass(frozen=True, slots=True)
class ObjectionsContext:
    """Variables of objections.html."""

    frame: Frame
    cases: Sequence[OwnCase]
    sanctions: Sequence[OwnSanction]
    older: str


@dataclass(frozen=True, slots=True)
class ObjectionContext:
    """Variables of objection.html."""

    frame: Frame
    conversation: str
    message: str
    request: str
    text: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class OwnVote:
    verdict: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class MyCaseContext:
    """Variables of my_case.html."""

    frame: Frame
    case: OwnCase
    rule: str
    reason: str
    pieces: Sequence[Piece]
    note: str
    votes: Sequence[OwnVote]
    decided: str


@get("/objections", opt=OWN)
async def objections_page(visit: Admitted, before: FromQuery[str] = "") -> Response[str]:
    actor = oneself(visit.actor)
    cases = await visit.rooms.desk.cases(actor, before=before[:40], limit=LISTED)
    sanctions = [] if before else await visit.rooms.ladder.list(actor)
    context = ObjectionsContext(
        frame=visit.frame(),
        cases=[_row(visit, case) for case in cases],
        sanctions=[_sanction(visit, sanction) for sanction in sanctions],
        older=cases[-1].id if len(cases) == LISTED else "",
    )
    return page(visit, "objections.html", context)


@get("/objections/new", opt=OWN)
async def form_page(
    visit: Admitted,
    conversation: FromQuery[str] = "",
    message: FromQuery[str] = "",
    asked: Annotated[str, QueryParameter(name="request")] = "",
) -> Response[str]:
    """Where a person says why a refusal was wrong."""
    subject = await _subject(visit, conversation, message, asked)
    context = ObjectionContext(
        frame=visit.frame(),
        conversation=conversation,
        message=message,
        request="" if message else subject.request,
        text=subject.text,
        rule=subject.decision.rule,
        reason=_reason(visit, subject.decision.policy, subject.decision.rule),
    )
    return page(visit, "objection.html", context)


@post("/objections", opt=OWN, status_code=200)
async def make_objection(visit: Admitted) -> Response[str]:
    """Ask people to judge a refusal; a second time it leads to the case that there is."""
    form = visit.form
    subject = await _subject(visit, form["conversation"], form["message"], form["request"])
    text = subject.text or form["text"].replace("\r\n", "\n").strip()
    policy = find_policy(visit.rooms.policies, subject.decision.policy)
    decision = await asyncio.to_thread(_marked, policy, subject.decision, text[:JUDGED])
    case = await visit.rooms.desk.object(
        visit.actor,
        subject.request,
        text,
        form["note"].replace("\r\n", "\n"),
        decision=decision,
        service=subject.service,
        category=policy.category_of(decision.rule) if policy else "",
        review=policy.file.review if policy else Review(),
    )
    return redirect(visit, f"/objections/{case.id}")


@get("/objections/{case:str}", opt=OWN)
async def my_case_page(visit: Admitted, case: FromPath[str]) -> Response[str]:
    found = await visit.rooms.desk.case(oneself(visit.actor), case)
    context = MyCaseContext(
        frame=visit.frame(),
        case=_row(visit, found),
        rule=found.rule,
        reason=_reason(visit, found.policy, found.rule, found.category),
        pieces=pieces(found.text, found.spans),
        note=found.note,
        votes=[OwnVote(vote.verdict, vote.reason, visit.when(vote.at)) for vote in found.votes],
        decided=visit.when(found.decided_at) if found.decided_at else "",
    )
    return page(visit, "my_case.html", context)


@post("/objections/{case:str}/withdraw", opt=OWN, status_code=200)
async def withdraw(visit: Admitted, case: FromPath[str]) -> Response[str]:
    """Take a case back before it is decided."""
    await visit.rooms.desk.withdraw(oneself(visit.actor), case)
    return redirect(visit, f"/objections/{case}")


async def _subject(visit: Visit, conversation: str, message: str, request: str) -> Subject:
    """What was refused, and that it was the visitor's. Raises NotFound where that cannot be told."""
    if message:
        _, messages = await visit.rooms.conversations.history.read(visit.actor, conversation)
        for question, answer in pairwise(messages):
            if answer.id == message and answer.role == "assistant" and answer.state is State.REFUSED:
                return await _said_in_chat(visit, question, answer)
        raise _nothing()
    leaf = await _outcome(visit, request)
    decision = _decision(leaf) if leaf is not None and leaf.status in REFUSED else None
    if leaf is None or decision is None or not await _is_own(visit, leaf):
        raise _nothing()
    return Subject(request, leaf.service, decision, "")


async def _said_in_chat(visit: Visit, question: Message, answer: Message) -> Subject:
    leaf = await _outcome(visit, answer.request_id)
    decision = _decision(leaf) if leaf else None
    if decision is None:
        policy = serving_policy(visit, answer.service)
        decision = Decision(Verdict.REFUSE, answer.rule, "", (), policy.reference if policy else "")
    text = f"{question.text}\n\n{answer.text}" if answer.text else question.text
    return Subject(answer.request_id, answer.service, decision, text)


async def _outcome(visit: Visit, request: str) -> OutcomeLeaf | None:
    """How a request ended, as the record has it; None when it does not say."""
    try:
        receipt = await visit.rooms.log.receipt(request)
    except NotFound:
        return None
    leaf = decode(receipt.outcome.leaf.encode()) if receipt.outcome else None
    return leaf if isinstance(leaf, OutcomeLeaf) else None


async def _is_own(visit: Visit, leaf: OutcomeLeaf) -> bool:
    """Whether this person made the request: by this session, a key of theirs, or as a sanction against them says."""
    actor = visit.actor
    if leaf.workspace != actor.workspace:
        return False
    if leaf.credential == actor.session:
        return True
    if Permission.MANAGE_KEYS in actor.permissions:
        keys = await visit.rooms.accounts.keys.list(actor)
        if any(key.id == leaf.credential and key.person == actor.person for key in keys):
            return True
    sanctions = await visit.rooms.ladder.list(oneself(actor))
    return any(leaf.request in sanction.requests for sanction in sanctions)


def _decision(leaf: OutcomeLeaf) -> Decision | None:
    """The decision that ended it; the record keeps no spans and no reason."""
    last = next((one for one in reversed(leaf.decisions) if one.verdict in ENDING), None)
    return None if last is None else Decision(Verdict(last.verdict), last.rule, "", (), last.policy)


def _marked(policy: Policy | None, decision: Decision, text: str) -> Decision:
    """The decision with what its rule finds in the text now, so that reviewers see it at once."""
    hits = policy.judge(text).hits if policy and text else ()
    spans = [span for hit in hits if hit.rule == decision.rule for span in hit.spans]
    return replace(decision, spans=tuple(spans[:SPANS]))


def _nothing() -> NotFound:
    return NotFound("There is no such refusal.", action="Open it from the conversation, or check the request's id.")


def _reason(visit: Visit, policy: str, rule: str, category: str = "") -> str:
    found = find_policy(visit.rooms.policies, policy)
    risk = risk_name(category or (found.category_of(rule) if found else ""), visit.language)
    return " · ".join(filter(None, (risk, rule_reason(found, rule))))


def _row(visit: Visit, case: Case) -> OwnCase:
    return OwnCase(
        id=case.id,
        kind=case.kind,
        state=case.outcome or case.state if case.kind == "objection" else HELD.get(case.outcome, case.state),
        opened=visit.when(case.opened_at),
        due=visit.when(case.due_at),
        excerpt=excerpt(case.text, case.spans),
    )


def _sanction(visit: Visit, sanction: Sanction) -> OwnSanction:
    now = time.time()
    holds = sanction.holds(now) or _recent_warning(sanction, now)
    words = visit.words
    said = why(words, sanction) if sanction.step == "warn" else suspension(visit, sanction)
    if sanction.lifted_at:
        said = f"{said} {words.review.lifted.format(when=visit.when(sanction.lifted_at))} {sanction.lift_reason}"
    return OwnSanction(
        step=sanction.step,
        said=said,
        imposed=visit.when(sanction.imposed_at),
        requests=[quote(request) for request in sanction.requests] if holds else [],
        ended=not holds,
    )


def _recent_warning(sanction: Sanction, now: float) -> bool:
    warned = sanction.step == "warn" and not sanction.lifted_at
    return warned and now < sanction.imposed_at + AGAIN_DAYS * 86_400


HANDLERS = [objections_page, form_page, make_objection, my_case_page, withdraw]
