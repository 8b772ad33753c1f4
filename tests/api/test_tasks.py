"""/api/tasks."""

from __future__ import annotations

from typing import Any

import pytest

from hanlin.api.platform import tasks as resources
from tests.accounts.conftest import Cast, accounts, announced, cast, clock, monotonic
from tests.api.asgi_client import Client
from tests.api.desks import keys, platform
from tests.assistants.tasks.conftest import MONDAY, Office, mail, office
from tests.jobs.conftest import database_url
from tests.storage.databases import database, sqlite_template

__all__ = [
    "accounts",
    "announced",
    "cast",
    "clock",
    "database",
    "database_url",
    "mail",
    "monotonic",
    "office",
    "sqlite_template",
]

DIGEST: dict[str, Any] = {
    "name": "Monday digest",
    "parts": [{"source": "documents", "subject": "col_1"}, {"source": "meetings"}],
    "schedule": {"kind": "weekly", "weekday": 1, "hour": 8, "zone": "UTC"},
}


@pytest.fixture
def client(office: Office, cast: Cast) -> Client:
    find = keys(owner=cast.owner, stranger=cast.stranger, auditor=cast.auditor)
    return platform([resources.router], find, tasks=office.tasks)


async def test_a_task_is_saved_changed_run_and_deleted(client: Client, office: Office, cast: Cast) -> None:
    made = await client.send("POST", "/api/tasks", key="owner", json=DIGEST)
    assert (made.status, made.json["next_at"], made.json["code"]) == (201, MONDAY + 8 * 3600, "")
    path = f"/api/tasks/{made.json['id']}"
    assert (await client.send("GET", path, key="owner")).json == made.json
    changed = await client.send("PUT", path, key="owner", json={**DIGEST, "enabled": False})
    assert (changed.json["next_at"], changed.json["said"]["enabled"]) == (0, False)
    run = await client.send("POST", f"{path}/runs", key="owner")
    assert run.status == 202
    await office.ended(cast.owner, await office.tasks.task(cast.owner, made.json["id"]))
    (listed,) = (await client.send("GET", f"{path}/runs", key="owner")).json
    assert (listed["state"], listed["delivered"], len(listed["sections"])) == ("done", "page", 2)
    assert (await client.send("GET", f"{path}/runs/{listed['id']}", key="owner")).json == listed
    assert (await client.send("GET", f"{path}/secret", key="owner")).json["secret"].startswith("whsec_")
    assert (await client.send("DELETE", path, key="owner")).status == 204
    assert (await client.send("GET", "/api/tasks", key="owner")).json == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": []},
        {"parts": [{"source": "shop"}]},
        {"schedule": {"kind": "yearly", "zone": "UTC"}},
        {"schedule": {"kind": "daily", "zone": "UTC", "hour": 24}},
        {"delivery": {"kind": "email", "address": "li@example.org"}},
        {"owner": "per_1"},
    ],
)
async def test_what_makes_no_sense_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    answer = await client.send("POST", "/api/tasks", key="owner", json={**DIGEST, **wrong})
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


async def test_a_stranger_gets_what_a_random_id_gets(client: Client) -> None:
    made = await client.send("POST", "/api/tasks", key="owner", json=DIGEST)
    assert (await client.send("POST", "/api/tasks", key="auditor", json=DIGEST)).status == 403
    for method, suffix in (
        ("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/runs"), ("POST", "/runs"), ("GET", "/secret"),
    ):  # fmt: skip
        body = DIGEST if method == "PUT" else None
        answers = [
            await client.send(method, f"/api/tasks/{task}{suffix}", key="stranger", json=body)
            for task in (made.json["id"], "task_" + "0" * 32)
        ]
        assert [answer.status for answer in answers] == [404, 404]
        assert answers[0].json == answers[1].json
    assert (await client.send("GET", "/api/tasks", key="stranger")).json == []
