"""The two seams of a policy: what judges a whole text, and what watches one that is still being written."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Hit(Struct, frozen=True):
    """A rule was broken. Words are public; `spans` are (start, end) in characters of the original text."""

    rule: str
    reason: str
    spans: tuple[tuple[int, int], ...] = ()


class Rule(Protocol):
    """Judges a whole text: a word list, a classifier, a finder of personal data."""

    def judge(self, text: str) -> Hit | None:
        """The first rule the text breaks, or None."""


class Watcher(Protocol):
    """Watches one text while it grows; a fresh one for every channel of every choice of an answer."""

    held: str
    """What was pushed and not yet let go."""

    def push(self, text: str, *, last: bool = False) -> str | Hit:
        """What may leave now, in order, nothing twice; `text` itself when that is all of it. Nothing is held after
        `last`. After a Hit the watcher is spent.
        """
