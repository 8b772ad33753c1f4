"""Workspaces: what keys, usage, files and limits belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select, update
from sqlalchemy.exc import IntegrityError

from hanlin.accounts.actors import LimitTable
from hanlin.accounts.invitations import name_taken
from hanlin.accounts.keys import check_limits
from hanlin.accounts.naming import check_id, clean_name, fold, not_found
from hanlin.accounts.permissions import require
from hanlin.accounts.quota import Limits
from hanlin.accounts.tables import memberships, workspaces
from hanlin.errors import BadRequest, NotAllowed
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Permission, Role, new_id


class Workspace(Struct, frozen=True):
    id: str
    name: str
    limits: Limits
    """None in it: the server's default."""


class Workspaces:
    """Lists, makes and limits workspaces."""

    def __init__(
        self, database: Database, limits: LimitTable, *, clock: Callable[[], float], announce: Announce
    ) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock
        self._announce = announce

    async def list(self, actor: Actor) -> list[Workspace]:
        """The person's own, by name; for an administrator all."""
        statement = select(workspaces).order_by(workspaces.c.folded_name)
        if not actor.administrator:
            mine = select(memberships.c.workspace_id).where(memberships.c.person_id == actor.person)
            statement = statement.where(workspaces.c.id.in_(mine))
        async with self._database.read() as connection:
            return [_workspace(row) for row in await connection.execute(statement)]

    async def get(self, actor: Actor, workspace_id: str) -> Workspace:
        """The workspace the actor is in; for an administrator any."""
        if not actor.administrator and workspace_id != actor.workspace:
            raise not_found("ws")
        async with self._database.read() as connection:
            statement = select(workspaces).where(workspaces.c.id == check_id("ws", workspace_id))
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise not_found("ws")
        return _workspace(row)

    async def create(self, actor: Actor, name: str) -> Workspace:
        """A new workspace with the actor as its owner; for administrators. Conflict when the name is taken."""
        require(actor, Permission.MANAGE_PEOPLE)
        if not actor.administrator:
            raise NotAllowed("Workspaces are made by administrators.", action="Ask one.")
        cleaned, identifier = clean_name(name), new_id("ws")
        values = {"id": identifier, "name": cleaned, "folded_name": fold(cleaned), "created_at": int(self._clock())}
        owner = {"person_id": actor.person, "workspace_id": identifier, "role": Role.OWNER.value}
        try:
            async with self._database.write() as connection:
                await connection.execute(workspaces.insert().values(values))
                await connection.execute(memberships.insert().values(owner))
        except IntegrityError:
            raise name_taken() from None
        await self._announce("workspace:created", actor, {"workspace": identifier})
        return Workspace(identifier, cleaned, Limits())

    async def set_limits(self, actor: Actor, workspace_id: str, limits: Limits) -> None:
        """Set tokens a minute and a day; None goes back to the server's. In force within seconds."""
        require(actor, Permission.MANAGE_PEOPLE)
        await self.get(actor, workspace_id)
        check_limits(limits)
        if limits.requests_per_minute is not None:
            raise BadRequest("Requests a minute are limited per key, not per workspace.", param="requests_per_minute")
        values = {"tokens_per_minute": limits.tokens_per_minute, "tokens_per_day": limits.tokens_per_day}
        async with self._database.write() as connection:
            await connection.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(values))
        self._limits.learn(workspace_id, limits)
        await self._announce("workspace:changed", actor, {"workspace": workspace_id})


def _workspace(row: Row[Any]) -> Workspace:
    return Workspace(
        row.id, row.name, Limits(tokens_per_minute=row.tokens_per_minute, tokens_per_day=row.tokens_per_day)
    )
