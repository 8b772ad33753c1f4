"""Content without its visible label, on request (Measures for Labelling, art. 9; the implicit label stays).

Only where the operator allows it at all, only after an owner of the workspace has accepted the duties that pass to the
user, and never without an entry in the log of recipients, which is kept for at least six months.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.errors import BadRequest, Conflict, NotAllowed, NotFound
from hanlin.labels.tables import agreements, handouts
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Facts, Permission, Role, new_id, unheard

KEPT_DAYS = 183
"""Measures, art. 9: the provider keeps who received it for no less than six months. No call shortens it."""
_DAY_SECONDS = 86_400
_PAGE = 200


class Agreement(Struct, frozen=True):
    """An owner accepted the duties for a workspace."""

    id: str
    workspace_id: str
    person_id: str
    """Who accepted."""
    text_version: str
    """Version or hash of the text that was accepted."""
    accepted_at: int
    """Seconds since 1970, as all times here."""
    withdrawn_at: int | None = None
    withdrawn_by: str | None = None


class Handout(Struct, frozen=True):
    """One thing that somebody received without its visible label."""

    id: str
    workspace_id: str
    person_id: str
    """Who asked for it."""
    agreement_id: str
    produce_id: str
    media_type: str
    recipient: str
    """Who received it, as the person who asked named them; empty once erased."""
    at: int


class Agreements:
    """Made once per server. With `allowed` False nothing is handed out; agreements and log can still be read."""

    def __init__(
        self,
        database: Database,
        announce: Announce = unheard,
        *,
        allowed: bool = False,
        retention_days: int = KEPT_DAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._announce = announce
        self._allowed = allowed
        self._kept_seconds = max(KEPT_DAYS, retention_days) * _DAY_SECONDS
        self._clock = clock

    async def agree(self, actor: Actor, text_version: str) -> Agreement:
        """Accept the duties for the actor's workspace, in place of what was accepted before. Owners only."""
        _require_owner(actor)
        if not self._allowed:
            raise _forbidden()
        now = int(self._clock())
        agreement = Agreement(
            new_id("agr"), actor.workspace, actor.person, _words("text_version", text_version, 80), now
        )
        async with self._database.write() as connection:
            await _end(connection, actor, now)
            await connection.execute(insert(agreements).values(**asdict(agreement)))
        facts: Facts = {"agreement": agreement.id, "text_version": agreement.text_version}
        await self._announce("label:agreed", actor, facts)
        return agreement

    async def withdraw(self, actor: Actor) -> bool:
        """End the agreement of the actor's workspace; False when there was none. Owners only."""
        _require_owner(actor)
        async with self._database.write() as connection:
            ended = await _end(connection, actor, int(self._clock()))
        for agreement in ended:
            await self._announce("label:withdrawn", actor, {"agreement": agreement})
        return bool(ended)

    async def may(self, actor: Actor) -> bool:
        """Whether this actor may be given content without its visible label."""
        if not self._allowed or Permission.GENERATE not in actor.permissions:
            return False
        async with self._database.read() as connection:
            return await _standing(connection, actor.workspace) is not None

    async def handed_out(self, actor: Actor, produce_id: str, recipient: str, media_type: str) -> Handout:
        """Log that a recipient gets something without its visible label; to be awaited before its first byte leaves.

        Raises NotAllowed where `may` says no, BadRequest without a recipient.
        """
        facts = {
            "produce_id": _words("produce_id", produce_id, 64),
            "recipient": _words("recipient", recipient, 400),
            "media_type": _words("media_type", media_type, 120),
        }
        if not await self.may(actor):
            raise _forbidden()
        now = int(self._clock())
        async with self._database.write() as connection:
            agreement = await _standing(connection, actor.workspace)
            if agreement is None:  # withdrawn since
                raise _forbidden()
            handout = Handout(new_id("out"), actor.workspace, actor.person, agreement, at=now, **facts)
            await connection.execute(insert(handouts).values(**asdict(handout)))
        named: Facts = {"handout": handout.id, "agreement": agreement, "produce_id": handout.produce_id}
        await self._announce("label:unlabelled", actor, named)
        return handout

    async def agreements(self, actor: Actor) -> list[Agreement]:
        """All agreements of the actor's workspace, the newest first; for who may read the record."""
        _require_audit(actor)
        statement = select(agreements).where(agreements.c.workspace_id == actor.workspace)
        async with self._database.read() as connection:
            rows = await connection.execute(statement.order_by(agreements.c.id.desc()))
            return [Agreement(**row) for row in rows.mappings()]

    async def handouts(self, actor: Actor, *, before: str = "") -> list[Handout]:
        """The workspace's log of recipients, the newest first, 200 at a time: `before` is the last id seen."""
        _require_audit(actor)
        statement = select(handouts).where(handouts.c.workspace_id == actor.workspace)
        if before:
            statement = statement.where(handouts.c.id < before)
        async with self._database.read() as connection:
            rows = await connection.execute(statement.order_by(handouts.c.id.desc()).limit(_PAGE))
            return [Handout(**row) for row in rows.mappings()]

    async def erase(self, actor: Actor, handout: str) -> None:
        """Delete one entry of the log for a recipient who asks for it. Owners only; Conflict in the first 183 days."""
        _require_owner(actor)
        own = (handouts.c.id == handout) & (handouts.c.workspace_id == actor.workspace)
        async with self._database.write() as connection:
            at = (await connection.execute(select(handouts.c.at).where(own))).scalar()
            if at is None:
                raise NotFound("There is no such entry in the log of recipients.", action="Open the list again.")
            if at > self._clock() - KEPT_DAYS * _DAY_SECONDS:
                raise Conflict(
                    f"The log of recipients is kept for {KEPT_DAYS} days.", action="Ask again when they are over."
                )
            await connection.execute(delete(handouts).where(own))

    async def prune(self) -> int:
        """Delete what is older than it is kept, by this object's own clock; how many entries there were."""
        async with self._database.write() as connection:
            old = handouts.c.at <= int(self._clock()) - self._kept_seconds
            return (await connection.execute(delete(handouts).where(old))).rowcount


async def _standing(connection: AsyncConnection, workspace: str) -> str | None:
    """Id of the agreement that holds for a workspace."""
    statement = select(agreements.c.id).where(
        agreements.c.workspace_id == workspace, agreements.c.withdrawn_at.is_(None)
    )
    return (await connection.execute(statement.order_by(agreements.c.id.desc()).limit(1))).scalar()


async def _end(connection: AsyncConnection, actor: Actor, now: int) -> list[str]:
    """Withdraw what holds for the actor's workspace; ids."""
    holding = (agreements.c.workspace_id == actor.workspace) & agreements.c.withdrawn_at.is_(None)
    ended = (await connection.execute(select(agreements.c.id).where(holding))).scalars().all()
    await connection.execute(update(agreements).where(holding).values(withdrawn_at=now, withdrawn_by=actor.person))
    return list(ended)


def _require_owner(actor: Actor) -> None:
    if actor.role is not Role.OWNER or Permission.MANAGE_PEOPLE not in actor.permissions:
        raise NotAllowed("Only an owner of the workspace answers for its labels.", action="Ask one.")


def _require_audit(actor: Actor) -> None:
    if Permission.READ_AUDIT not in actor.permissions:
        raise NotAllowed(
            f"This needs the permission {Permission.READ_AUDIT.value!r}.", action="Ask an owner or an auditor."
        )


def _forbidden() -> NotAllowed:
    return NotAllowed(
        "Content without its visible label is not given out here.",
        action="The operator must allow it, and an owner of the workspace must accept the duties that go with it.",
    )


def _words(name: str, value: str, most: int) -> str:
    words = value.strip()
    if not 1 <= len(words) <= most or not words.isprintable():
        raise BadRequest(f"{name} must be 1 to {most} printable characters, got {len(words)}.", param=name)
    return words
