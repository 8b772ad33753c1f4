"""Console: the record, and whether it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.params import FromQuery

from hanlin.audit import Entry, EventLeaf, OutcomeLeaf
from hanlin.errors import AuditUnavailable
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.respond import page
from hanlin.web.visit import Admitted, Visit, allow

READ = allow(Permission.READ_AUDIT)
LIMIT = 50
ACTOR_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class EntryRow:
    seq: int
    time: str
    event: str
    actor: str
    """The beginning of the key's or session's id: entries hold no names."""
    facts: str
    request: str


@dataclass(frozen=True, slots=True)
class AuditContext:
    """Variables of audit.html."""

    frame: Frame
    entries: Sequence[EntryRow]
    older: int | None
    count: str
    verdict: str
    """`holds`, `broken`, or "" before a check."""
    problem: str


@get("/console/audit", opt=READ)
async def audit_page(visit: Admitted, before: FromQuery[int | None] = None) -> Response[str]:
    return await _show(visit, before=before)


@post("/console/audit/check", opt=READ, status_code=200)
async def check(visit: Admitted) -> Response[str]:
    """Read the whole record and compare it with what was signed."""
    try:
        checked = await visit.rooms.log.verify()
    except AuditUnavailable as error:
        return await _show(visit, verdict="broken", problem=error.message)
    return await _show(visit, verdict="holds", count=checked.entries)


async def _show(
    visit: Visit, *, before: int | None = None, verdict: str = "", problem: str = "", count: int | None = None
) -> Response[str]:
    log, actor = visit.rooms.log, visit.actor
    workspace = None if actor.administrator else actor.workspace
    found = await log.entries(before=before, limit=LIMIT, workspace=workspace)
    context = AuditContext(
        frame=visit.frame(),
        entries=[_row(visit, entry) for entry in found.entries],
        older=found.before,
        count=f"{log.size if count is None else count:,}",
        verdict=verdict,
        problem=problem,
    )
    return page(visit, "audit.html", context)


def _row(visit: Visit, entry: Entry) -> EntryRow:
    leaf = entry.leaf
    request = "" if isinstance(leaf, EventLeaf) else leaf.request
    return EntryRow(
        entry.seq, visit.when(leaf.time / 1000), leaf.event, leaf.credential[:ACTOR_CHARACTERS], _facts(leaf), request
    )


def _facts(leaf: Any) -> str:
    if isinstance(leaf, EventLeaf):
        return " · ".join(f"{name} {value}" for name, value in leaf.facts.items())
    if isinstance(leaf, OutcomeLeaf):
        tokens = f"{leaf.prompt_tokens} + {leaf.completion_tokens}"
        return " · ".join(filter(None, (leaf.status, leaf.service, leaf.model.name if leaf.model else "", tokens)))
    return str(leaf.service)


HANDLERS = [audit_page, check]
