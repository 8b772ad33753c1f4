"""Incidents: illegal content was found, and what was done about it, step by step (Interim Measures, art. 14).

Generation and transmission are stopped, the content is removed, the model is mended and the mending verified, and the
authority is told. Each step has who, when and a note; none is taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, get_args

from msgspec import Struct
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.errors import BadRequest, Conflict
from hanlin.policy.risks import RISKS
from hanlin.review.rights import PAGE, decoded, encoded, not_found, reach, words
from hanlin.review.tables import incident_steps, incidents
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Facts, new_id, unheard

Stage = Literal["found", "stopped", "removed", "fix_opened", "verified"]
Step = Literal["found", "stopped", "removed", "fix_opened", "verified", "reported"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In their order. `reported` stands beside them: it may come any time after `stopped`."""
STOP_HOURS = 1
REPORT_HOURS = 24
"""Article 14 says 及时, promptly, and names no hours: these are the house's own; a province may ask for less."""
NOTE_CHARACTERS = 4000
_HOUR_SECONDS = 3600


class StepTaken(Struct, frozen=True):
    state: Step
    person: str
    at: int
    note: str


class Incident(Struct, frozen=True):
    """Times are Unix seconds; 0: not yet."""

    id: str
    workspace: str
    title: str
    service: str
    category: str
    request_id: str
    state: Stage
    opened_at: int
    stop_due_at: int
    report_due_at: int
    reported_at: int
    steps: tuple[StepTaken, ...] = ()

    @property
    def over(self) -> bool:
        """Verified and reported: nothing is left to do."""
        return self.state == "verified" and self.reported_at > 0

    def late(self, now: float) -> bool:
        """Whether a deadline has passed before its step was taken."""
        return (self.state == "found" and self.stop_due_at < now) or (not self.reported_at and self.report_due_at < now)


class Incidents:
    """For reviewers: of their workspace; administrators see all. Others are told NotAllowed."""

    def __init__(
        self, database: Database, announce: Announce = unheard, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._announce = announce
        self._clock = clock

    async def open(
        self, actor: Actor, title: str, service: str, *, category: str = "", request_id: str = "", note: str = ""
    ) -> Incident:
        """Write down that something was found in the actor's workspace. Raises BadRequest for an unknown category."""
        reach(actor, incidents.c.workspace_id)
        if category and category not in RISKS:
            raise BadRequest("category must be one of the 31 risks A.1.a to A.5.b, or empty.", param="category")
        now = int(self._clock())
        row: dict[str, Any] = {
            "id": new_id("inc"),
            "workspace_id": actor.workspace,
            "title": words("title", title, 200),
            "service": words("service", service, 200, least=0),
            "category": category,
            "request_id": words("request_id", request_id, 40, least=0),
            "state": "found",
            "opened_at": now,
            "stop_due_at": now + STOP_HOURS * _HOUR_SECONDS,
            "report_due_at": now + REPORT_HOURS * _HOUR_SECONDS,
            "reported_at": 0,
        }
        step = StepTaken("found", actor.person, now, words("note", note, NOTE_CHARACTERS, least=0))
        async with self._database.write() as connection:
            await connection.execute(insert(incidents).values(row))
            await _write_step(connection, row["id"], step)
            incident = await _find(connection, actor, row["id"])
        return await self._told(actor, incident, "found")

    async def advance(self, actor: Actor, incident_id: str, step: Step, note: str = "") -> Incident:
        """Take a step. Raises Conflict for a step back or twice, BadRequest where steps are left out without a note."""
        if step not in get_args(Step):
            raise BadRequest(f"state must be one of {', '.join(get_args(Step))}.", param="state")
        now = int(self._clock())
        taken = StepTaken(step, actor.person, now, words("note", note, NOTE_CHARACTERS, least=0))
        async with self._database.write() as connection:
            before = await _find(connection, actor, incident_id, lock=True)
            change = _after(before, taken)
            await connection.execute(update(incidents).where(incidents.c.id == incident_id).values(change))
            await _write_step(connection, incident_id, taken)
            incident = await _find(connection, actor, incident_id)
        return await self._told(actor, incident, step)

    async def get(self, actor: Actor, incident_id: str) -> Incident:
        """One incident with its steps. Raises NotFound."""
        async with self._database.read() as connection:
            return await _find(connection, actor, incident_id)

    async def list(self, actor: Actor, *, before: str = "", limit: int = 50) -> list[Incident]:
        """The newest first, at most 200; `before` is the last id seen."""
        statement = select(incidents).where(reach(actor, incidents.c.workspace_id))
        if before:
            statement = statement.where(incidents.c.id < before)
        async with self._database.read() as connection:
            page = statement.order_by(incidents.c.id.desc()).limit(max(1, min(limit, PAGE)))
            return await _read(connection, page)

    async def _told(self, actor: Actor, incident: Incident, step: Step) -> Incident:
        facts: Facts = {
            "incident": incident.id,
            "state": step,
            "service": incident.service,
            "category": incident.category,
            "request": incident.request_id,
        }
        await self._announce("incident:changed", actor, facts)
        return incident


def _after(incident: Incident, taken: StepTaken) -> dict[str, Any]:
    """The columns that the step changes."""
    reached = STAGES.index(incident.state)
    if taken.state == "reported":
        if incident.reported_at:
            raise Conflict("This incident is reported already.", action="Open it again to see when.")
        if not reached:
            raise Conflict("Stop generation and transmission before the report.", action="Take the step `stopped`.")
        return {"reported_at": taken.at}
    place = STAGES.index(taken.state)
    if place <= reached:
        raise Conflict(f"This incident is at {incident.state!r}; no step is taken back.", action="Take a later step.")
    if place > reached + 1 and not taken.note:
        left_out = ", ".join(STAGES[reached + 1 : place])
        raise BadRequest(f"The note must say why {left_out} was left out.", param="note")
    return {"state": taken.state}


async def _find(connection: AsyncConnection, actor: Actor, incident_id: str, *, lock: bool = False) -> Incident:
    statement = select(incidents).where(incidents.c.id == incident_id, reach(actor, incidents.c.workspace_id))
    found = await _read(connection, statement.with_for_update() if lock else statement)
    if not found:
        raise not_found("inc")
    return found[0]


async def _read(connection: AsyncConnection, statement: Any) -> list[Incident]:
    rows = (await connection.execute(statement)).mappings().all()
    steps: dict[str, list[StepTaken]] = {row["id"]: [] for row in rows}
    of_these = select(incident_steps).where(incident_steps.c.incident_id.in_(list(steps)))
    for row in (await connection.execute(of_these)).mappings():
        taken = StepTaken(row["state"], row["person_id"], row["at"], decoded(row["note"]))
        steps[row["incident_id"]].append(taken)
    return [_incident(dict(row), steps[row["id"]]) for row in rows]


def _incident(row: dict[str, Any], steps: list[StepTaken]) -> Incident:
    order = get_args(Step)
    row["workspace"] = row.pop("workspace_id")
    return Incident(**row, steps=tuple(sorted(steps, key=lambda step: (step.at, order.index(step.state)))))


async def _write_step(connection: AsyncConnection, incident_id: str, step: StepTaken) -> None:
    row = {"state": step.state, "person_id": step.person, "at": step.at, "note": encoded(step.note)}
    await connection.execute(insert(incident_steps).values(incident_id=incident_id, **row))
