"""POST /v1/embeddings: texts to vectors, through `serve` like every answer."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Struct, UnsetType, field

from hanlin.api.asgi import Receive, Scope, Send, encode, read_body, respond
from hanlin.api.openai.rooms import Rooms
from hanlin.api.openai.served import headers, whole
from hanlin.api.openai.wire import decode
from hanlin.errors import BadRequest, EngineFailed
from hanlin.service import Request
from hanlin.types import Actor, Label, ShortText, Skill, Vectors

MOST_TEXTS = 2048


class EmbeddingRequest(Struct, frozen=True, forbid_unknown_fields=True):
    model: Annotated[str, Meta(min_length=1, max_length=200)]
    input: str | list[Any]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    user: ShortText | None = None


class Embedding(Struct):
    index: int
    embedding: str | list[float]
    object: str = "embedding"


class EmbeddingUsage(Struct):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Struct):
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage
    receipt: str
    object: str = "list"
    aigc: Label | UnsetType = field(default=UNSET, name="AIGC")


_request = msgspec.json.Decoder(EmbeddingRequest)


async def embed(rooms: Rooms, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with one vector a text. Raises HanlinError before anything was sent."""
    wanted = decode(_request, await read_body(scope, receive, rooms.request_bytes))
    request = await asyncio.to_thread(Request.about, actor, Skill.EMBEDDING, wanted.model, texts(wanted.input))
    answer = await whole(rooms, request, receive)
    if not isinstance(answer.detail, Vectors):
        raise EngineFailed("There are no vectors: a rule of the policy put a text in their place.", code="no_vectors")
    _check_dimensions(wanted, answer.detail)
    rows = [_written(row, wanted.encoding_format) for row in answer.detail.rows]
    body = EmbeddingList(
        data=[Embedding(index, row) for index, row in enumerate(rows)],
        model=wanted.model,
        usage=EmbeddingUsage(answer.usage.prompt_tokens, answer.usage.total_tokens),
        receipt=f"/receipts/{request.id}",
        aigc=answer.label or UNSET,
    )
    await respond(send, 200, encode(body), headers(rooms, request, answer.label))


def texts(given: str | list[Any]) -> list[str]:
    """The texts of `input`. Raises BadRequest for tokens, which mean nothing to another model's tokenizer."""
    found = [given] if isinstance(given, str) else given
    if not 1 <= len(found) <= MOST_TEXTS:
        raise BadRequest(f"`input` holds {len(found)} texts, expected 1 to {MOST_TEXTS}.", param="input")
    for place, text in enumerate(found):
        if not isinstance(text, str):
            raise BadRequest(
                f"`input` must hold texts, number {place} is {type(text).__name__}.",
                action="Send the texts themselves: token numbers of another tokenizer cannot be read here.",
                param="input",
            )
        if not text:
            raise BadRequest(f"Text number {place} of `input` is empty.", param="input")
    return found


def _check_dimensions(wanted: EmbeddingRequest, given: Vectors) -> None:
    if wanted.dimensions not in (None, given.dimensions):
        raise BadRequest(
            f"The model's vectors have {given.dimensions} dimensions, {wanted.dimensions} were asked for.",
            action="Leave out `dimensions`.",
            param="dimensions",
        )


def _written(row: bytes, form: str) -> str | list[float]:
    if form == "base64":
        return b64encode(row).decode()
    numbers: list[float] = np.frombuffer(row, "<f4").tolist()
    return numbers
