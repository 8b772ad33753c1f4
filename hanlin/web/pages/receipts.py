"""Receipts, for people as a page and for programs as JSON: what was recorded of an answer, and how to verify it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from hanlin.audit import OutcomeLeaf, Receipt
from hanlin.audit.leaves import decode
from hanlin.errors import NotFound
from hanlin.web.frame import Frame
from hanlin.web.respond import headers, page
from hanlin.web.visit import Admitted, Visit, allow


@dataclass(frozen=True, slots=True)
class ReceiptContext:
    """Variables of receipt.html."""

    frame: Frame
    request: str
    sealed: bool
    """Whether the outcome stands in the record; the intent always does."""
    facts: Sequence[tuple[str, str]]
    """(word of the section `receipt`, value)."""


@get("/receipts/{name:str}", opt=allow(None))
async def receipt(visit: Admitted, name: FromPath[str]) -> Response[Any]:
    found = await _find(visit, name.removesuffix(".json"))
    if name.endswith(".json") or "text/html" not in visit.request.headers.get("accept", "text/html"):
        return Response(found.json(), media_type="application/json", headers=headers(visit))
    context = ReceiptContext(visit.frame(), found.request, found.outcome is not None, _facts(visit, found))
    return page(visit, "receipt.html", context)


async def _find(visit: Visit, request_id: str) -> Receipt:
    """Raises the same NotFound for a receipt of another workspace as for one that never was."""
    found = await visit.rooms.log.receipt(request_id)
    leaf = decode(found.intent.leaf.encode())
    if leaf.workspace != visit.actor.workspace and not visit.actor.administrator:
        raise NotFound("There is no such receipt.", action="Open it from an answer.")
    return found


def _facts(visit: Visit, found: Receipt) -> list[tuple[str, str]]:
    leaf = decode((found.outcome or found.intent).leaf.encode())
    facts = [("request", found.request), ("time", visit.when(leaf.time / 1000))]
    if isinstance(leaf, OutcomeLeaf):
        model = f"{leaf.model.name} · {leaf.model.version}" if leaf.model else ""
        facts += [("service", leaf.service), ("model", model), ("status", leaf.status)]
        facts += [("decisions", ", ".join(f"{d.rule or d.policy}: {d.verdict}" for d in leaf.decisions))]
        facts += [("output", leaf.output.hex())]
    entry = found.outcome or found.intent
    facts += [("entry", str(entry.index)), ("checkpoint", found.checkpoint.splitlines()[1])]
    return [(name, value) for name, value in facts if value]


HANDLERS = [receipt]
