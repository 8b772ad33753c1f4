"""Which path is which endpoint, who may ask, and the shape of every failure."""

from __future__ import annotations

import logging

from hanlin.accounts import require
from hanlin.api.asgi import Gone, Header, Receive, Scope, Send, bearer, log_failure, respond_error
from hanlin.api.openai.chat import chat
from hanlin.api.openai.models import list_models, retrieve_model
from hanlin.api.openai.moderations import moderate
from hanlin.api.openai.provenance import check_provenance
from hanlin.api.openai.rooms import Rooms
from hanlin.errors import BadRequest, HanlinError, NotFound
from hanlin.types import Permission, new_id

log = logging.getLogger("hanlin.api")


class OpenAI:
    """The ASGI application of everything under /v1."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def sent(event: object) -> None:
            nonlocal started
            started = True
            await send(event)  # type: ignore[arg-type]

        try:
            await self._route(scope, receive, sent)
        except Gone:
            return
        except HanlinError as error:
            if not started:
                await respond_error(send, error, [_request_id(error)])
        except Exception as error:  # noqa: BLE001 - the edge: a caller sees a clean 500, the log the kind and the place
            log_failure(log, error)
            if not started:
                unknown = HanlinError("Something failed here; it has been logged.")
                await respond_error(send, unknown, [_request_id(unknown)])

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        rooms, path, method = self._rooms, scope["path"], scope["method"]
        token = bearer(scope)
        actor = rooms.known_key(token) or await rooms.authenticate(token)
        if path == "/v1/chat/completions":
            _expect(method, "POST", path)
            require(actor, Permission.GENERATE)
            await chat(rooms, actor, scope, receive, send)
        elif path == "/v1/models":
            _expect(method, "GET", path)
            require(actor, Permission.READ_REGISTRY)
            await list_models(rooms, actor, send)
        elif path.startswith("/v1/models/"):
            _expect(method, "GET", path)
            require(actor, Permission.READ_REGISTRY)
            await retrieve_model(rooms, actor, path.removeprefix("/v1/models/"), send)
        elif path == "/v1/moderations":
            _expect(method, "POST", path)
            require(actor, Permission.GENERATE)
            await moderate(rooms, actor, scope, receive, send)
        elif path == "/v1/content_provenance_checks":
            _expect(method, "POST", path)
            await check_provenance(rooms, actor, scope, receive, send)
        else:
            raise NotFound(
                f"There is no {method} {path[:200]} here.",
                action="Offered: POST /v1/chat/completions, GET /v1/models, GET /v1/models/{id}, "
                "POST /v1/moderations, POST /v1/content_provenance_checks.",
                code="unknown_url",
            )


class MethodNotAllowed(BadRequest):
    """405: the path exists, the method does not."""

    status, default_code = 405, "method_not_allowed"


def _expect(method: str, wanted: str, path: str) -> None:
    if method != wanted:
        raise MethodNotAllowed(f"{path} takes {wanted}, got {method[:20]}.")


def _request_id(error: HanlinError) -> Header:
    return (b"x-request-id", (error.request_id or new_id("req")).encode())
