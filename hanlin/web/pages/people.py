"""Console: who works here, and what each may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath

from hanlin.accounts import Person
from hanlin.errors import BadRequest
from hanlin.types import Permission, Role
from hanlin.web.frame import Frame
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Visit, allow

MANAGE = allow(Permission.MANAGE_PEOPLE)


@dataclass(frozen=True, slots=True)
class PeopleContext:
    """Variables of people.html."""

    frame: Frame
    people: Sequence[Person]
    roles: Sequence[str]
    link: str
    """A one-time link just made; shown now and never again."""
    administrator: bool


@get("/console/people", opt=MANAGE)
async def people_page(visit: Admitted) -> Response[str]:
    return await _show(visit)


@post("/console/people", opt=MANAGE, status_code=200)
async def invite(visit: Admitted) -> Response[str]:
    """Add a person; the page shows the link to hand over, so it is no redirect."""
    invitation = await visit.rooms.accounts.people.invite(visit.actor, visit.form["name"], _role(visit))
    return await _show(visit, invitation.token)


@post("/console/people/{person:str}/link", opt=MANAGE, status_code=200)
async def new_link(visit: Admitted, person: FromPath[str]) -> Response[str]:
    invitation = await visit.rooms.accounts.people.new_link(visit.actor, person)
    return await _show(visit, invitation.token)


@post("/console/people/{person:str}/role", opt=MANAGE, status_code=200)
async def set_role(visit: Admitted, person: FromPath[str]) -> Response[str]:
    role = _role(visit)
    await visit.rooms.accounts.people.set_role(visit.actor, person, role)
    return redirect(visit, "/console/people")


@post("/console/people/{person:str}/disabled", opt=MANAGE, status_code=200)
async def set_disabled(visit: Admitted, person: FromPath[str]) -> Response[str]:
    """Lock a person out, or let them in again; for administrators."""
    disabled = visit.form["disabled"] == "yes"
    await visit.rooms.accounts.people.set_disabled(visit.actor, person, disabled=disabled)
    return redirect(visit, "/console/people")


@post("/console/people/{person:str}/minor", opt=MANAGE, status_code=200)
async def set_minor(visit: Admitted, person: FromPath[str]) -> Response[str]:
    """Let the rules for minors hold for a person, or no longer."""
    await visit.rooms.accounts.people.set_minor(visit.actor, person, minor=visit.form["minor"] == "yes")
    return redirect(visit, "/console/people")


@post("/console/people/{person:str}/remove", opt=MANAGE, status_code=200)
async def remove(visit: Admitted, person: FromPath[str]) -> Response[str]:
    """Take a person out of this workspace."""
    await visit.rooms.accounts.people.remove(visit.actor, person)
    return redirect(visit, "/console/people")


async def _show(visit: Visit, token: str = "") -> Response[str]:
    context = PeopleContext(
        frame=visit.frame(),
        people=await visit.rooms.accounts.people.list(visit.actor),
        roles=list(Role),
        link=f"{visit.rooms.url}/welcome?token={token}" if token else "",
        administrator=visit.actor.administrator,
    )
    return page(visit, "people.html", context)


def _role(visit: Visit) -> Role:
    try:
        return Role(visit.form["role"])
    except ValueError:
        raise BadRequest("A role is owner, member, auditor or reviewer.", param="role") from None


HANDLERS = [people_page, invite, new_link, set_role, set_disabled, set_minor, remove]
