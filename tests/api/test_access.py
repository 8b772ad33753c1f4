"""Who gets in, and to what (S09, S10, S11, S18): every route is walked, with every way not to be let in."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hanlin.accounts.keys import new_token
from hanlin.accounts.tables import keys as key_rows
from hanlin.policy.file import Review
from hanlin.review import NewCase
from hanlin.types import Permission, Role, new_id
from tests.api.asgi_client import Answer, Client, question
from tests.api.cast import Premises
from tests.api.offices import kept_by_assistants
from tests.api.walk import Route, routes

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = {
    "GET /health",
    "GET /sign-in",
    "GET /welcome",
    "GET /verify",
    "GET /static/{name}",
    "GET /api/openapi.json",
    "GET /api/openapi.json/openapi.json",
    "GET /api/openapi.json/{path}",
}
"""What answers without a key or session. The forms of sign-in and preferences need their own origin, tried below."""
FOREIGN_HOSTS = [
    "",
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "127.0.0.1:8000.evil.example",
    "localhost.evil.example:8000",
    "evil.example:127.0.0.1",
    "user@evil.example",
    "[::2]:8000",
    "localhost, evil.example",
]


def refused(answer: Answer) -> bool:
    """Not let in: an error of the client's, or the way to the sign-in page."""
    if answer.status == 303:
        return answer.headers["location"].startswith("/sign-in")
    return answer.status in (400, 401, 403, 404, 405)


async def spoil(here: Premises, how: str) -> str:
    """A key of the operator that was good and is not any more."""
    token = await here.key("operator")
    actor = await here.rooms.accounts.authenticate(token)
    if how == "revoked":
        await here.rooms.accounts.keys.revoke(here.actors["operator"], actor.key)
    else:
        async with here.rooms.accounts.keys._database.write() as connection:
            await connection.execute(update(key_rows).where(key_rows.c.id == actor.key).values(expires_at=1))
        here.rooms.accounts.keys._cache.drop(actor.key)
    return token


async def bad_credentials(here: Premises) -> dict[str, list[tuple[str, str]]]:
    good, other = here.keys["operator"], here.keys["owner"]
    session = (await here.rooms.accounts.sessions.open(here.actors["operator"].person)).token
    wrong = {
        "malformed": "hl_short",
        "empty": "",
        "cut": good[:-1],
        "longer": good + "A",
        "wrong": new_token()[0],
        "upper case": good.upper(),
        "expired": await spoil(here, "expired"),
        "revoked": await spoil(here, "revoked"),
        "a session": session,
        "not ASCII": "hl_\xff\xfe",
        "SQL": "hl_' OR 1=1 --",
    }
    found = {name: [("authorization", f"Bearer {token}")] for name, token in wrong.items()}
    found |= {f"{name}, other header": [("x-api-key", token)] for name, token in wrong.items()}
    found |= {
        "none": [],
        "basic": [("authorization", f"Basic {good}")],
        "bare": [("authorization", good)],
        "two keys": [("authorization", f"Bearer {good}"), ("x-api-key", other)],
        "two keys in one header": [("authorization", f"Bearer {good}"), ("authorization", f"Bearer {other}")],
        "a cookie that is no session": [("cookie", f"hanlin={good}; authorization=Bearer {good}")],
        "headers of a proxy": [("x-forwarded-user", "owner"), ("x-real-ip", "127.0.0.1"), ("remote-user", "owner")],
        "another method's name": [("x-http-method-override", "GET"), ("x-original-url", "/health")],
    }
    return found


def variants(path: str) -> list[str]:
    """Other ways to write a path, some of which lead elsewhere or nowhere."""
    return [
        path,
        path + "/",
        "/" + path,
        path.replace("/", "//"),
        "/." + path,
        "/%2e" + path,
        "/x/%2e%2e" + path,
        path.replace("/", "/%2e/"),
        path.upper(),
        path + "%00",
        path + ";x",
        path + "?key=hl_x",
        path.replace("/", "%2f"),
        path + "%20",
        path + ".json",
    ]


async def test_only_the_public_list_answers_without_a_good_key_or_session(here: Premises, client: Client) -> None:
    credentials = await bad_credentials(here)
    walked = routes(here)
    assert {str(route) for route in walked} >= PUBLIC
    for route in walked:
        if str(route) in PUBLIC:
            continue
        path = route.path()
        for name, headers in credentials.items():
            answer = await client.send(route.method, path, headers=headers)
            assert refused(answer), f"{route} with {name}: {answer.status}"
            if path.startswith(("/v1/", "/api/", "/metrics")):
                assert (answer.status, answer.error["code"]) == (401, "invalid_api_key"), f"{route} with {name}"


async def test_no_other_method_or_spelling_opens_a_route(here: Premises, client: Client) -> None:
    public = {route.template for route in routes(here) if str(route) in PUBLIC}
    for route in routes(here):
        if route.template in public:
            continue
        for path in variants(route.path()):
            for method in {route.method, "HEAD", "OPTIONS", "GET", "TRACE", "get"}:
                answer = await client.send(method, path)
                assert refused(answer), f"{method} {path}: {answer.status}"


async def test_what_is_public_says_nothing_of_anybody(here: Premises, client: Client) -> None:
    for path in ("/health", "/sign-in", "/welcome", "/api/openapi.json"):
        answer = await client.send("GET", path)
        assert answer.status == 200
        for actor in here.actors.values():
            assert actor.person.encode() not in answer.body
            assert actor.workspace.encode() not in answer.body


async def test_every_handler_under_api_names_its_permission(here: Premises) -> None:
    for route in routes(here):
        if route.template.startswith("/api/") and route.ours:
            assert "permission" in route.options, str(route)


async def test_a_good_key_without_the_permission_gets_403(here: Premises, client: Client) -> None:
    whole = here.actors["operator"].permissions
    needs: list[tuple[Route, Permission]] = [
        (route, route.options["permission"])
        for route in routes(here)
        if route.template.startswith("/api/") and route.ours and route.options["permission"]
    ]
    reading = Permission.READ_REGISTRY
    needs += [(Route("GET", path, None), reading) for path in ("/v1/models", "/v1/models/plain")]
    needs.append((Route("POST", "/v1/chat/completions", None), Permission.GENERATE))
    without = {permission: await here.key("operator", permissions=whole - {permission}) for permission in whole}
    assert {permission for _, permission in needs} == whole
    for route, permission in needs:
        answer = await client.send(route.method, route.path(), key=without[permission], json={})
        assert (answer.status, answer.error["code"]) == (403, "permission_denied"), str(route)
        assert permission.value in answer.error["message"]


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer {}")],
        [("authorization", "bearer {}")],
        [("authorization", "BEARER  {} ")],
        [("x-api-key", "{}")],
        [("authorization", "Bearer {}"), ("x-api-key", "{}")],
    ],
)
async def test_a_key_counts_the_same_in_every_header(
    here: Premises, client: Client, headers: list[tuple[str, str]]
) -> None:
    key = here.keys["owner"]
    sent = [(name, value.format(key)) for name, value in headers]
    for path in ("/v1/models", "/api/me", "/api/keys"):
        assert (await client.send("GET", path, headers=sent)).status == 200


async def test_metrics_span_workspaces_and_are_for_administrators(here: Premises, client: Client) -> None:
    for name in ("owner", "colleague", "auditor", "stranger"):
        assert (await client.send("GET", "/metrics", key=here.keys[name])).status == 403
    answer = await client.send("GET", "/metrics", key=here.keys["operator"])
    assert answer.status == 200
    assert b"hanlin_record_ready 1.0" in answer.body


def without_id(answer: Answer, identifier: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return answer.status, answer.raw_headers, answer.body.replace(identifier.encode(), b"ID")


async def decided_by_people(here: Premises) -> list[tuple[str, str, str, str, Any]]:
    """What can be tried on a case, an incident and a sanction of the atelier."""
    owner, colleague = here.actors["owner"], here.actors["colleague"]
    new = NewCase(
        kind="held_input", workspace=owner.workspace, person=colleague.person, request_id=new_id("req"), text="plums"
    )
    case = await here.rooms.desk.open(new, Review())
    incident = await here.rooms.incidents.open(owner, "Plums got out.", "")
    sanction = await here.rooms.ladder.impose(owner, colleague.person, "", "warn", reason="Plums.")
    return [
        ("GET", "/api/cases/{}", case.id, "cas", None),
        ("DELETE", "/api/cases/{}", case.id, "cas", None),
        ("POST", "/api/cases/{}/votes", case.id, "cas", {"verdict": "release", "reason": "x"}),
        ("GET", "/api/incidents/{}", incident.id, "inc", None),
        ("POST", "/api/incidents/{}/steps", incident.id, "inc", {"state": "stopped"}),
        ("DELETE", "/api/sanctions/{}", sanction.id, "san", {"reason": "x"}),
    ]


async def test_what_is_another_workspaces_is_like_what_never_was(
    here: Premises, client: Client, tmp_path: Path
) -> None:
    done = await client.ask(here.keys["colleague"], "plain")
    owner = here.actors["owner"]
    key_id = (await here.rooms.accounts.authenticate(here.keys["colleague"])).key
    request_id = done.headers["x-request-id"]
    tried: list[tuple[str, str, str, str, Any]] = [
        ("GET", "/api/receipts/{}", request_id, "req", None),
        ("GET", "/receipts/{}", request_id, "req", None),
        ("GET", "/receipts/{}.json", request_id, "req", None),
        ("DELETE", "/api/keys/{}", key_id, "key", None),
        ("PATCH", "/api/people/{}", owner.person, "per", {"role": "member"}),
        ("DELETE", "/api/people/{}", owner.person, "per", None),
        ("PUT", "/api/workspaces/{}/limits", owner.workspace, "ws", {"tokens_per_day": 1}),
        ("PUT", "/api/people/{}/minor", owner.person, "per", {"minor": True}),
        *await decided_by_people(here),
        *await kept_by_assistants(here, tmp_path),
    ]
    walked = {
        route.template for route in routes(here) if route.template.startswith("/api/") and "_id:" in route.template
    }
    wanted = {t.split("{")[0] + re.sub(r"\{\w+:\w+\}", "1", t.partition("}")[2]) for t in walked}
    assert {path.replace("{}", "").partition("?")[0] for _, path, *_ in tried} >= wanted
    for method, path, theirs, kind, body in tried:
        random, said = new_id(kind), {"json": body}
        if isinstance(body, bytes):
            said = {"body": body, "headers": [("content-type", "multipart/form-data; boundary=b")]}
        other = await client.send(method, path.format(theirs), key=here.keys["stranger"], **said)
        never = await client.send(method, path.format(random), key=here.keys["stranger"], **said)
        assert other.status == 404, path
        assert without_id(other, theirs) == without_id(never, random), path
    assert (await client.ask(here.keys["colleague"], "plain")).status == 200


async def test_lists_hold_nothing_of_another_workspace(here: Premises, client: Client) -> None:
    await client.ask(here.keys["colleague"], "plain")
    await here.rooms.usage.flush()
    foreign = {here.actors[name].person for name in ("owner", "colleague", "auditor")} | {
        here.actors["owner"].workspace
    }
    for path in (
        "/api/people",
        "/api/keys",
        "/api/workspaces",
        "/api/usage?by=person",
        "/api/record?limit=200",
        "/api/cases",
        "/api/incidents",
        "/api/sanctions",
        "/api/me",
    ):
        answer = await client.send("GET", path, key=here.keys["stranger"])
        assert answer.status == 200
        for identifier in foreign:
            assert identifier.encode() not in answer.body, path


async def test_an_owner_who_is_no_administrator_changes_nothing_of_the_server(here: Premises, client: Client) -> None:
    key = here.keys["owner"]
    for method, path, body in (
        ("POST", "/api/models", {"name": "mine", "engine": "echo"}),
        ("PUT", "/api/services/mine", {"name": "mine", "models": ["plain-model"]}),
        ("POST", "/api/models/plain-model/suspension", {"reason": "because"}),
        ("POST", "/api/workspaces", {"name": "third"}),
        ("PUT", "/api/policies/default", {"source": "x"}),
        ("POST", "/api/policies/default/return", {"version": "x"}),
        ("PUT", "/api/policy_assignments", {"workspace": "x", "service": "", "policy": ""}),
    ):
        assert (await client.send(method, path, key=key, json=body)).status == 403


async def test_an_auditor_reads_the_record_and_generates_nothing(here: Premises, client: Client) -> None:
    key = here.keys["auditor"]
    answer = await client.ask(key, "plain")
    assert (answer.status, answer.error["code"]) == (403, "permission_denied")
    record = await client.send("GET", "/api/record", key=key)
    assert record.status == 200
    assert {entry["leaf"]["workspace"] for entry in record.json["entries"]} == {here.actors["auditor"].workspace}
    for path in ("/api/keys", "/api/people"):
        assert (await client.send("GET", path, key=key)).status == 403


async def test_a_member_reads_no_record_and_only_their_own_usage_and_keys(here: Premises, client: Client) -> None:
    key = here.keys["colleague"]
    for path in ("/api/record", "/api/people"):
        assert (await client.send("GET", path, key=key)).status == 403
    await client.ask(here.keys["owner"], "plain")
    await client.ask(key, "plain")
    await here.rooms.usage.flush()
    usage = await client.send("GET", "/api/usage?by=person", key=key)
    assert here.actors["colleague"].person.encode() in usage.body
    assert here.actors["owner"].person.encode() not in usage.body
    mine = await client.send("GET", "/api/keys", key=key)
    assert {item["person"] for item in mine.json} == {here.actors["colleague"].person}


async def test_a_revoked_key_ends_its_stream_and_opens_nothing_more(here: Premises, client: Client) -> None:
    key = await here.key("colleague")
    key_id = (await here.rooms.accounts.authenticate(key)).key
    await ended(here, client, key, client.send("DELETE", f"/api/keys/{key_id}", key=here.keys["owner"]))


async def ended(here: Premises, client: Client, key: str, end: Any) -> None:
    """Awaiting `end` ends a stream under this key within five seconds, as `revoked`, and the key for good."""
    async with client.stream("POST", "/v1/chat/completions", key=key, json=question("slow", stream=True)) as exchange:
        await exchange.first(3)
        began = time.monotonic()
        await end
        answer = await exchange.end(5)
    assert time.monotonic() - began < 5
    assert b"[DONE]" not in answer.body
    assert (await here.outcomes())[0].status == "revoked"
    after = await client.ask(key, "plain")
    assert after.status in (401, 403)


@pytest.mark.parametrize("how", ["removed", "disabled", "demoted"])
async def test_a_person_who_loses_the_right_loses_the_stream(here: Premises, client: Client, how: str) -> None:
    people, owner, operator = here.rooms.accounts.people, here.actors["owner"], here.actors["operator"]
    invited = await people.invite(owner, f"{how} one", Role.MEMBER)
    person = invited.person.id
    here.actors[how] = (await here.rooms.accounts.sessions.open(person, workspace=owner.workspace)).actor
    key = await here.key(how)
    end = {
        "removed": lambda: people.remove(owner, person),
        "disabled": lambda: people.set_disabled(operator, person, disabled=True),
        "demoted": lambda: people.set_role(owner, person, Role.AUDITOR),
    }[how]()
    await ended(here, client, key, end)
    del here.actors[how]


@pytest.mark.slow
async def test_a_key_that_another_server_ended_ends_its_stream_too(here: Premises, client: Client) -> None:
    key = await here.key("colleague")
    key_id = (await here.rooms.accounts.authenticate(key)).key

    async def elsewhere() -> None:
        async with here.rooms.accounts.keys._database.write() as connection:
            await connection.execute(update(key_rows).where(key_rows.c.id == key_id).values(revoked_at=1))
        await asyncio.sleep(3.5)

    async with client.stream("POST", "/v1/chat/completions", key=key, json=question("slow", stream=True)) as exchange:
        await exchange.first(3)
        await elsewhere()
        await exchange.end(5)
    assert (await here.outcomes())[0].status == "revoked"


async def test_a_cookie_opens_no_endpoint(here: Premises, client: Client) -> None:
    session = (await here.rooms.accounts.sessions.open(here.actors["operator"].person)).token
    cookie = [("cookie", f"hanlin={session}; __Host-hanlin={session}"), ("sec-fetch-site", "same-origin")]
    page = await client.send("GET", "/account", headers=cookie)
    assert page.status == 200  # the session is good
    for route in routes(here):
        if route.template.startswith(("/api/", "/v1/", "/metrics")) and str(route) not in PUBLIC:
            answer = await client.send(route.method, route.path(), headers=cookie, json={})
            assert answer.status == 401, str(route)


async def test_a_key_opens_no_page(here: Premises, client: Client) -> None:
    for route in routes(here):
        if not route.template.startswith(("/api/", "/v1/", "/metrics", "/receipts/")) and str(route) not in PUBLIC:
            answer = await client.send(route.method, route.path(), key=here.keys["operator"])
            assert refused(answer), str(route)


async def test_no_answer_lets_another_origin_read_it(here: Premises, client: Client) -> None:
    for route in routes(here):
        for origin in ("https://evil.example", "null", "http://127.0.0.1:8000"):
            for method in (route.method, "OPTIONS"):
                headers = [("origin", origin), ("access-control-request-method", route.method)]
                answer = await client.send(method, route.path(), headers=headers, key=here.keys["stranger"])
                crossing = [name for name in answer.headers if name.startswith("access-control-")]
                assert not crossing, f"{method} {route}"


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_foreign_host_is_refused_everywhere_but_at_the_probe(here: Premises, client: Client, host: str) -> None:
    for route in routes(here):
        answer = await client.send(route.method, route.path(), host=host, key=here.keys["stranger"])
        if route.template != "/health":
            assert (answer.status, answer.error["code"]) == (400, "unknown_host"), str(route)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8000"])
async def test_our_own_host_is_served(here: Premises, client: Client, host: str) -> None:
    assert (await client.send("GET", "/v1/models", host=host, key=here.keys["owner"])).status == 200


async def test_a_form_from_elsewhere_is_refused(here: Premises, client: Client) -> None:
    session = (await here.rooms.accounts.sessions.open(here.actors["operator"].person)).token
    form = [("content-type", "application/x-www-form-urlencoded")]
    for route in routes(here):
        if route.method in ("GET", "HEAD") or route.template.startswith(("/api/", "/v1/")):
            continue
        for origin in (
            [],
            [("origin", "null")],
            [("origin", "https://evil.example")],
            [("sec-fetch-site", "cross-site")],
        ):
            answer = await client.send(
                route.method, route.path(), headers=[("cookie", f"hanlin={session}"), *form, *origin], body=b"a=b"
            )
            assert answer.status == 403, str(route)
