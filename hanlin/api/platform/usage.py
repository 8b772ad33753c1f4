"""What was used."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from litestar import Router, get
from litestar.params import FromQuery

from hanlin.accounts import Line
from hanlin.api.platform.access import Caller, House, allow
from hanlin.types import Permission

DAYS = 30
"""A report without dates covers as many, today (UTC) the last."""


@get("/usage", opt=allow(Permission.READ_USAGE))
async def report(
    rooms: House,
    actor: Caller,
    by: FromQuery[Literal["day", "person", "service", "model"]] = "day",
    first_day: FromQuery[date | None] = None,
    last_day: FromQuery[date | None] = None,
) -> list[Line]:
    """Requests and tokens of the workspace (a member's own), the last 30 days unless said otherwise."""
    last = last_day or datetime.now(UTC).date()
    first = first_day or last - timedelta(days=DAYS - 1)
    return await rooms.usage.report(actor, by=by, first_day=first, last_day=last)


router = Router(path="/", tags=["usage"], route_handlers=[report])
