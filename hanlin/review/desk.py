"""The reviewers' desk: what was held or objected to, decided by people, within a time, on the record.

A text that a decision released passes for that person: its digest is kept in memory for the hot path.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any, get_args

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts import require
from hanlin.errors import BadRequest, Conflict, NotAllowed, TooLarge, TooMany
from hanlin.policy.file import Review
from hanlin.review import statistics
from hanlin.review.cases import (
    Case,
    Kind,
    NewCase,
    State,
    Vote,
    Word,
    as_seen_by,
    case_of,
    digest,
    outcome_of,
    row_of,
    vote_of,
)
from hanlin.review.rights import PAGE, encoded, not_found, reach, reviews, words
from hanlin.review.statistics import Statistics
from hanlin.review.tables import cases, votes
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Decision, Facts, Permission, new_id, unheard

TEXT_CHARACTERS = 100_000
NOTE_CHARACTERS = 2000
REASON_CHARACTERS = 1000
OPEN_CASES = 50
"""Of one person, or of one end user of a program: the queue is for everybody."""
RELEASED_DAYS = 30
"""How long the same text passes for the person it was released for."""
RETENTION_DAYS = 90
_RELEASED_SECONDS = RELEASED_DAYS * 86_400
_OVERLAP_SECONDS = 60
"""Read again at each refresh: clocks of servers differ, and a commit comes later than its time."""
_RETRY_SECONDS = 3600
_USUAL = Review()


async def ignore(case: Case) -> None:
    """An `on_decided` for where nobody listens."""


class Desk:
    """Made once per server; `load` before use. Times are those of `clock`, in Unix seconds."""

    def __init__(
        self,
        database: Database,
        announce: Announce = unheard,
        *,
        clock: Callable[[], float] = time.time,
        on_decided: Callable[[Case], Awaitable[None]] = ignore,
        retention_days: int = RETENTION_DAYS,
    ) -> None:
        self._database = database
        self._announce = announce
        self._clock = clock
        self._on_decided = on_decided
        self._retention_seconds = retention_days * 86_400
        self._released: dict[tuple[str, str], float] = {}
        self._read_until = 0.0

    async def refresh(self) -> None:
        """Learn of what was released since the last time, by whichever server; the first time, of all that passes."""
        now = self._clock()
        since = max(now - _RELEASED_SECONDS, self._read_until - _OVERLAP_SECONDS)
        columns = select(cases.c.person_id, cases.c.digest, cases.c.decided_at)
        passing = columns.where(cases.c.outcome == "release", cases.c.kind != "held_output", cases.c.digest != "")
        async with self._database.read() as connection:
            found = await connection.execute(passing.where(cases.c.decided_at > since))
            for person, text_digest, decided_at in found:
                self._released[person, text_digest] = decided_at + _RELEASED_SECONDS
        self._released = {known: until for known, until in self._released.items() if until > now}
        self._read_until = now

    def released(self, person: str, text_digest: str) -> bool:
        """Whether people released this text (`digest`) for this person in the last 30 days. Asks no database."""
        return self._released.get((person, text_digest), 0.0) > self._clock()

    async def open(self, new: NewCase, review: Review, actor: Actor | None = None) -> Case:
        """Bring something before the reviewers; the case that is open already where it is the same.

        The same: one request and kind of a person; a text that is held already; attempts of one program. Raises
        TooLarge over 100,000 characters, TooMany over 50 open cases, NotFound for a person who has been erased.
        """
        _check(new)
        case = _draft(new, review, int(self._clock()))
        try:
            async with self._database.write() as connection:
                if known := await _known(connection, case):
                    return known
                await _leave_room(connection, case)
                await connection.execute(insert(cases).values(row_of(case)))
        except IntegrityError:  # another server was faster, or the person is gone
            async with self._database.read() as connection:
                if known := await _known(connection, case):
                    return known
            raise not_found("case") from None
        await self._tell("case:opened", actor, case, due=case.due_at)
        return case

    async def hold(self, actor: Actor, new: NewCase, review: Review) -> Case:
        """The case of a text that a rule holds: a new one, or that in which the same text waits already."""
        return as_seen_by(actor, await self.open(new, review, actor))

    async def object(
        self,
        actor: Actor,
        request_id: str,
        text: str,
        note: str,
        *,
        decision: Decision,
        service: str = "",
        category: str = "",
        review: Review = _USUAL,
    ) -> Case:
        """Ask people to judge a refusal of the actor's own request; `text` is what it was about.

        Whether the request was the actor's and `decision` refused it is the caller's to know.
        """
        require(actor, Permission.GENERATE)
        new = NewCase(
            kind="objection",
            workspace=actor.workspace,
            person=actor.person,
            request_id=request_id,
            service=service,
            policy=decision.policy,
            rule=decision.rule,
            category=category,
            spans=decision.spans,
            text=text,
            note=note,
        )
        return await self.hold(actor, new, review)

    async def cases(
        self,
        actor: Actor,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        workspace: str = "",
        before: str = "",
        limit: int = 50,
        due_first: bool = False,
        mine: bool = False,
    ) -> list[Case]:
        """Cases that concern the actor, the newest first, at most 200; `before` is the last id seen.

        `due_first` makes it a queue: what is due soonest comes first, and deciding brings up the next. Reviewers see
        their workspace's, administrators all, everybody else and with `mine` their own.
        """
        wanted = [_visible(actor)]
        if mine:
            wanted.append(_own(actor))
        for column, value in ((cases.c.state, state), (cases.c.kind, kind), (cases.c.workspace_id, workspace)):
            if value:
                wanted.append(column == value)
        if before:
            wanted.append(cases.c.id < before)
        order = (cases.c.due_at, cases.c.id) if due_first else (cases.c.id.desc(),)
        statement = select(cases).where(*wanted).order_by(*order).limit(max(1, min(limit, PAGE)))
        async with self._database.read() as connection:
            return [as_seen_by(actor, case) for case in await _read(connection, statement)]

    async def case(self, actor: Actor, case_id: str) -> Case:
        """One case. Raises NotFound also for one that does not concern the actor."""
        async with self._database.read() as connection:
            return as_seen_by(actor, await _find(connection, actor, case_id))

    async def decide(self, actor: Actor, case_id: str, verdict: Word, reason: str) -> Case:
        """Vote; the case is decided when as many people agree as its policy asks for.

        Raises NotAllowed for one's own case, Conflict for a second vote or one that comes too late.
        """
        require(actor, Permission.REVIEW)
        if verdict not in get_args(Word):
            raise BadRequest(f"verdict must be release or uphold, got {str(verdict)[:40]!r}.", param="verdict")
        vote = Vote(actor.person, verdict, words("reason", reason, REASON_CHARACTERS), int(self._clock()))
        async with self._database.write() as connection:
            case = await _find(connection, actor, case_id, lock=True)
            _check_vote(actor, case)
            outcome = outcome_of([*case.votes, vote], case.eyes)
            await _write_vote(connection, case_id, vote, outcome)
            case = await _find(connection, actor, case_id)
        if case.outcome == "release" and case.kind != "held_output":
            self._released[case.person, digest(case.rule, case.text)] = case.decided_at + _RELEASED_SECONDS
        await self._tell("case:decided", actor, case, verdict=verdict, outcome=outcome)
        if outcome:
            await self._on_decided(case)
        return case

    async def withdraw(self, actor: Actor, case_id: str) -> Case:
        """Take back one's own case before it is decided. Raises NotFound, Conflict."""
        own = and_(cases.c.id == case_id, _own(actor))
        async with self._database.write() as connection:
            if not await _read(connection, select(cases).where(own, _visible(actor))):
                raise not_found("case")
            closed = update(cases).where(own, cases.c.state == "open")
            done = await connection.execute(closed.values(state="closed", decided_at=int(self._clock())))
            if not done.rowcount:
                raise _over()
            case = await _find(connection, actor, case_id)
        await self._tell("case:closed", actor, case)
        return as_seen_by(actor, case)

    async def statistics(self, actor: Actor, since: int) -> Statistics:
        """What is open now, and what was decided since that time, of what the reviewer answers for."""
        within = reach(actor, cases.c.workspace_id)
        return await statistics.count(self._database, within, since=since, now=int(self._clock()))

    async def prune(self) -> int:
        """Delete texts, notes, reasons and digests of cases that ended longer ago than they are kept; how many."""
        old = and_(
            cases.c.state != "open",
            cases.c.decided_at <= int(self._clock()) - self._retention_seconds,
            or_(cases.c.text != b"", cases.c.note != b""),
        )
        async with self._database.write() as connection:
            ids = select(cases.c.id).where(old)
            await connection.execute(update(votes).where(votes.c.case_id.in_(ids)).values(reason=b""))
            gone = await connection.execute(update(cases).where(old).values(text=b"", note=b"", spans=b"[]", digest=""))
            return gone.rowcount

    async def _tell(self, event: str, actor: Actor | None, case: Case, **more: str | int) -> None:
        facts: Facts = {"case": case.id, "kind": case.kind, "request": case.request_id, "rule": case.rule, **more}
        await self._announce(event, actor, facts)


def _check(new: NewCase) -> None:
    if len(new.text) > TEXT_CHARACTERS:
        raise TooLarge(
            f"A case holds at most {TEXT_CHARACTERS} characters, got {len(new.text)}.",
            action="Send the part that it is about.",
        )
    words("note", new.note, NOTE_CHARACTERS, least=0)
    if new.kind != "attempts" and not new.text.strip():
        raise BadRequest("The text to be judged is missing.", param="text")


def _draft(new: NewCase, review: Review, now: int) -> Case:
    due_at = now + int(review.due_hours * 3600)
    values: dict[str, Any] = {name: getattr(new, name) for name in NewCase.__struct_fields__}
    return Case(id=new_id("cas"), state="open", eyes=review.eyes, opened_at=now, due_at=due_at, **values)


async def _known(connection: AsyncConnection, case: Case) -> Case | None:
    """The case that this one would repeat."""
    same: list[ColumnElement[bool]] = [cases.c.request_id == case.request_id]
    waiting = and_(cases.c.state == "open", cases.c.end_user == case.end_user)
    if case.kind == "attempts":
        same.append(waiting)
    elif case.kind != "objection":
        same.append(and_(waiting, cases.c.digest == digest(case.rule, case.text)))
    statement = select(cases).where(cases.c.person_id == case.person, cases.c.kind == case.kind, or_(*same))
    return next(iter(await _read(connection, statement)), None)


async def _leave_room(connection: AsyncConnection, case: Case) -> None:
    own = and_(cases.c.person_id == case.person, cases.c.end_user == case.end_user, cases.c.state == "open")
    waiting = (await connection.execute(select(func.count()).select_from(cases).where(own))).scalar_one()
    if waiting >= OPEN_CASES:
        raise TooMany(
            f"{waiting} cases of yours wait for a decision; at most {OPEN_CASES} may.",
            retry_after_seconds=_RETRY_SECONDS,
            action="Wait until some are decided.",
        )


def _visible(actor: Actor) -> ColumnElement[bool]:
    """Rows that concern the actor. Raises NotAllowed where none can."""
    if reviews(actor):
        return or_(reach(actor, cases.c.workspace_id), cases.c.person_id == actor.person)
    require(actor, Permission.GENERATE)
    return _own(actor)


def _own(actor: Actor) -> ColumnElement[bool]:
    return and_(cases.c.person_id == actor.person, cases.c.kind != "attempts")


async def _find(connection: AsyncConnection, actor: Actor, case_id: str, *, lock: bool = False) -> Case:
    statement = select(cases).where(cases.c.id == case_id, _visible(actor))
    found = await _read(connection, statement.with_for_update() if lock else statement)
    if not found:
        raise not_found("case")
    return found[0]


async def _read(connection: AsyncConnection, statement: Any) -> list[Case]:
    rows = (await connection.execute(statement)).mappings().all()
    said = await _votes(connection, [row["id"] for row in rows])
    return [case_of(row, tuple(said.get(row["id"], ()))) for row in rows]


async def _votes(connection: AsyncConnection, ids: Collection[str]) -> dict[str, list[Vote]]:
    said: dict[str, list[Vote]] = {}
    if ids:
        statement = select(votes).where(votes.c.case_id.in_(ids)).order_by(votes.c.at, votes.c.person_id)
        for row in (await connection.execute(statement)).mappings():
            said.setdefault(row["case_id"], []).append(vote_of(row))
    return said


def _check_vote(actor: Actor, case: Case) -> None:
    if case.person == actor.person:
        raise NotAllowed("Nobody decides a case of their own.", action="Ask another reviewer.")
    if case.state != "open":
        raise _over()
    if any(vote.person == actor.person for vote in case.votes):
        raise Conflict("You have decided this case already.", action="It waits for another reviewer.")


async def _write_vote(connection: AsyncConnection, case_id: str, vote: Vote, outcome: str) -> None:
    row = {"person_id": vote.person, "verdict": vote.verdict, "reason": encoded(vote.reason), "at": vote.at}
    await connection.execute(insert(votes).values(case_id=case_id, **row))
    if outcome:
        ended = {"state": "decided", "outcome": outcome, "decided_at": vote.at}
        await connection.execute(update(cases).where(cases.c.id == case_id).values(ended))


def _over() -> Conflict:
    return Conflict("This case is over.", action="Open it again to see how it ended.")
