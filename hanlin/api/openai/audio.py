"""POST /v1/audio/transcriptions and /v1/audio/translations: speech to text, whole or as it is heard."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from msgspec import Struct

from hanlin.api.asgi import Receive, Scope, Send, encode, error_body, header, respond
from hanlin.api.openai.chat import EVENT_STREAM, Pace, ended
from hanlin.api.openai.provenance import body
from hanlin.api.openai.rooms import Rooms
from hanlin.api.openai.served import Served, headers, served, whole
from hanlin.api.openai.transcripts import FORMS, Delta, Done, Form, written
from hanlin.errors import BadRequest, EngineFailed, HanlinError
from hanlin.service import Request
from hanlin.sound import Limits, Sound, decode
from hanlin.storage import receive as receive_form
from hanlin.types import Actor, Media, Segment, Skill, Spoken

SECONDS = 1800
"""The longest sound that is answered while the client waits; the meetings take longer ones."""
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")


class Asked(Struct, frozen=True):
    """The fields of the form."""

    model: str
    language: str
    prompt: str
    form: Form
    words: bool
    stream: bool


async def transcribe(rooms: Rooms, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer for the `file` of a form, in the language that is spoken."""
    async with _received(rooms, scope, receive, translate=False) as (asked, media, sound):
        await _answer(rooms, actor, asked, (media, sound), receive, send)


async def translate(rooms: Rooms, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer for the `file` of a form, in English."""
    async with _received(rooms, scope, receive, translate=True) as (asked, media, sound):
        await _answer(rooms, actor, asked, (media, sound), receive, send)


async def _answer(  # noqa: PLR0917 - the parts of a request
    rooms: Rooms, actor: Actor, asked: Asked, given: tuple[Media, Sound], receive: Receive, send: Send
) -> None:
    media, sound = given
    texts = (asked.prompt,)
    request = await asyncio.to_thread(Request.about, actor, Skill.TRANSCRIPTION, asked.model, texts, media)
    if asked.stream:
        await _stream(rooms, request, sound, receive, send)
        return
    answer = await whole(rooms, request, receive)
    kind, text = written(asked.form, _spoken(answer, media, sound), answer, request.id, words=asked.words)
    await respond(send, 200, text, headers(rooms, request, answer.label, kind))


@asynccontextmanager
async def _received(
    rooms: Rooms, scope: Scope, receive: Receive, *, translate: bool
) -> AsyncIterator[tuple[Asked, Media, Sound]]:
    """The form, its sound decoded to a file that is gone afterwards."""
    kind = header(scope, b"content-type").decode("latin-1")
    form = receive_form(body(receive), kind, rooms.seals.folder, limit_bytes=rooms.seals.upload_bytes)
    async with form as upload:
        asked = read_fields(upload.fields)
        decoded = upload.path.with_suffix(".wav")
        try:
            limits = Limits(seconds=SECONDS, size_bytes=rooms.seals.upload_bytes)
            sound = await rooms.listening.run(decode, str(upload.path), str(decoded), limits)
            yield asked, Media(str(decoded), language=asked.language, translate=translate), sound
        finally:
            await asyncio.to_thread(decoded.unlink, missing_ok=True)


def read_fields(fields: dict[str, str]) -> Asked:
    """The form's fields, checked. `temperature` and fields of other providers are accepted and have no effect."""
    if not fields.get("model"):
        raise BadRequest("The form has no field `model`.", param="model", code="missing_required_parameter")
    form = fields.get("response_format", "json")
    if form not in FORMS:
        raise BadRequest(f"`response_format` is one of {', '.join(FORMS)}, got {form[:40]!r}.", param="response_format")
    language = fields.get("language", "")
    if language and not LANGUAGE.fullmatch(language):
        raise BadRequest("`language` is an ISO 639-1 code such as zh.", param="language")
    stream = fields.get("stream", "false").lower() == "true"
    if stream and form not in ("json", "text"):
        raise BadRequest("A stream is only given with the formats json and text.", param="stream")
    return Asked(
        model=fields["model"][:200],
        language=language.partition("-")[0],
        prompt=fields.get("prompt", ""),
        form=msgspec.convert(form, Form),
        words="timestamp_granularities[]" in fields or "timestamp_granularities" in fields,
        stream=stream,
    )


def _spoken(answer: Served, media: Media, sound: Sound) -> Spoken:
    """The times of what left; where a rule changed the text, one segment that holds it."""
    if isinstance(answer.detail, Spoken):
        return answer.detail
    segments = (Segment(0, sound.seconds, answer.text),) if answer.text else ()
    return Spoken(segments, media.language, sound.seconds)


async def _stream(rooms: Rooms, request: Request, sound: Sound, receive: Receive, send: Send) -> None:
    """Send what is heard as it is heard, in the events that OpenAI sends."""
    answer = Served()
    async with served(rooms, request, receive) as chunks:
        first = await anext(chunks, None)
        if first is None:
            raise EngineFailed("The engine gave no answer.", code="empty_answer")
        piece = answer.add(first)
        start = [EVENT_STREAM, *headers(rooms, request, first.label, EVENT_STREAM)[1:]]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        pace = Pace(send)
        try:
            await pace.event(_event(Delta(piece, aigc=first.label or msgspec.UNSET)))
            async for chunk in chunks:
                if piece := answer.add(chunk):
                    await pace.event(_event(Delta(piece)))
            await pace.event(_event(Done.of(answer, request.id, sound.seconds)))
        except HanlinError as error:
            await pace.event(b"data: " + encode(error_body(error)) + b"\n\n")
        except asyncio.CancelledError as cancelled:
            failure = ended(cancelled)
            if failure is None:
                raise
            await pace.event(b"data: " + encode(error_body(failure)) + b"\n\n")
        finally:
            pace.stop()
        await send({"type": "http.response.body", "body": b""})


def _event(event: Delta | Done) -> bytes:
    return b"data: " + encode(event) + b"\n\n"
