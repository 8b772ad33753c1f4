"""Console: illegal content that was found, and what was done about it (Interim Measures, art. 14)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast, get_args

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from hanlin.policy.risks import RISKS
from hanlin.review import Incident
from hanlin.review.incidents import STAGES, Step
from hanlin.web.frame import Frame
from hanlin.web.pages.review import REVIEW, names
from hanlin.web.reasons import risk_name
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Visit

LISTED = 50


@dataclass(frozen=True, slots=True)
class IncidentRow:
    id: str
    title: str
    service: str
    risk: str
    state: str
    """A word of `review.step`."""
    reported: bool
    opened: str
    late: bool


@dataclass(frozen=True, slots=True)
class IncidentsContext:
    """Variables of incidents.html."""

    frame: Frame
    incidents: Sequence[IncidentRow]
    risks: Sequence[tuple[str, str]]
    services: Sequence[str]
    service: str
    category: str
    request: str
    older: str


@dataclass(frozen=True, slots=True)
class StepRow:
    name: str
    """A word of `review.step`."""
    at: str
    """When it was taken; "" while it was not."""
    who: str
    note: str
    due: str
    """By when it must be taken, for the two that have a deadline and were not."""
    late: bool


@dataclass(frozen=True, slots=True)
class IncidentContext:
    """Variables of incident.html."""

    frame: Frame
    incident: Incident
    risk: str
    opened: str
    steps: Sequence[StepRow]
    next: Sequence[str]
    """Steps that may be taken now, the one that comes next first."""


@get("/console/review/incidents", opt=REVIEW)
async def incidents_page(
    visit: Admitted,
    before: FromQuery[str] = "",
    service: FromQuery[str] = "",
    category: FromQuery[str] = "",
    asked: Annotated[str, QueryParameter(name="request")] = "",
) -> Response[str]:
    """The list; with what an incident is about, as a case hands it over, its form is filled in."""
    found = await visit.rooms.incidents.list(visit.actor, before=before[:40], limit=LISTED)
    context = IncidentsContext(
        frame=visit.frame(),
        incidents=[_row(visit, incident) for incident in found],
        risks=[(name, risk_name(name, visit.language)) for name in RISKS],
        services=[record.service.name for record in visit.rooms.registry.services(visit.actor)],
        service=service[:200],
        category=category[:20],
        request=asked[:40],
        older=found[-1].id if len(found) == LISTED else "",
    )
    return page(visit, "incidents.html", context)


@post("/console/review/incidents", opt=REVIEW, status_code=200)
async def open_incident(visit: Admitted) -> Response[str]:
    form = visit.form
    incident = await visit.rooms.incidents.open(
        visit.actor,
        form["title"],
        form["service"],
        category=form["category"],
        request_id=form["request"],
        note=form["note"].replace("\r\n", "\n"),
    )
    return redirect(visit, f"/console/review/incidents/{incident.id}")


@get("/console/review/incidents/{incident:str}", opt=REVIEW)
async def incident_page(visit: Admitted, incident: FromPath[str]) -> Response[str]:
    found = await visit.rooms.incidents.get(visit.actor, incident)
    context = IncidentContext(
        frame=visit.frame(),
        incident=found,
        risk=risk_name(found.category, visit.language),
        opened=visit.when(found.opened_at),
        steps=_steps(visit, found, await names(visit)),
        next=_next(found),
    )
    return page(visit, "incident.html", context)


@post("/console/review/incidents/{incident:str}", opt=REVIEW, status_code=200)
async def take_step(visit: Admitted, incident: FromPath[str]) -> Response[str]:
    step, note = cast("Step", visit.form["step"]), visit.form["note"].replace("\r\n", "\n")
    await visit.rooms.incidents.advance(visit.actor, incident, step, note)
    return redirect(visit, f"/console/review/incidents/{incident}")


def _row(visit: Visit, incident: Incident) -> IncidentRow:
    return IncidentRow(
        id=incident.id,
        title=incident.title,
        service=incident.service,
        risk=risk_name(incident.category, visit.language),
        state=incident.state,
        reported=incident.reported_at > 0,
        opened=visit.when(incident.opened_at),
        late=incident.late(time.time()),
    )


def _steps(visit: Visit, incident: Incident, known: dict[str, str]) -> list[StepRow]:
    """All six, taken or not: what was taken in the order of time, then what is left."""
    taken = [
        StepRow(step.state, visit.when(step.at), known.get(step.person, step.person), step.note, "", late=False)
        for step in incident.steps
    ]
    left = [name for name in get_args(Step) if name not in {row.name for row in taken}]
    due = {"stopped": incident.stop_due_at, "reported": incident.report_due_at}
    now = time.time()
    passed = incident.state != "found"
    for name in left:
        when = 0 if name == "stopped" and passed else due.get(name, 0)
        taken.append(StepRow(name, "", "", "", visit.when(when) if when else "", late=0 < when < now))
    return taken


def _next(incident: Incident) -> list[str]:
    ahead: list[str] = list(STAGES[STAGES.index(incident.state) + 1 :])
    if not incident.reported_at and incident.state != "found":
        ahead.append("reported")
    return ahead


HANDLERS = [incidents_page, open_incident, incident_page, take_step]
