"""What of a conversation a model is shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hanlin import types
from hanlin.assistants.chat.records import Message, State

SHOWN = frozenset({State.DONE, State.CUT, State.STOPPED, State.INTERRUPTED})


def turns(before: Sequence[Message], question: str, budget_bytes: int) -> list[types.Message]:
    """The question, after as many of the last exchanges as fit `budget_bytes` of UTF-8 (about 3 bytes a token).

    An exchange that was refused or failed is left out whole: shown again, it would be refused again for ever.
    """
    chosen: list[types.Message] = [types.Message(role="user", content=question)]
    left = budget_bytes - len(question.encode())
    for asked, answered in reversed(list(_exchanges(before))):
        left -= len(asked.text.encode()) + len(answered.text.encode())
        if left < 0:
            break
        chosen[:0] = [
            types.Message(role="user", content=asked.text),
            types.Message(role="assistant", content=answered.text),
        ]
    return chosen


def _exchanges(before: Sequence[Message]) -> list[tuple[Message, Message]]:
    return [
        (asked, answered)
        for asked, answered in pairwise(before)
        if asked.role == "user" and answered.role == "assistant" and answered.state in SHOWN and answered.text
    ]
