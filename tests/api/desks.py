"""The endpoints of files, jobs and tasks over their real rooms, without the rest of the house."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import httpx2
from litestar import Litestar, Router
from litestar.di import Provide
from openai import AsyncOpenAI

from hanlin.api.asgi import bearer, respond_error
from hanlin.api.openai.files import serve_files, serve_uploads
from hanlin.api.platform.access import find_actor, guard
from hanlin.api.platform.rooms import Rooms
from hanlin.api.platform.routes import failure
from hanlin.errors import HanlinError, NotSignedIn
from hanlin.files import Files
from hanlin.types import Actor
from tests.api.asgi_client import HOST, Answer, Client, Exchange

Find = Callable[[str], Awaitable[Actor]]


def keys(**actors: Actor) -> Find:
    """Finds an actor by a key that is his name."""

    async def authenticate(token: str) -> Actor:
        if token not in actors:
            raise NotSignedIn("No such key.")
        return actors[token]

    return authenticate


def platform(routers: list[Router], find: Find, **rooms: Any) -> Client:
    """The resources under /api."""
    others: dict[str, Any] = dict.fromkeys(field.name for field in fields(Rooms))
    bundle = Rooms(**{**others, "accounts": SimpleNamespace(authenticate=find), **rooms})

    def find_rooms() -> Rooms:
        return bundle

    router = Router(
        path="/api",
        route_handlers=routers,
        guards=[guard],
        dependencies={"rooms": Provide(find_rooms, sync_to_thread=False), "actor": Provide(find_actor)},
        exception_handlers=dict.fromkeys((HanlinError, Exception), failure),
    )
    app = Litestar([router], openapi_config=None)
    app.state.rooms = bundle
    return Client(app)


@asynccontextmanager
async def openai(files: Files, find: Find, key: str) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client, which refuses every answer that is not exactly as its types say."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            actor = await find(bearer(scope))
            serve = serve_files if scope["path"].startswith("/v1/files") else serve_uploads
            await serve(files, actor, scope, receive, send)
        except HanlinError as error:
            await respond_error(send, error)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        yield AsyncOpenAI(
            api_key=key,
            base_url=f"http://{HOST}/v1",
            http_client=http,
            max_retries=0,
            _strict_response_validation=True,
        )


async def finished(exchange: Exchange) -> Answer:
    """The answer of a stream: the framework waits for the client to hang up even when all has been sent."""
    while not exchange.answer.finished:
        await exchange.news.wait()
        exchange.news.clear()
    return exchange.answer
