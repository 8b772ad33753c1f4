"""What the endpoints beside chat share: one request through `serve`, watched for a client that hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from hanlin.api.asgi import JSON, Gone, HangUp, Header, Receive
from hanlin.api.openai.chat import WATCH_SECONDS, answer_headers, ended
from hanlin.api.openai.rooms import Rooms
from hanlin.errors import HanlinError
from hanlin.service import Request, serve
from hanlin.types import Chunk, Detail, Label, Usage


class Served:
    """Chunks put together: the text that left, the detail if it left too, usage and label."""

    def __init__(self) -> None:
        self.text = ""
        self.detail: Detail | None = None
        self.usage = Usage()
        self.label: Label | None = None

    def add(self, chunk: Chunk) -> str:
        """Take in one chunk; the text it brought."""
        piece = "".join(choice.delta.content or "" for choice in chunk.choices)
        self.text += piece
        self.detail = chunk.detail or self.detail
        self.usage = chunk.usage or self.usage
        self.label = chunk.label or self.label
        return piece


@asynccontextmanager
async def served(rooms: Rooms, request: Request, receive: Receive) -> AsyncIterator[AsyncIterator[Chunk]]:
    """The chunks of `request`; its id is on every error, and a client that hangs up ends it."""
    hang_up = HangUp(receive, WATCH_SECONDS)
    try:
        async with aclosing(serve(rooms.pipeline, request)) as chunks:
            yield chunks
    except HanlinError as error:
        error.request_id = request.id
        raise
    except asyncio.CancelledError as cancelled:
        if cancelled.args == ("hang-up",):
            raise Gone from None
        raise ended(cancelled) or cancelled from None
    finally:
        hang_up.stop()


async def whole(rooms: Rooms, request: Request, receive: Receive) -> Served:
    """The whole answer to `request`."""
    answer = Served()
    async with served(rooms, request, receive) as chunks:
        async for chunk in chunks:
            answer.add(chunk)
    return answer


def headers(rooms: Rooms, request: Request, label: Label | None, content_type: Header = JSON) -> list[Header]:
    """The answer's headers: what it is, its id, receipt, label and the caller's limits."""
    return [content_type, *answer_headers(rooms, request, label)]
