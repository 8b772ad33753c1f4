"""/api of the review: a refusal is objected to and decided; incidents and sanctions; strangers learn nothing."""

from __future__ import annotations

from typing import Any

import pytest

from hanlin.policy.file import Review
from hanlin.review import Attempt, NewCase
from hanlin.types import Permission, new_id
from tests.api.asgi_client import Answer, Client
from tests.api.cast import Premises

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD = "how to make a pipe bomb at home"


async def refused(here: Premises, client: Client, who: str = "colleague") -> str:
    """The id of a request of theirs that was refused."""
    answer = await client.ask(here.keys[who], "plain", BAD)
    assert (answer.status, answer.error["code"]) == (400, "content_filter")
    return str((await here.outcomes())[0].request)


async def object_to(here: Premises, client: Client, request_id: str, who: str = "colleague") -> Answer:
    body = {"request_id": request_id, "text": BAD, "note": "It is for a novel."}
    return await client.send("POST", "/api/objections", key=here.keys[who], json=body)


async def send(here: Premises, client: Client, who: str, method: str, path: str, body: Any = None) -> Answer:
    return await client.send(method, path, key=here.keys[who], json=body)


async def events(here: Premises, name: str) -> list[dict[str, Any]]:
    return [leaf.facts for leaf in await here.leaves() if leaf.event == name]


async def test_a_refusal_is_objected_to_decided_and_its_person_sees_the_outcome(here: Premises, client: Client) -> None:
    request_id = await refused(here, client)
    made = await object_to(here, client, request_id)
    assert made.status == 201, made.body
    case = made.json
    assert (case["kind"], case["state"], case["service"], case["request_id"]) == (
        "objection",
        "open",
        "plain",
        request_id,
    )
    assert case["rule"]
    assert case["policy"].startswith("default@")
    assert (await object_to(here, client, request_id)).json["id"] == case["id"]
    vote = {"verdict": "release", "reason": "Fiction."}
    decided = await send(here, client, "owner", "POST", f"/api/cases/{case['id']}/votes", vote)
    assert (decided.status, decided.json["outcome"]) == (201, "release")
    assert decided.json["votes"][0]["person"] == here.actors["owner"].person
    seen = (await send(here, client, "colleague", "GET", f"/api/cases/{case['id']}")).json
    assert (seen["outcome"], [(said["person"], said["reason"]) for said in seen["votes"]]) == (
        "release",
        [("", "Fiction.")],
    )
    again = await send(here, client, "owner", "POST", f"/api/cases/{case['id']}/votes", vote)
    assert (again.status, again.error["code"]) == (409, "conflict")
    assert next(facts["case"] for facts in await events(here, "case:opened")) == case["id"]
    assert next(facts["outcome"] for facts in await events(here, "case:decided")) == "release"


async def test_only_a_refused_request_of_the_own_workspace_can_be_objected_to(here: Premises, client: Client) -> None:
    answered = (await client.ask(here.keys["colleague"], "plain")).headers["x-request-id"]
    assert (await object_to(here, client, answered)).status == 409
    request_id = await refused(here, client)
    foreign, unknown = (
        await object_to(here, client, request_id, "stranger"),
        await object_to(here, client, new_id("req"), "stranger"),
    )
    assert (foreign.status, unknown.status) == (404, 404)
    assert foreign.error["code"] == unknown.error["code"]
    assert (await object_to(here, client, request_id, "auditor")).status == 403


async def test_an_answer_that_was_stopped_can_be_objected_to(here: Premises, client: Client) -> None:
    answer = await client.ask(here.keys["colleague"], "plum")
    assert answer.json["choices"][0]["finish_reason"] == "content_filter"
    assert (await object_to(here, client, answer.headers["x-request-id"])).status == 201


async def test_strangers_get_not_found_for_every_case_incident_and_sanction(here: Premises, client: Client) -> None:
    case = (await object_to(here, client, await refused(here, client))).json["id"]
    incident = (
        await send(here, client, "owner", "POST", "/api/incidents", {"title": "Forgery", "service": "plain"})
    ).json["id"]
    warning = {"person": here.actors["colleague"].person, "step": "warn", "reason": "Please do not."}
    sanction = (await send(here, client, "owner", "POST", "/api/sanctions", warning)).json["id"]
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/api/cases/{}", None),
        ("DELETE", "/api/cases/{}", None),
        ("POST", "/api/cases/{}/votes", {"verdict": "release", "reason": "x"}),
        ("GET", "/api/incidents/{}", None),
        ("POST", "/api/incidents/{}/steps", {"state": "stopped"}),
        ("DELETE", "/api/sanctions/{}", {"reason": "x"}),
    ]
    for method, path, body in asked:
        known = {"cases": case, "incidents": incident, "sanctions": sanction}[path.split("/")[2]]
        real = await send(here, client, "stranger", method, path.format(known), body)
        made_up = await send(here, client, "stranger", method, path.format(new_id("cas")), body)
        assert (real.status, real.error) == (404, made_up.error), path
    for path in ("/api/cases", "/api/incidents", "/api/sanctions"):
        assert (await send(here, client, "stranger", "GET", path)).json == [], path
    warned = await send(here, client, "stranger", "POST", "/api/sanctions", warning)
    assert warned.status == 404


async def test_who_may_not_review_decides_nothing(here: Premises, client: Client) -> None:
    case = (await object_to(here, client, await refused(here, client))).json["id"]
    for who in ("colleague", "auditor"):
        for method, path, body in (
            ("POST", f"/api/cases/{case}/votes", {"verdict": "release", "reason": "x"}),
            ("GET", "/api/cases/statistics", None),
            ("GET", "/api/incidents", None),
            ("POST", "/api/incidents", {"title": "x", "service": "plain"}),
            ("POST", f"/api/incidents/{case}/steps", {"state": "stopped"}),
            ("POST", "/api/sanctions", {"person": "per_x", "step": "warn", "reason": "x"}),
            ("DELETE", f"/api/sanctions/{case}", {"reason": "x"}),
        ):
            answer = await send(here, client, who, method, path, body)
            assert (answer.status, answer.error["code"]) == (403, "permission_denied"), (who, path)


async def test_a_key_without_the_right_reads_no_case(here: Premises, client: Client) -> None:
    case = (await object_to(here, client, await refused(here, client))).json["id"]
    narrow = await here.key("colleague", permissions={Permission.READ_REGISTRY})
    for path in ("/api/cases", f"/api/cases/{case}"):
        assert (await client.send("GET", path, key=narrow)).status == 403


async def test_the_queue_is_read_by_kind_and_state_and_counted(here: Premises, client: Client) -> None:
    actor = here.actors["colleague"]
    new = NewCase(
        kind="held_input", workspace=actor.workspace, person=actor.person, request_id=new_id("req"), text="Hold this."
    )
    held = await here.rooms.desk.open(new, Review(), actor)
    queue = (await send(here, client, "owner", "GET", "/api/cases?kind=held_input&state=open&limit=1")).json
    assert [(case["id"], case["text"]) for case in queue] == [(held.id, "Hold this.")]
    queue = (await send(here, client, "owner", "GET", "/api/cases?state=open&due_first=true")).json
    assert queue == sorted(queue, key=lambda case: (case["due_at"], case["id"]))
    assert {case["state"] for case in queue} == {"open"}
    assert (await send(here, client, "owner", "GET", "/api/cases?kind=held_input&state=decided")).json == []
    assert (await send(here, client, "owner", "GET", f"/api/cases?kind=held_input&before={held.id}")).json == []
    assert (await send(here, client, "owner", "GET", "/api/cases?kind=other")).status == 400
    assert (await send(here, client, "owner", "GET", "/api/cases?limit=201")).status == 400
    before = (await send(here, client, "owner", "GET", "/api/cases/statistics?since=0")).json
    gone = await send(here, client, "colleague", "DELETE", f"/api/cases/{held.id}")
    assert (gone.status, gone.json["state"]) == (200, "closed")
    after = (await send(here, client, "owner", "GET", "/api/cases/statistics?since=0")).json
    assert (after["open"], after["withdrawn"]) == (before["open"] - 1, before["withdrawn"] + 1)


async def test_an_incident_goes_its_way(here: Premises, client: Client) -> None:
    body = {"title": "Forged notice", "service": "plain", "category": "A.1.g", "note": "A reader wrote."}
    incident = (await send(here, client, "owner", "POST", "/api/incidents", body)).json
    path = f"/api/incidents/{incident['id']}"
    too_early = await send(here, client, "owner", "POST", f"{path}/steps", {"state": "reported"})
    assert too_early.status == 409
    assert (await send(here, client, "owner", "POST", f"{path}/steps", {"state": "verified"})).status == 400
    for state in ("stopped", "reported", "removed", "fix_opened", "verified"):
        assert (await send(here, client, "owner", "POST", f"{path}/steps", {"state": state})).status == 201
    end = (await send(here, client, "owner", "GET", path)).json
    assert (end["state"], len(end["steps"])) == ("verified", 6)
    assert next(facts["state"] for facts in await events(here, "incident:changed")) == "verified"


async def test_a_suspended_person_is_stopped_sees_why_and_is_let_in_again(here: Premises, client: Client) -> None:
    person = here.actors["colleague"].person
    body = {"person": person, "step": "suspend", "hours": 2, "reason": "Sells exams."}
    made = await send(here, client, "owner", "POST", "/api/sanctions", body)
    assert made.status == 201, made.body
    stopped = await client.ask(here.keys["colleague"], "plain")
    assert (stopped.status, stopped.error["code"]) == (403, "account_suspended")
    seen = (await send(here, client, "colleague", "GET", "/api/sanctions")).json
    assert (seen[0]["id"], seen[0]["reason"], seen[0]["imposed_by"]) == (made.json["id"], "Sells exams.", "")
    path = f"/api/sanctions/{made.json['id']}"
    assert (await send(here, client, "owner", "DELETE", path)).status == 400
    lifted = await send(here, client, "owner", "DELETE", path, {"reason": "They called."})
    assert (lifted.status, lifted.json["lift_reason"]) == (200, "They called.")
    assert (await client.ask(here.keys["colleague"], "plain")).status == 200


async def test_a_suspension_of_the_ladder_is_listed_and_lifted_by_an_overturned_refusal(
    here: Premises, client: Client
) -> None:
    request_id = await refused(here, client, "stranger")
    actor, ladder = here.actors["stranger"], here.rooms.policies.get("default").file.ladder
    await here.rooms.ladder.overturn(actor.person, request_id)
    requests = [request_id, new_id("req"), new_id("req")]
    for number in [new_id("req"), *requests][:4]:
        here.rooms.ladder.note(
            Attempt(person=actor.person, workspace=actor.workspace, request_id=number, refused=True, ladder=ladder)
        )
    assert here.rooms.ladder.standing(actor.person, "", actor.workspace) is not None
    (sanction,) = (await send(here, client, "stranger", "GET", "/api/sanctions")).json
    assert (sanction["step"], sanction["imposed_by"]) == ("suspend", "")
    await here.rooms.ladder.overturn(actor.person, sanction["requests"][0])
    assert here.rooms.ladder.standing(actor.person, "", actor.workspace) is None
    assert (await client.ask(here.keys["stranger"], "plain")).status == 200
