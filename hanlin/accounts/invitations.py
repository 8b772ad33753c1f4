"""One-time sign-in links: how the first person, and everybody after, comes to a password. Never a default one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts.actors import token_hash
from hanlin.accounts.keys import KeyRequest, Keys
from hanlin.accounts.naming import clean_name, fold
from hanlin.accounts.passwords import Passwords, check_password
from hanlin.accounts.permissions import granted
from hanlin.accounts.sessions import Sessions, SignedIn
from hanlin.accounts.tables import invitations, memberships, people, workspaces
from hanlin.errors import Conflict, NotSignedIn
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Permission, Role, new_id

LINK_SECONDS = 86_400

FIRST_KEY = KeyRequest(
    name="first key",
    permissions=frozenset({Permission.GENERATE, Permission.READ_REGISTRY, Permission.READ_USAGE}),
)


class FirstRun(Struct, frozen=True):
    """What a server that nobody has signed in to prints at its start."""

    sign_in_token: str
    """Good once, for 24 hours; the next start replaces it."""
    key: str
    """An API key of the first person; "" after the first start, because a key is shown once."""

    def __repr__(self) -> str:
        return "FirstRun(…)"  # never a secret in a log


class Invitations:
    """Issues one-time links and redeems them."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        keys: Keys,
        sessions: Sessions,
        *,
        clock: Callable[[], float],
        announce: Announce,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._keys = keys
        self._sessions = sessions
        self._clock = clock
        self._announce = announce

    async def first_run(self) -> FirstRun | None:
        """While nobody has a password: the first person's link, and at the very first start a key. Else None."""
        async with self._database.write() as connection:
            if (
                await connection.execute(select(people.c.id).where(people.c.password_hash.is_not(None)).limit(1))
            ).first():
                return None
            first = (await connection.execute(select(memberships).order_by(memberships.c.person_id).limit(1))).first()
            person, workspace = (first.person_id, first.workspace_id) if first else await self._found(connection)
            token = await self.issue(connection, person, workspace)
        if first:
            return FirstRun(token, "")
        owner = Actor(person, workspace, Role.OWNER, granted(Role.OWNER, administrator=True), administrator=True)
        return FirstRun(token, (await self._keys.create(owner, FIRST_KEY)).token)

    async def issue(self, connection: AsyncConnection, person: str, workspace: str) -> str:
        """A new link's token for a person; an older one of theirs dies. The caller has checked the right to it."""
        token = secrets.token_urlsafe(32)
        values = {
            "workspace_id": workspace,
            "token_hash": token_hash(token),
            "expires_at": int(self._clock()) + LINK_SECONDS,
        }
        statement = self._database.insert(invitations).values(person_id=person, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=["person_id"], set_=values))
        return token

    async def redeem(self, token: str, name: str, password: str, *, device: str = "") -> SignedIn:
        """Use a link: take name and password, sign out everywhere else, open a session.

        NotSignedIn for an unknown, used or old link; BadRequest for a weak password or odd name, Conflict for a taken
        name: after these two the link still works.
        """
        async with self._database.read() as connection:
            await self._find(connection, token)
        cleaned = clean_name(name)
        check_password(password, cleaned)
        password_hash = await self._passwords.hash(password)
        async with self._database.write() as connection:
            link = await self._find(connection, token)
            used = await connection.execute(delete(invitations).where(invitations.c.token_hash == link.token_hash))
            if used.rowcount != 1:  # somebody else was faster
                raise _unknown_link()
            values = {"name": cleaned, "folded_name": fold(cleaned), "password_hash": password_hash}
            try:
                await connection.execute(update(people).where(people.c.id == link.person_id).values(values))
            except IntegrityError:
                raise name_taken() from None
        await self._sessions.end_all(link.person_id)
        signed_in = await self._sessions.open(link.person_id, workspace=link.workspace_id, device=device)
        await self._announce("auth:signed_in", signed_in.actor, {"by": "link"})
        return signed_in

    async def _find(self, connection: AsyncConnection, token: str) -> Row[Any]:
        statement = (
            select(invitations)
            .join(people, people.c.id == invitations.c.person_id)
            .where(
                invitations.c.token_hash == token_hash(token),
                invitations.c.expires_at > self._clock(),
                people.c.disabled.is_(False),
            )
        )
        link = (await connection.execute(statement)).one_or_none()
        if link is None:
            raise _unknown_link()
        return link

    async def _found(self, connection: AsyncConnection) -> tuple[str, str]:
        now = int(self._clock())
        workspace = new_id("ws")
        values = {"id": workspace, "name": "main", "folded_name": "main", "created_at": now}
        await connection.execute(workspaces.insert().values(values))
        person = await add_person(connection, "owner", now=now, administrator=True)
        await connection.execute(
            memberships.insert().values(person_id=person, workspace_id=workspace, role=Role.OWNER.value)
        )
        return person, workspace


async def add_person(connection: AsyncConnection, name: str, *, now: int, administrator: bool = False) -> str:
    """The id of a new person without a password. Conflict when the name is taken."""
    person = new_id("per")
    values = {
        "id": person,
        "name": name,
        "folded_name": fold(name),
        "language": "",
        "administrator": administrator,
        "disabled": False,
        "created_at": now,
    }
    try:
        await connection.execute(people.insert().values(values))
    except IntegrityError:
        raise name_taken() from None
    return person


def _unknown_link() -> NotSignedIn:
    return NotSignedIn(
        "This sign-in link is not known, was used, or is older than 24 hours.",
        action="Ask for a new one; a server that nobody has signed in to prints one at each start.",
        code="invalid_link",
    )


def name_taken() -> Conflict:
    return Conflict("This name is taken.", action="Choose another one.", code="name_taken")
