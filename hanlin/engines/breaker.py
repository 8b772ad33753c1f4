"""Letting a broken upstream rest, so that requests fail at once instead of waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable

from hanlin.errors import NotServing


class Breaker:
    """Stops asking an upstream that failed five times in a row; after ten seconds one request may try it."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, failures: int = 5, seconds: float = 10.0
    ) -> None:
        self.clock = clock
        self.failures = 0
        self._limit = failures
        self._seconds = seconds
        self._closed_at = 0.0

    @property
    def resting(self) -> bool:
        """Whether every request is refused now."""
        return self.failures >= self._limit and self.clock() < self._closed_at

    def admit(self) -> None:
        """Raises NotServing while open. The request admitted after that is the only one for another ten seconds."""
        if self.failures < self._limit:
            return
        if self.resting:
            raise NotServing(
                f"The upstream failed {self.failures} times in a row; it rests for "
                f"{self._closed_at - self.clock():.0f} s.",
                action="Try again then.",
                code="upstream_resting",
            )
        self._closed_at = self.clock() + self._seconds

    def record(self, *, failed: bool) -> None:
        self.failures = self.failures + 1 if failed else 0
        if self.failures >= self._limit:
            self._closed_at = self.clock() + self._seconds
