"""A case: something that people must judge, what they said of it, and who may see how much."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hanlin.policy.fold import fold
from hanlin.review.rights import decoded, encoded, reviews
from hanlin.types import Actor

Kind = Literal["held_input", "held_output", "objection", "attempts"]
"""`attempts`: a program without end users was refused often; people look at it instead of a suspension."""
State = Literal["open", "decided", "closed"]
"""`closed`: withdrawn by the person before anybody decided."""
Word = Literal["release", "uphold"]
Spans = tuple[tuple[int, int], ...]
_decode_spans = msgspec.json.Decoder(Spans).decode


class Vote(Struct, frozen=True):
    """What one reviewer said."""

    person: str
    """Empty for the person whose case it is: they learn what was decided and why, not by whom."""
    verdict: Word
    reason: str
    at: int


class NewCase(Struct, frozen=True, kw_only=True):
    """What is brought before the reviewers."""

    kind: Kind
    workspace: str
    person: str
    request_id: str
    end_user: str = ""
    service: str = ""
    policy: str = ""
    """`name@version`."""
    rule: str = ""
    category: str = ""
    spans: Spans = ()
    text: str = ""
    note: str = ""
    """The objector's own words."""


class Case(Struct, frozen=True, kw_only=True):
    """Times are Unix seconds; 0: not yet."""

    id: str
    kind: Kind
    state: State
    workspace: str
    person: str
    end_user: str
    request_id: str
    service: str
    policy: str
    rule: str
    category: str
    spans: Spans
    text: str
    """Empty once it is no longer kept, and for who may not read it."""
    note: str
    eyes: int
    """How many people must agree."""
    opened_at: int
    due_at: int
    votes: tuple[Vote, ...] = ()
    outcome: Literal["", "release", "uphold"] = ""
    decided_at: int = 0
    """Also when it was withdrawn."""


def digest(rule: str, text: str) -> str:
    """By which a released text is known again: SHA-256 of the rule and the folded text, in hex."""
    return hashlib.sha256(encoded(f"{rule}\n{fold(text)}")).hexdigest()


def outcome_of(votes: Sequence[Vote], eyes: int) -> Literal["", "release", "uphold"]:
    """The verdict that as many people share as must agree; empty while there is none."""
    verdicts = [vote.verdict for vote in votes]
    return next((verdict for verdict in verdicts if verdicts.count(verdict) >= eyes), "")


def as_seen_by(actor: Actor, case: Case) -> Case:
    """The case as the actor may see it: reviewers all of it, the person concerned without who and before it is let go.

    The person's view has no votes while the case is open, and no text of an answer that was not released.
    """
    if reviews(actor) and case.person != actor.person:
        return case
    votes = () if case.state == "open" else tuple([replace(vote, person="") for vote in case.votes])
    if case.kind == "held_output" and case.outcome != "release":
        return replace(case, votes=votes, text="", spans=())
    return replace(case, votes=votes)


def row_of(case: Case) -> dict[str, Any]:
    """The case as its row, with the digest that `digest` gives of it; votes are rows of their own."""
    row = msgspec.structs.asdict(case)
    del row["votes"]
    return row | {
        "workspace_id": row.pop("workspace"),
        "person_id": row.pop("person"),
        "spans": msgspec.json.encode(case.spans),
        "text": encoded(case.text),
        "note": encoded(case.note),
        "digest": digest(case.rule, case.text),
    }


def case_of(row: Any, votes: tuple[Vote, ...]) -> Case:
    """The case of a row and its votes."""
    values = dict(row)
    values |= {
        "workspace": values.pop("workspace_id"),
        "person": values.pop("person_id"),
        "spans": _decode_spans(values["spans"]),
        "text": decoded(values["text"]),
        "note": decoded(values["note"]),
    }
    del values["digest"]
    return Case(**values, votes=votes)


def vote_of(row: Any) -> Vote:
    return Vote(row["person_id"], row["verdict"], decoded(row["reason"]), row["at"])
