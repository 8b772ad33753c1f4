"""Signing in with name and password, and changing the password."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import select, update

from hanlin.accounts.naming import fold
from hanlin.accounts.passwords import LONGEST, Passwords, check_password
from hanlin.accounts.sessions import Sessions, SignedIn
from hanlin.accounts.tables import people
from hanlin.accounts.throttle import Throttle, network
from hanlin.errors import NotAllowed, NotSignedIn
from hanlin.storage import Database
from hanlin.types import Actor, Announce

FREE_TRIES_NAME = 5
FREE_TRIES_ADDRESS = 30
"""More than for a name: many people can share one address."""


class SignIn:
    """The only place that looks at a person's password hash."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: Sessions,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        announce: Announce,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._announce = announce
        self._names = Throttle(free=FREE_TRIES_NAME, clock=monotonic)
        self._addresses = Throttle(free=FREE_TRIES_ADDRESS, clock=monotonic)

    async def sign_in(self, name: str, password: str, *, address: str, device: str = "") -> SignedIn:
        """A new session. NotSignedIn, the same for an unknown name and a wrong password; TooMany while throttled."""
        source = network(address)
        self._addresses.check(source)
        self._addresses.fail(source)
        try:
            person = await self._verify(name, password)
        except NotSignedIn:
            await self._announce("auth:failed", None, {})
            raise
        self._addresses.forgive(source)
        signed_in = await self._sessions.open(person, device=device)
        await self._announce("auth:signed_in", signed_in.actor, {})
        return signed_in

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Set a new password and sign the person out everywhere else. NotAllowed when used with an API key."""
        if not actor.session:
            raise NotAllowed("A password is changed in the browser, not with an API key.", action="Sign in first.")
        async with self._database.read() as connection:
            name = (await connection.execute(select(people.c.name).where(people.c.id == actor.person))).scalar_one()
        check_password(new, name)
        await self._verify(name, old)
        await self._store(actor.person, await self._passwords.hash(new))
        await self._sessions.end_all(actor.person, but=actor.session)
        await self._announce("person:changed", actor, {"change": "password"})

    async def _verify(self, name: str, password: str) -> str:
        # also cut, because it is a key in memory: no name is longer
        folded = fold(name.strip()[:256])
        self._names.check(folded)
        self._names.fail(folded)
        statement = select(people.c.id, people.c.password_hash).where(
            people.c.folded_name == _storable(folded), people.c.disabled.is_(False)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        password_hash = row.password_hash if row else None
        if not await self._passwords.verify(password_hash, password[: LONGEST + 1]) or row is None:
            raise NotSignedIn("Name or password is wrong.", action="Try again.", code="invalid_credentials")
        self._names.succeed(folded)
        if self._passwords.outdated(row.password_hash):
            await self._store(row.id, await self._passwords.hash(password))
        return str(row.id)

    async def _store(self, person: str, password_hash: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(people).where(people.c.id == person).values(password_hash=password_hash))


def _storable(text: str) -> str:
    """Without what no database takes, and no name has: NUL and lone surrogates."""
    return "" if "\0" in text else text.encode("utf-8", "replace").decode()
