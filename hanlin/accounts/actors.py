"""From a stored key or session to the Actor who uses it, and word to whoever must know that its right has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, Select, Table, and_, select

from hanlin.accounts.quota import Limits
from hanlin.accounts.tables import memberships, people, workspaces
from hanlin.types import Actor

CACHE_SECONDS = 5.0
"""A right taken away by another server, or by time, ends within this (ASVS 5.0, 8.3.2)."""
CACHED = 10_000


class ActorCache:
    """Actors by SHA-256 of the whole token, for at most five seconds."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[Actor, float]] = {}
        self._look_ups: dict[str, asyncio.Task[Actor]] = {}

    def get(self, token: str) -> Actor | None:
        """The actor, if the token was checked within the last five seconds. Synchronous: the hot path."""
        entry = self._entries.get(sha256(token.encode("utf-8", "surrogatepass")).digest())
        if entry is None or entry[1] < time.monotonic():
            return None
        return entry[0]

    async def get_or(self, token: str, look_up: Callable[[str], Coroutine[None, None, Actor]]) -> Actor:
        """The remembered actor, or what one `look_up` says for all who ask for the same token meanwhile."""
        actor = self.get(token)
        if actor is not None:
            return actor
        task = self._look_ups.get(token)
        if task is None:
            task = self._look_ups[token] = asyncio.create_task(look_up(token))
            task.add_done_callback(lambda done: self._looked_up(token, done))
        return await asyncio.shield(task)

    def _looked_up(self, token: str, task: asyncio.Task[Actor]) -> None:
        del self._look_ups[token]
        if not task.cancelled():
            task.exception()  # seen, even when every waiter has gone

    def put(self, token_hash: bytes, actor: Actor, seconds_left: float) -> None:
        """Remember; `seconds_left` until the key or session expires by itself."""
        self._entries.pop(token_hash, None)
        self._entries[token_hash] = actor, time.monotonic() + min(CACHE_SECONDS, seconds_left)
        if len(self._entries) > CACHED:
            del self._entries[next(iter(self._entries))]

    def drop(self, identifier: str) -> None:
        """Forget a key or session by its id."""
        for token_hash, (actor, _) in list(self._entries.items()):
            if identifier in (actor.key, actor.session):
                del self._entries[token_hash]


class Endings:
    """Calls each listener with the id of every key or session that ended or lost rights on this server."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], object]] = []

    def listen(self, listener: Callable[[str], object]) -> None:
        self._listeners.append(listener)

    def tell(self, identifiers: Collection[str]) -> None:
        """Call after the change is committed."""
        for identifier in identifiers:
            for listener in self._listeners:
                listener(identifier)


class LimitTable(dict[str, Limits]):
    """Limits that differ from the server's, by id of key or workspace; Quota reads what signing in learns."""

    def learn(self, identifier: str, limits: Limits) -> None:
        if self.get(identifier) != limits:
            self[identifier] = limits


def token_hash(token: str) -> bytes:
    """What is stored of a random token: with 256 random bits a plain hash cannot be guessed (ASVS 5.0, 6.5.2)."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def select_holders(table: Table) -> Select[Any]:
    """Rows of `keys` or `sessions` whose person is enabled and still in the workspace, with role and limits."""
    return (
        select(
            table,
            people.c.administrator,
            people.c.minor,
            memberships.c.role,
            workspaces.c.tokens_per_minute.label("workspace_tokens_per_minute"),
            workspaces.c.tokens_per_day.label("workspace_tokens_per_day"),
        )
        .join(people, people.c.id == table.c.person_id)
        .join(
            memberships,
            and_(memberships.c.person_id == table.c.person_id, memberships.c.workspace_id == table.c.workspace_id),
        )
        .join(workspaces, workspaces.c.id == table.c.workspace_id)
        .where(people.c.disabled.is_(False))
    )


def workspace_limits(row: Row[Any]) -> Limits:
    return Limits(tokens_per_minute=row.workspace_tokens_per_minute, tokens_per_day=row.workspace_tokens_per_day)
