"""POST /v1/content_provenance_checks: OpenAI's form of "where does this file come from", with our finding beside it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Literal

from msgspec import Struct

from hanlin.api.asgi import Gone, Receive, Scope, Send, encode, header, respond
from hanlin.api.openai.rooms import Rooms
from hanlin.labels import Finding, prompt
from hanlin.service import Provenance
from hanlin.storage import receive as receive_form
from hanlin.types import Actor

Outcome = Literal["detected", "not_detected"]


class Result(Struct):
    """The C2PA signal, in OpenAI's names."""

    outcome: Outcome
    validation_state: Literal["trusted", "valid", "invalid", "not_present"]
    issuer: str | None = None
    model: str | None = None
    generated_at: str | None = None
    type: str = "c2pa"


class Check(Struct):
    created_at: int
    results: list[Result]
    finding: Finding
    """Of Article 6 of the Measures; `results` holds C2PA alone, for OpenAI's clients know no other kind of ours."""
    prompt: dict[str, str]
    """What to show beside the content, in `zh` and `en`."""
    provenance: Provenance
    object: str = "content_provenance_check"


async def check_provenance(rooms: Rooms, actor: Actor, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer for the `file` of a form; its field `declared` takes in what its publisher says."""
    kind = header(scope, b"content-type").decode("latin-1")
    form = receive_form(body(receive), kind, rooms.seals.folder, limit_bytes=rooms.seals.upload_bytes)
    async with form as upload:
        seen = await rooms.seals.check(
            actor, upload.path, upload.name, declared=upload.fields.get("declared") == "true"
        )
    prompts = {language: prompt(seen.finding, language) for language in ("zh", "en")}
    await respond(send, 200, encode(Check(int(time.time()), results(seen), seen.finding, prompts, seen)))


def results(seen: Provenance) -> list[Result]:
    """One result for what can carry a Content Credential, none for a text."""
    if seen.modality == "text" and seen.credential is None:
        return []
    found = seen.credential
    if found is None:
        return [Result("not_detected", "not_present")]
    outcome: Outcome = "detected" if found.says_ai and found.state != "invalid" else "not_detected"
    signed = None if found.signed_at is None else found.signed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [Result(outcome, found.state.value, found.issuer or None, found.agent or None, signed)]


async def body(receive: Receive) -> AsyncIterator[bytes]:
    """The request's body as it comes. Raises Gone when the client leaves."""
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Gone
        yield bytes(event.get("body", b""))
        if not event.get("more_body"):
            return
