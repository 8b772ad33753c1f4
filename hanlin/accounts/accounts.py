"""The room's face: everything about who acts, in one object."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from hanlin.accounts.actors import Endings, LimitTable
from hanlin.accounts.invitations import FirstRun, Invitations
from hanlin.accounts.keys import Keys
from hanlin.accounts.passwords import Passwords
from hanlin.accounts.people import People
from hanlin.accounts.sessions import Sessions
from hanlin.accounts.sign_in import SignIn
from hanlin.accounts.workspaces import Workspaces
from hanlin.errors import NotAllowed
from hanlin.storage import Database
from hanlin.types import Actor, Announce, unheard


class Accounts:
    """People, workspaces, keys and sessions over one database. Made once per server; holds no resources of its own."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        session_hours: int = 12,
        key_days: int = 90,
        passwords: Passwords | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        announce: Announce = unheard,
    ) -> None:
        passwords = passwords or Passwords()
        self._endings = Endings()
        self.limits = LimitTable()
        """Limits of keys and workspaces that differ from the server's; for Quota."""
        self.keys = Keys(database, self._endings, self.limits, clock=clock, key_days=key_days, announce=announce)
        self.sessions = Sessions(
            database, self._endings, self.limits, clock=clock, idle_hours=session_hours, announce=announce
        )
        self._invitations = Invitations(database, passwords, self.keys, self.sessions, clock=clock, announce=announce)
        self._sign_in = SignIn(database, passwords, self.sessions, monotonic=monotonic, announce=announce)
        self.people = People(database, self._endings, self._invitations, clock=clock, announce=announce)
        self.workspaces = Workspaces(database, self.limits, clock=clock, announce=announce)

        self.cached: Callable[[str], Actor | None] = self.keys.cached
        """The actor of an API key checked within the last five seconds; else None. Synchronous: the hot path."""
        self.authenticate = self.keys.authenticate
        """The actor of an API key; a session's comes from `sessions.authenticate`: neither is taken for the other."""
        self.sign_in = self._sign_in.sign_in
        self.change_password = self._sign_in.change_password
        self.redeem = self._invitations.redeem
        self.actor_of = self.people.acting
        """(person, workspace) -> who that person is there now, without a session: for jobs."""

    async def first_run(self) -> FirstRun | None:
        """At each start, before serving: what to print while nobody has ever signed in; None afterwards."""
        return await self._invitations.first_run()

    def on_ended(self, listener: Callable[[str], object]) -> None:
        """Call `listener(id)` at once for every key or session that ends or loses rights through this server."""
        self._endings.listen(listener)

    async def find_ended(self, actors: Iterable[Actor]) -> set[str]:
        """Which of these actors' keys and sessions have expired, ended or lost rights, by whatever cause.

        For answers that are still running: asked every few seconds, it also finds what time or another server ended.
        """
        held = {actor.key or actor.session: actor for actor in actors}
        keys = [identifier for identifier, actor in held.items() if actor.key]
        jobs = [actor for identifier, actor in held.items() if identifier == actor.person]
        sessions = [identifier for identifier, actor in held.items() if identifier not in (actor.key, actor.person)]
        now = {**await self.keys.actors(keys), **await self.sessions.actors(sessions)} if held else {}
        for actor in jobs:  # they have no session: see People.acting
            with suppress(NotAllowed):
                now[actor.person] = await self.people.acting(actor.person, actor.workspace)
        return {key for key, actor in held.items() if key not in now or not actor.permissions <= now[key].permissions}
