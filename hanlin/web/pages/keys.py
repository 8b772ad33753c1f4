"""Console: API keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath

from hanlin.accounts import Key, KeyRequest
from hanlin.errors import BadRequest
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.respond import page, redirect
from hanlin.web.visit import Admitted, Visit, allow

MANAGE = allow(Permission.MANAGE_KEYS)


@dataclass(frozen=True, slots=True)
class KeyRow:
    id: str
    name: str
    hint: str
    permissions: Sequence[str]
    services: Sequence[str]
    """Empty: all of the workspace."""
    expires: str
    used: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class KeysContext:
    """Variables of keys.html."""

    frame: Frame
    keys: Sequence[KeyRow]
    permissions: Sequence[str]
    services: Sequence[str]
    url: str
    token: str
    """A key just made; shown now and never again."""


@get("/console/keys", opt=MANAGE)
async def keys_page(visit: Admitted) -> Response[str]:
    return await _show(visit)


@post("/console/keys", opt=MANAGE, status_code=200)
async def create_key(visit: Admitted) -> Response[str]:
    """Make a key; the page shows it this once, so it is no redirect."""
    form = visit.form
    try:
        days, permissions = int(form["days"]), frozenset(map(Permission, form.all("permissions")))
    except ValueError:
        raise BadRequest("Days are a whole number, permissions are chosen from the list.") from None
    services = frozenset(form.all("services")) or None
    made = await visit.rooms.accounts.keys.create(
        visit.actor, KeyRequest(name=form["name"], permissions=permissions, services=services, days=days)
    )
    return await _show(visit, made.token)


@post("/console/keys/{key:str}/revoke", opt=MANAGE, status_code=200)
async def revoke_key(visit: Admitted, key: FromPath[str]) -> Response[str]:
    await visit.rooms.accounts.keys.revoke(visit.actor, key)
    return redirect(visit, "/console/keys")


async def _show(visit: Visit, token: str = "") -> Response[str]:
    context = KeysContext(
        frame=visit.frame(),
        keys=[_row(visit, key) for key in await visit.rooms.accounts.keys.list(visit.actor)],
        permissions=[permission for permission in Permission if permission in visit.actor.permissions],
        services=[record.service.name for record in visit.rooms.registry.services(visit.actor)],
        url=visit.rooms.url,
        token=token,
    )
    return page(visit, "keys.html", context)


def _row(visit: Visit, key: Key) -> KeyRow:
    return KeyRow(
        id=key.id,
        name=key.name,
        hint=key.hint,
        permissions=sorted(key.permissions),
        services=sorted(key.services or ()),
        expires=f"{visit.local(key.expires_at):%Y-%m-%d}",
        used=key.used_day or "",
        revoked=key.revoked,
    )


HANDLERS = [keys_page, create_key, revoke_key]
