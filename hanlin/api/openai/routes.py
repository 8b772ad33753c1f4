"""Which path is which endpoint, who may ask, and the shape of every failure."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from hanlin.accounts import require
from hanlin.api.asgi import Gone, Header, Receive, Scope, Send, bearer, log_failure, respond_error
from hanlin.api.openai.audio import transcribe, translate
from hanlin.api.openai.chat import chat
from hanlin.api.openai.embeddings import embed
from hanlin.api.openai.files import serve_files, serve_uploads
from hanlin.api.openai.models import list_models, retrieve_model
from hanlin.api.openai.moderations import moderate
from hanlin.api.openai.provenance import check_provenance
from hanlin.api.openai.rooms import Rooms
from hanlin.errors import BadRequest, HanlinError, NotFound
from hanlin.types import Actor, Permission, new_id

log = logging.getLogger("hanlin.api")


Endpoint = Callable[[Rooms, Actor, Scope, Receive, Send], Awaitable[None]]
ENDPOINTS: dict[str, tuple[str, Permission | None, Endpoint]] = {
    "/v1/chat/completions": ("POST", Permission.GENERATE, chat),
    "/v1/embeddings": ("POST", Permission.GENERATE, embed),
    "/v1/audio/transcriptions": ("POST", Permission.GENERATE, transcribe),
    "/v1/audio/translations": ("POST", Permission.GENERATE, translate),
    "/v1/moderations": ("POST", Permission.GENERATE, moderate),
    "/v1/content_provenance_checks": ("POST", None, check_provenance),
}
"""Path, method, what a key must be allowed, and what answers."""


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
        endpoint = ENDPOINTS.get(path)
        if endpoint is not None:
            wanted, permission, handle = endpoint
            _expect(method, wanted, path)
            if permission is not None:
                require(actor, permission)
            await handle(rooms, actor, scope, receive, send)
        elif path == "/v1/models":
            _expect(method, "GET", path)
            require(actor, Permission.READ_REGISTRY)
            await list_models(rooms, actor, send)
        elif path.startswith("/v1/models/"):
            _expect(method, "GET", path)
            require(actor, Permission.READ_REGISTRY)
            await retrieve_model(rooms, actor, path.removeprefix("/v1/models/"), send)
        elif (path + "/").startswith(("/v1/files/", "/v1/uploads/")):
            require(actor, Permission.GENERATE)
            serve = serve_files if path.startswith("/v1/files") else serve_uploads
            await serve(rooms.files, actor, scope, receive, send)
        else:
            raise NotFound(
                f"There is no {method} {path[:200]} here.",
                action=f"Offered: {', '.join(ENDPOINTS)}, /v1/models, /v1/files, /v1/uploads.",
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
