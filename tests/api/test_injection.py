"""Whatever stands in a string, it is a string (S08): no 500, no row more or less, and it comes back as it was sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.asgi_client import Client
from tests.api.cast import Premises
from tests.api.walk import routes

pytestmark = pytest.mark.asyncio(loop_scope="module")

META = [
    "'",
    '"',
    "%",
    "_",
    "\\",
    "`",
    ";",
    "--",
    "' OR '1'='1",
    "'; DROP TABLE people; --",
    '" OR ""="',
    "$1",
    ":name",
    "?",
    "{0}",
    "%s%n",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u2028",
    "🙂" * 40,
    "x" * 5000,
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "../../etc/passwd",
    "",
    " ",
]
BODIES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/people", {"name": "?", "role": "member"}),
    ("POST", "/api/people", {"name": "fine", "role": "?"}),
    ("POST", "/api/workspaces", {"name": "?"}),
    ("POST", "/api/keys", {"name": "?"}),
    ("POST", "/api/keys", {"name": "fine", "permissions": ["?"]}),
    ("POST", "/api/keys", {"name": "fine", "services": ["?"]}),
    ("POST", "/api/models", {"name": "?", "engine": "echo"}),
    ("POST", "/api/models", {"name": "tried", "engine": "?"}),
    ("POST", "/api/models", {"name": "tried", "engine": "llama_cpp", "options": {"weights": "?"}}),
    ("POST", "/api/models", {"name": "tried", "engine": "echo", "version": "?", "publisher": "?", "licence": "?"}),
    ("POST", "/api/models", {"name": "tried", "engine": "echo", "code": "?", "digest": "?", "declaration": "?"}),
    ("POST", "/api/models", {"name": "tried", "engine": "echo", "options": {"?": "?"}}),
    ("POST", "/api/models/tried/declaration", {"reason": "? ? ? ? ? ? ? ? ? ?"}),
    ("POST", "/api/models/tried/suspension", {"reason": "?"}),
    ("PUT", "/api/services/tried", {"name": "?", "models": ["plain-model"]}),
    ("PUT", "/api/services/tried", {"name": "tried", "models": ["?"]}),
    ("PUT", "/api/services/tried", {"name": "tried", "models": ["plain-model"], "title": "?", "system_prompt": "?"}),
    ("PUT", "/api/services/tried", {"name": "tried", "models": ["plain-model"], "policy": "?", "scope": "?"}),
    ("PUT", "/api/services/tried", {"name": "tried", "models": ["plain-model"], "policy": "?"}),
    ("PUT", "/api/services/tried", {"name": "tried", "models": ["plain-model"], "?": "?"}),
]


def filled(body: Any, text: str) -> Any:
    if isinstance(body, str):
        return body.replace("?", text)
    if isinstance(body, list):
        return [filled(inner, text) for inner in body]
    return {name.replace("?", text): filled(inner, text) for name, inner in body.items()}


@pytest.mark.parametrize(
    ("method", "path", "body"), BODIES, ids=[f"{n}{path}" for n, (_, path, _) in enumerate(BODIES)]
)
async def test_no_string_of_a_body_breaks_anything(
    here: Premises, client: Client, method: str, path: str, body: dict[str, Any]
) -> None:
    await client.send("POST", "/api/models", key=here.keys["operator"], json={"name": "tried", "engine": "echo"})
    for text in META:
        answer = await client.send(method, path, key=here.keys["operator"], json=filled(body, text))
        assert answer.status < 500, f"{text!r}: {answer.body!r}"
        assert (await client.ask(here.keys["colleague"], "plain")).status == 200
    for listed in ("/api/models", "/api/services", "/api/people", "/api/workspaces", "/api/keys"):
        assert (await client.send("GET", listed, key=here.keys["operator"])).status == 200


async def test_no_string_of_a_path_breaks_anything_or_finds_anything(here: Premises, client: Client) -> None:
    for route in routes(here):
        if "{" not in route.template or not route.template.startswith(("/api/", "/v1/", "/receipts")):
            continue
        prefix, _, rest = route.template.partition("{")
        for text in filter(None, META):
            path = prefix + quote(text.encode("utf-8", "surrogatepass"), safe="") + rest.partition("}")[2]
            answer = await client.send(route.method, path, key=here.keys["operator"], json={})
            assert 400 <= answer.status < 500, f"{route} {text!r}: {answer.status}"


async def test_no_header_breaks_anything(client: Client) -> None:
    for text in META:
        value = text.encode("utf-8", "surrogatepass").decode("latin-1")
        for name in ("authorization", "x-api-key"):
            for path in ("/api/me", "/v1/models"):
                prefix = "Bearer " if name == "authorization" else ""
                assert (await client.send("GET", path, headers=[(name, prefix + value)])).status == 401


@pytest.mark.parametrize("query", ["by=", "first_day=", "last_day=", "before=", "limit="])
async def test_no_query_breaks_anything(here: Premises, client: Client, query: str) -> None:
    path = "/api/usage" if query in ("by=", "first_day=", "last_day=") else "/api/record"
    for text in META:
        written = quote(text.encode("utf-8", "surrogatepass"))
        answer = await client.send("GET", f"{path}?{query}{written}", key=here.keys["operator"])
        assert answer.status in (200, 400), f"{text!r}: {answer.body!r}"


@pytest.mark.parametrize("number", ["-1", "0", "201", "9" * 30, "1e9", "NaN", "0x10"])
async def test_numbers_of_a_page_are_in_range_or_refused(here: Premises, client: Client, number: str) -> None:
    for name in ("before", "limit"):
        answer = await client.send("GET", f"/api/record?{name}={number}", key=here.keys["operator"])
        assert answer.status in (200, 400), answer.body
    for name in ("first_day", "last_day"):
        answer = await client.send("GET", f"/api/usage?{name}={number}", key=here.keys["operator"])
        assert answer.status in (200, 400), answer.body


async def test_a_wildcard_finds_only_itself(here: Premises, client: Client) -> None:
    key = here.keys["owner"]
    before = len((await client.send("GET", "/api/people", key=key)).json)
    for name in ("100% _sure_", "O'Hara", 'the "best"', "back\\slash", "%%"):
        made = await client.send("POST", "/api/people", key=key, json={"name": name})
        assert (made.status, made.json["person"]["name"]) == (201, name)
    after = (await client.send("GET", "/api/people", key=key)).json
    assert len(after) == before + 5
    assert (await client.send("GET", "/api/models/%25", key=key)).status == 404


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"7", b'"x"', b"{", b'{"name": 1}', b'{"name": null}', b"\xff", b"[" * 10**5]
)
async def test_a_body_of_another_form_is_a_400(here: Premises, client: Client, body: bytes) -> None:
    for method, path in (
        ("POST", "/api/people"),
        ("POST", "/api/keys"),
        ("PUT", "/api/services/x"),
        ("POST", "/api/models"),
    ):
        answer = await client.send(
            method, path, key=here.keys["operator"], body=body, headers={"content-type": "application/json"}
        )
        assert answer.status == 400, answer.body
        assert list(answer.error) == ["message", "type", "param", "code"]
