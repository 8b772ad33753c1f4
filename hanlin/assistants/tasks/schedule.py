"""When a task is due: a few kinds of times in the words of a calendar, in the time zone of the person."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from hanlin.errors import BadRequest

DAY_SECONDS = 86_400
PERIODS = {"once": 0, "hourly": 3600, "daily": DAY_SECONDS, "weekly": 7 * DAY_SECONDS, "monthly": 31 * DAY_SECONDS}


class Schedule(Struct, frozen=True, forbid_unknown_fields=True):
    """A time that a clock change skips comes as much later; one that it repeats is the first of the two."""

    kind: Literal["once", "hourly", "daily", "weekly", "monthly"]
    zone: Annotated[str, Meta(max_length=60)]
    """IANA's name, `Asia/Shanghai`."""
    minute: Annotated[int, Meta(ge=0, le=59)] = 0
    hour: Annotated[int, Meta(ge=0, le=23)] = 9
    weekday: Annotated[int, Meta(ge=1, le=7)] = 1
    """For weekly: 1 is Monday (ISO 8601)."""
    day: Annotated[int, Meta(ge=1, le=31)] = 1
    """For monthly; in a shorter month the last one."""
    on: date | None = None
    """For once."""

    @property
    def period_seconds(self) -> int:
        """How far apart two times are at most; 0 for once."""
        return PERIODS[self.kind]


def check(schedule: Schedule) -> None:
    """Raises BadRequest for an unknown time zone, and for a single time without a date."""
    _zone(schedule)
    if (schedule.kind == "once") != (schedule.on is not None):
        raise BadRequest("A single time has a date in `on`, the others have none.", param="schedule")


def due_after(schedule: Schedule, after: int) -> int | None:
    """The first time behind `after`, both in Unix seconds; None when there is none any more."""
    zone = _zone(schedule)
    if schedule.kind == "once":
        assert schedule.on is not None
        only = _moment(schedule, schedule.on, zone)
        return only if only > after else None
    if schedule.kind == "hourly":
        return _next_hour(schedule, after, zone)
    first = datetime.fromtimestamp(after, zone).date() - timedelta(days=1)
    days = (first + timedelta(days=number) for number in range(70))
    return next(due for day in days if _falls_on(schedule, day) and (due := _moment(schedule, day, zone)) > after)


def _falls_on(schedule: Schedule, day: date) -> bool:
    if schedule.kind == "weekly":
        return day.isoweekday() == schedule.weekday
    if schedule.kind == "monthly":
        return day.day == min(schedule.day, monthrange(day.year, day.month)[1])
    return True


def _moment(schedule: Schedule, day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(schedule.hour, schedule.minute), zone).timestamp())


def _next_hour(schedule: Schedule, after: int, zone: ZoneInfo) -> int:
    minutes = (60 * (after // 60 + number) for number in range(1, 121))  # some zones are off by quarters of an hour
    return next(at for at in minutes if datetime.fromtimestamp(at, zone).minute == schedule.minute)


def _zone(schedule: Schedule) -> ZoneInfo:
    try:
        return ZoneInfo(schedule.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest(
            f"{schedule.zone[:60]!r} is no time zone.", action="Name one like `Asia/Shanghai`.", param="schedule"
        ) from None
