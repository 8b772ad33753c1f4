"""Console: the policies that serve, what they make of a text, and who gets which."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post

from hanlin.errors import TooLarge
from hanlin.policy import Policy
from hanlin.policy.ruleset import Where
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.judged import Trial, trial
from hanlin.web.respond import page, redirect
from hanlin.web.rulebook import term_count
from hanlin.web.visit import Admitted, Form, Visit, allow

TRIAL_CHARACTERS = 400_000


@dataclass(frozen=True, slots=True)
class PolicyRow:
    name: str
    title: str
    version: str
    rules: str
    terms: str
    services: Sequence[str]
    workspaces: Sequence[str]
    """That were given this policy in the place of their services' own."""


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    workspace: str
    workspace_name: str
    service: str
    """Empty for every service."""
    policy: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The form of the trial as it was sent."""

    text: str = ""
    policy: str = ""
    where: str = "input"
    minor: bool = False


@dataclass(frozen=True, slots=True)
class PoliciesContext:
    """Variables of policies.html."""

    frame: Frame
    policies: Sequence[PolicyRow]
    assignments: Sequence[AssignmentRow]
    workspaces: Sequence[tuple[str, str]]
    """Id and name."""
    services: Sequence[str]
    writable: bool
    asked: Asked
    result: Trial | None


@get("/console/policies", opt=allow(Permission.REVIEW))
async def policies_page(visit: Admitted) -> Response[str]:
    return await _show(visit, Asked(), None)


@post("/console/policy-trial", opt=allow(Permission.REVIEW), status_code=200)
async def try_text(visit: Admitted) -> Response[str]:
    """What would happen to a text, and why; it is judged, shown and forgotten."""
    asked = _asked(visit.form)
    policy = visit.rooms.policies.get(asked.policy)
    if len(asked.text) > TRIAL_CHARACTERS:
        raise TooLarge(
            f"The text has {len(asked.text):,} characters; at most {TRIAL_CHARACTERS:,} are judged here.",
            action="Try a part of it.",
        )
    where: Where = "output" if asked.where == "output" else "input"
    judged = await asyncio.to_thread(policy.judge, asked.text, where, minor=asked.minor)
    return await _show(visit, asked, trial(policy, asked.text, judged, visit.language))


@post("/console/policy-assignments", opt=allow(Permission.WRITE_POLICY), status_code=200)
async def assign(visit: Admitted) -> Response[str]:
    """Give a workspace a policy of its own, for a service or for all; none takes it back."""
    form = visit.form
    workspace = await visit.rooms.accounts.workspaces.get(visit.actor, form["workspace"])
    await visit.rooms.versions.assign(visit.actor, workspace.id, form["service"], form["policy"])
    return redirect(visit, "/console/policies")


def _asked(form: Form) -> Asked:
    text = form["text"].replace("\r\n", "\n")  # as it was typed: forms carry line breaks as CRLF
    return Asked(text, form["policy"], form["where"], form["minor"] == "yes")


async def _show(visit: Visit, asked: Asked, result: Trial | None) -> Response[str]:
    rooms, actor = visit.rooms, visit.actor
    names = {workspace.id: workspace.name for workspace in await rooms.accounts.workspaces.list(actor)}
    assignments = [
        AssignmentRow(given.workspace, names[given.workspace], given.service, given.policy)
        for given in await rooms.versions.assigned(actor)
        if given.workspace in names
    ]
    context = PoliciesContext(
        frame=visit.frame(),
        policies=[_row(visit, policy, assignments) for policy in rooms.policies.all()],
        assignments=assignments,
        workspaces=list(names.items()),
        services=[record.service.name for record in rooms.registry.services(actor)],
        writable=Permission.WRITE_POLICY in actor.permissions,
        asked=asked,
        result=result,
    )
    return page(visit, "policies.html", context, block="trial" if result and visit.swaps else "")


def _row(visit: Visit, policy: Policy, assignments: Sequence[AssignmentRow]) -> PolicyRow:
    file = policy.file
    services = [record.service for record in visit.rooms.registry.services(visit.actor)]
    rules = len(file.rules) + len(file.personal) + len(file.classifiers) + len(file.guards)
    return PolicyRow(
        name=policy.name,
        title=file.title,
        version=policy.version,
        rules=f"{rules:,}",
        terms=f"{term_count(file):,}",
        services=[service.title or service.name for service in services if service.policy == policy.name],
        workspaces=sorted({given.workspace_name for given in assignments if given.policy == policy.name}),
    )


HANDLERS = [policies_page, try_text, assign]
