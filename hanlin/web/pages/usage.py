"""Console: tokens used, by day, person and service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from litestar import Response, get

from hanlin.accounts import Line
from hanlin.types import Permission
from hanlin.web.frame import Frame
from hanlin.web.respond import page
from hanlin.web.visit import Admitted, allow

DAYS = 30


@dataclass(frozen=True, slots=True)
class UsageRow:
    name: str
    requests: str
    tokens: str
    share: float
    """Of the largest row; 0 to 1."""


@dataclass(frozen=True, slots=True)
class UsageContext:
    """Variables of usage.html."""

    frame: Frame
    days: Sequence[UsageRow]
    people: Sequence[UsageRow]
    services: Sequence[UsageRow]


@get("/console/usage", opt=allow(Permission.READ_USAGE))
async def usage_page(visit: Admitted) -> Response[str]:
    """The last 30 days (UTC, as limits count them): the workspace's, or a member's own."""
    last = datetime.now(UTC).date()
    first = last - timedelta(days=DAYS - 1)
    report, actor = visit.rooms.usage.report, visit.actor
    context = UsageContext(
        frame=visit.frame(),
        days=_rows((await report(actor, by="day", first_day=first, last_day=last))[::-1]),
        people=_rows(await report(actor, by="person", first_day=first, last_day=last)),
        services=_rows(await report(actor, by="service", first_day=first, last_day=last)),
    )
    return page(visit, "usage.html", context)


def _rows(lines: Sequence[Line]) -> list[UsageRow]:
    tokens = [line.prompt_tokens + line.completion_tokens for line in lines]
    most = max(tokens, default=0) or 1
    return [
        UsageRow(line.name or line.key, f"{line.requests:,}", f"{count:,}", round(count / most, 3))
        for line, count in zip(lines, tokens, strict=True)
    ]


HANDLERS = [usage_page]
