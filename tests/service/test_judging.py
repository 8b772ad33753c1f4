"""The pipeline where a policy does more than allow and refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hanlin.audit.leaves import DecisionRef
from hanlin.errors import NotAllowed, Refused
from hanlin.policy import Policy
from hanlin.policy.file import PolicyFile
from hanlin.service import Held, Request
from hanlin.types import Route
from tests.service.rig import ACTOR, Rig, ends, opened, text
from tests.storage.databases import sqlite_template

__all__ = ["sqlite_template"]


def house(**rule: Any) -> Policy:
    words = {"name": "plums", "category": "A.3.e", "reason": "Plums.", "terms": ["red plum"], **rule}
    return Policy.from_file(
        msgspec.convert({"name": "h", "refusal": {"zh": "抱歉", "en": "Sorry."}, "rules": [words]}, PolicyFile)
    )


@pytest.fixture
async def rig(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Rig]:
    async with opened(tmp_path, sqlite_template) as rig:
        yield rig


def judged_by(rig: Rig, policy: Policy, **more: Any) -> None:
    rig.pipeline = replace(rig.pipeline, rules=lambda *_: policy, **more)


async def test_a_held_request_asks_nothing_and_names_its_case(rig: Rig) -> None:
    seen: list[Held] = []

    async def hold(held: Held) -> str:
        seen.append(held)
        return "cas_1"

    judged_by(rig, house(action="hold"), hold=hold)
    with pytest.raises(Refused, match="cas_1") as refused:
        await rig.ask("plain", "one red plum")
    assert refused.value.code == "held_for_review"
    (held,) = seen
    assert (held.stage, held.text, held.service, held.decision.rule) == ("input", "one red plum", "plain", "plums")
    assert rig.jobs == []
    outcome = await rig.outcome()
    assert (outcome.status, outcome.decisions[-1].verdict) == ("refused_input", "hold")


async def test_what_a_person_let_pass_is_answered_and_says_so_on_record(rig: Rig) -> None:
    async def released(_: Held) -> str:
        return ""

    judged_by(rig, house(action="hold"), hold=released)
    assert text(await rig.ask("plain", "one red plum")) == "one two three four"
    outcome = await rig.outcome()
    assert outcome.status == "completed"
    assert [decision.verdict for decision in outcome.decisions] == ["hold", "allow", "allow"]


async def test_a_held_answer_goes_to_people_whole(rig: Rig) -> None:
    seen: list[Held] = []

    async def hold(held: Held) -> str:
        seen.append(held)
        return "cas_1"

    judged_by(rig, house(action="hold"), hold=hold)
    chunks = await rig.ask("plum", stream=True)
    assert text(chunks) == "a nice "
    assert ends(chunks) == ["content_filter"]
    (held,) = seen
    assert held.stage == "output"
    assert held.text.startswith("a nice red plum")
    assert (await rig.outcome()).status == "refused_output"


async def test_a_set_answer_leaves_labelled_and_recorded_without_asking_the_model(rig: Rig) -> None:
    policy = house(action="replace", answer={"zh": "问果农", "en": "Ask a farmer."})
    judged_by(rig, policy)
    chunks = await rig.ask("plain", "a red plum")
    assert (text(chunks), ends(chunks)) == ("Ask a farmer.", ["stop"])
    assert chunks[0].label is not None
    assert rig.jobs == []
    outcome = await rig.outcome()
    assert (outcome.status, outcome.decisions) == (
        "refused_input",
        (DecisionRef(policy.reference, "plums", "replace"),),
    )


async def test_what_is_masked_is_masked_for_the_engine(rig: Rig) -> None:
    judged_by(rig, house(action="mask"))
    await rig.ask("plain", "a red plum")
    assert rig.jobs[0].chat.messages[-1].text() == "a ********"
    assert (await rig.outcome()).status == "completed"


async def test_who_is_suspended_asks_nothing(rig: Rig) -> None:
    def permit(request: Request) -> None:
        raise NotAllowed(f"Suspended: {request.end_user}.", code="account_suspended")

    judged_by(rig, house(), permit=permit)
    with pytest.raises(NotAllowed, match=r"Suspended: [0-9a-f]{16}\."):
        await rig.ask("plain", safety_identifier="somebody")
    assert rig.jobs == []
    assert (await rig.outcome()).status == "not_served"


async def test_the_ladder_learns_who_of_a_programs_users_asked_and_what_was_decided(rig: Rig) -> None:
    judged_by(rig, house())
    with pytest.raises(Refused):
        await rig.ask("plain", "red plum", user="u")
    await rig.outcome()
    (finished,) = rig.finished
    assert len(finished.end_user) == 16
    assert [decision.rule for decision in finished.decisions] == ["plums"]


async def test_the_services_own_prompt_is_not_judged_as_if_a_person_had_sent_it(rig: Rig) -> None:
    judged_by(rig, house())
    route = rig.pipeline.resolve("plain", ACTOR)
    service = msgspec.structs.replace(route.service, system_prompt="Never mention a red plum.")
    rig.pipeline = replace(rig.pipeline, resolve=lambda *_: Route(service, route.model))
    assert text(await rig.ask("plain", "hello")) == "one two three four"
    assert rig.jobs[0].chat.messages[0].text() == "Never mention a red plum."
