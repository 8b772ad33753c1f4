"""When people marked as minors are served: hours of the day, and minutes a day."""

from __future__ import annotations

import time
from collections.abc import Callable

from hanlin.policy.file import Minors
from hanlin.policy.judging import Hit
from hanlin.types import Verdict

HOURS_RULE = "minors-hours"
MINUTES_RULE = "minors-minutes"
_CATEGORY = "A.4.a"
_PEOPLE = 100_000


class Attendance:
    """The minutes of the day in which each minor asked for something, on this server; a new day begins at midnight."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._day = -1
        self._minutes: dict[str, set[int]] = {}

    def check(self, person: str, minors: Minors) -> Hit | None:
        """Note that this person asks now; a refusing hit outside the hours or beyond the minutes."""
        now = time.localtime(self._clock())
        if not minors.from_hour <= now.tm_hour < minors.to_hour:
            reason = f"People under age are served from {minors.from_hour}:00 to {minors.to_hour}:00."
            return Hit(HOURS_RULE, reason, (), Verdict.REFUSE, _CATEGORY)
        if now.tm_yday != self._day or len(self._minutes) > _PEOPLE:
            self._day, self._minutes = now.tm_yday, {}
        seen = self._minutes.setdefault(person, set())
        seen.add(now.tm_hour * 60 + now.tm_min)
        if minors.minutes_per_day and len(seen) > minors.minutes_per_day:
            reason = f"People under age are served for {minors.minutes_per_day} minutes a day."
            return Hit(MINUTES_RULE, reason, (), Verdict.REFUSE, _CATEGORY)
        return None
