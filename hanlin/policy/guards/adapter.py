"""What one family of guard models needs: which questions to send for a conversation, and how to read an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from hanlin.types import Message

Where = Literal["input", "output"]
Level = Literal["controversial", "unsafe"]


class Question(Struct, frozen=True):
    """One call of the guard model."""

    messages: tuple[Message, ...]
    criterion: str = ""
    """What is asked about, where a family asks about one thing at a time."""


class Finding(Struct, frozen=True):
    """What the guard said of the last message."""

    level: Level
    category: str = ""
    """The risk, `A.1.d`; empty when the guard's category has none, or it named none."""


class Adapter(Protocol):
    """A module of this package."""

    def questions(self, talk: Sequence[Message], model: str, where: Where) -> tuple[Question, ...]:
        """The calls that judge the last message of `talk`, which alternates user and assistant and begins with user."""

    def read(self, question: Question, answer: str) -> tuple[Finding, ...]:
        """What an answer says, `()` for safe. Raises ValueError when it is none of the documented forms."""
