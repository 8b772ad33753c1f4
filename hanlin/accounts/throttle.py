"""Slows down guessing: after some failures each next try waits twice as long. In memory; a restart forgives."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

from hanlin.errors import TooMany

LONGEST_WAIT_SECONDS = 60.0
"""Short enough that nobody can lock a person out by guessing at their name."""
FORGOTTEN_AFTER_SECONDS = 900.0
REMEMBERED = 10_000


class Throttle:
    """Counts failures per subject (a name, an address): `free` of them cost nothing, then 1, 2, 4 … 60 seconds."""

    def __init__(self, *, free: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def check(self, subject: str) -> None:
        """TooMany while the subject has to wait."""
        count, last = self._failures.get(subject, (0, 0.0))
        if count < self._free:
            return
        wait = min(2.0 ** min(count - self._free, 10), LONGEST_WAIT_SECONDS) - (self._clock() - last)
        if wait > 0:
            raise TooMany("Too many failed sign-ins.", retry_after_seconds=wait, action="Wait, then try again.")

    def fail(self, subject: str) -> None:
        """Count a try; called before its outcome is known, so that tries side by side do not slip through."""
        now = self._clock()
        count, last = self._failures.pop(subject, (0, now))
        self._failures[subject] = (count + 1 if now - last < FORGOTTEN_AFTER_SECONDS else 1, now)
        if len(self._failures) > REMEMBERED:
            del self._failures[next(iter(self._failures))]

    def forgive(self, subject: str) -> None:
        """Take one failure back: the try succeeded, earlier ones stay counted."""
        count, last = self._failures.get(subject, (0, 0.0))
        if count:
            self._failures[subject] = (count - 1, last)

    def succeed(self, subject: str) -> None:
        """Forget the subject's failures."""
        self._failures.pop(subject, None)


def network(address: str) -> str:
    """What one person can hold many of: an IPv4 address itself, of IPv6 the /64; anything else as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
