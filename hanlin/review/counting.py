"""Counting refused attempts: in a row and in a day, in memory, in microseconds."""

from __future__ import annotations

_DAY_MS = 86_400_000
"""Days are UTC's."""


class Account:
    """The attempts of one account. Milliseconds since 1970; each server gives every attempt a time of its own."""

    __slots__ = ("attempts", "clean_ms", "spent_ms")

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}
        """Request id -> when it was refused."""
        self.clean_ms = 0
        """When something last went through: what was before no longer stands in a row."""
        self.spent_ms = 0
        """Up to when attempts have been answered by a sanction or a case."""

    def row(self) -> list[str]:
        """The attempts in a row."""
        after = max(self.clean_ms, self.spent_ms)
        return [request for request, at in self.attempts.items() if at > after]

    def day(self, now_ms: int) -> list[str]:
        """The attempts of today."""
        after = max(self.spent_ms, now_ms - now_ms % _DAY_MS - 1)
        return [request for request, at in self.attempts.items() if at > after]

    def forget(self, before_ms: int) -> bool:
        """Let go of what no longer counts; True when nothing is left."""
        after = max(self.spent_ms, before_ms)
        self.attempts = {request: at for request, at in self.attempts.items() if at > after}
        return not self.attempts
