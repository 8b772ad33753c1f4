"""What goes over the wire beyond the shared types: completions, their events, the list of models."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from hanlin.errors import BadRequest
from hanlin.policy.moderation import Result
from hanlin.types import ChatRequest, Choice, Label, ToolCall, Usage

T = TypeVar("T")


class ModerationResults(Struct):
    model: str
    results: list[Result]
    type: str = "moderation_results"


class ModerationError(Struct):
    code: str
    message: str
    type: str = "error"


class Moderation(Struct):
    """What was found in a chat request and in its answer, one result a choice."""

    input: ModerationResults
    output: ModerationResults | ModerationError


class ChunkBody(Struct):
    """One event of a streamed completion."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    object: str = "chat.completion.chunk"
    usage: Usage | UnsetType = UNSET
    aigc: Label | UnsetType = field(default=UNSET, name="AIGC")
    receipt: str | UnsetType = UNSET
    moderation: Moderation | UnsetType = UNSET


class AnswerMessage(Struct):
    role: str
    content: str | None
    refusal: str | None = None
    tool_calls: list[ToolCall] | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET


class AnswerChoice(Struct):
    index: int
    message: AnswerMessage
    finish_reason: str
    logprobs: Raw | None = None


class Completion(Struct):
    id: str
    created: int
    model: str
    choices: list[AnswerChoice]
    usage: Usage
    receipt: str
    object: str = "chat.completion"
    aigc: Label | UnsetType = field(default=UNSET, name="AIGC")
    moderation: Moderation | UnsetType = UNSET


class ModelBody(Struct):
    """One entry of /v1/models: a service, under the name a client asks for."""

    id: str
    created: int
    owned_by: str
    object: str = "model"
    title: str = ""
    scope: str = "internal"
    filing: dict[str, str] | None = None


class ModelList(Struct):
    data: list[ModelBody]
    object: str = "list"


_chat = msgspec.json.Decoder(ChatRequest)


def decode_chat(body: bytes) -> ChatRequest:
    """The request, every field checked. Raises BadRequest naming the field, what was expected and what came."""
    return decode(_chat, body)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """A body of any endpoint, every field checked. Raises BadRequest as `decode_chat`."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise wrong(error) from None
    except msgspec.DecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply.", code="invalid_json") from None
    except UnicodeDecodeError:
        raise BadRequest("The body is not valid UTF-8.", code="invalid_json") from None


def wrong(error: msgspec.ValidationError, inside: str = "") -> BadRequest:
    """What to tell of a field that is not as expected; `inside` names the object that was checked."""
    sentence, _, path = str(error).partition(" - at `$")
    param = path.rstrip("`").lstrip(".") or _named(sentence)
    place = ".".join([name for name in (inside, param) if name])
    return BadRequest(f"{sentence[:300]}.", param=place or None, code=_code(sentence))


def _named(sentence: str) -> str:
    """The field that a sentence such as "Object missing required field `messages`" names."""
    return sentence.split("`")[1] if "field `" in sentence else ""


def _code(sentence: str) -> str:
    if "missing required" in sentence:
        return "missing_required_parameter"
    return "unknown_parameter" if "unknown field" in sentence else "invalid_value"
