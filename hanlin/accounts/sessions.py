"""Browser sessions: a random token in a cookie, its SHA-256 in the database, an end when idle and an end anyway."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.accounts.actors import ActorCache, Endings, LimitTable, select_holders, token_hash, workspace_limits
from hanlin.accounts.naming import check_id, not_found
from hanlin.accounts.permissions import granted
from hanlin.accounts.tables import memberships, people, sessions
from hanlin.errors import NotSignedIn
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Role, new_id

LONGEST_SECONDS = 7 * 86_400
"""Nobody stays signed in longer without their password (ASVS 5.0, 7.3.2)."""
NOTE_USE_SECONDS = 60
"""Use is written down at most this often, so that reading a page writes nothing."""
DEVICE_CHARACTERS = 120


class Session(Struct, frozen=True):
    """A session as its person sees it."""

    id: str
    workspace: str
    device: str
    created_at: int
    used_at: int


class SignedIn(Struct, frozen=True):
    """`token` goes into the cookie and nowhere else."""

    token: str
    actor: Actor

    def __repr__(self) -> str:
        return "SignedIn(…)"  # never a secret in a log


class Sessions:
    """Opens, recognises, lists and ends browser sessions."""

    def __init__(
        self,
        database: Database,
        endings: Endings,
        limits: LimitTable,
        *,
        clock: Callable[[], float],
        idle_hours: int,
        announce: Announce,
    ) -> None:
        self._database = database
        self._endings = endings
        self._limits = limits
        self._clock = clock
        self._idle_seconds = idle_hours * 3600
        self._announce = announce
        self._cache = ActorCache()
        endings.listen(self._cache.drop)
        self.cached = self._cache.get

    async def authenticate(self, token: str) -> Actor:
        """Whose session it is. NotSignedIn when it is unknown, ended, too old, or the person has no access any more."""
        return await self._cache.get_or(token, self._look_up)

    async def open(self, person: str, *, workspace: str | None = None, device: str = "") -> SignedIn:
        """A new session for somebody who has just proved who they are, in this or else their first workspace."""
        token = secrets.token_urlsafe(32)
        now = int(self._clock())
        async with self._database.write() as connection:
            values = {
                "id": new_id("ses"),
                "workspace_id": await _workspace_for(connection, person, workspace),
                "person_id": person,
                "token_hash": token_hash(token),
                "device": "".join(filter(str.isprintable, device))[:DEVICE_CHARACTERS],
                "created_at": now,
                "used_at": now,
            }
            await connection.execute(sessions.delete().where(sessions.c.created_at <= now - LONGEST_SECONDS))
            await connection.execute(sessions.insert().values(values))
        return SignedIn(token, await self._look_up(token))

    async def switch(self, actor: Actor, workspace: str) -> SignedIn:
        """Go on in another workspace of one's own, under a new token. NotFound when it is not one."""
        device = (await self._find(actor, actor.session)).device
        signed_in = await self.open(actor.person, workspace=check_id("ws", workspace), device=device)
        await self.end(actor, actor.session)
        return signed_in

    async def list(self, actor: Actor) -> list[Session]:
        """The actor's own, the last opened first."""
        statement = select(sessions).where(sessions.c.person_id == actor.person, *self._alive())
        async with self._database.read() as connection:
            rows = await connection.execute(statement.order_by(sessions.c.id.desc()))
            return [Session(row.id, row.workspace_id, row.device, row.created_at, row.used_at) for row in rows]

    async def end(self, actor: Actor, session_id: str) -> None:
        """Sign out one of one's own sessions, or as an administrator anybody's; answers running in it stop."""
        await self._find(actor, session_id)
        await self._end(sessions.c.id == session_id)
        await self._announce("auth:signed_out", actor, {"session": session_id})

    async def end_all(self, person: str, *, but: str = "") -> None:
        """Sign a person out everywhere, except of the session `but`. The caller has checked the right to it."""
        await self._end(sessions.c.person_id == person, sessions.c.id != but)

    async def actors(self, session_ids: Collection[str]) -> dict[str, Actor]:
        """What these sessions may do at this moment, by id; those that ended are left out."""
        statement = select_holders(sessions).where(sessions.c.id.in_(session_ids), *self._alive())
        async with self._database.read() as connection:
            return {row.id: _actor(row) for row in await connection.execute(statement)}

    async def _end(self, *which: ColumnElement[bool]) -> None:
        async with self._database.write() as connection:
            rows = await connection.execute(delete(sessions).where(*which).returning(sessions.c.id))
            ended = list(rows.scalars())
        self._endings.tell(ended)

    async def _look_up(self, token: str) -> Actor:
        digest = token_hash(token)
        statement = select_holders(sessions).where(sessions.c.token_hash == digest, *self._alive())
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise NotSignedIn("Your session has ended.", action="Sign in again.", code="session_ended")
        now = self._clock()
        if now - row.used_at >= NOTE_USE_SECONDS:
            async with self._database.write() as connection:
                await connection.execute(update(sessions).where(sessions.c.id == row.id).values(used_at=int(now)))
        actor = _actor(row)
        self._limits.learn(actor.workspace, workspace_limits(row))
        self._cache.put(digest, actor, row.created_at + LONGEST_SECONDS - now)
        return actor

    async def _find(self, actor: Actor, session_id: str) -> Row[Any]:
        check_id("ses", session_id)
        statement = select(sessions).where(sessions.c.id == session_id)
        if not actor.administrator:
            statement = statement.where(sessions.c.person_id == actor.person)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise not_found("ses")
        return row

    def _alive(self) -> tuple[ColumnElement[bool], ...]:
        now = self._clock()
        return sessions.c.used_at > now - self._idle_seconds, sessions.c.created_at > now - LONGEST_SECONDS


def csrf_token(session_token: str) -> str:
    """What a form of this session must carry: an HMAC of the cookie's token, so nothing more is stored."""
    if not session_token:
        raise NotSignedIn("There is no session.", action="Sign in.", code="session_ended")
    return hmac.digest(session_token.encode("utf-8", "surrogatepass"), b"hanlin csrf", "sha256").hex()


def csrf_matches(session_token: str, given: str) -> bool:
    """Whether a form carries this session's token; compared in constant time."""
    return hmac.compare_digest(csrf_token(session_token).encode(), given.encode("utf-8", "surrogatepass"))


async def _workspace_for(connection: AsyncConnection, person: str, wanted: str | None) -> str:
    statement = (
        select(memberships.c.workspace_id)
        .join(people, people.c.id == memberships.c.person_id)
        .where(memberships.c.person_id == person, people.c.disabled.is_(False))
        .order_by(memberships.c.workspace_id)
        .limit(1)
    )
    if wanted is not None:
        statement = statement.where(memberships.c.workspace_id == wanted)
    workspace = (await connection.execute(statement)).scalar_one_or_none()
    if workspace is None and wanted is not None:
        raise not_found("ws")
    if workspace is None:
        raise NotSignedIn("You belong to no workspace any more.", action="Ask an administrator.", code="no_workspace")
    return str(workspace)


def _actor(row: Row[Any]) -> Actor:
    role = Role(row.role)
    return Actor(
        person=row.person_id,
        workspace=row.workspace_id,
        role=role,
        permissions=granted(role, administrator=row.administrator),
        administrator=row.administrator,
        session=row.id,
        minor=row.minor,
    )
