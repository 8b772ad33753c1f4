"""Console: what waits for a person's decision, and how the review does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast, get_args
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from hanlin.review import Case, Statistics
from hanlin.review.cases import Kind, State, Word
from hanlin.types import Actor, Permission
from hanlin.web.frame import Frame
from hanlin.web.passages import Piece, excerpt, pieces
from hanlin.web.reasons import find_policy, risk_name, rule_reason
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Visit, allow

REVIEW = allow(Permission.REVIEW)
LISTED = 100
WEEK_SECONDS = 7 * 86_400
MONTH_SECONDS = 30 * 86_400
RULES = 12
"""Rules in the bar list: those most often overturned."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    id: str
    kind: str
    rule: str
    risk: str
    service: str
    excerpt: str
    state: str
    """A word of `review.outcome`: open, closed, release or uphold."""
    due: str
    overdue: bool
    own: bool
    votes: int
    eyes: int


@dataclass(frozen=True, slots=True)
class Figure:
    """A word of `review.figure`, and how much."""

    name: str
    value: str
    alarming: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    rule: str
    decided: int
    overturned: int


@dataclass(frozen=True, slots=True)
class ReviewContext:
    """Variables of review.html."""

    frame: Frame
    cases: Sequence[CaseRow]
    figures: Sequence[Figure]
    bars: Sequence[Bar]
    kinds: Sequence[str]
    states: Sequence[str]
    kind: str
    state: str
    older: str
    """Query of the next page."""


@dataclass(frozen=True, slots=True)
class VoteRow:
    who: str
    verdict: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class CaseContext:
    """Variables of case.html."""

    frame: Frame
    case: Case
    state: str
    overdue: bool
    opened: str
    due: str
    decided: str
    risk: str
    reason: str
    pieces: Sequence[Piece]
    votes: Sequence[VoteRow]
    missing: int
    """How many more people must agree."""
    may_decide: bool
    own: bool
    incident: str
    """Query that opens an incident from this case."""


@get("/console/review", opt=REVIEW)
async def review_page(
    visit: Admitted,
    wanted: Annotated[str, QueryParameter(name="state")] = "open",
    kind: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Response[str]:
    """The queue: what is due first stands first; what is over, newest first."""
    desk, now = visit.rooms.desk, int(time.time())
    state = wanted if wanted in get_args(State) else "open"
    kind = kind if kind in get_args(Kind) else ""
    cases = await desk.cases(
        visit.actor,
        state=cast("State", state),
        kind=cast("Kind", kind) if kind else None,
        before=before[:40],
        limit=LISTED,
        due_first=state == "open",
    )
    month = await desk.statistics(visit.actor, now - MONTH_SECONDS)
    context = ReviewContext(
        frame=visit.frame(),
        cases=[_row(visit, case, now) for case in cases],
        figures=_figures(await desk.statistics(visit.actor, now - WEEK_SECONDS)),
        bars=[Bar(one.rule, one.decided, one.overturned) for one in month.rules[:RULES]],
        kinds=get_args(Kind),
        states=get_args(State),
        kind=kind,
        state=state,
        older=_older(state, kind, cases),
    )
    return page(visit, "review.html", context)


@get("/console/review/cases/{case:str}", opt=REVIEW)
async def case_page(visit: Admitted, case: FromPath[str]) -> Response[str]:
    found = await visit.rooms.desk.case(visit.actor, case)
    return page(visit, "case.html", await _case_context(visit, found))


@post("/console/review/cases/{case:str}", opt=REVIEW, status_code=200)
async def decide(visit: Admitted, case: FromPath[str]) -> Response[str]:
    """Vote on a case; then to the queue, where Tab leads to what is due next."""
    verdict = cast("Word", visit.form["verdict"])
    await visit.rooms.desk.decide(visit.actor, case, verdict, visit.form["reason"].replace("\r\n", "\n"))
    return redirect(visit, "/console/review#queue")


async def names(visit: Visit, actor: Actor | None = None) -> dict[str, str]:
    """Names of people by id, where the visitor may know them."""
    actor = actor or visit.actor
    if Permission.MANAGE_PEOPLE not in actor.permissions:
        return {}
    return {person.id: person.name for person in await visit.rooms.accounts.people.list(actor)}


def _older(state: str, kind: str, cases: Sequence[Case]) -> str:
    if state == "open" or len(cases) < LISTED:
        return ""
    return urlencode({"state": state, "kind": kind, "before": cases[-1].id})


def _row(visit: Visit, case: Case, now: int) -> CaseRow:
    return CaseRow(
        id=case.id,
        kind=case.kind,
        rule=case.rule,
        risk=risk_name(case.category, visit.language),
        service=case.service,
        excerpt=excerpt(case.text, case.spans),
        state=case.outcome or case.state,
        due=visit.when(case.due_at),
        overdue=case.state == "open" and case.due_at < now,
        own=case.person == visit.actor.person,
        votes=len(case.votes),
        eyes=case.eyes,
    )


def _figures(week: Statistics) -> list[Figure]:
    share = f"{week.released / week.decided:.0%}" if week.decided else "–"
    median = week.median_hours
    hours = "–" if median is None else f"{median:.1f}" if median >= 0.05 else "< 0.1"
    return [
        Figure("open", str(week.open)),
        Figure("overdue", str(week.overdue), week.overdue > 0),
        Figure("decided", str(week.decided)),
        Figure("released", share),
        Figure("hours", hours),
    ]


async def _case_context(visit: Visit, case: Case) -> CaseContext:
    known = await names(visit)
    policy = find_policy(visit.rooms.policies, case.policy)
    verdicts = [vote.verdict for vote in case.votes]
    own = case.person == visit.actor.person
    voted = any(vote.person == visit.actor.person for vote in case.votes)
    about = {"service": case.service, "category": case.category, "request": case.request_id}
    return CaseContext(
        frame=visit.frame(),
        case=case,
        state=case.outcome or case.state,
        overdue=case.state == "open" and case.due_at < time.time(),
        opened=visit.when(case.opened_at),
        due=visit.when(case.due_at),
        decided=visit.when(case.decided_at) if case.decided_at else "",
        risk=risk_name(case.category, visit.language),
        reason=rule_reason(policy, case.rule),
        pieces=pieces(case.text, case.spans),
        votes=[
            VoteRow(known.get(vote.person, vote.person), vote.verdict, vote.reason, visit.when(vote.at))
            for vote in case.votes
        ],
        missing=case.eyes - max((verdicts.count(verdict) for verdict in verdicts), default=0),
        may_decide=case.state == "open" and not own and not voted,
        own=own,
        incident=urlencode(about),
    )


HANDLERS = [review_page, case_page, decide]
