"""From a policy's text to what a person meets: published, previewed, rolled back, held, released, suspended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.api.cast import Premises, premises

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOML = """
name = "default"
[refusal]
zh = "抱歉"
en = "Sorry."
[ladder]
in_a_row = 3
per_day = 5
[[rules]]
name = "plums"
category = "A.3.e"
reason = "Nothing about plums."
terms = ["red plum"]
[[rules]]
name = "pears"
category = "A.3.e"
reason = "Somebody looks at pears first."
terms = ["green pear"]
action = "hold"
where = ["input"]
[[personal]]
name = "phones"
kinds = ["mobile"]
where = ["input"]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Premises]:
    """A house of its own: what these tests publish and impose stays in it."""
    async with premises(tmp_path_factory.mktemp("house")) as opened:
        yield opened


async def send(here: Premises, who: str, method: str, path: str, status: int, body: Any = None) -> Any:
    answer = await here.client.send(method, path, key=here.keys[who], json=body)
    assert answer.status == status, answer.body
    return answer.json if answer.body else None


async def ask(here: Premises, who: str, text: str, **fields: Any) -> Any:
    body = {"model": "echo", "messages": [{"role": "user", "content": text}], **fields}
    return await here.client.send("POST", "/v1/chat/completions", key=here.keys[who], json=body)


async def test_a_policy_is_previewed_published_compared_and_rolled_back(here: Premises) -> None:
    listed = {policy["name"]: policy for policy in await send(here, "owner", "GET", "/api/policies", 200)}
    assert set(listed) >= {"default", "public"}
    shipped = listed["default"]["version"]
    effect = await send(here, "operator", "POST", "/api/policies/preview", 200, {"source": TOML})
    assert effect["effect"]["samples"] > 100
    assert effect["effect"]["wrong_after"] > effect["effect"]["wrong_before"]
    assert '+name = "plums"' in effect["difference"]
    body = {"source": TOML, "note": "Fruit.", "serving_version": shipped}
    await send(here, "operator", "PUT", "/api/policies/default", 409, body)
    await send(here, "operator", "PUT", "/api/policies/default", 200, {**body, "accept_worse": True})
    refused = await ask(here, "colleague", "a red plum")
    assert (refused.status, refused.json["error"]["code"]) == (400, "content_filter")
    assert refused.json["error"]["message"] == "Sorry. Rule: plums."
    (outcome, *_) = [leaf for leaf in await here.outcomes() if leaf.status == "refused_input"]
    assert refused.headers["x-request-id"] == outcome.request  # what an objection names
    versions = await send(here, "owner", "GET", "/api/policies/default/versions", 200)
    assert [(one["origin"], one["serving"]) for one in versions] == [("console", True), ("file", False)]
    path = f"/api/policies/default/difference?before={shipped}&after={versions[0]['version']}"
    assert '+name = "plums"' in (await send(here, "owner", "GET", path, 200))["difference"]
    await send(here, "operator", "POST", "/api/policies/default/return", 200, {"version": shipped})
    assert (await ask(here, "colleague", "a red plum")).status == 200
    await send(here, "operator", "POST", "/api/policies/default/return", 200, {"version": versions[0]["version"]})
    recorded = [leaf.facts for leaf in await here.leaves() if leaf.event == "policy:changed"]
    assert [facts.get("change") for facts in recorded[:3]] == ["rolled back", "rolled back", "published"]


async def test_trying_a_text_says_what_would_happen_and_why(here: Premises) -> None:
    body = {"text": "a red plum for 13812345678"}
    judged = await send(here, "owner", "POST", "/api/policies/default/trial", 200, body)
    assert judged["verdict"] == "refuse"
    assert [(hit["rule"], hit["spans"]) for hit in judged["hits"]] == [("plums", [[2, 10]]), ("phones", [[15, 26]])]
    assert judged["text"] == "a red plum for 138****5678"


async def test_what_is_masked_never_reaches_the_model(here: Premises) -> None:
    answer = await ask(here, "colleague", "call 13812345678 please")
    assert answer.json["choices"][0]["message"]["content"] == "Echo: call 138****5678 please"


async def test_who_may_not_write_policies_changes_nothing(here: Premises) -> None:
    for who in ("owner", "colleague", "stranger"):
        await send(here, who, "PUT", "/api/policies/default", 403, {"source": TOML})
        await send(here, who, "GET", "/api/policies/default", 403)
    await send(here, "colleague", "POST", "/api/policies/default/trial", 403, {"text": "x"})


async def test_held_text_waits_for_a_person_and_passes_when_released(here: Premises) -> None:
    held = await ask(here, "colleague", "one green pear")
    assert (held.status, held.json["error"]["code"]) == (400, "held_for_review")
    (case,) = await send(here, "owner", "GET", "/api/cases?kind=held_input", 200)
    assert (case["text"], case["rule"], case["state"]) == ("one green pear", "pears", "open")
    assert case["id"] in held.json["error"]["message"]
    assert await send(here, "stranger", "GET", "/api/cases", 200) == []
    await send(here, "stranger", "GET", f"/api/cases/{case['id']}", 404)
    await send(here, "colleague", "POST", f"/api/cases/{case['id']}/votes", 403, {"verdict": "release", "reason": "?"})
    vote = {"verdict": "release", "reason": "Pears are fine."}
    await send(here, "owner", "POST", f"/api/cases/{case['id']}/votes", 201, vote)
    assert (await ask(here, "colleague", "one green pear")).status == 200
    assert (await ask(here, "colleague", "two green pear")).status == 400
    samples = await send(here, "operator", "GET", "/api/policy_samples", 200)
    assert ("one green pear", "allow", "decision") in {
        (sample["text"], sample["expected"], sample["origin"]) for sample in samples
    }


async def test_three_refused_attempts_in_a_row_suspend_one_end_user_and_nobody_else(here: Premises) -> None:
    for _ in range(3):
        assert (await ask(here, "owner", "a red plum", safety_identifier="u1")).status == 400
    stopped = await ask(here, "owner", "hello", safety_identifier="u1")
    assert (stopped.status, stopped.json["error"]["code"]) == (403, "account_suspended")
    assert (await ask(here, "owner", "hello", safety_identifier="u2")).status == 200
    assert (await ask(here, "owner", "hello")).status == 200
    (sanction,) = await send(here, "owner", "GET", "/api/sanctions", 200)
    assert (sanction["step"], sanction["rule"]) == ("suspend", "plums")
    body = {"reason": "A misunderstanding."}
    await send(here, "owner", "DELETE", f"/api/sanctions/{sanction['id']}", 200, body)
    assert (await ask(here, "owner", "hello", safety_identifier="u1")).status == 200


async def test_a_minor_meets_the_rules_for_minors(here: Premises) -> None:
    strict = TOML + '[minors]\nfrom_hour = 0\nto_hour = 24\ninstruction = "The reader is a child."\n'
    await send(here, "operator", "PUT", "/api/policies/default", 200, {"source": strict})
    person = here.actors["colleague"].person
    changed = await send(here, "owner", "PUT", f"/api/people/{person}/minor", 200, {"minor": True})
    assert changed["minor"]
    judged = await ask(here, "colleague", "hello")
    assert judged.status == 200
    await send(here, "owner", "PUT", f"/api/people/{person}/minor", 200, {"minor": False})


async def test_decisions_are_counted_by_rule_without_any_text(here: Premises) -> None:
    answer = await here.client.send("GET", "/metrics", key=here.keys["operator"])
    assert 'hanlin_policy_decisions_total{policy="default",rule="plums",verdict="refuse"}' in answer.body.decode()
    assert "red plum" not in answer.body.decode()
