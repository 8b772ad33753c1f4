"""POST /v1/moderations, and the `moderation` field of a chat request: what a policy finds, and nothing is generated."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from hanlin.api.asgi import JSON, SECURITY, Receive, Scope, Send, encode, read_body, respond
from hanlin.api.openai.rooms import Rooms
from hanlin.api.openai.wire import Moderation, ModerationError, ModerationResults, decode, wrong
from hanlin.errors import BadRequest, HanlinError, Refused, TooLarge
from hanlin.policy import Judgement, moderation
from hanlin.policy.judging import ENDING, strongest
from hanlin.policy.pictures import not_installed
from hanlin.service import Request
from hanlin.types import Actor, Choice, Delta, new_id

CHARACTERS = 400_000
"""Of all texts together, as much as the policies' own limit."""
PICTURE_BYTES = 20_000_000
"""Of all pictures together."""
BODY_BYTES = 28 * 1024 * 1024
"""Such pictures in base64, and the text."""
_OPENAIS = ("omni-moderation-", "text-moderation-")
"""Names of OpenAI's models; here they mean the policy that holds for the caller anyway."""
_PICTURES = frozenset({f"data:image/{kind};base64" for kind in ("png", "jpeg", "jpg", "webp", "gif")})


class TextPart(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    text: str


class ImageUrl(Struct):
    url: str


class ImagePart(Struct, tag_field="type", tag="image_url", forbid_unknown_fields=True):
    image_url: ImageUrl


class ModerationRequest(Struct, forbid_unknown_fields=True):
    """The body of POST /v1/moderations: one text, several texts, or the parts of one message."""

    input: str | Annotated[list[str | TextPart | ImagePart], Meta(min_length=1, max_length=32)]
    model: Annotated[str, Meta(max_length=200)] = ""


class ModerationBody(Struct):
    id: str
    model: str
    results: list[moderation.Result]


class Mode(Struct, forbid_unknown_fields=True):
    mode: Literal["score", "block"]


class Modes(Struct, forbid_unknown_fields=True):
    input: Mode | None = None
    output: Mode | None = None


class Wanted(Struct, forbid_unknown_fields=True):
    """The `moderation` of a chat request."""

    model: Annotated[str, Meta(min_length=1, max_length=200)]
    policy: Modes | None = None


_request = msgspec.json.Decoder(ModerationRequest)


async def moderate(rooms: Rooms, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request, by the policy's rules for input."""
    most = rooms.request_bytes if rooms.look is None else max(rooms.request_bytes, BODY_BYTES)
    asked = decode(_request, await read_body(scope, receive, most))
    policy = policy_named(asked.model)
    texts = [asked.input] if isinstance(asked.input, str) else [one for one in asked.input if isinstance(one, str)]
    parts = [] if isinstance(asked.input, str) else [one for one in asked.input if not isinstance(one, str)]
    if texts and parts:
        raise BadRequest("Expected texts or parts, got both in one list.", action="Send parts only.", param="input")
    written = [part.text for part in parts if isinstance(part, TextPart)]
    _bound([*texts, *written])
    pictures = _pictures(parts)
    with _metered(rooms, actor):
        if parts:
            results = [await _message(rooms, actor, policy, "\n".join(written), pictures)]
        else:
            results = [moderation.result(await rooms.moderate(actor, policy, text)) for text in texts]
    number = new_id("modr").removeprefix("modr_")
    body = ModerationBody(f"modr-{number}", results[0].hanlin.policy, results)
    headers = [JSON, *SECURITY, (b"x-request-id", f"req_{number}".encode()), *rooms.limit_headers(actor)]
    await respond(send, 200, encode(body), headers)


def policy_named(model: str) -> str:
    """The policy that a model's name means; "" is the one that holds for the caller anyway."""
    return "" if model.startswith(_OPENAIS) else model


@contextmanager
def _metered(rooms: Rooms, actor: Actor) -> Iterator[None]:
    """Counts as one request of the caller's rate while it runs, and costs no tokens. Raises TooMany."""
    meter = rooms.pipeline.meter
    reserved = meter.reserve(actor, 0)
    try:
        yield
    finally:
        meter.settle(reserved, 0)


def _bound(texts: Sequence[str]) -> None:
    characters = sum(map(len, texts))
    if characters > CHARACTERS:
        raise TooLarge(
            f"The input has {characters} characters; at most {CHARACTERS} are judged at once.",
            action="Send it in several requests.",
            param="input",
        )


def _pictures(parts: Sequence[TextPart | ImagePart]) -> list[bytes]:
    """The pictures in `data:` URLs. Raises BadRequest naming the part."""
    pictures, room_bytes = [], PICTURE_BYTES
    for position, part in enumerate(parts):
        if isinstance(part, ImagePart):
            picture = _picture(part.image_url.url, f"input[{position}].image_url.url")
            room_bytes -= len(picture)
            pictures.append(picture)
    if room_bytes < 0:
        raise TooLarge(
            f"The pictures have {PICTURE_BYTES - room_bytes} bytes; at most {PICTURE_BYTES} are looked at together.",
            action="Send fewer or smaller ones.",
            param="input",
        )
    return pictures


def _picture(url: str, param: str) -> bytes:
    head, comma, content = url.partition(",")
    if not comma or head[:40].lower() not in _PICTURES:
        raise BadRequest(
            "Expected a picture in the URL itself; this server fetches nothing from addresses that are sent to it.",
            action="Send data:image/png;base64,… (or jpeg, webp, gif).",
            param=param,
            code="invalid_image_url",
        )
    try:
        return b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("The picture is not valid base64.", param=param, code="invalid_image_url") from None


async def _message(
    rooms: Rooms, actor: Actor, policy: str, written: str, pictures: Sequence[bytes]
) -> moderation.Result:
    """One result for all parts: what is written, what the pictures show, what is written in them."""
    text = await rooms.moderate(actor, policy, written)
    if not pictures:
        return moderation.result(text)
    if rooms.look is None:
        raise not_installed()
    seen = [await rooms.look(picture) for picture in pictures]
    read = [await rooms.moderate(actor, policy, one.text) for one in seen if one.text]
    return moderation.result(text, read, [one.unsafe for one in seen])


class Moderated:
    """The moderation of one chat request: the result for what was asked, and how to judge what is answered."""

    def __init__(self, rooms: Rooms, actor: Actor, policy: str, asked: ModerationResults, *, blocks: bool) -> None:
        self._rooms = rooms
        self._actor = actor
        self._policy = policy
        self._asked = asked
        self._blocks = blocks

    @classmethod
    async def begin(cls, rooms: Rooms, request: Request) -> Moderated:
        """Judge the input. Raises BadRequest, NotFound for an unknown policy, and Refused where `block` says so.

        What the service's own policy ends is left to it: it refuses in its own words, and on the record.
        """
        wanted = _wanted(request)
        actor, chat = request.actor, request.chat
        own = rooms.policy_of(rooms.pipeline.resolve(chat.model, actor).service, actor)
        policy = policy_named(wanted.model) or own
        text = "\n\n".join([message.text() for message in chat.messages if message.role == "user"])
        with _metered(rooms, actor):
            judged = await rooms.moderate(actor, policy, text[:CHARACTERS])
        found = moderation.result(judged)
        modes = wanted.policy or Modes()
        ends_anyway = policy == own and judged.verdict in ENDING
        if _blocks(modes.input) and found.flagged and not ends_anyway:
            raise _blocked(judged)
        return cls(rooms, actor, policy, _results([found]), blocks=_blocks(modes.output))

    async def answered(self, choices: Sequence[Choice]) -> tuple[Moderation, list[Choice]]:
        """The moderation of an answer, and the answer without the choices that `block` withholds.

        A judgement that fails is told as an error, and withholds what it was asked for.
        """
        try:
            results = [await self._choice(choice) for choice in choices]
        except HanlinError as error:
            withheld = [_withheld(choice) if self._blocks else choice for choice in choices]
            return Moderation(self._asked, ModerationError(error.code, str(error))), withheld
        left = [
            _withheld(choice) if self._blocks and result.flagged else choice
            for choice, result in zip(choices, results, strict=True)
        ]
        return Moderation(self._asked, _results(results)), left

    async def _choice(self, choice: Choice) -> moderation.Result:
        delta = choice.delta
        texts = [delta.content, delta.reasoning_content, delta.refusal]
        texts += [call.function.arguments for call in delta.tool_calls or ()]
        text = "\n\n".join([text for text in texts if text])
        return moderation.result(await self._rooms.moderate(self._actor, self._policy, text, "output"))


def _wanted(request: Request) -> Wanted:
    try:
        return msgspec.convert(request.chat.moderation, Wanted)
    except msgspec.ValidationError as error:
        raise wrong(error, "moderation") from None


def _blocks(wanted: Mode | None) -> bool:
    return wanted is not None and wanted.mode == "block"


def _blocked(judged: Judgement) -> Refused:
    hit = strongest(judged.hits)
    return Refused(
        "The request asked to be blocked when its own moderation flags it, and it does.",
        rule=hit.rule if hit else "",
        stage="input",
        action=f"Policy {judged.policy}, rule: {hit.rule}." if hit else f"Policy {judged.policy}.",
    )


def _withheld(choice: Choice) -> Choice:
    return Choice(choice.index, Delta(role="assistant"), "content_filter")


def _results(results: Sequence[moderation.Result]) -> ModerationResults:
    model = results[0].hanlin.policy if results else ""
    return ModerationResults(model, [replace(one, type="moderation_result", model=model) for one in results])
