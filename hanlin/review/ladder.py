"""The ladder of sanctions: refused attempts are counted, too many suspend the account (GB/T 45654-2025: 3 or 5).

Counting and looking up are done in memory, once for each request; a task writes behind, and `refresh` reads what other
servers wrote. Sanctions hold from the moment they are imposed, here; elsewhere from the next refresh.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts.tables import memberships, people
from hanlin.errors import HanlinError, NotAllowed, NotFound
from hanlin.policy.file import Review
from hanlin.review.cases import NewCase
from hanlin.review.counting import Account
from hanlin.review.desk import REASON_CHARACTERS, Desk
from hanlin.review.ledger import Changes, read, write
from hanlin.review.rights import PAGE, not_found, reach, reviews, words
from hanlin.review.sanctions import (
    AGAIN_DAYS,
    Attempt,
    Measure,
    Sanction,
    as_seen_by,
    check_lift,
    check_measure,
    facts_of,
    row_of,
    sanction_of,
    suspend_hours,
)
from hanlin.review.tables import accounts, attempts, sanctions
from hanlin.storage import Database
from hanlin.types import Actor, Announce, new_id, unheard

WRITE_SECONDS = 0.5
_AGAIN_SECONDS = AGAIN_DAYS * 86_400
_OVERLAP_MS = 60_000
"""Read again at each refresh: clocks of servers differ, and a commit comes later than its time."""
_MOST_WAITING = 10_000
"""Attempts not yet written; further ones are counted here and lost at a restart."""
_REVIEW = Review()
_logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Person and account (`Attempt.account`); of sanctions person and end user."""


class Ladder:
    """`load` before use, `close` at the end."""

    def __init__(
        self,
        database: Database,
        announce: Announce = unheard,
        *,
        desk: Desk | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`desk` gets a case where a program without end users is refused too often."""
        self._database = database
        self._announce = announce
        self._desk = desk
        self._clock = clock
        self._accounts: dict[Key, Account] = {}
        self._sanctions: dict[Key, dict[str, Sanction]] = {}
        self._last_ms = 0
        self._read_ms = 0
        self._changes = Changes()
        self._untold: list[Sanction] = []
        self._cases: list[NewCase] = []
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Read what is known and start writing behind."""
        await self.refresh()
        self._task = asyncio.create_task(self._keep_writing())

    async def close(self) -> None:
        """Stop the task and write the rest."""
        async with self._flushing:
            if self._task is not None:
                self._task.cancel()
        await self.flush()

    def note(self, attempt: Attempt) -> None:
        """Count a finished generation; imposes a suspension where the ladder says so. Asks no database."""
        key = attempt.person, attempt.account
        account = self._accounts.get(key)
        if not attempt.refused:
            if account is not None and account.row():
                account.clean_ms = self._tick()
                self._changed(key)
        elif attempt.counts and self.standing(attempt.person, attempt.end_user, attempt.workspace) is None:
            self._count(key, account or self._accounts.setdefault(key, Account()), attempt)

    def standing(self, person: str, end_user: str, workspace: str) -> Sanction | None:
        """What stops this account now in that workspace; None when nothing does. Asks no database."""
        if not self._sanctions:
            return None
        now = self._clock()
        for key in ((person, ""), (person, end_user)):
            for sanction in self._sanctions.get(key, {}).values():
                if sanction.holds(now) and (sanction.everywhere or sanction.workspace == workspace):
                    return sanction
        return None

    async def impose(
        self, actor: Actor, person: str, end_user: str, step: Measure, *, hours: float = 0, reason: str
    ) -> Sanction:
        """Warn, suspend for hours, or terminate; a reviewer's holds in their workspace, an administrator's everywhere.

        An empty `end_user` means the person with all that goes on under them. Raises NotFound for somebody outside the
        workspace, NotAllowed for oneself, and for an administrator where the actor is none.
        """
        reach(actor, sanctions.c.workspace_id)
        check_measure(step, hours)
        now = int(self._clock())
        sanction = Sanction(
            id=new_id("san"),
            workspace="" if actor.administrator else actor.workspace,
            person=person,
            end_user=words("end_user", end_user, 64, least=0),
            step=step,
            everywhere=actor.administrator,
            reason=words("reason", reason, REASON_CHARACTERS),
            imposed_by=actor.person,
            imposed_at=now,
            until=now + int(hours * 3600) if step == "suspend" else 0,
        )
        async with self._database.write() as connection:
            await _check_target(connection, actor, sanction)
            await connection.execute(sanctions.insert().values(row_of(sanction, self._now_ms())))
        self._keep(sanction)
        await self._announce("sanction:imposed", actor, facts_of(sanction))
        return sanction

    async def lift(self, actor: Actor, sanction_id: str, reason: str) -> Sanction:
        """End a sanction. Raises NotAllowed for one's own and for one that arose outside the actor's workspace."""
        reason = words("reason", reason, REASON_CHARACTERS)
        await self.flush()
        mine = select(sanctions).where(sanctions.c.id == sanction_id, _reach(actor)).with_for_update()
        async with self._database.write() as connection:
            row = (await connection.execute(mine)).mappings().first()
            if row is None:
                raise not_found("san")
            check_lift(actor, sanction_of(row), self._clock())
            lifted = await self._lift(connection, sanction_of(row), actor.person, reason)
        self._keep(lifted)
        await self._announce("sanction:lifted", actor, facts_of(lifted))
        return lifted

    async def overturn(self, person: str, request_id: str) -> None:
        """Take a refusal off the count that people decided was wrong; a suspension it was part of is lifted.

        One that is over is lifted too, so that it makes no later one longer.
        """
        await self.flush()
        await self.refresh()
        behind = [
            sanction
            for (whose, _), held in self._sanctions.items()
            for sanction in held.values()
            if whose == person and request_id in sanction.requests and not sanction.lifted_at
        ]
        own = attempts.c.request_id == request_id, attempts.c.person_id == person
        async with self._database.write() as connection:
            gone = {"overturned": True, "changed_ms": self._now_ms()}
            await connection.execute(update(attempts).where(*own).values(gone))
            lifted = [await self._lift(connection, sanction, "", "A refusal was overturned.") for sanction in behind]
        for (whose, _), account in self._accounts.items():
            if whose == person:
                account.attempts.pop(request_id, None)
        for sanction in lifted:
            self._keep(sanction)
            await self._announce("sanction:lifted", None, facts_of(sanction))

    async def list(self, actor: Actor, *, person: str = "", before: str = "", limit: int = 50) -> list[Sanction]:
        """Sanctions, the newest first, at most 200: reviewers see their workspace's, everybody else their own."""
        if self._changes.sanctions:
            await self.flush()
        own: ColumnElement[bool] = and_(sanctions.c.person_id == actor.person, sanctions.c.end_user == "")
        seen = or_(_reach(actor), own) if reviews(actor) else own
        statement = select(sanctions).where(seen)
        if person:
            statement = statement.where(sanctions.c.person_id == person)
        if before:
            statement = statement.where(sanctions.c.id < before)
        page = statement.order_by(sanctions.c.id.desc()).limit(max(1, min(limit, PAGE)))
        async with self._database.read() as connection:
            found = [sanction_of(row) for row in (await connection.execute(page)).mappings()]
        return [as_seen_by(actor, sanction) for sanction in found]

    async def refresh(self) -> None:
        """Take in what any server wrote since the last time; the first time, all that still matters."""
        now_ms = self._now_ms()
        since = max(self._read_ms - _OVERLAP_MS, now_ms - _AGAIN_SECONDS * 1000)
        async with self._database.read() as connection:
            found = await read(connection, since, int(now_ms / 1000))
        for person, name, clean_ms, spent_ms in found.accounts:
            account = self._accounts.setdefault((person, name), Account())
            account.clean_ms = max(account.clean_ms, clean_ms)
            account.spent_ms = max(account.spent_ms, spent_ms)
        for person, name, request, at_ms, overturned in found.attempts:
            account = self._accounts.setdefault((person, name), Account())
            if overturned:
                account.attempts.pop(request, None)
            elif at_ms > account.spent_ms:
                account.attempts.setdefault(request, at_ms)
        for sanction in found.sanctions:
            self._keep(sanction)
        self._read_ms = now_ms

    async def flush(self) -> None:
        """Write what was counted and imposed, and put it on record. What fails is tried again."""
        async with self._flushing:
            changes, self._changes = self._changes, Changes()
            try:
                if changes:
                    states = {key: self._accounts.get(key, Account()) for key in changes.accounts}
                    async with self._database.write() as connection:
                        await write(self._database, connection, changes, states, self._now_ms())
            except BaseException:
                self._changes = changes.then(self._changes)
                raise
            self._untold += changes.sanctions
            while self._untold:
                await self._announce("sanction:imposed", None, facts_of(self._untold[0]))
                del self._untold[0]
            await self._open_cases()

    async def prune(self) -> int:
        """Forget attempts of more than 30 days ago; how many. Sanctions are kept."""
        now = self._clock()
        before = int((now - _AGAIN_SECONDS) * 1000)
        async with self._database.write() as connection:
            old = await connection.execute(delete(attempts).where(attempts.c.at_ms < before))
            await connection.execute(delete(accounts).where(accounts.c.changed_ms < before))
        self._accounts = {key: account for key, account in self._accounts.items() if not account.forget(before)}
        for held in self._sanctions.values():
            for sanction in [s for s in held.values() if not s.holds(now) and s.imposed_at < now - _AGAIN_SECONDS]:
                del held[sanction.id]
        self._sanctions = {key: held for key, held in self._sanctions.items() if held}
        return old.rowcount

    async def _open_cases(self) -> None:
        while self._cases and self._desk is not None:
            try:
                await self._desk.open(self._cases[0], _REVIEW)
            except HanlinError as error:
                if error.status >= 500:
                    raise
                _logger.warning("no case of attempts: %s", error.code)
            del self._cases[0]

    def _count(self, key: Key, account: Account, attempt: Attempt) -> None:
        if attempt.request_id in account.attempts:
            return
        at_ms = account.attempts[attempt.request_id] = self._tick()
        if len(self._changes.attempts) < _MOST_WAITING:
            self._changes.attempts.append((*key, attempt.request_id, at_ms))
        row, day = account.row(), account.day(at_ms)
        if len(row) >= attempt.ladder.in_a_row:
            self._act(attempt, account, row, f"{len(row)} refused attempts in a row.")
        elif len(day) >= attempt.ladder.per_day:
            self._act(attempt, account, day, f"{len(day)} refused attempts in a day.")
        self._changed(key)

    def _act(self, attempt: Attempt, account: Account, behind: Collection[str], reason: str) -> None:
        if attempt.key and not attempt.end_user:  # a suspension would hit everybody who uses the program
            self._cases += [_case(attempt)] if self._desk is not None else []
        elif attempt.ladder.suspend_hours > 0:
            sanction = self._suspension(attempt, behind, reason)
            self._keep(sanction)
            self._changes.sanctions.append(sanction)
        account.spent_ms = self._tick()
        account.forget(0)

    def _suspension(self, attempt: Attempt, behind: Collection[str], reason: str) -> Sanction:
        now = int(self._clock())
        earlier = self._sanctions.get((attempt.person, attempt.end_user), {}).values()
        counted = [s for s in earlier if s.requests and not s.lifted_at and s.imposed_at > now - _AGAIN_SECONDS]
        hours = suspend_hours(attempt.ladder, len(counted))
        return Sanction(
            id=new_id("san"),
            workspace=attempt.workspace,
            person=attempt.person,
            end_user=attempt.end_user,
            step="suspend",
            everywhere=True,
            reason=reason,
            rule=attempt.rule,
            category=attempt.category,
            requests=tuple(behind),
            imposed_at=now,
            until=now + int(hours * 3600),
        )

    def _keep(self, sanction: Sanction) -> None:
        held = self._sanctions.setdefault((sanction.person, sanction.end_user), {})
        known = held.get(sanction.id)
        if known is None or not known.lifted_at:  # lifting is final, whatever was read before it
            held[sanction.id] = sanction

    async def _lift(self, connection: AsyncConnection, sanction: Sanction, by: str, reason: str) -> Sanction:
        lifted = {"lifted_by": by, "lifted_at": int(self._clock()), "lift_reason": reason}
        statement = update(sanctions).where(sanctions.c.id == sanction.id, sanctions.c.lifted_at == 0)
        await connection.execute(statement.values(lifted | {"changed_ms": self._now_ms()}))
        return sanction_of(row_of(sanction, 0) | lifted)

    def _changed(self, key: Key) -> None:
        self._changes.accounts.add(key)
        self._wake.set()

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _tick(self) -> int:
        """Now, and later than any time given before: what happens in one millisecond keeps its order."""
        self._last_ms = max(self._now_ms(), self._last_ms + 1)
        return self._last_ms

    async def _keep_writing(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.flush()
            except (HanlinError, SQLAlchemyError) as error:
                _logger.warning("attempts not written, will try again: %s", type(error).__name__)
                self._wake.set()


def _case(attempt: Attempt) -> NewCase:
    return NewCase(
        kind="attempts",
        workspace=attempt.workspace,
        person=attempt.person,
        request_id=attempt.request_id,
        rule=attempt.rule,
        category=attempt.category,
    )


async def _check_target(connection: AsyncConnection, actor: Actor, sanction: Sanction) -> None:
    if sanction.person == actor.person and not sanction.end_user:
        raise NotAllowed("Nobody imposes a sanction on themselves.", action="Ask another reviewer.")
    statement = select(people.c.administrator).where(people.c.id == sanction.person)
    if not actor.administrator:
        inside: Any = and_(memberships.c.person_id == people.c.id, memberships.c.workspace_id == actor.workspace)
        statement = statement.join(memberships, inside)
    administrator = (await connection.execute(statement)).scalar()
    if administrator is None:
        raise NotFound("There is no such person.", action="List the workspace's people, and take the id from there.")
    if administrator and not actor.administrator:
        raise NotAllowed("This person is an administrator.", action="Ask another administrator.")


def _reach(actor: Actor) -> ColumnElement[bool]:
    """The sanctions a reviewer sees: those of their workspace, and what stops its people everywhere."""
    members = select(memberships.c.person_id).where(memberships.c.workspace_id == actor.workspace)
    everywhere = and_(sanctions.c.everywhere, sanctions.c.person_id.in_(members))
    return or_(reach(actor, sanctions.c.workspace_id), everywhere)
