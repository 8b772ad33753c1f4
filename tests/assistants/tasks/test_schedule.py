"""When a task is due."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.assistants.tasks import Schedule
from hanlin.assistants.tasks.schedule import check, due_after
from hanlin.errors import BadRequest

SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("said", "after", "due"),
    [
        ({"kind": "hourly", "minute": 15}, "2026-11-24 10:14", "2026-11-24 10:15"),
        ({"kind": "hourly", "minute": 15}, "2026-11-24 10:15", "2026-11-24 11:15"),
        ({"kind": "daily", "hour": 8}, "2026-11-24 07:59", "2026-11-24 08:00"),
        ({"kind": "daily", "hour": 8}, "2026-11-24 08:00", "2026-11-25 08:00"),
        ({"kind": "weekly", "hour": 8, "weekday": 1}, "2026-11-24 00:00", "2026-11-30 08:00"),
        ({"kind": "weekly", "hour": 8, "weekday": 2}, "2026-11-24 00:00", "2026-11-24 08:00"),
        ({"kind": "weekly", "hour": 8, "weekday": 7}, "2026-12-31 00:00", "2027-01-03 08:00"),
        ({"kind": "monthly", "hour": 8, "day": 31}, "2026-11-24 00:00", "2026-11-30 08:00"),
        ({"kind": "monthly", "hour": 8, "day": 31}, "2027-02-01 00:00", "2027-02-28 08:00"),
        ({"kind": "monthly", "hour": 8, "day": 1}, "2026-12-01 08:00", "2027-01-01 08:00"),
        ({"kind": "once", "hour": 8, "on": date(2026, 12, 24)}, "2026-11-24 00:00", "2026-12-24 08:00"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", SHANGHAI, BERLIN])
def test_the_next_time(said: dict[str, Any], after: str, due: str, zone: str) -> None:
    """Said and due by the clock on the person's wall, wherever that is."""
    assert due_after(Schedule(zone=zone, **said), at(after, zone)) == at(due, zone)


def test_a_single_time_that_has_passed_never_comes_again() -> None:
    assert due_after(Schedule(kind="once", zone="UTC", on=date(2026, 11, 24)), at("2026-11-24 09:00")) is None


def test_hours_of_a_zone_that_is_off_by_three_quarters() -> None:
    """00:00 in UTC is 05:45 in Kathmandu."""
    schedule = Schedule(kind="hourly", zone="Asia/Kathmandu", minute=0)
    assert due_after(schedule, at("2026-11-24 00:00")) == at("2026-11-24 00:15")


def test_a_time_that_a_clock_change_skips_or_repeats_comes_once() -> None:
    """Berlin leaves out 02:30 on 29 March 2026 and has it twice on 25 October."""
    schedule = Schedule(kind="daily", zone=BERLIN, hour=2, minute=30)
    skipped = due_after(schedule, at("2026-03-29 00:00", BERLIN))
    assert skipped is not None
    assert datetime.fromtimestamp(skipped, UTC) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert due_after(schedule, skipped) == at("2026-03-30 02:30", BERLIN)
    repeated = due_after(schedule, at("2026-10-25 00:00", BERLIN))
    assert repeated is not None
    assert datetime.fromtimestamp(repeated, UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert due_after(schedule, repeated) == at("2026-10-26 02:30", BERLIN)


@given(
    kind=st.sampled_from(["hourly", "daily", "weekly", "monthly"]),
    zone=st.sampled_from(["UTC", SHANGHAI, BERLIN, "America/St_Johns", "Pacific/Apia"]),
    after=st.integers(0, 4_000_000_000),
    hour=st.integers(0, 23),
    day=st.integers(1, 31),
)
def test_the_next_time_lies_ahead_and_within_a_period(kind: Any, zone: str, after: int, hour: int, day: int) -> None:
    schedule = Schedule(kind=kind, zone=zone, hour=hour, day=day)
    due = due_after(schedule, after)
    assert due is not None
    assert after < due <= after + schedule.period_seconds + 2 * 86_400


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "daily", "zone": "Middle/Earth"},
        {"kind": "daily", "zone": "../../etc/passwd"},
        {"kind": "once", "zone": "UTC"},
        {"kind": "daily", "zone": "UTC", "on": date(2026, 1, 1)},
    ],
)
def test_what_makes_no_sense_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        check(Schedule(**said))
