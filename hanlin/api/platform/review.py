"""What people decide: cases and objections, incidents, sanctions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.api.platform.record import find_receipt
from hanlin.api.platform.rooms import Rooms
from hanlin.audit import Receipt
from hanlin.errors import Conflict, NotFound
from hanlin.policy import Policy
from hanlin.policy.file import Review
from hanlin.policy.judging import ENDING
from hanlin.review import Case, Incident, Sanction, Statistics
from hanlin.review.cases import Kind, State, Word
from hanlin.review.incidents import Step
from hanlin.review.sanctions import Measure
from hanlin.types import Actor, Decision, Permission, Status, Verdict

GENERATE, REVIEW, ANYBODY = allow(Permission.GENERATE), allow(Permission.REVIEW), allow(None)
Id = Annotated[str, Meta(max_length=40)]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class ReviewVote(Struct, frozen=True):
    verdict: Word
    reason: str


class Objection(Struct, frozen=True):
    request_id: Id
    """Of the refused request; the refusal and the answer's headers name it."""
    text: str
    """What was refused: the record does not hold it, and people must judge it."""
    note: str = ""


class NewIncident(Struct, frozen=True):
    title: str
    service: str
    category: str = ""
    request_id: Id = ""
    note: str = ""


class NextStep(Struct, frozen=True):
    state: Step
    note: str = ""


class NewSanction(Struct, frozen=True):
    person: Id
    step: Measure
    reason: str
    hours: float = 0
    end_user: str = ""
    """Of a program that runs under the person; empty: the person, with all that goes on under them."""


class WhyLifted(Struct, frozen=True):
    reason: str


@get("/cases", opt=ANYBODY)
async def list_cases(
    rooms: House,
    actor: Caller,
    *,
    case_state: Annotated[State | None, QueryParameter(name="state")] = None,
    kind: FromQuery[Kind | None] = None,
    workspace: FromQuery[str] = "",
    before: FromQuery[str] = "",
    limit: Limit = 50,
    due_first: FromQuery[bool] = False,
    mine: FromQuery[bool] = False,
) -> list[Case]:
    """Cases that concern you, newest first or what is due soonest; without `mine` a reviewer's are the workspace's.

    `before` is the last id seen of a list that is not `due_first`.
    """
    return await rooms.desk.cases(
        actor,
        state=case_state,
        kind=kind,
        workspace=workspace[:40],
        before=before[:40],
        limit=limit,
        due_first=due_first,
        mine=mine,
    )


@get("/cases/statistics", opt=REVIEW)
async def count_cases(
    rooms: House, actor: Caller, since: Annotated[int, QueryParameter(ge=0, le=2**53)] = 0
) -> Statistics:
    """What waits now, and what was decided since a time (Unix seconds), with the rules that were overturned."""
    return await rooms.desk.statistics(actor, since)


@get("/cases/{case_id:str}", opt=ANYBODY)
async def get_case(rooms: House, actor: Caller, case_id: FromPath[str]) -> Case:
    """One case that concerns you."""
    return await rooms.desk.case(actor, case_id)


@post("/cases/{case_id:str}/votes", opt=REVIEW)
async def vote(rooms: House, actor: Caller, case_id: FromPath[str], data: JSONBody[ReviewVote]) -> Case:
    """Release or uphold, with a reason; the case is decided when as many agree as its policy asks for."""
    return await rooms.desk.decide(actor, case_id, data.verdict, data.reason)


@delete("/cases/{case_id:str}", opt=GENERATE, status_code=200)
async def withdraw_case(rooms: House, actor: Caller, case_id: FromPath[str]) -> Case:
    """Take back a case of your own before it is decided."""
    return await rooms.desk.withdraw(actor, case_id)


@post("/objections", opt=GENERATE)
async def object_to_refusal(rooms: House, actor: Caller, data: JSONBody[Objection]) -> Case:
    """Ask people to judge a refusal; 409 for a request that was not refused."""
    receipt = await find_receipt(rooms, actor, data.request_id)
    service, decision = await _refusal(rooms, actor, receipt)
    policy = _policy(rooms, decision)
    return await rooms.desk.object(
        actor,
        data.request_id,
        data.text,
        data.note,
        decision=decision,
        service=service,
        category=policy.category_of(decision.rule) if policy else "",
        review=policy.file.review if policy else Review(),
    )


@get("/incidents", opt=REVIEW)
async def list_incidents(rooms: House, actor: Caller, before: FromQuery[str] = "", limit: Limit = 50) -> list[Incident]:
    """Incidents of your workspace with every step taken, newest first."""
    return await rooms.incidents.list(actor, before=before[:40], limit=limit)


@get("/incidents/{incident_id:str}", opt=REVIEW)
async def get_incident(rooms: House, actor: Caller, incident_id: FromPath[str]) -> Incident:
    """One incident."""
    return await rooms.incidents.get(actor, incident_id)


@post("/incidents", opt=REVIEW)
async def open_incident(rooms: House, actor: Caller, data: JSONBody[NewIncident]) -> Incident:
    """Write down that illegal content was found."""
    return await rooms.incidents.open(
        actor, data.title, data.service, category=data.category, request_id=data.request_id, note=data.note
    )


@post("/incidents/{incident_id:str}/steps", opt=REVIEW)
async def advance_incident(
    rooms: House, actor: Caller, incident_id: FromPath[str], data: JSONBody[NextStep]
) -> Incident:
    """Take the next step: stopped, removed, fix_opened, verified; reported any time after stopped."""
    return await rooms.incidents.advance(actor, incident_id, data.state, data.note)


@get("/sanctions", opt=ANYBODY)
async def list_sanctions(
    rooms: House, actor: Caller, person: FromQuery[str] = "", before: FromQuery[str] = "", limit: Limit = 50
) -> list[Sanction]:
    """Your own sanctions; a reviewer's are those that hold in the workspace. Newest first."""
    return await rooms.ladder.list(actor, person=person[:40], before=before[:40], limit=limit)


@post("/sanctions", opt=REVIEW)
async def impose_sanction(rooms: House, actor: Caller, data: JSONBody[NewSanction]) -> Sanction:
    """Warn, suspend for hours, or terminate."""
    return await rooms.ladder.impose(actor, data.person, data.end_user, data.step, hours=data.hours, reason=data.reason)


@delete("/sanctions/{sanction_id:str}", opt=REVIEW, status_code=200)
async def lift_sanction(rooms: House, actor: Caller, sanction_id: FromPath[str], data: JSONBody[WhyLifted]) -> Sanction:
    """End a sanction, with the reason in the body."""
    return await rooms.ladder.lift(actor, sanction_id, data.reason)


async def _refusal(rooms: Rooms, actor: Actor, receipt: Receipt) -> tuple[str, Decision]:
    """Service and decision of the actor's own refused request. Raises NotFound for another's, else Conflict."""
    outcome = msgspec.json.decode(receipt.outcome.leaf) if receipt.outcome else {}
    own = {actor.key, actor.session}
    if Permission.MANAGE_KEYS in actor.permissions:
        own |= {key.id for key in await rooms.accounts.keys.list(actor) if key.person == actor.person}
    if outcome.get("credential", actor.key) not in own:
        raise NotFound("No such request of yours.", action="Object with a key or session of who was refused.")
    if outcome.get("status") not in (Status.REFUSED_INPUT, Status.REFUSED_OUTPUT) or not outcome["decisions"]:
        raise Conflict("This request was not refused.", action="Send the id that the refusal named.")
    last = next((one for one in reversed(outcome["decisions"]) if one["verdict"] in ENDING), outcome["decisions"][-1])
    return outcome["service"], Decision(Verdict(last["verdict"]), last["rule"], "", policy=last["policy"])


def _policy(rooms: Rooms, decision: Decision) -> Policy | None:
    try:
        return rooms.policies.get(decision.policy.partition("@")[0])
    except NotFound:  # taken away since
        return None


HANDLERS = [
    list_cases,
    count_cases,
    get_case,
    vote,
    withdraw_case,
    object_to_refusal,
    list_incidents,
    get_incident,
    open_incident,
    advance_incident,
    list_sanctions,
    impose_sanction,
    lift_sanction,
]
router = Router(path="/", tags=["review"], route_handlers=HANDLERS)
