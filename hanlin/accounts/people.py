"""People of a workspace: who is in it, as what, and how they come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, and_, delete, func, select, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts.actors import Endings
from hanlin.accounts.invitations import Invitations, add_person
from hanlin.accounts.naming import check_id, clean_name, not_found
from hanlin.accounts.permissions import granted, require
from hanlin.accounts.tables import invitations, keys, memberships, people, sessions, workspaces
from hanlin.errors import BadRequest, Conflict, NotAllowed
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Facts, Permission, Role

LANGUAGES = ("", "zh", "en")
"""What a person can choose; "" follows the server."""


class Person(Struct, frozen=True):
    """A person as seen in one workspace."""

    id: str
    name: str
    role: Role | None
    """None when an administrator looks at somebody outside the workspace."""
    language: str
    administrator: bool
    disabled: bool
    has_password: bool
    """False until the first link was used."""
    minor: bool = False
    """A policy's rules and hours for minors hold."""


class Invitation(Struct, frozen=True):
    """`token` makes the one-time link; it is shown once."""

    person: Person
    token: str

    def __repr__(self) -> str:
        return "Invitation(…)"  # never a secret in a log


class People:
    """Every function takes the Actor; ids of people outside the actor's workspace are unknown to it."""

    def __init__(
        self,
        database: Database,
        endings: Endings,
        invitations: Invitations,
        *,
        clock: Callable[[], float],
        announce: Announce,
    ) -> None:
        self._database = database
        self._endings = endings
        self._invitations = invitations
        self._clock = clock
        self._announce = announce

    async def me(self, actor: Actor) -> Person:
        """The actor's own person."""
        return await self._find(actor, actor.person)

    async def acting(self, person_id: str, workspace_id: str) -> Actor:
        """Who a person is in a workspace now, without a session: for jobs that go on after their owner has left.

        Raises NotAllowed for a person that is not in the workspace, or is disabled.
        """
        statement = (
            select(memberships.c.role, people.c.administrator, people.c.minor)
            .join(people, people.c.id == memberships.c.person_id)
            .where(people.c.id == person_id, memberships.c.workspace_id == workspace_id, people.c.disabled.is_(False))
        )
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise NotAllowed(
                "Who started this is not in the workspace any more.",
                action="Somebody who is can start it anew.",
                code="no_longer_allowed",
            )
        role = Role(row.role)
        return Actor(
            person=person_id,
            workspace=workspace_id,
            role=role,
            permissions=granted(role, administrator=row.administrator),
            administrator=row.administrator,
            session=person_id,  # limits count by it, and the record names it
            minor=row.minor,
        )

    async def founder(self) -> Actor:
        """Who was first in this house, as `acting`: on whose behalf the operator works at the command line."""
        first = select(memberships.c.person_id, memberships.c.workspace_id).order_by(memberships.c.person_id).limit(1)
        async with self._database.read() as connection:
            row = (await connection.execute(first)).one()
        return await self.acting(row.person_id, row.workspace_id)

    async def list(self, actor: Actor) -> list[Person]:
        """Everybody in the workspace, by name."""
        require(actor, Permission.MANAGE_PEOPLE)
        statement = _select_people(actor).where(memberships.c.role.is_not(None)).order_by(people.c.folded_name)
        async with self._database.read() as connection:
            return [_person(row) for row in await connection.execute(statement)]

    async def get(self, actor: Actor, person_id: str) -> Person:
        """One person of the workspace; an administrator sees anybody."""
        require(actor, Permission.MANAGE_PEOPLE)
        return await self._find(actor, person_id)

    async def invite(self, actor: Actor, name: str, role: Role) -> Invitation:
        """Add a new person to the workspace; they choose a password (and may change the name) through the link."""
        require(actor, Permission.MANAGE_PEOPLE)
        cleaned = clean_name(name)
        async with self._database.write() as connection:
            person_id = await add_person(connection, cleaned, now=int(self._clock()))
            await _add_member(connection, person_id, actor.workspace, role)
            token = await self._invitations.issue(connection, person_id, actor.workspace)
        await self._announce("person:added", actor, {"person": person_id, "role": role.value})
        return Invitation(await self._find(actor, person_id), token)

    async def new_link(self, actor: Actor, person_id: str) -> Invitation:
        """Another link: for who has not used theirs, and from an administrator for a forgotten password.

        An owner gets none for a person with a password: that person may be somebody in other workspaces.
        """
        person = await self.get(actor, person_id)
        if person.role is None:
            raise not_found("per")
        if (person.has_password or person.administrator) and not actor.administrator:
            raise NotAllowed(
                "This person is an administrator or has a password.", action="Ask an administrator for a new link."
            )
        async with self._database.write() as connection:
            token = await self._invitations.issue(connection, person_id, actor.workspace)
        await self._announce("person:changed", actor, {"person": person_id, "change": "new link"})
        return Invitation(person, token)

    async def add(self, actor: Actor, person_id: str, role: Role) -> None:
        """Bring an existing person into the workspace; for administrators. Conflict when they are in it."""
        _require_administrator(actor)
        await self._find(actor, person_id)
        try:
            async with self._database.write() as connection:
                await _add_member(connection, person_id, actor.workspace, role)
        except IntegrityError:
            raise Conflict("This person is in the workspace already.", action="Change their role instead.") from None
        await self._announce("person:added", actor, {"person": person_id, "role": role.value})

    async def set_role(self, actor: Actor, person_id: str, role: Role) -> None:
        """Make a person something else in the workspace. Conflict when it would be left without an owner."""
        person = await self._find_member(actor, person_id)
        async with self._database.write() as connection:
            await _keep_an_owner(connection, actor.workspace, person_id, role)
            member = memberships.c.person_id == person_id, memberships.c.workspace_id == actor.workspace
            await connection.execute(update(memberships).where(*member).values(role=role.value))
            affected = await _credentials(connection, person_id, actor.workspace)
        before, after = (granted(r, administrator=person.administrator) for r in (person.role or role, role))
        if not before <= after:
            self._endings.tell(affected)
        await self._announce("person:changed", actor, {"person": person_id, "role": role.value})

    async def remove(self, actor: Actor, person_id: str) -> None:
        """Take a person out of the workspace, with their keys and sessions in it."""
        await self._find_member(actor, person_id)
        async with self._database.write() as connection:
            await _keep_an_owner(connection, actor.workspace, person_id, None)
            affected = await _credentials(connection, person_id, actor.workspace)
            for table in (memberships, invitations, sessions):
                await connection.execute(
                    delete(table).where(table.c.person_id == person_id, table.c.workspace_id == actor.workspace)
                )
            gone = keys.c.person_id == person_id, keys.c.workspace_id == actor.workspace, keys.c.revoked_at.is_(None)
            await connection.execute(update(keys).where(*gone).values(revoked_at=int(self._clock())))
        self._endings.tell(affected)
        await self._announce("person:removed", actor, {"person": person_id})

    async def set_disabled(self, actor: Actor, person_id: str, *, disabled: bool) -> None:
        """Lock a person out of everything, or let them in again (their keys come back, their sessions do not)."""
        await self._find_other(actor, person_id)
        async with self._database.write() as connection:
            affected = await _credentials(connection, person_id, None) if disabled else []
            await connection.execute(update(people).where(people.c.id == person_id).values(disabled=disabled))
            await connection.execute(delete(sessions).where(sessions.c.person_id == person_id))
        self._endings.tell(affected)
        await self._announce("person:changed", actor, {"person": person_id, "disabled": int(disabled)})

    async def set_administrator(self, actor: Actor, person_id: str, *, administrator: bool) -> None:
        """Let a person operate the whole server, or no longer; their sessions end, because their rights changed."""
        await self._find_other(actor, person_id)
        async with self._database.write() as connection:
            affected = await _credentials(connection, person_id, None)
            await connection.execute(update(people).where(people.c.id == person_id).values(administrator=administrator))
            await connection.execute(delete(sessions).where(sessions.c.person_id == person_id))
        self._endings.tell(affected)
        facts: Facts = {"person": person_id, "administrator": int(administrator)}
        await self._announce("person:changed", actor, facts)

    async def set_minor(self, actor: Actor, person_id: str, *, minor: bool) -> None:
        """Let a policy's rules and hours for minors hold for a person of the workspace, or no longer."""
        await self._find_member(actor, person_id)
        async with self._database.write() as connection:
            await connection.execute(update(people).where(people.c.id == person_id).values(minor=minor))
            affected = await _credentials(connection, person_id, None)
        self._endings.tell(affected)
        await self._announce("person:changed", actor, {"person": person_id, "minor": int(minor)})

    async def set_language(self, actor: Actor, language: str) -> None:
        """Choose the language of one's pages: zh, en, or "" for the server's."""
        if language not in LANGUAGES:
            raise BadRequest("language must be zh, en or empty.", param="language")
        async with self._database.write() as connection:
            await connection.execute(update(people).where(people.c.id == actor.person).values(language=language))

    async def erase(self, actor: Actor, person_id: str) -> None:
        """Delete a person with name, password, keys and sessions; pseudonyms in usage and record then name nobody."""
        await self._find_other(actor, person_id)
        async with self._database.write() as connection:
            affected = await _credentials(connection, person_id, None)
            await connection.execute(delete(people).where(people.c.id == person_id))
        self._endings.tell(affected)
        await self._announce("person:removed", actor, {"person": person_id, "erased": 1})

    async def _find(self, actor: Actor, person_id: str) -> Person:
        statement = _select_people(actor).where(people.c.id == check_id("per", person_id))
        if not actor.administrator:
            statement = statement.where(memberships.c.role.is_not(None))
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise not_found("per")
        return _person(row)

    async def _find_member(self, actor: Actor, person_id: str) -> Person:
        person = await self.get(actor, person_id)
        if person.role is None:
            raise not_found("per")
        return person

    async def _find_other(self, actor: Actor, person_id: str) -> Person:
        _require_administrator(actor)
        if person_id == actor.person:  # so that an administrator is always left
            raise Conflict("You cannot do this to yourself.", action="Ask another administrator.")
        return await self._find(actor, person_id)


def _require_administrator(actor: Actor) -> None:
    require(actor, Permission.MANAGE_PEOPLE)
    if not actor.administrator:
        raise NotAllowed("This is for administrators.", action="Ask one.")


def _select_people(actor: Actor) -> Any:
    in_workspace: ColumnElement[bool] = and_(
        memberships.c.person_id == people.c.id, memberships.c.workspace_id == actor.workspace
    )
    return select(people, memberships.c.role).outerjoin(memberships, in_workspace)


async def _add_member(connection: AsyncConnection, person_id: str, workspace: str, role: Role) -> None:
    values = {"person_id": person_id, "workspace_id": workspace, "role": role.value}
    await connection.execute(memberships.insert().values(values))


async def _keep_an_owner(connection: AsyncConnection, workspace: str, person_id: str, role: Role | None) -> None:
    # the row lock keeps two owners from demoting each other at once
    await connection.execute(select(workspaces.c.id).where(workspaces.c.id == workspace).with_for_update())
    owners = (
        select(func.count())
        .select_from(memberships.join(people, people.c.id == memberships.c.person_id))
        .where(
            memberships.c.workspace_id == workspace,
            memberships.c.role == Role.OWNER.value,
            memberships.c.person_id != person_id,
            people.c.disabled.is_(False),
        )
    )
    if role is not Role.OWNER and not (await connection.execute(owners)).scalar_one():
        raise Conflict("A workspace needs an owner.", action="Make somebody else owner first.", code="last_owner")


async def _credentials(connection: AsyncConnection, person_id: str, workspace: str | None) -> list[str]:
    parts = []
    for table in (keys, sessions):
        part = select(table.c.id).where(table.c.person_id == person_id)
        parts.append(part if workspace is None else part.where(table.c.workspace_id == workspace))
    return list((await connection.execute(union_all(*parts))).scalars())


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        role=Role(row.role) if row.role else None,
        language=row.language,
        administrator=row.administrator,
        minor=row.minor,
        disabled=row.disabled,
        has_password=row.password_hash is not None,
    )
