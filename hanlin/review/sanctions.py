"""What an account did and what was imposed on it (Interim Measures, art. 14: warn, limit, suspend, terminate)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from hanlin.errors import BadRequest, Conflict, NotAllowed
from hanlin.policy.file import Ladder as Rules
from hanlin.types import Actor, Facts

Measure = Literal["warn", "suspend", "terminate"]
AGAIN_DAYS = 30
"""A suspension doubles for each one before it within that time."""
LONGEST_HOURS = 8784
"""A leap year."""
_decode_requests = msgspec.json.Decoder(tuple[str, ...]).decode


class Attempt(Struct, frozen=True, kw_only=True):
    """One finished generation, as the ladder needs to know it."""

    person: str
    workspace: str
    request_id: str
    refused: bool
    """The policy refused input or output; False starts the count in a row anew."""
    ladder: Rules
    counts: bool = True
    """Whether the rule that refused counts."""
    end_user: str = ""
    key: str = ""
    """Id of the API key; empty in a browser."""
    rule: str = ""
    category: str = ""

    @property
    def account(self) -> str:
        """What is counted together under one person: the browser (""), each end user, each key without any."""
        return (self.end_user or self.key)[:64]


class Sanction(Struct, frozen=True, kw_only=True):
    """Times are Unix seconds; 0: never, or not yet."""

    id: str
    workspace: str
    """Where it arose; its reviewers see and lift it. Empty: an administrator imposed it."""
    person: str
    end_user: str
    """Empty: it holds for all that goes on under the person, programs included."""
    step: Measure
    everywhere: bool
    """Holds in every workspace: the ladder's own, and an administrator's."""
    reason: str
    rule: str = ""
    category: str = ""
    requests: tuple[str, ...] = ()
    """The refused attempts behind it."""
    imposed_by: str = ""
    """Empty: by the ladder."""
    imposed_at: int
    until: int = 0
    lifted_by: str = ""
    lifted_at: int = 0
    lift_reason: str = ""

    def holds(self, now: float) -> bool:
        """Whether it stops the account at that time; a warning stops nobody."""
        return self.step != "warn" and not self.lifted_at and (self.until == 0 or now < self.until)


def suspend_hours(rules: Rules, times_before: int) -> float:
    """How long the next suspension is, after that many."""
    return min(rules.suspend_hours * 2.0 ** min(times_before, 32), LONGEST_HOURS)


def row_of(sanction: Sanction, changed_ms: int) -> dict[str, Any]:
    row = msgspec.structs.asdict(sanction)
    row |= {"workspace_id": row.pop("workspace"), "person_id": row.pop("person"), "changed_ms": changed_ms}
    return row | {"requests": msgspec.json.encode(sanction.requests)}


def sanction_of(row: Any) -> Sanction:
    values = dict(row)
    del values["changed_ms"]
    values |= {"workspace": values.pop("workspace_id"), "person": values.pop("person_id")}
    return Sanction(**values | {"requests": _decode_requests(values["requests"])})


def check_measure(step: str, hours: float) -> None:
    """Raise BadRequest for an unknown measure, or a suspension without a length."""
    if step not in ("warn", "suspend", "terminate"):
        raise BadRequest("step must be warn, suspend or terminate.", param="step")
    if step == "suspend" and not 0 < hours <= LONGEST_HOURS:
        raise BadRequest(f"hours must be above 0 and at most {LONGEST_HOURS}.", param="hours")


def check_lift(actor: Actor, sanction: Sanction, now: float) -> None:
    """Raise NotAllowed where the actor may not lift what they see, Conflict where nothing is left to lift."""
    if sanction.person == actor.person and not sanction.end_user:
        raise NotAllowed("Nobody lifts a sanction of their own.", action="Ask another reviewer.")
    if sanction.workspace != actor.workspace and not actor.administrator:
        raise NotAllowed("This sanction was not imposed in your workspace.", action="Ask an administrator.")
    if sanction.lifted_at or (sanction.step != "warn" and not sanction.holds(now)):
        raise Conflict("This sanction is over.", action="Open the list again to see how it ended.")


def as_seen_by(actor: Actor, sanction: Sanction) -> Sanction:
    """People learn of their own sanctions what and why, not from whom."""
    if sanction.person != actor.person or sanction.end_user:
        return sanction
    return sanction_of(row_of(sanction, 0) | {"imposed_by": "", "lifted_by": ""})


def facts_of(sanction: Sanction) -> Facts:
    """What the record says of it: no reason, which is people's words."""
    return {
        "sanction": sanction.id,
        "workspace": sanction.workspace,
        "person": sanction.person,
        "end_user": sanction.end_user,
        "step": sanction.step,
        "rule": sanction.rule,
        "until": sanction.until,
    }
