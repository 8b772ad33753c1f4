"""The card of long work: followed, cancelled, tried again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from hanlin.errors import BadFile
from hanlin.jobs import Job, State, Work
from tests.web.conftest import Browser, House


@dataclass
class Errand:
    """A job that tells how far it is, waits, and then fails or ends."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def run(self, work: Work) -> None:
        await work.report(2, 5, "reading")
        await self.gate.wait()
        if self.fails:
            raise BadFile("It is broken.", action="Mend it.", code="empty_file")


@pytest.fixture
def errand(house: House) -> Errand:
    made = Errand()
    house.rooms.jobs.define("test:errand", made.run, light=True)
    return made


async def begun(house: House) -> Job:
    """A job of the owner's that is at work."""
    job = await house.rooms.jobs.start(house.cast.owner, "test:errand", "thing_1")
    return await reached(house, job.id, State.RUNNING)


async def reached(house: House, job_id: str, state: State) -> Job:
    async with asyncio.timeout(20):
        async for job in house.rooms.jobs.watch(house.cast.owner, job_id, interval_seconds=0.02):
            if job.state is state and (job.total or state is not State.RUNNING):
                return job
    raise AssertionError(state)


async def test_the_stream_shows_how_far_it_is_and_ends(
    browsers: dict[str, Browser], house: House, errand: Errand
) -> None:
    job = await begun(house)
    asyncio.get_running_loop().call_later(0.5, errand.gate.set)
    text = (await browsers["owner"].get(f"/jobs/{job.id}/stream")).text
    assert 'value="2" max="5"' in text
    assert "Reading" in text
    assert "2 of 5" in text
    assert "event: ended" in text.rpartition("progress")[2]


async def test_it_is_cancelled_and_goes_on_again(browsers: dict[str, Browser], house: House, errand: Errand) -> None:
    job = await begun(house)
    form = {"then": "/documents/x", "part": "reading"}
    answer = await browsers["owner"].post(f"/jobs/{job.id}/cancel", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/documents/x")
    assert (await house.rooms.jobs.job(house.cast.owner, job.id)).state is State.CANCELLED
    card = await browsers["owner"].swap(f"/jobs/{job.id}/retry", form)
    assert f'sse-connect="/jobs/{job.id}/stream"' in card.text
    assert 'hx-get="/documents/x"' in card.text
    assert 'hx-target="#reading"' in card.text
    errand.gate.set()
    await reached(house, job.id, State.DONE)


async def test_what_went_wrong_is_said_in_the_readers_language(
    browsers: dict[str, Browser], house: House, errand: Errand
) -> None:
    errand.fails = True
    errand.gate.set()
    job = await house.rooms.jobs.start(house.cast.owner, "test:errand", "thing_1")
    await reached(house, job.id, State.FAILED)
    text = (await browsers["owner"].get(f"/jobs/{job.id}/stream", **{"Accept-Language": "zh"})).text
    assert "没有成功" in text
    assert "文件是空的。" in text


async def test_nobody_is_sent_elsewhere_by_a_card(browsers: dict[str, Browser], house: House, errand: Errand) -> None:
    job = await begun(house)
    form = {"then": "https://example.org/", "part": "x] script"}
    assert (await browsers["owner"].post(f"/jobs/{job.id}/cancel", form)).headers["location"] == "/"
    card = (await browsers["owner"].swap(f"/jobs/{job.id}/retry", form)).text
    assert 'hx-target="#desk"' in card
    assert "example.org" not in card


@pytest.mark.parametrize("who", ["colleague", "stranger"])
async def test_a_job_of_somebody_else_is_like_one_that_never_was(
    browsers: dict[str, Browser], house: House, errand: Errand, who: str
) -> None:
    job = await begun(house)
    for name in (job.id, "job_" + "0" * 32):
        assert (await browsers[who].get(f"/jobs/{name}/stream")).status_code == 404
        for deed in ("cancel", "retry"):
            assert (await browsers[who].post(f"/jobs/{name}/{deed}")).status_code == 404
    assert (await browsers["auditor"].post(f"/jobs/{job.id}/cancel")).status_code == 403
    errand.gate.set()
