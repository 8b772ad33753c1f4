"""Console: a policy as TOML, written here or brought as a file; previewed first, then published."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from litestar import Response, get, post
from litestar.params import FromQuery

from hanlin.errors import BadRequest, Conflict
from hanlin.storage import receive
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.proposal import Effect, effect
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Form, Visit, allow

WRITE = allow(Permission.WRITE_POLICY)
EDITED_CHARACTERS = 500_000
"""Longer policies are changed as files: nobody edits them in a box, and a form's limit is near."""
FILE_BYTES = 64 * 1024 * 1024
"""More than the 20 million characters of the longest policy that is read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of proposing a policy."""

    effect: Effect | None = None
    problem: str = ""
    status: int = 200
    published: str = ""
    """The name of the policy that serves now."""


@dataclass(frozen=True, slots=True)
class EditorContext:
    """Variables of policy_editor.html."""

    frame: Frame
    name: str
    """Empty for a new policy, whose text says its name."""
    source: str
    serving_version: str
    by_file: bool
    """Whether it comes as a file: it did just now, or it is too long for the box."""
    note: str
    effect: Effect | None
    problem: str


@get("/console/policy-editor", opt=WRITE)
async def editor_page(visit: Admitted, name: FromQuery[str] = "") -> Response[str]:
    source = await visit.rooms.versions.source(name) if name else ""
    version = visit.rooms.policies.get(name).version if name else ""
    return _show(visit, name, source, version, Outcome())


@post("/console/policy-editor", opt=WRITE, status_code=200)
async def edit(visit: Admitted) -> Response[str]:
    """Preview, or publish, the text of the box."""
    form = visit.form
    source = form["source"].replace("\r\n", "\n")
    version = form["serving_version"]
    outcome = await propose(visit, form["name"], source, version or form["seen_version"])
    return _answer(visit, form["name"], source, version, outcome)


@post("/console/policy-editor/file", opt={**WRITE, "upload": True}, status_code=200, request_max_body_size=None)
async def bring(visit: Admitted) -> Response[str]:
    """Preview, or publish, a file."""
    request, folder = visit.request, visit.rooms.seals.folder
    kind = request.headers.get("content-type", "")
    async with receive(request.stream(), kind, folder, limit_bytes=FILE_BYTES) as upload:
        fields = {name: [value] for name, value in upload.fields.items()}
        source = await asyncio.to_thread(upload.path.read_bytes)
    visit = replace(visit, form=Form(fields))
    name, version = visit.form["name"], visit.form["serving_version"]
    try:
        outcome = await propose(visit, name, source.decode("utf-8-sig"), version or visit.form["seen_version"])
    except UnicodeDecodeError:
        outcome = Outcome(problem=visit.words.policies.not_text, status=400)
    return _answer(visit, name, "", version, outcome, by_file=True)


async def propose(visit: Visit, name: str, source: str, serving_version: str) -> Outcome:
    """Publish a policy when the form says so and nothing speaks against it; else show what it would change."""
    words = visit.words.policies
    try:
        if visit.form["deed"] == "publish":
            return Outcome(published=await _publish(visit, name, source, serving_version))
        return Outcome(await _preview(visit, name, source))
    except Conflict as error:
        seen = await _preview(visit, name, source)
        changed = serving_version and seen.serving != serving_version
        return Outcome(seen, words.changed_meanwhile if changed else words.is_worse, error.status)
    except BadRequest as error:
        return Outcome(problem=f"{words.unusable} {error.message} {error.action}".strip(), status=error.status)


async def _publish(visit: Visit, name: str, source: str, serving_version: str) -> str:
    form = visit.form
    policy = await visit.rooms.versions.publish(
        visit.actor,
        name or form["seen_name"],
        source,
        form["note"].strip(),
        serving_version=serving_version or None,
        accept_worse=form["accept_worse"] == "yes",
    )
    return policy.name


async def _preview(visit: Visit, name: str, source: str) -> Effect:
    proposed, preview, difference = await visit.rooms.versions.preview(visit.actor, source)
    if name and proposed.name != name:
        raise BadRequest(f"The policy says its name is {proposed.name!r}, expected {name[:64]!r}.", param="source")
    serving = next((policy.version for policy in visit.rooms.policies.all() if policy.name == proposed.name), "")
    return await asyncio.to_thread(effect, serving, proposed, preview, difference)


def _answer(
    visit: Visit, name: str, source: str, version: str, outcome: Outcome, *, by_file: bool = False
) -> Response[str]:
    if outcome.published:
        return redirect(visit, f"/console/policies/{outcome.published}")
    return _show(visit, name, source, version, outcome, by_file=by_file)


def _show(
    visit: Visit, name: str, source: str, version: str, outcome: Outcome, *, by_file: bool = False
) -> Response[str]:
    long = len(source) > EDITED_CHARACTERS
    context = EditorContext(
        frame=visit.frame(),
        name=name,
        source="" if long else source,
        serving_version=version,
        by_file=by_file or long,
        note=visit.form["note"],
        effect=outcome.effect,
        problem=outcome.problem,
    )
    status = outcome.status if not visit.swaps else 200  # htmx shows a failure elsewhere, far from the form
    return page(visit, "policy_editor.html", context, block="effect" if visit.swaps else "", status=status)


HANDLERS = [editor_page, edit, bring]
