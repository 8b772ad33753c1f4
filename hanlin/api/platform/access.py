"""Who asks, and whether they may: every handler names one permission, and an API key is the only way in."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler

from hanlin.accounts import require
from hanlin.api.asgi import bearer
from hanlin.api.platform.rooms import Rooms
from hanlin.types import Actor, Permission

House = NamedDependency[Rooms]
Caller = NamedDependency[Actor]
"""What a handler is given: the rooms, and who asks."""


def allow(permission: Permission | None) -> dict[str, Any]:
    """Handler options: the permission this handler asks for; None for what any valid key may do."""
    return {"permission": permission}


async def find_actor(request: Request[Any, Any, Any], rooms: House) -> Actor:
    """The key's actor. The guard has run before, so this is the cached look-up."""
    return await rooms.accounts.authenticate(bearer(request.scope))  # type: ignore[arg-type]


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Deny by default: a handler that names no permission answers nobody."""
    rooms: Rooms = connection.app.state.rooms
    actor = await rooms.accounts.authenticate(bearer(connection.scope))  # type: ignore[arg-type]
    permission = handler.opt["permission"]
    if permission is not None:
        require(actor, permission)
