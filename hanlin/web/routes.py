"""All pages in one router, with one guard before them and one shape of failure."""

from __future__ import annotations

from typing import Any

from litestar import Router
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers.base import BaseRouteHandler

from hanlin.web.pages import (
    account,
    audit,
    chat,
    document,
    documents,
    download,
    entry,
    incidents,
    jobs,
    keys,
    models,
    objections,
    people,
    policies,
    policy,
    policy_editor,
    receipts,
    review,
    sanctions,
    services,
    uploads,
    usage,
    verify,
    writing,
)
from hanlin.web.respond import failures
from hanlin.web.rooms import Rooms
from hanlin.web.statics import static
from hanlin.web.visit import find_visit, guard

FORM_BYTES = 2_000_000
"""A question of 100,000 characters, three bytes each, every byte percent-encoded, and a little more."""

PAGES = (
    entry,
    verify,
    uploads,
    jobs,
    documents,
    document,
    writing,
    chat,
    download,
    objections,
    receipts,
    models,
    services,
    policies,
    policy,
    policy_editor,
    review,
    incidents,
    sanctions,
    people,
    keys,
    usage,
    audit,
    account,
)


def routes(rooms: Rooms) -> list[Router]:
    """The routers for `app` to mount at the root."""

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        await guard(rooms, connection, handler)

    handlers = [handler for module in PAGES for handler in module.HANDLERS]
    pages = Router(
        path="/",
        route_handlers=handlers,
        guards=[admit],
        dependencies={"visit": Provide(find_visit)},
        exception_handlers=failures(rooms),
        request_max_body_size=FORM_BYTES,
        include_in_schema=False,
    )
    files = Router(path="/", route_handlers=[static], exception_handlers=failures(rooms), include_in_schema=False)
    return [pages, files]
