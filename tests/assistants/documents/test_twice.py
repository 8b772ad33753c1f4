"""A step may run twice, when a crash comes between its effect and its entry: its effect is the same as once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hanlin.assistants.documents import DocumentState, ResultState
from hanlin.jobs.running import Running
from tests.assistants.documents.office import OWNER, Office

pytestmark = pytest.mark.asyncio(loop_scope="module")
TEXT = "\n\n".join(
    f"Truck {number} brought {number + 7} crates of plums to the market in Bern." for number in range(90)
)


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Running.step

    async def step(self: Running, name: str, function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        await function(*arguments)
        return await once(self, name, function, *arguments)

    monkeypatch.setattr(Running, "step", step)


@pytest.mark.usefixtures("twice")
async def test_every_step_of_reading_and_summarising_may_run_twice(office: Office) -> None:
    document = await office.paste(TEXT)
    assert document.state is DocumentState.READY
    assert await office.index.count(document.id) == document.passages
    assert len({hit.text for hit in await office.documents.search(OWNER, "Truck 17", limit=50)}) <= document.passages
    office.calls.window = 1200
    office.calls.reply = lambda _: "- Trucks brought crates of plums to the market in Bern."
    made = await office.made(await office.documents.summarise(OWNER, [document.id]))
    assert (made.state, made.text.count("Trucks brought")) == (ResultState.DONE, 1)
    assert 2 * len(made.request_ids) == len(office.calls.asked)
