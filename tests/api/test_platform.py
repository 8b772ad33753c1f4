"""/api: what each resource does when it is used as meant, and what the record says of it afterwards."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.asgi_client import Client
from tests.api.cast import Premises
from tests.api.walk import routes

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def events(here: Premises, name: str) -> list[dict[str, Any]]:
    """Facts of the events of this name, newest first."""
    return [leaf.facts for leaf in await here.leaves() if leaf.event == name]


async def test_a_model_is_registered_examined_declared_suspended_resumed_and_removed(
    here: Premises, client: Client
) -> None:
    key = here.keys["operator"]

    async def send(method: str, path: str, status: int, body: Any = None) -> Any:
        answer = await client.send(method, path, key=key, json=body)
        assert answer.status == status, answer.body
        return answer.json if answer.body else None

    made = await send("POST", "/api/models", 201, {"name": "ink", "engine": "echo", "options": {"answer": "Paris"}})
    assert (made["state"], made["origin"]) == ("untested", "console")
    service = {"name": "desk", "models": ["ink"], "title": "The Desk", "scope": "internal"}
    offered = await send("PUT", "/api/services/desk", 200, service)
    assert offered["problems"] == ["Model 'ink' is registered but has not been tested."]
    assert (await client.ask(here.keys["owner"], "desk")).status == 503
    certificate = await send("POST", "/api/models/ink/examination", 201)
    assert (certificate["passed"], certificate["answers"][0]) == (
        False,
        {"question": "english", "passed": True, "detail": ""},
    )
    await send("POST", "/api/models/ink/declaration", 201, {"reason": "It answers Paris to everything."})
    assert (await client.ask(here.keys["owner"], "desk")).json["choices"][0]["message"]["content"] == "Paris"
    await send("POST", "/api/models/ink/suspension", 201, {"reason": "It answers Paris to everything."})
    assert (await client.ask(here.keys["owner"], "desk")).error["code"] == "model_not_serving"
    assert (await send("DELETE", "/api/models/ink/suspension", 200))["state"] == "approved"
    assert (await client.ask(here.keys["owner"], "desk")).status == 200
    await send("DELETE", "/api/models/ink", 409)
    await send("DELETE", "/api/services/desk", 204)
    await send("DELETE", "/api/models/ink", 204)
    await send("GET", "/api/models/ink", 404)
    recorded = [leaf.event for leaf in await here.leaves() if leaf.event.startswith(("model:", "service:"))]
    assert recorded[:8][::-1] == [
        "model:registered",
        "service:changed",
        "model:certified",
        "model:certified",
        "model:suspended",
        "model:resumed",
        "service:removed",
        "model:removed",
    ]
    assert (await events(here, "service:changed"))[0] == {"service": "desk", "scope": "internal", "models": "ink"}


async def test_a_person_is_invited_changed_and_removed(here: Premises, client: Client) -> None:
    key = here.keys["owner"]
    made = await client.send("POST", "/api/people", key=key, json={"name": "new one"})
    assert made.status == 201
    assert made.json["link"].startswith("http://127.0.0.1:8000/welcome?token=")
    person = made.json["person"]["id"]
    changed = await client.send("PATCH", f"/api/people/{person}", key=key, json={"role": "auditor"})
    assert (changed.status, changed.json["role"]) == (200, "auditor")
    assert (await client.send("DELETE", f"/api/people/{person}", key=key)).status == 204
    assert (await client.send("DELETE", f"/api/people/{person}", key=key)).status == 404
    listed = await client.send("GET", "/api/people", key=key)
    assert person not in [found["id"] for found in listed.json]
    assert {"person": person, "role": "auditor"} in await events(here, "person:changed")


async def test_a_key_is_made_shown_once_and_revoked(here: Premises, client: Client) -> None:
    key = here.keys["colleague"]
    wanted = {"name": "mine", "permissions": ["generate"], "services": ["plain"], "days": 1}
    made = await client.send("POST", "/api/keys", key=key, json=wanted)
    assert made.status == 201
    token, identifier = made.json["token"], made.json["key"]["id"]
    assert (await client.ask(token, "plain")).status == 200
    listed = await client.send("GET", "/api/keys", key=key)
    assert token.encode() not in listed.body
    assert (await client.send("DELETE", f"/api/keys/{identifier}", key=key)).status == 204
    assert (await client.ask(token, "plain")).status == 401
    assert {"key": identifier} in await events(here, "key:revoked")


async def test_a_key_cannot_make_a_stronger_one(here: Premises, client: Client) -> None:
    weak = await here.key("owner", permissions=frozenset({"keys:write"}))
    stronger = {"name": "x", "permissions": ["keys:write", "people:write"]}
    answer = await client.send("POST", "/api/keys", key=weak, json=stronger)
    assert (answer.status, answer.error["code"]) == (403, "permission_denied")


async def test_limits_of_a_workspace_hold_at_once(here: Premises, client: Client) -> None:
    stranger, key = here.actors["stranger"], here.keys["stranger"]
    path = f"/api/workspaces/{stranger.workspace}/limits"
    changed = await client.send("PUT", path, key=key, json={"tokens_per_day": 1})
    assert (changed.status, changed.json["limits"]["tokens_per_day"]) == (200, 1)
    refused = await client.ask(key, "plain")
    assert (refused.status, refused.error["code"]) == (429, "insufficient_quota")
    await client.send("PUT", path, key=key, json={})
    assert (await client.ask(key, "plain")).status == 200


async def test_usage_is_reported_by_service(here: Premises, client: Client) -> None:
    for _ in range(3):
        assert (await client.ask(here.keys["owner"], "both")).status == 200
    await here.rooms.usage.flush()
    report = await client.send("GET", "/api/usage?by=service", key=here.keys["owner"])
    (line,) = [line for line in report.json if line["key"] == "both"]
    assert (line["requests"], line["prompt_tokens"], line["completion_tokens"]) == (3, 3, 12)


async def test_the_record_is_read_page_by_page(here: Premises, client: Client) -> None:
    key = here.keys["auditor"]
    for _ in range(4):
        await client.ask(here.keys["owner"], "plain")
    first = (await client.send("GET", "/api/record?limit=3", key=key)).json
    second = (await client.send("GET", f"/api/record?limit=3&before={first['before']}", key=key)).json
    numbers = [entry["seq"] for entry in first["entries"] + second["entries"]]
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) == 6
    assert {entry["leaf"]["event"].partition(":")[0] for entry in first["entries"]} == {"generation"}


async def test_the_description_names_every_path_and_loads_nothing_from_elsewhere(
    here: Premises, client: Client
) -> None:
    answer = await client.send("GET", "/api/openapi.json")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json"
    walked = {
        re.sub(":(str|int)", "", route.template)
        for route in routes(here)
        if route.ours and route.template.startswith("/api/")
    }
    assert set(answer.json["paths"]) == walked
    assert b"http" not in answer.body.replace(b"http://127.0.0.1", b"").replace(b"HTTP", b"")


async def test_what_is_not_there_is_json_below_api_and_a_page_elsewhere(here: Premises, client: Client) -> None:
    for path, kind in (("/api/nowhere", "application/json"), ("/nowhere", "text/html; charset=utf-8")):
        answer = await client.send("GET", path, key=here.keys["owner"])
        assert (answer.status, answer.headers["content-type"]) == (404, kind)
    wrong = await client.send("PUT", "/api/me", key=here.keys["owner"])
    assert (wrong.status, wrong.error["code"]) == (405, "method_not_allowed")


async def test_a_service_is_not_offered_under_a_policy_that_is_not_there(here: Premises, client: Client) -> None:
    strict = {"name": "strict", "models": ["plain-model"], "policy": "strict"}
    made = await client.send("PUT", "/api/services/strict", key=here.keys["operator"], json=strict)
    assert made.json["problems"] == ["There is no policy 'strict'."]
    assert (await client.ask(here.keys["owner"], "strict")).error["code"] == "model_not_serving"
    await client.send("DELETE", "/api/services/strict", key=here.keys["operator"])
