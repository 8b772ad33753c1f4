"""How far long work is, on every page that waits for some: a card that follows by itself, cancel, try again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from hanlin.jobs import Job
from hanlin.types import Permission
from hanlin.web.card import JobCard, card
from hanlin.web.frame import Frame
from hanlin.web.render import render
from hanlin.web.respond import headers, page, redirect
from hanlin.web.visit import Admitted, Visit, allow, local_path

GENERATE = allow(Permission.GENERATE)
INTERVAL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class JobContext:
    """Variables of job.html."""

    frame: Frame
    job: JobCard


@get("/jobs/{job:str}/stream", opt=GENERATE)
async def stream(visit: Admitted, job: FromPath[str]) -> ServerSentEvent:
    """The card's inside as often as it changes, and at the end an event `ended`. Changes nothing."""
    await visit.rooms.jobs.job(visit.actor, job)
    return ServerSentEvent(_events(visit, job), headers=headers(visit))


@post("/jobs/{job:str}/cancel", opt=GENERATE, status_code=200)
async def cancel(visit: Admitted, job: FromPath[str]) -> Response[str]:
    return _shown(visit, await visit.rooms.jobs.cancel(visit.actor, job))


@post("/jobs/{job:str}/retry", opt=GENERATE, status_code=200)
async def retry(visit: Admitted, job: FromPath[str]) -> Response[str]:
    """Go on where it ended."""
    return _shown(visit, await visit.rooms.jobs.retry(visit.actor, job))


async def _events(visit: Visit, job_id: str) -> AsyncIterator[ServerSentEventMessage]:
    watching = visit.rooms.jobs.watch(visit.actor, job_id, interval_seconds=INTERVAL_SECONDS)
    async with aclosing(watching) as states:
        async for job in states:
            inside = render("job.html", JobContext(visit.frame(), card(visit, job)), "inside")
            yield ServerSentEventMessage(event="progress", data=inside)
    yield ServerSentEventMessage(event="ended", data="-")


def _shown(visit: Visit, job: Job) -> Response[str]:
    then, part = local_path(visit.form["then"]), visit.form["part"]
    if visit.swaps and not job.state.final:
        return page(visit, "job.html", JobContext(visit.frame(), card(visit, job, then=then, part=part)))
    return redirect(visit, then)


HANDLERS = [stream, cancel, retry]
