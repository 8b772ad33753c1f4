"""/api/jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hanlin.api.platform import jobs as resources
from hanlin.errors import BadFile
from hanlin.jobs import Jobs, Work
from hanlin.storage import Database
from tests.api.desks import finished as whole
from tests.api.desks import keys, platform
from tests.jobs.conftest import Rights, database_url, finished, member
from tests.storage.databases import database, sqlite_template

__all__ = ["database", "database_url", "sqlite_template"]

OWNER = member()


class Desk:
    """Jobs that wait at a gate, and the client before them."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.client = platform([resources.router], keys(owner=OWNER, stranger=member("stranger")), jobs=jobs)
        self.gate = asyncio.Event()
        self.broken = False
        jobs.define("waiting", self._wait)

    async def _wait(self, work: Work) -> None:
        await work.report(1, 2, "reading")
        await self.gate.wait()
        if self.broken:
            raise BadFile("The file is broken.", action="Bring another.")
        await work.report(2, 2, "writing")


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    jobs = await Jobs.open(database, folder=tmp_path, actor_of=Rights(), poll_seconds=0.05)
    yield Desk(jobs)
    await jobs.close()


async def test_a_job_is_listed_and_watched_to_its_end(desk: Desk) -> None:
    job = await desk.jobs.start(OWNER, "waiting", "doc_1")
    async with desk.client.stream("GET", f"/api/jobs/{job.id}/events", key="owner") as exchange:
        await exchange.first(2)
        desk.gate.set()
        answer = await whole(exchange)
    assert answer.headers["content-type"].startswith("text/event-stream")
    said = [block.splitlines() for block in answer.body.decode().replace("\r", "").strip().split("\n\n")]
    assert said[-1][0] == "event: done"
    assert {lines[0] for lines in said[:-1]} == {"event: progress"}
    last = json.loads(said[-1][1].removeprefix("data: "))
    assert (last["state"], last["done"], last["total"], last["note"]) == ("done", 2, 2, "writing")
    listed = await desk.client.send("GET", "/api/jobs", key="owner")
    assert listed.json == [last]
    assert "person" not in last
    assert (await desk.client.send("GET", "/api/jobs?kind=other", key="owner")).json == []


async def test_a_job_is_cancelled_and_goes_on(desk: Desk) -> None:
    job = await desk.jobs.start(OWNER, "waiting", "doc_1")
    cancelled = await desk.client.send("POST", f"/api/jobs/{job.id}/cancellation", key="owner")
    assert (cancelled.status, cancelled.json["state"]) == (200, "cancelled")
    desk.gate.set()
    desk.broken = True
    assert (await desk.client.send("POST", f"/api/jobs/{job.id}/retry", key="owner")).status == 200
    assert (await finished(desk.jobs, OWNER, job)).code == "bad_file"
    shown = (await desk.client.send("GET", f"/api/jobs/{job.id}", key="owner")).json
    assert (shown["state"], shown["problem"], shown["action"]) == ("failed", "The file is broken.", "Bring another.")
    desk.broken = False
    await desk.client.send("POST", f"/api/jobs/{job.id}/retry", key="owner")
    await finished(desk.jobs, OWNER, job)
    again = await desk.client.send("POST", f"/api/jobs/{job.id}/retry", key="owner")
    assert (again.status, again.error["code"]) == (409, "job_state")


async def test_a_stranger_gets_what_a_random_id_gets(desk: Desk) -> None:
    job = await desk.jobs.start(OWNER, "waiting", "doc_1")
    for method, suffix in (("GET", ""), ("GET", "/events"), ("POST", "/cancellation"), ("POST", "/retry")):
        answers = [
            await desk.client.send(method, f"/api/jobs/{one}{suffix}", key="stranger")
            for one in (job.id, "job_" + "0" * 32)
        ]
        assert [answer.status for answer in answers] == [404, 404]
        assert answers[0].json == answers[1].json
    assert (await desk.client.send("GET", "/api/jobs", key="stranger")).json == []
