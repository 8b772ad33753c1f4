"""From a `Generation` to the body llama.cpp is given: only fields named here ever reach it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw

from hanlin.engines.schema import call_schema, check_schema, demanded
from hanlin.errors import BadRequest
from hanlin.types import ChatRequest, Generation, Message, ToolCall

ROLES = {"developer": "system", "function": "tool"}
"""Roles chat templates do not know, by the one they know."""
KNOWN_PARTS = frozenset({"image_url", "input_audio", "file"})
CONTROL_TOKEN = re.compile(r"<(?=\|[^<>|\s]{1,64}\|>|｜[^<>｜\s]{1,64}｜>|(?:start|end)_of_turn>)")
"""What chat templates end a turn with. llama.cpp reads it as such even inside a message, so it is broken up there."""
RANDOM_SEED = 2**32 - 1
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


def to_body(job: Generation, slots: int) -> bytes:
    """The request as llama.cpp takes it, always streamed, always with a token ceiling.

    Raises BadRequest for what this engine cannot do, naming the parameter.
    """
    chat = job.chat
    body: dict[str, Any] = {
        "messages": _inert([_message(message) for message in chat.messages]),
        "max_tokens": job.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "n": _choices(chat, slots),
    }
    body |= {name: value for name in _SAMPLING if (value := getattr(chat, name)) is not None}
    if chat.seed is not None:
        body["seed"] = chat.seed % RANDOM_SEED
    if stops := _stops(chat):
        body["stop"] = stops
    if chat.logit_bias:
        body["logit_bias"] = _logit_bias(chat.logit_bias)
    if chat.logprobs:
        body |= {"logprobs": True, "top_logprobs": chat.top_logprobs or 0}
    return msgspec.json.encode(body | _tools(chat) | _format(chat))


def _choices(chat: ChatRequest, slots: int) -> int:
    choices = chat.n or 1
    if choices > slots:
        raise BadRequest(f"This model gives at most {slots} choices at once, got {choices}.", param="n")
    return choices


def _stops(chat: ChatRequest) -> list[str]:
    stops = [chat.stop] if isinstance(chat.stop, str) else chat.stop or []
    return [stop for stop in stops if stop]


def _logit_bias(bias: dict[str, float]) -> list[tuple[int, float]]:
    try:
        return [(int(token), value) for token, value in bias.items()]
    except ValueError:
        raise BadRequest("logit_bias expects token numbers as keys.", param="logit_bias") from None


def _message(message: Message) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": ROLES.get(message.role, message.role), "content": _content(message)}
    if message.tool_calls:
        turn["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    return turn


def _content(message: Message) -> str:
    if not isinstance(message.content, list):
        return message.content or message.refusal or ""
    texts = []
    for part in message.content:
        if part.type not in ("text", "refusal"):
            kind = part.type if part.type in KNOWN_PARTS else "unknown"
            raise BadRequest(
                f"Message part of type {kind!r} is not supported by this model.",
                action="Send parts of type 'text', or choose a model that takes such input.",
                param="messages",
            )
        texts.append(part.text or part.refusal or "")
    return "\n".join(texts)


def _tool_call(call: ToolCall) -> dict[str, Any]:
    try:
        msgspec.json.decode(call.function.arguments or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest("The arguments of a tool call in messages are not a JSON object.", param="messages") from None
    function = {"name": call.function.name, "arguments": call.function.arguments or "{}"}
    return {"id": call.id or "", "type": "function", "function": function}


def _inert(value: Any) -> Raw:
    """`value` as JSON in which no text can pass for the end of a turn (a zero-width space breaks the token up)."""
    return Raw(CONTROL_TOKEN.sub("<\u200b", msgspec.json.encode(value).decode()).encode())


def _tools(chat: ChatRequest) -> dict[str, Any]:
    """Tools the model may read about; it may call them only where the choice is free and no format is asked."""
    if not chat.tools or chat.tool_choice == "none":
        return {}
    for tool in chat.tools:
        check_schema(tool.function.parameters, "tools")
    formatted = chat.response_format is not None and chat.response_format.type != "text"
    free = chat.tool_choice in (None, "auto") and not formatted
    return {
        "tools": _inert(chat.tools),
        "tool_choice": "auto" if free else "none",
        "parallel_tool_calls": chat.parallel_tool_calls is not False,
    }


def _format(chat: ChatRequest) -> dict[str, Any]:
    if tools := demanded(chat):
        return _held_to(call_schema(tools))
    wanted = chat.response_format
    if wanted is None or wanted.type == "text":
        return {}
    if wanted.type == "json_object":
        return {"response_format": {"type": "json_object"}}
    if wanted.json_schema is None:
        raise BadRequest("response_format of type 'json_schema' needs json_schema.", param="response_format")
    check_schema(wanted.json_schema.schema, "response_format", strict=bool(wanted.json_schema.strict))
    return _held_to(wanted.json_schema.schema)


def _held_to(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}
