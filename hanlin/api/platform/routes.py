"""All resources under /api in one router, with one shape of failure."""

from __future__ import annotations

import logging
from typing import Any

from litestar import MediaType, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from hanlin import __version__
from hanlin.api.asgi import encode, error_body, error_headers, log_failure
from hanlin.api.platform import (
    documents,
    files,
    jobs,
    labels,
    meetings,
    people,
    policies,
    record,
    registry,
    review,
    tasks,
    translations,
    usage,
)
from hanlin.api.platform.access import find_actor, guard
from hanlin.api.platform.rooms import Rooms
from hanlin.errors import BadRequest, HanlinError

log = logging.getLogger("hanlin.api")

__all__ = ["Rooms", "description", "failure", "routes"]

BODY_BYTES = 1_000_000
"""Of one request: a service with a long prompt of its own has some ten thousand."""
CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}
"""What the framework refuses by itself, in our words; anything else is `invalid_value`."""


def routes(rooms: Rooms) -> Router:
    """The router that `app` mounts."""

    def find_rooms() -> Rooms:
        return rooms

    return Router(
        path="/api",
        route_handlers=[
            registry.router,
            policies.router,
            review.router,
            people.router,
            usage.router,
            record.router,
            labels.router,
            files.router,
            jobs.router,
            documents.router,
            meetings.router,
            translations.router,
            tasks.router,
        ],
        guards=[guard],
        dependencies={"rooms": Provide(find_rooms, sync_to_thread=False), "actor": Provide(find_actor)},
        request_max_body_size=BODY_BYTES,
        exception_handlers=dict.fromkeys((HanlinError, HTTPException, Exception), failure),
    )


def failure(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Any failure below /api in its one shape."""
    if isinstance(error, HanlinError):
        return _answer(error)
    if isinstance(error, UnicodeDecodeError | RecursionError):  # what the framework's decoder lets through
        return _answer(BadRequest("The body is not valid UTF-8, or is nested too deeply.", code="invalid_json"))
    return _http(request, error) if isinstance(error, HTTPException) else _unexpected(request, error)


def description() -> OpenAPIConfig:
    """/api/openapi.json and nothing else: the framework's own pages load scripts from elsewhere."""
    as_json = JsonRenderPlugin(path="/")
    return OpenAPIConfig(title="Hanlin", version=__version__, path="/api/openapi.json", render_plugins=[as_json])


def _answer(error: HanlinError, status: int | None = None) -> Response[bytes]:
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    return Response(
        encode(error_body(error)), status_code=status or error.status, headers=headers, media_type=MediaType.JSON
    )


def _http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework itself refuses: a path, a method, a body that does not fit its type."""
    message = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        message = "; ".join(f"{item.get('key', '')}: {item.get('message', '')}" for item in error.extra)[:500]
    return _answer(BadRequest(message, code=CODES.get(error.status_code)), error.status_code)


def _unexpected(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log_failure(log, error)
    return _answer(HanlinError("Something failed here; it has been logged."))
