"""One answer on its way out: a watcher for every channel of every choice, and the length limit."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from hanlin.policy.chain import Chain
from hanlin.policy.judging import Hit, Watcher
from hanlin.policy.personal import Restorer
from hanlin.types import Choice, Chunk, Delta, FunctionCall, ToolCall, Verdict

_TEXTS = ("content", "reasoning_content", "refusal")
_NOTHING = Delta()
TOOL_RULE = "tool-not-offered"
"""The public name of the rule that an answer calls no tool but those of its request."""


class _Known:
    """One choice: its watchers by channel (a tool call's is its index), and log-probabilities that wait."""

    __slots__ = ("began", "logprobs", "watchers")

    def __init__(self) -> None:
        self.watchers: dict[Hashable, Watcher] = {}
        self.logprobs: list[Raw] = []
        self.began = False


class Answer:
    """Takes an answer chunk by chunk and gives back what may leave; `full` once the length limit is reached."""

    def __init__(
        self,
        watch: Callable[[], Watcher],
        max_characters: int,
        *,
        choices: int = 1,
        tools: frozenset[str] = frozenset(),
        originals: Mapping[str, str] | None = None,
    ) -> None:
        """Watch by fresh `watch()`es; `tools` are those it may call, `originals` by placeholder are put back last."""
        self.full = False
        self.withheld = ""
        """After a hit: what of the text that was hit has not left."""
        self._watch = _restoring(watch, originals) if originals else watch
        # Arguments are JSON: what is put back there must not end its string.
        escaped = {name: _escaped(original) for name, original in (originals or {}).items()}
        self._watch_arguments = _restoring(watch, escaped) if originals else watch
        self._tools = tools
        self._room_characters = max_characters
        self._choices = {index: _Known() for index in range(choices)}
        self._finished: set[int] = set()

    def take(self, chunk: Chunk) -> Chunk | Hit | None:
        """What of the chunk (and of what was held) may leave: the same object when all of it does, None for nothing."""
        taken: list[Choice] = []
        same = True
        for choice in chunk.choices:
            out = self._take(choice)
            if out is not choice:
                if isinstance(out, Hit):
                    return out
                same = False
            taken.append(out)
        # Only now, for a hit drops the whole chunk, and every choice must get its reason exactly once.
        for choice in taken:
            if choice.finish_reason is not None:
                self._finished.add(choice.index)
        if same:
            return chunk
        kept = [choice for choice in taken if choice.finish_reason or choice.logprobs or choice.delta != _NOTHING]
        return replace(chunk, choices=kept) if kept or chunk.usage else None

    def rest(self) -> Chunk | Hit | None:
        """What is still held when a source ends without finishing its choices."""
        choices = []
        for index in self._unfinished():
            taken = self._take(Choice(index, finish_reason="stop"))
            if isinstance(taken, Hit):
                return taken
            if taken.delta != _NOTHING:
                choices.append(replace(taken, finish_reason=None))
        return Chunk(choices) if choices else None

    def end(self, reason: str, chunk: Chunk | None = None) -> Chunk:
        """The last chunk of an answer that is ended here: every open choice, and those in `chunk`, finish so."""
        choices = [replace(choice, finish_reason=reason, logprobs=None) for choice in (chunk.choices if chunk else [])]
        present = {choice.index for choice in choices}
        choices += [Choice(index, finish_reason=reason) for index in self._unfinished() if index not in present]
        return Chunk(choices, usage=chunk.usage if chunk else None)

    def hits(self) -> list[Hit]:
        """What was found and did not end the answer: scored and masked passages of every channel."""
        return [hit for known in self._choices.values() for watcher in known.watchers.values() for hit in watcher.hits]

    def began(self, index: int) -> bool:
        """Whether text of this choice has left."""
        return index in self._choices and self._choices[index].began

    def _unfinished(self) -> list[int]:
        return [index for index in self._choices if index not in self._finished]

    def _take(self, choice: Choice) -> Choice | Hit:
        known = self._choices.get(choice.index) or self._choices.setdefault(choice.index, _Known())
        delta, last = choice.delta, choice.finish_reason is not None
        if (
            (not last or not known.watchers)
            and choice.logprobs is None
            and not known.logprobs
            and (
                delta.content and delta.tool_calls is None and delta.reasoning_content is None and delta.refusal is None
            )
        ):
            # The way of nearly every chunk, and of a whole answer, kept short.
            released = self._push(known, "content", delta.content, last)
            if released is delta.content:
                return choice
            if isinstance(released, Hit):
                return released
            return replace(choice, delta=replace(delta, content=released or None))
        return self._take_any(known, choice, last)

    def _take_any(self, known: _Known, choice: Choice, last: bool) -> Choice | Hit:
        delta = choice.delta
        changes: dict[str, Any] = {}
        for channel in _TEXTS:
            text: str | None = getattr(delta, channel)
            if text or (last and channel in known.watchers):
                released = self._push(known, channel, text or "", last)
                if isinstance(released, Hit):
                    return released
                if released != text and (released or text):
                    changes[channel] = released or None
        if delta.tool_calls or last:
            calls = self._take_calls(known, delta.tool_calls or [], last)
            if isinstance(calls, Hit):
                return calls
            if calls is not None:
                changes["tool_calls"] = calls
        if choice.logprobs is not None or known.logprobs:
            return self._with_logprobs(known, choice, changes)
        return replace(choice, delta=replace(delta, **changes)) if changes else choice

    def _take_calls(self, known: _Known, calls: list[ToolCall], last: bool) -> list[ToolCall] | Hit | None:
        """The calls as they may leave, with held ends appended after the last piece; None when they are unchanged."""
        keys = [position if call.index is None else call.index for position, call in enumerate(calls)]
        taken = list(calls)
        for position, (key, call) in enumerate(zip(keys, calls, strict=True)):
            name, arguments = call.function.name, call.function.arguments
            if name and name not in self._tools:
                return Hit(TOOL_RULE, "The answer calls a tool that the request did not offer.", (), Verdict.REFUSE)
            named = self._watch().push(name, last=True) if name else name
            final = last and key not in keys[position + 1 :]
            released = named if isinstance(named, Hit) else self._push(known, key, arguments, final)
            if isinstance(released, Hit):
                return released
            if released != arguments:
                taken[position] = replace(call, function=FunctionCall(name, released))
        for key in [key for key, watcher in known.watchers.items() if last and watcher.held and isinstance(key, int)]:
            released = self._push(known, key, "", True)
            if isinstance(released, Hit):
                return released
            taken.append(ToolCall(FunctionCall(arguments=released), index=key))
        return taken if taken != calls else None

    def _push(self, known: _Known, channel: str | int, text: str, last: bool) -> str | Hit:
        watcher = known.watchers.get(channel)
        if watcher is None:
            watch = self._watch if isinstance(channel, str) else self._watch_arguments
            watcher = known.watchers[channel] = watch()
        released = watcher.push(text, last=last)
        if isinstance(released, Hit):
            self.withheld = watcher.held + text
            return released
        known.began = known.began or released != ""
        self._room_characters -= len(released)
        if self._room_characters >= 0:
            return released
        self.full = True
        return released[: max(0, len(released) + self._room_characters)]

    def _with_logprobs(self, known: _Known, choice: Choice, changes: dict[str, Any]) -> Choice:
        """Log-probabilities spell the text out, so they leave only when no text of the choice is held."""
        if choice.logprobs is not None:
            known.logprobs.append(choice.logprobs)
        waiting = any(watcher.held for watcher in known.watchers.values())
        if not changes and not waiting and len(known.logprobs) == 1 and choice.logprobs is not None:
            known.logprobs.clear()
            return choice
        logprobs = None if waiting else _joined(known.logprobs)
        if not waiting:
            known.logprobs.clear()
        return replace(choice, delta=replace(choice.delta, **changes), logprobs=logprobs)


def _restoring(watch: Callable[[], Watcher], originals: Mapping[str, str]) -> Callable[[], Watcher]:
    return lambda: Chain([watch(), Restorer(originals)])


def _escaped(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _joined(pieces: list[Raw]) -> Raw | None:
    """The pieces' token lists, one after another; None when a piece is not shaped as OpenAI's."""
    tokens: dict[str, list[Raw] | None] = {}
    try:
        for piece in pieces:
            for name, more in msgspec.json.decode(piece, type=dict[str, list[Raw] | None]).items():
                tokens[name] = [*(tokens.get(name) or []), *more] if more else tokens.get(name)
    except msgspec.ValidationError:
        return None
    return Raw(msgspec.json.encode(tokens))
