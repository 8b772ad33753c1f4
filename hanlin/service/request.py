"""What enters the pipeline, and what a chat request must satisfy beyond the types of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import file_digest, sha256
from typing import Any, Literal

import msgspec
from msgspec import Struct

from hanlin.errors import BadRequest
from hanlin.types import Actor, ChatRequest, Decision, Media, Message, NamedTool, Skill, new_id

TEXT_PARTS = frozenset({"text", "refusal"})
NESTING = 100
"""Levels of a schema or another free field: what reads it after us must not run out of stack half way."""

_encode = msgspec.json.Encoder().encode


class Request(Struct, frozen=True):
    """One generation somebody asks for, whichever surface it came through."""

    id: str
    """`req_<32 hex>`; names the answer, its two entries in the record and its receipt."""
    actor: Actor
    chat: ChatRequest
    body: bytes
    """What was asked, as bytes: the record commits to it (keyed), and never holds it."""
    skill: Skill = Skill.CHAT
    media: Media | None = None
    """What is asked about besides the texts; `body` holds its SHA-256, so that the record commits to it."""

    @classmethod
    def of(cls, actor: Actor, chat: ChatRequest, body: bytes | None = None) -> Request:
        """A request for an answer, with a fresh id; `body` is what came over the wire, or the canonical JSON of `chat`.

        Raises BadRequest for what fields alone cannot tell: see `check`.
        """
        check(chat)
        return cls(new_id("req"), actor, chat, _encode(chat) if body is None else body)

    @classmethod
    def about(
        cls, actor: Actor, skill: Skill, service: str, texts: Sequence[str], media: Media | None = None
    ) -> Request:
        """A request for something else than an answer: `texts` are what is embedded, or the hint to a transcription."""
        chat = ChatRequest(model=service, messages=[Message("user", text) for text in texts or ("",)])
        body = _encode(chat)
        if media is not None:
            with open(media.path, "rb") as file:  # noqa: PTH123 - read through once, to commit to it
                body = _encode([chat, media, file_digest(file, "sha256").hexdigest()])
        return cls(new_id("req"), actor, chat, body, skill, media)

    @property
    def end_user(self) -> str:
        """Who of a program's users asks: a hash of `safety_identifier` or `user`, 16 hex digits; "" without either."""
        named = self.chat.safety_identifier or self.chat.user
        return sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:16] if named else ""


class Held(Struct, frozen=True):
    """Text that waits for a person's decision."""

    request: Request
    service: str
    stage: Literal["input", "output"]
    decision: Decision
    text: str
    """What is to be decided: all texts of a request, or of an answer what has left and what has not."""


def check(chat: ChatRequest) -> None:
    """Raise BadRequest when fields contradict one another or ask for what no engine here can be given unchecked."""
    if chat.stream_options is not None and not chat.stream:
        raise BadRequest("`stream_options` is only allowed when `stream` is true.", param="stream_options")
    if chat.top_logprobs and not chat.logprobs:
        raise BadRequest("`top_logprobs` is only allowed when `logprobs` is true.", param="top_logprobs")
    if chat.tool_choice is not None:
        _check_tools(chat)
    if chat.tools or chat.response_format or chat.prediction or chat.moderation:
        _check_nesting(chat)
    wanted = chat.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is None:
        raise BadRequest("`response_format.json_schema` is missing.", param="response_format.json_schema")
    if chat.modalities is not None and chat.modalities != ["text"]:
        raise BadRequest("Only the modality `text` is offered here.", param="modalities")
    for number, message in enumerate(chat.messages):
        if message.content.__class__ is not str and message.content:
            _check_parts(chat, number)


def _check_nesting(chat: ChatRequest) -> None:
    for param, value in _free_fields(chat):
        if _is_deeper(value, NESTING):
            raise BadRequest(f"`{param}` is nested more than {NESTING} levels deep.", param=param)


def _free_fields(chat: ChatRequest) -> Iterator[tuple[str, Any]]:
    for number, tool in enumerate(chat.tools or ()):
        yield f"tools[{number}].function.parameters", tool.function.parameters
    if chat.response_format is not None and chat.response_format.json_schema is not None:
        yield "response_format.json_schema.schema", chat.response_format.json_schema.schema
    yield "prediction", chat.prediction
    yield "moderation", chat.moderation


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects in `value` stand in one another more than `levels` times; by breadth, not by stack."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            inner
            for outer in layer
            if outer.__class__ in (dict, list)
            for inner in (outer.values() if outer.__class__ is dict else outer)
        ]
        if not layer:
            return False
    return True


def _check_tools(chat: ChatRequest) -> None:
    if not chat.tools:
        if chat.tool_choice == "none":
            return
        raise BadRequest("`tool_choice` is only allowed when `tools` are given.", param="tool_choice")
    if isinstance(chat.tool_choice, NamedTool):
        wanted = chat.tool_choice.function.name
        if all(tool.function.name != wanted for tool in chat.tools):
            raise BadRequest(f"`tool_choice` names {wanted!r}, which is not among `tools`.", param="tool_choice")


def _check_parts(chat: ChatRequest, number: int) -> None:
    parts = chat.messages[number].content
    assert isinstance(parts, list)
    for place, part in enumerate(parts):
        if part.type not in TEXT_PARTS:
            raise BadRequest(
                f"Content parts of type {part.type[:40]!r} are not offered here; expected 'text'.",
                param=f"messages[{number}].content[{place}].type",
            )
        if part.image_url or part.input_audio or part.file:
            raise BadRequest("A part of text holds text only.", param=f"messages[{number}].content[{place}]")
