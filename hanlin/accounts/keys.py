"""API keys: `hl_<8 base32: id>_<43 base64url: secret><6 base64url: CRC-32>`.

The fixed form lets secret scanners find a leaked key, and the checksum turns a typing error away before any lookup.
Only the id and the SHA-256 of the whole key are stored; the key itself is shown once.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import time
import zlib
from collections.abc import Callable, Collection
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Row, select, update

from hanlin.accounts.actors import ActorCache, Endings, LimitTable, select_holders, token_hash, workspace_limits
from hanlin.accounts.naming import check_id, clean_name, not_found
from hanlin.accounts.permissions import ADMINISTRATOR_PERMISSIONS, granted, require
from hanlin.accounts.quota import Limits
from hanlin.accounts.tables import keys
from hanlin.errors import BadRequest, NotAllowed, NotSignedIn
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Permission, Role, new_id

DAY_SECONDS = 86_400
LONGEST_DAYS = 3650
SERVICES = 100
"""Names in one key's allow-list, at most."""

_TOKEN = re.compile(r"hl_([a-z2-7]{8})_[A-Za-z0-9_-]{49}")


class Key(Struct, frozen=True):
    """A key as its owner sees it; the secret is nowhere."""

    id: str
    person: str
    name: str
    hint: str
    """The key's beginning, to recognise it by."""
    permissions: frozenset[Permission]
    services: frozenset[str] | None
    limits: Limits
    created_at: int
    expires_at: int
    used_day: str | None
    revoked: bool


class NewKey(Struct, frozen=True):
    """`token` is shown now and never again."""

    key: Key
    token: str

    def __repr__(self) -> str:
        return "NewKey(…)"  # never a secret in a log


class KeyRequest(Struct, frozen=True, kw_only=True):
    """What somebody asks a new key to be."""

    name: str
    permissions: frozenset[Permission] = frozenset({Permission.GENERATE, Permission.READ_REGISTRY})
    services: frozenset[str] | None = None
    """Services it may use; None = all of the workspace."""
    days: int | None = None
    """Until it expires; None = the server's `key_days`."""
    limits: Limits = Limits()


class Keys:
    """Makes, lists, revokes and recognises API keys."""

    def __init__(
        self,
        database: Database,
        endings: Endings,
        limits: LimitTable,
        *,
        clock: Callable[[], float],
        key_days: int,
        announce: Announce,
    ) -> None:
        self._database = database
        self._endings = endings
        self._limits = limits
        self._clock = clock
        self._key_days = key_days
        self._announce = announce
        self._cache = ActorCache()
        endings.listen(self._cache.drop)
        self.cached = self._cache.get

    async def authenticate(self, token: str) -> Actor:
        """Whose key it is. NotSignedIn for a malformed, unknown, revoked or expired key, or a person without access."""
        return await self._cache.get_or(token, self._look_up)

    async def create(self, actor: Actor, wanted: KeyRequest) -> NewKey:
        """A new key of the actor's own. NotAllowed when it would allow what the actor may not."""
        require(actor, Permission.MANAGE_KEYS)
        _check_request(actor, wanted)
        now = int(self._clock())
        expires_at = now + (self._key_days if wanted.days is None else wanted.days) * DAY_SECONDS
        limits = wanted.limits
        if actor.key:
            parent = await self._find(actor, actor.key)
            expires_at = min(expires_at, parent.expires_at)
            limits = _tighter(limits, _limits(parent))
        token, prefix = new_token()
        values = {
            "id": new_id("key"),
            "workspace_id": actor.workspace,
            "person_id": actor.person,
            "prefix": prefix,
            "token_hash": token_hash(token),
            "name": clean_name(wanted.name),
            "permissions": sorted(wanted.permissions),
            "services": None if wanted.services is None else sorted(wanted.services),
            "requests_per_minute": limits.requests_per_minute,
            "tokens_per_minute": limits.tokens_per_minute,
            "tokens_per_day": limits.tokens_per_day,
            "created_at": now,
            "expires_at": expires_at,
        }
        async with self._database.write() as connection:
            row = (await connection.execute(keys.insert().values(values).returning(*keys.c))).one()
        await self._announce("key:created", actor, {"key": row.id, "permissions": " ".join(sorted(wanted.permissions))})
        return NewKey(_key(row), token)

    async def list(self, actor: Actor) -> list[Key]:
        """Newest first: all keys of the workspace for its owner, else the actor's own."""
        require(actor, Permission.MANAGE_KEYS)
        async with self._database.read() as connection:
            rows = await connection.execute(select(keys).where(*_own(actor)).order_by(keys.c.id.desc()))
            return [_key(row) for row in rows]

    async def get(self, actor: Actor, key_id: str) -> Key:
        """One key. NotFound unless it is the actor's to see."""
        require(actor, Permission.MANAGE_KEYS)
        return _key(await self._find(actor, key_id))

    async def revoke(self, actor: Actor, key_id: str) -> None:
        """End a key at once, and the answers that run with it. Revoking twice does nothing."""
        require(actor, Permission.MANAGE_KEYS)
        await self._find(actor, key_id)
        statement = update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
        async with self._database.write() as connection:
            revoked = await connection.execute(statement.values(revoked_at=int(self._clock())))
        self._endings.tell([key_id])
        if revoked.rowcount:
            await self._announce("key:revoked", actor, {"key": key_id})

    async def actors(self, key_ids: Collection[str]) -> dict[str, Actor]:
        """What these keys may do at this moment, by id; those that ended are left out."""
        statement = select_holders(keys).where(keys.c.id.in_(key_ids), *self._alive())
        async with self._database.read() as connection:
            return {row.id: _actor(row) for row in await connection.execute(statement)}

    def _alive(self) -> tuple[ColumnElement[bool], ...]:
        return keys.c.revoked_at.is_(None), keys.c.expires_at > self._clock()

    async def _look_up(self, token: str) -> Actor:
        digest = token_hash(token)
        statement = select_holders(keys).where(keys.c.prefix == parse_token(token), keys.c.revoked_at.is_(None))
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None or not hmac.compare_digest(row.token_hash, digest):
            raise NotSignedIn("This API key is not known, or was revoked.", action="Make a new key on the console.")
        now = self._clock()
        if row.expires_at <= now:
            raise NotSignedIn("This API key has expired.", action="Make a new key on the console.")
        await self._note_use(row, now)
        actor = _actor(row)
        self._limits.learn(actor.key, _limits(row))
        self._limits.learn(actor.workspace, workspace_limits(row))
        self._cache.put(digest, actor, row.expires_at - now)
        return actor

    async def _note_use(self, row: Row[Any], now: float) -> None:
        today = time.strftime("%Y-%m-%d", time.gmtime(now))
        if row.used_day != today:
            async with self._database.write() as connection:
                await connection.execute(update(keys).where(keys.c.id == row.id).values(used_day=today))

    async def _find(self, actor: Actor, key_id: str) -> Row[Any]:
        check_id("key", key_id)
        visible = () if actor.administrator else _own(actor)
        async with self._database.read() as connection:
            row = (await connection.execute(select(keys).where(keys.c.id == key_id, *visible))).one_or_none()
        if row is None:
            raise not_found("key")
        return row


def new_token() -> tuple[str, str]:
    """A fresh key and the eight characters it is looked up by."""
    prefix = base64.b32encode(secrets.token_bytes(5)).decode().lower()
    body = f"hl_{prefix}_{secrets.token_urlsafe(32)}"
    return body + _checksum(body), prefix


def parse_token(token: str) -> str:
    """The eight characters to look it up by. NotSignedIn when form or checksum is wrong."""
    match = _TOKEN.fullmatch(token)
    if match is None or _checksum(token[:-6]) != token[-6:]:
        raise NotSignedIn(
            "This is not a Hanlin API key, or not a whole one.",
            action="Send `Authorization: Bearer hl_…` with all of it.",
        )
    return match[1]


def _checksum(body: str) -> str:
    return base64.urlsafe_b64encode(zlib.crc32(body.encode()).to_bytes(4, "big")).decode().rstrip("=")


def _check_request(actor: Actor, wanted: KeyRequest) -> None:
    beyond = wanted.permissions - actor.permissions
    if beyond:
        raise NotAllowed(
            f"A key cannot allow what its maker may not: {', '.join(sorted(beyond))}.", action="Leave these out."
        )
    if actor.services is not None and not (wanted.services is not None and wanted.services <= actor.services):
        raise NotAllowed("A key cannot use services that its maker's key may not.", action="Choose among those it may.")
    if wanted.services is not None:
        if len(wanted.services) > SERVICES:
            raise BadRequest(f"At most {SERVICES} services a key, got {len(wanted.services)}.", param="services")
        for service in wanted.services:
            clean_name(service, param="services")
    if wanted.days is not None and not 1 <= wanted.days <= LONGEST_DAYS:
        raise BadRequest(f"days must be 1 to {LONGEST_DAYS}, got {wanted.days}.", param="days")
    check_limits(wanted.limits)


def check_limits(limits: Limits) -> None:
    """BadRequest unless each limit is None or at least 1."""
    for name in Limits.__struct_fields__:
        value = getattr(limits, name)
        if value is not None and not 1 <= value <= 10**12:
            raise BadRequest(f"{name} must be 1 to 10^12, got {value}.", param=name)


def _tighter(limits: Limits, bounds: Limits) -> Limits:
    pairs = {name: (getattr(limits, name), getattr(bounds, name)) for name in Limits.__struct_fields__}
    return Limits(**{name: min((n for n in pair if n is not None), default=None) for name, pair in pairs.items()})


def _own(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    if actor.role is Role.OWNER or actor.administrator:
        return (keys.c.workspace_id == actor.workspace,)
    return keys.c.workspace_id == actor.workspace, keys.c.person_id == actor.person


def _limits(row: Row[Any]) -> Limits:
    return Limits(row.requests_per_minute, row.tokens_per_minute, row.tokens_per_day)


def _key(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        person=row.person_id,
        name=row.name,
        hint=f"hl_{row.prefix}_…",
        permissions=frozenset(map(Permission, row.permissions)),
        services=None if row.services is None else frozenset(row.services),
        limits=_limits(row),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_day=row.used_day,
        revoked=row.revoked_at is not None,
    )


def _actor(row: Row[Any]) -> Actor:
    role = Role(row.role)
    permissions = granted(role, administrator=row.administrator) & frozenset(map(Permission, row.permissions))
    return Actor(
        person=row.person_id,
        workspace=row.workspace_id,
        role=role,
        permissions=permissions,
        # a key that was given none of an administrator's permissions reaches no other workspace
        administrator=row.administrator and not permissions.isdisjoint(ADMINISTRATOR_PERMISSIONS),
        key=row.id,
        services=None if row.services is None else frozenset(row.services),
        minor=row.minor,
    )
