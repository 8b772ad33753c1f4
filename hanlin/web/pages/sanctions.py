"""Console: accounts that were warned, suspended or terminated, by the ladder or by a reviewer."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from hanlin.errors import BadRequest
from hanlin.review import Sanction
from hanlin.review.sanctions import Measure
from hanlin.web.frame import Frame
from hanlin.web.pages.review import REVIEW, names
from hanlin.web.refusals import why
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Form, Visit

LISTED = 50


@dataclass(frozen=True, slots=True)
class SanctionRow:
    id: str
    account: str
    end_user: str
    step: str
    reason: str
    rule: str
    by: str
    """Who imposed it; "" for the ladder."""
    imposed: str
    until: str
    state: str
    """A word of `review.standing`: holds, warning, over or lifted."""
    lifted: str
    """Who lifted it, when and why."""
    liftable: bool


@dataclass(frozen=True, slots=True)
class SanctionsContext:
    """Variables of sanctions.html."""

    frame: Frame
    sanctions: Sequence[SanctionRow]
    people: Sequence[tuple[str, str]]
    """Id and name of those who can be chosen; empty where the visitor may not know names."""
    person: str
    older: str


@get("/console/review/sanctions", opt=REVIEW)
async def sanctions_page(visit: Admitted, person: FromQuery[str] = "", before: FromQuery[str] = "") -> Response[str]:
    person = person[:40]
    found = await visit.rooms.ladder.list(visit.actor, person=person, before=before[:40], limit=LISTED)
    known = await names(visit)
    context = SanctionsContext(
        frame=visit.frame(),
        sanctions=[_row(visit, sanction, known) for sanction in found],
        people=[(one, name) for one, name in known.items() if one != visit.actor.person],
        person=person,
        older=found[-1].id if len(found) == LISTED else "",
    )
    return page(visit, "sanctions.html", context)


@post("/console/review/sanctions", opt=REVIEW, status_code=200)
async def impose(visit: Admitted) -> Response[str]:
    form = visit.form
    step = cast("Measure", form["step"])
    hours = _hours(form) if step == "suspend" else 0.0
    person, end_user = form["person"].strip(), form["end_user"]
    await visit.rooms.ladder.impose(visit.actor, person, end_user, step, hours=hours, reason=form["reason"])
    return redirect(visit, "/console/review/sanctions")


@post("/console/review/sanctions/{sanction:str}/lift", opt=REVIEW, status_code=200)
async def lift(visit: Admitted, sanction: FromPath[str]) -> Response[str]:
    await visit.rooms.ladder.lift(visit.actor, sanction, visit.form["reason"])
    return redirect(visit, "/console/review/sanctions")


def _hours(form: Form) -> float:
    try:
        hours = float(form["hours"])
    except ValueError:
        hours = math.nan
    if not math.isfinite(hours):
        raise BadRequest("hours must be a number.", param="hours")
    return hours


def _row(visit: Visit, sanction: Sanction, known: dict[str, str]) -> SanctionRow:
    holds = sanction.holds(time.time())
    lifted = ""
    if sanction.lifted_at:
        by = known.get(sanction.lifted_by, sanction.lifted_by)
        lifted = " · ".join(filter(None, (visit.when(sanction.lifted_at), by, sanction.lift_reason)))
    return SanctionRow(
        id=sanction.id,
        account=known.get(sanction.person, sanction.person),
        end_user=sanction.end_user,
        step=sanction.step,
        reason=why(visit.words, sanction),
        rule=sanction.rule,
        by=known.get(sanction.imposed_by, sanction.imposed_by),
        imposed=visit.when(sanction.imposed_at),
        until=visit.when(sanction.until) if sanction.until else "",
        state="lifted" if lifted else "holds" if holds else "warning" if sanction.step == "warn" else "over",
        lifted=lifted,
        liftable=not lifted and (holds or sanction.step == "warn") and not _of_oneself(visit, sanction),
    )


def _of_oneself(visit: Visit, sanction: Sanction) -> bool:
    return sanction.person == visit.actor.person and not sanction.end_user


HANDLERS = [sanctions_page, impose, lift]
