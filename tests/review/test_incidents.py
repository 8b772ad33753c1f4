"""Incidents: found, stopped, removed, mended, verified and reported, each step with who, when and why."""

from __future__ import annotations

import asyncio

import pytest

from hanlin.errors import BadRequest, Conflict, NotAllowed, NotFound
from hanlin.review import Incident
from hanlin.review.incidents import REPORT_HOURS, STOP_HOURS, Step
from tests.review.conftest import ADMINISTRATOR, AUDITOR, COLLEAGUE, HOME, OWNER, REVIEWER, STRANGER, Office


async def found(office: Office) -> Incident:
    return await office.incidents().open(
        OWNER, " Forged notice ", "desk", category="A.1.g", request_id="req_1", note="A reader wrote."
    )


async def test_an_incident_starts_with_its_first_step_and_deadlines_and_goes_on_record(office: Office) -> None:
    incident = await found(office)
    assert (incident.title, incident.state, incident.workspace) == ("Forged notice", "found", HOME)
    assert incident.stop_due_at == office.now + STOP_HOURS * 3600
    assert incident.report_due_at == office.now + REPORT_HOURS * 3600
    assert [(step.state, step.person, step.note) for step in incident.steps] == [
        ("found", OWNER.person, "A reader wrote.")
    ]
    event, who, facts = office.announced[0]
    assert (event, who, facts["incident"], facts["state"]) == ("incident:changed", OWNER.person, incident.id, "found")
    assert "reader" not in repr(office.announced)
    assert "Forged" not in repr(office.announced)


async def test_the_whole_way_is_on_record_step_by_step(office: Office) -> None:
    incidents, incident = office.incidents(), await found(office)
    way: tuple[Step, ...] = ("stopped", "removed", "reported", "fix_opened", "verified")
    for step in way:
        office.now += 60
        assert not incident.over
        incident = await incidents.advance(REVIEWER, incident.id, step)
    assert incident.over
    assert (incident.state, incident.reported_at) == ("verified", office.now - 120)
    assert [step.state for step in incident.steps] == ["found", *way]
    assert [facts["state"] for _, _, facts in office.announced] == ["found", *way]
    assert await incidents.get(OWNER, incident.id) == incident


async def test_no_step_is_taken_back_or_twice(office: Office) -> None:
    incidents, incident = office.incidents(), await found(office)
    with pytest.raises(Conflict, match="Stop generation"):
        await incidents.advance(OWNER, incident.id, "reported")
    await incidents.advance(OWNER, incident.id, "stopped")
    await incidents.advance(OWNER, incident.id, "removed")
    await incidents.advance(OWNER, incident.id, "reported")
    again: tuple[Step, ...] = ("found", "stopped", "removed", "reported")
    for step in again:
        with pytest.raises(Conflict):
            await incidents.advance(OWNER, incident.id, step, "Once more.")
    assert len((await incidents.get(OWNER, incident.id)).steps) == 4


async def test_leaving_steps_out_needs_a_note(office: Office) -> None:
    incidents, incident = office.incidents(), await found(office)
    with pytest.raises(BadRequest, match="why stopped, removed was left out"):
        await incidents.advance(OWNER, incident.id, "fix_opened", "  ")
    skipped = await incidents.advance(OWNER, incident.id, "fix_opened", "The service was off already.")
    assert (skipped.state, skipped.steps[-1].note) == ("fix_opened", "The service was off already.")


async def test_the_same_step_taken_at_once_is_taken_once(office: Office) -> None:
    one, other, incident = office.incidents(), office.incidents(), await found(office)
    ends = await asyncio.gather(
        *(room.advance(OWNER, incident.id, "stopped") for room in (one, other) * 3), return_exceptions=True
    )
    assert sum(isinstance(end, Incident) for end in ends) == 1
    assert sum(isinstance(end, Conflict) for end in ends) == 5


async def test_it_is_late_when_a_deadline_passes_before_its_step(office: Office) -> None:
    incidents, incident = office.incidents(), await found(office)
    assert not incident.late(incident.stop_due_at)
    assert incident.late(incident.stop_due_at + 1)
    stopped = await incidents.advance(OWNER, incident.id, "stopped")
    assert not stopped.late(stopped.report_due_at)
    assert stopped.late(stopped.report_due_at + 1)
    reported = await incidents.advance(OWNER, incident.id, "reported")
    assert not reported.late(reported.report_due_at + 1)


async def test_reviewers_see_their_workspaces_incidents_and_administrators_all(office: Office) -> None:
    incidents, incident = office.incidents(), await found(office)
    abroad = await incidents.open(STRANGER, "Elsewhere", "desk")
    assert [seen.id for seen in await incidents.list(REVIEWER)] == [incident.id]
    assert [seen.id for seen in await incidents.list(STRANGER)] == [abroad.id]
    assert [seen.id for seen in await incidents.list(ADMINISTRATOR)] == [abroad.id, incident.id]
    assert [seen.id for seen in await incidents.list(ADMINISTRATOR, before=abroad.id)] == [incident.id]
    assert [seen.id for seen in await incidents.list(ADMINISTRATOR, limit=1)] == [abroad.id]
    for act in (incidents.get(STRANGER, incident.id), incidents.advance(STRANGER, incident.id, "stopped")):
        with pytest.raises(NotFound, match="no such incident"):
            await act


async def test_who_does_not_review_neither_sees_nor_acts(office: Office) -> None:
    incidents, incident = office.incidents(), await found(office)
    for actor in (COLLEAGUE, AUDITOR):
        for act in (
            incidents.list(actor),
            incidents.get(actor, incident.id),
            incidents.open(actor, "x", "desk"),
            incidents.advance(actor, incident.id, "stopped"),
        ):
            with pytest.raises(NotAllowed):
                await act


async def test_what_is_written_down_has_its_form(office: Office) -> None:
    incidents, incident = office.incidents(), await found(office)
    for title, category, note in (
        ("", "", ""),
        ("x" * 201, "", ""),
        ("x", "A.9.z", ""),
        ("x", "", "y" * 4001),
        ("\ud800", "", ""),
    ):
        with pytest.raises(BadRequest):
            await incidents.open(OWNER, title, "desk", category=category, note=note)
    with pytest.raises(BadRequest, match="state"):
        await incidents.advance(OWNER, incident.id, "undone")  # type: ignore[arg-type]
