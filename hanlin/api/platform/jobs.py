"""Jobs: how far they are, as it happens; cancel and go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage
from msgspec import Struct

from hanlin.api.platform.access import Caller, House, allow
from hanlin.jobs import Job, Jobs, State
from hanlin.types import Actor, Permission

GENERATE = allow(Permission.GENERATE)
Limit = Annotated[int, QueryParameter(ge=1, le=200)]


class JobRecord(Struct, frozen=True):
    """A piece of long work of yours."""

    id: str
    kind: str
    subject: str
    state: State
    done: int
    """Of `total` parts; both 0 until something is known."""
    total: int
    note: str
    """What goes on now, as a word: reading, transcribing, …"""
    code: str
    """Of the error that ended it; `problem` and `action` are its sentences."""
    problem: str
    action: str
    created_at: int
    started_at: int
    ended_at: int


@get("/jobs", opt=GENERATE)
async def list_jobs(rooms: House, actor: Caller, kind: FromQuery[str] = "", limit: Limit = 100) -> list[JobRecord]:
    """Your jobs in this workspace, newest first."""
    return [job_record(job) for job in await rooms.jobs.recent(actor, kind[:60], limit=limit)]


@get("/jobs/{job:str}", opt=GENERATE)
async def show_job(rooms: House, actor: Caller, job: FromPath[str]) -> JobRecord:
    """One job of yours."""
    return job_record(await rooms.jobs.job(actor, job))


@post("/jobs/{job:str}/cancellation", opt=GENERATE, status_code=200)
async def cancel_job(rooms: House, actor: Caller, job: FromPath[str]) -> JobRecord:
    """End it: a queued one never starts, a running one stops within a second. An ended one stays as it is."""
    return job_record(await rooms.jobs.cancel(actor, job))


@post("/jobs/{job:str}/retry", opt=GENERATE, status_code=200)
async def retry_job(rooms: House, actor: Caller, job: FromPath[str]) -> JobRecord:
    """Go on with a failed or cancelled one at its last finished step."""
    return job_record(await rooms.jobs.retry(actor, job))


@get("/jobs/{job:str}/events", opt=GENERATE)
async def watch_job(rooms: House, actor: Caller, job: FromPath[str]) -> ServerSentEvent:
    """The job as server-sent events, again whenever it changes; the stream ends with the job."""
    await rooms.jobs.job(actor, job)
    return ServerSentEvent(events(rooms.jobs, actor, job))


async def events(jobs: Jobs, actor: Actor, job_id: str) -> AsyncIterator[ServerSentEventMessage]:
    async with aclosing(jobs.watch(actor, job_id)) as states:
        async for job in states:
            name = "done" if job.state.final else "progress"
            yield ServerSentEventMessage(event=name, data=msgspec.json.encode(job_record(job)).decode())


def job_record(job: Job) -> JobRecord:
    return JobRecord(**{name: getattr(job, name) for name in JobRecord.__struct_fields__})


HANDLERS = [list_jobs, show_job, cancel_job, retry_job, watch_job]
router = Router(path="/", tags=["jobs"], route_handlers=HANDLERS)
