from __future__ import annotations

import time

import pytest

from hanlin.policy.file import Minors
from hanlin.policy.minors import HOURS_RULE, MINUTES_RULE, Attendance


def at(hour: int, minute: int = 0, day: int = 5) -> float:
    return time.mktime((2026, 3, day, hour, minute, 0, 0, 0, -1))


@pytest.mark.parametrize(("hour", "served"), [(5, False), (6, True), (21, True), (22, False), (0, False)])
def test_a_minor_is_served_within_the_hours(hour: int, served: bool) -> None:
    hit = Attendance(lambda: at(hour)).check("per_1", Minors())
    assert (hit is None) == served
    assert hit is None or hit.rule == HOURS_RULE


def test_minutes_of_a_day_are_counted_for_each_person_and_begin_anew() -> None:
    now = at(10)
    attendance = Attendance(lambda: now)
    minors = Minors(minutes_per_day=2)
    assert attendance.check("a", minors) is None
    assert attendance.check("a", minors) is None  # the same minute
    now = at(11)
    assert attendance.check("a", minors) is None
    now = at(12)
    hit = attendance.check("a", minors)
    assert hit is not None
    assert hit.rule == MINUTES_RULE
    assert attendance.check("b", minors) is None
    now = at(10, day=6)
    assert attendance.check("a", minors) is None
