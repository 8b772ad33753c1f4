"""The texts of a request: joined to be judged at once, and rewritten where something in them is covered."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from hanlin.policy.judging import Hit, cover
from hanlin.types import ChatRequest, Message, Verdict

BLANK_LINE = "\n\n"
"""Between texts judged together: no match crosses one."""
COVERED = frozenset({Verdict.MASK, Verdict.PSEUDONYMISE})


def texts(chat: ChatRequest) -> list[str]:
    """Every text of a request: messages with all their fields, tool calls and results, tools, response format."""
    found: list[str] = []
    for message in chat.messages:
        if isinstance(message.content, str):
            found.append(message.content)
        elif message.content:
            parts = message.content
            found += [text for part in parts for text in (part.text, part.refusal) if isinstance(text, str)]
        found += [text for text in (message.name, message.refusal, message.reasoning_content) if text]
        for call in message.tool_calls or ():
            found += [call.function.name, call.function.arguments]
    found += [msgspec.json.encode(extra).decode() for extra in (chat.tools, chat.response_format) if extra]
    return found


def whole_text(chat: ChatRequest) -> str:
    """All texts of a request, as they are judged: joined by blank lines."""
    return BLANK_LINE.join(texts(chat))


def covered(chat: ChatRequest, hits: Iterable[Hit]) -> ChatRequest:
    """The request with the covers of the hits put in; their spans count characters of `texts` joined by blank lines.

    Names of functions, tools and the response format stay as they are.
    """
    relevant = [hit for hit in hits if hit.verdict in COVERED]
    place = 0

    def change(text: str) -> str:
        nonlocal place
        start, place = place, place + len(text) + len(BLANK_LINE)
        inside = [_within(hit, start, start + len(text)) for hit in relevant]
        return cover(text, inside, COVERED)

    return replace(chat, messages=[mapped(message, change) for message in chat.messages])


def mapped(message: Message, change: Callable[[str], str]) -> Message:
    """The message with every text changed, visited in the order of `texts`; a function's name is visited and kept."""
    changes: dict[str, object] = {}
    if isinstance(message.content, str):
        changes["content"] = change(message.content)
    elif message.content:
        parts = []
        for part in message.content:
            new = {name: change(text) for name in ("text", "refusal") if isinstance(text := getattr(part, name), str)}
            parts.append(replace(part, **new))
        changes["content"] = parts
    for name in ("name", "refusal", "reasoning_content"):
        if text := getattr(message, name):
            changes[name] = change(text)
    if message.tool_calls:
        calls = []
        for call in message.tool_calls:
            change(call.function.name)
            calls.append(replace(call, function=replace(call.function, arguments=change(call.function.arguments))))
        changes["tool_calls"] = calls
    return replace(message, **changes)


def _within(hit: Hit, start: int, end: int) -> Hit:
    """The hit with only the spans inside this text, counted from its beginning."""
    kept = [(span, put) for span, put in zip(hit.spans, hit.covers, strict=True) if start <= span[0] and span[1] <= end]
    spans = tuple([(first - start, past - start) for (first, past), _ in kept])
    return replace(hit, spans=spans, covers=tuple([put for _, put in kept]))
