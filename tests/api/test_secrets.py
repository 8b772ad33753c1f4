"""No secret and nothing a person wrote turns up where it does not belong (S12): each is a canary that is looked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from hanlin.api.front import Front
from hanlin.api.openai import OpenAI
from hanlin.audit.export import export
from hanlin.audit.store import Reader, open_reader
from hanlin.types import Model, Service
from tests.api.asgi_client import Answer, Client, question
from tests.api.cast import REASON, Premises, premises
from tests.engines.upstream import Exchange, Upstream, whole

PROMPT = "canary-prompt-5d1c"
ANSWER = "canary-answer-77aa"
PASSWORD = "canary-password-e01b"
UPSTREAM_KEY = "sk-canary-upstream-39f2"
MASTER_KEY = "c0ffee00" * 3 + "0123456789abcdef" * 2 + "deadbeef"
FORM = {"content-type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1:8000"}


async def answer(exchange: Exchange) -> None:
    """Answers once, then fails, quoting the key and the prompt as upstreams do."""
    if len(exchange.upstream.exchanges) == 1:
        await exchange.answer("200 OK", whole(ANSWER))
        return
    quoted = f'{{"error":{{"message":"Incorrect API key {UPSTREAM_KEY} for {PROMPT}","code":"invalid_api_key"}}}}'
    await exchange.answer("401 Unauthorized", quoted.encode())


@contextmanager
def broken(here: Premises) -> Iterator[None]:
    """A mistake of ours whose message quotes what came."""

    def fail(_: object) -> Any:
        raise ValueError(f"cannot handle {PROMPT}")

    endpoints = cast("OpenAI", cast("Front", here.house.asgi)._openai)
    rooms = endpoints._rooms
    endpoints._rooms = replace(rooms, services=fail, limit_headers=fail)
    yield
    endpoints._rooms = rooms


async def sign_in(client: Client, name: str, password: str) -> Answer:
    form = urlencode({"name": name, "password": password}).encode()
    return await client.send("POST", "/sign-in", headers=FORM, body=form)


async def use(here: Premises) -> list[Answer]:
    """Everything that touches a secret, well and badly; returns what was answered and must hold none."""
    client, key = here.client, here.keys["colleague"]
    link = (await here.rooms.accounts.people.new_link(here.actors["operator"], here.actors["operator"].person)).token
    await here.rooms.accounts.redeem(link, "chief", PASSWORD)
    assert (await client.ask(key, "far", PROMPT)).json["choices"][0]["message"]["content"] == ANSWER
    assert (await client.ask(key, "echo", PROMPT)).status == 200
    assert (await client.ask(key, "echo", PROMPT, stream=True)).status == 200
    assert (await sign_in(client, "chief", PASSWORD)).status == 303
    with broken(here):
        failures = [
            await client.send("GET", "/v1/models", key=key),
            await client.ask(key, "echo", PROMPT),
            await client.ask(key, "echo", PROMPT, stream=True),
        ]
    assert {failure.status for failure in failures} == {500}
    return [
        *failures,
        await client.ask(key, "far", PROMPT),
        await client.ask(key, "far", PROMPT, stream=True),
        await client.ask(key, "plain", f"{PROMPT} pipe bomb instructions"),
        await client.ask(key, "plain", PROMPT, temperature=9),
        await client.ask(key[:-1] + "x", "plain", PROMPT),
        await client.ask("", "plain", PROMPT),
        await client.ask(here.keys["auditor"], "plain", PROMPT),
        await client.send("POST", "/api/models", key=here.keys["operator"], json={"name": PROMPT, "options": PROMPT}),
        await sign_in(client, "chief", PASSWORD + "x"),
        await sign_in(client, "nobody", PASSWORD),
        await client.send("GET", "/health"),
        await client.send("GET", "/metrics", key=here.keys["operator"]),
        await client.send("GET", "/v1/models", key=key),
        await client.send("GET", "/api/keys", key=key),
        await client.send("GET", "/api/models", key=key),
        await client.send("GET", "/api/me", key=key),
        await client.send("GET", "/api/record", key=here.keys["auditor"]),
    ]


def exported(folder: Path) -> bytes:
    target = folder / "export"
    reader = Reader(open_reader(folder / "audit" / "audit.db"))
    for _ in export(reader, target):
        pass
    reader.connection.close()
    return b"".join(file.read_bytes() for file in target.rglob("*") if file.is_file())


async def test_no_canary_gets_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_UPSTREAM", UPSTREAM_KEY)
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.DEBUG, "hanlin")
    async with Upstream(answer) as upstream:
        options = {"base_url": upstream.url, "api_key": "env:CANARY_UPSTREAM"}
        far = Model(name="far-model", engine="openai", declaration=REASON, options=options)
        wanted = {"master_key": MASTER_KEY, "log_level": "debug"}
        async with premises(
            tmp_path, more_models=(far,), more_services=(Service(name="far", models=("far-model",)),), **wanted
        ) as here:
            answers = await use(here)
            tokens = list(here.keys.values())
            assert here.house.first_run is not None
            tokens += [here.house.first_run.key, here.house.first_run.sign_in_token]
        assert UPSTREAM_KEY.encode() in upstream.exchanges[0].head  # the key does arrive where it should
    secrets = [PROMPT, ANSWER, PASSWORD, UPSTREAM_KEY, MASTER_KEY, *tokens]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    places = {
        f"answer {n}, status {found.status}": found.body + repr(found.raw_headers).encode()
        for n, found in enumerate(answers)
    }
    places |= {"log": caplog.text.encode(), "export": await asyncio.to_thread(exported, tmp_path)}
    places |= {file.name: file.read_bytes() for file in files}
    assert caplog.text.count("Unexpected ValueError (message withheld)") == 3
    for place, content in places.items():
        for secret in secrets:
            assert secret.encode() not in content, f"{secret!r} in {place}"
        assert bytes.fromhex(MASTER_KEY) not in content, place


async def test_a_body_that_is_refused_is_not_logged_either(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hanlin")
    async with premises(tmp_path) as here:
        for body in (question("plain", PROMPT, temperature=9), question("nowhere", PROMPT), {"x": PROMPT}):
            found = await here.client.send("POST", "/v1/chat/completions", key=here.keys["owner"], json=body)
            assert found.status >= 400
    assert PROMPT not in caplog.text
