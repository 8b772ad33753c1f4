"""From what happened to rows of the record: commitments made, personal part sealed, leaf encoded."""

from __future__ import annotations

import time
from hashlib import sha256

from hanlin.audit.events import Event
from hanlin.audit.keys import Keys, SubjectKey, commitment, seal_person
from hanlin.audit.leaves import (
    LEAF_BYTES,
    EventLeaf,
    IntentLeaf,
    Outcome,
    OutcomeLeaf,
    decision_refs,
    encode,
    model_ref,
)
from hanlin.audit.store import Row, request_key
from hanlin.errors import BadRequest
from hanlin.types import Actor

SERVICE_CHARACTERS = 200
_DAY_MILLISECONDS = 86_400_000
_INTENT, _OUTCOME = str(Event.GENERATION_INTENT), str(Event.GENERATION_OUTCOME)
_INTENT_BYTES, _OUTCOME_BYTES = _INTENT.encode(), _OUTCOME.encode()


class Rows:
    """Makes rows on the writer's thread, inside its transaction."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.open: dict[str, int] = {}
        """Requests with an intent and no outcome yet -> seq of the intent, oldest first."""
        self.closed: dict[str, int] = {}
        """The ones whose outcome is in the transaction that is being made."""
        self.time = 0
        self._day = -1
        self._month = ""

    def set_time(self, milliseconds: int) -> None:
        """The wall clock, read once for all rows of a transaction."""
        self.time = milliseconds
        day = milliseconds // _DAY_MILLISECONDS
        if day != self._day:
            self._day = day
            self._month = month_of(milliseconds)

    def reopen(self, size: int) -> None:
        """After a transaction that failed: what the first `size` entries leave open."""
        known = sorted((self.open | self.closed).items(), key=lambda entry: entry[1])
        self.open = {request: seq for request, seq in known if seq < size}
        self.closed.clear()

    def _key(self, person: str) -> SubjectKey:
        return self.keys.of(person, self._month)

    def intent(self, seq: int, request_id: str, actor: Actor, service: str, body: bytes) -> Row:
        subject = self._key(actor.person)
        key = subject.record_key(request_id.encode() + _INTENT_BYTES)
        box = seal_person(key, actor.person)
        leaf = IntentLeaf(
            actor.key or actor.session,
            _INTENT,
            commitment(key, b"in", body),
            request_id,
            sha256(box).digest(),
            service[:SERVICE_CHARACTERS],
            self.time,
            1,
            actor.workspace,
        )
        self.open[request_id] = seq
        return seq, request_key(request_id), subject.subject, _checked(encode(leaf)), box

    def outcome(self, seq: int, request_id: str, actor: Actor, outcome: Outcome) -> Row:
        subject = self._key(actor.person)
        key = subject.record_key(request_id.encode() + _OUTCOME_BYTES)
        leaf = OutcomeLeaf(
            outcome.usage.completion_tokens,
            outcome.counted,
            actor.key or actor.session,
            decision_refs(outcome.decisions),
            _OUTCOME,
            outcome.label,
            outcome.milliseconds,
            model_ref(outcome.model),
            commitment(key, b"out", outcome.output),
            outcome.usage.prompt_tokens,
            request_id,
            outcome.service[:SERVICE_CHARACTERS],
            outcome.status,
            self.time,
            1,
            actor.workspace,
        )
        if request_id in self.open:
            self.closed[request_id] = self.open.pop(request_id)
        return seq, request_key(request_id), subject.subject, _checked(encode(leaf)), None

    def event(self, seq: int, event: Event, actor: Actor | None, facts: dict[str, str | int]) -> Row:
        credential = "" if actor is None else actor.key or actor.session
        workspace = "" if actor is None else actor.workspace
        return seq, None, None, encode(EventLeaf(credential, event, facts, self.time, 1, workspace)), None


def month_of(milliseconds: int) -> str:
    """`YYYY-MM` in UTC."""
    return time.strftime("%Y-%m", time.gmtime(milliseconds // 1000))


def _checked(leaf: bytes) -> bytes:
    if len(leaf) > LEAF_BYTES:
        raise BadRequest(f"A leaf has at most {LEAF_BYTES} bytes, this one {len(leaf)}.")
    return leaf
