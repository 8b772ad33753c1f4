"""The pages over real rooms; only what a model would say is scripted."""

from __future__ import annotations

import copy
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from hanlin import web
from hanlin.accounts import Accounts, UsageCounters
from hanlin.assistants.chat import Conversations
from hanlin.audit import Event, Log
from hanlin.labels import Authority, Labeller, Trust
from hanlin.labels.fingerprint.index import Index
from hanlin.labels.unlabelled import Agreements
from hanlin.policy import Policies, Versions
from hanlin.registry import Certificate, Registry
from hanlin.registry.records import Answer
from hanlin.review import Desk, Incidents, Ladder
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Seals, Signing
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Facts, Model, Service
from tests.accounts.conftest import PASSWORD, Announced, Cast, Clock, accounts, announced, cast, monotonic
from tests.assistants.chat.conftest import Script, script
from tests.storage.databases import database, sqlite_template

__all__ = [
    "PASSWORD",
    "Cast",
    "Script",
    "accounts",
    "announced",
    "cast",
    "database",
    "monotonic",
    "script",
    "sqlite_template",
]

URL = "http://127.0.0.1:8000"
OPERATOR = "Jiangnan <University>"
FORM = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
"""What a browser sends along with a form of our own page."""


@dataclass
class House:
    rooms: web.Rooms
    app: Litestar
    cast: Cast


class Browser:
    """A person at a page: keeps the cookie, sends the page's own form token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.csrf = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        answer = await self.client.get(path, headers=headers)
        found = re.search(r'"X-CSRF-Token":"([0-9a-f]+)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return answer

    async def post(self, path: str, data: Mapping[str, object] | None = None, **headers: str) -> httpx.Response:
        form = {"csrf": self.csrf, **(data or {})}
        return await self.client.post(path, data=form, headers={**FORM, **headers})

    async def swap(self, path: str, data: Mapping[str, object] | None = None) -> httpx.Response:
        """As htmx posts."""
        return await self.post(path, data, **{"HX-Request": "true"})


@pytest.fixture
def clock() -> Clock:
    import time

    return Clock(now=time.time())


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    file = tmp_path / "hanlin.db"
    file.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{file}"


@pytest.fixture
async def house(
    database: Database, accounts: Accounts, announced: Announced, cast: Cast, script: Script, tmp_path: Path
) -> AsyncIterator[House]:
    log = await Log.open(tmp_path / "audit", origin="127.0.0.1:8000", master_key=bytes(range(32)))

    async def announce(event: str, actor: Actor | None, facts: Facts) -> None:
        await log.record(Event(event), actor, facts)

    announced.to = announce
    usage = await UsageCounters.open(database)
    model = Model(name="tiny", engine="echo", digest="sha256:" + "ab" * 32, publisher="Us", licence="Apache-2.0")
    registry = Registry(
        database,
        announce=announce,
        models=[model],
        services=[Service(name="assistant", title="The Assistant", models=("tiny",))],
    )
    await registry.load()
    await registry.declare(cast.operator, "tiny", "Used by the tests only.")

    async def examine(actor: Actor, name: str) -> Certificate:
        return await registry.certify(actor, name, "suite", (Answer("one", True, ""),))

    conversations = Conversations(database, script.generate)
    await conversations.open()
    sandbox = Sandbox(Ceilings(seconds=30), processes=1)
    seals = open_seals(log, database, announce, sandbox, tmp_path)
    policies = await shipped_policies()
    versions = Versions(database, policies, announce)
    await versions.open()
    desk = Desk(database, announce)
    await desk.refresh()
    ladder = Ladder(database, announce, desk=desk)
    await ladder.load()
    rooms = web.Rooms(
        accounts=accounts,
        usage=usage,
        registry=registry,
        log=log,
        conversations=conversations,
        seals=seals,
        policies=policies,
        versions=versions,
        desk=desk,
        incidents=Incidents(database, announce),
        ladder=ladder,
        examine=examine,
        operator=OPERATOR,
        language="en",
        url=URL,
    )
    app = Litestar(route_handlers=web.routes(rooms), exception_handlers=web.failures(rooms), openapi_config=None)
    yield House(rooms, app, cast)
    await ladder.close()
    await conversations.close()
    await sandbox.close()
    await usage.close()
    await log.close()


_loaded: list[Policies] = []


async def shipped_policies() -> Policies:
    """The shipped policies, read once for all tests; what one test publishes stays with it."""
    if not _loaded:
        _loaded.append(await Policies.load())
    return copy.copy(_loaded[0])


def open_seals(log: Log, database: Database, announce: Announce, sandbox: Sandbox, folder: Path) -> Seals:
    authority = Authority.open(folder / "label-keys", OPERATOR)
    (folder / "uploads").mkdir()
    return Seals(
        record=log,
        index=Index(database),
        agreements=Agreements(database, announce),
        labeller=Labeller(OPERATOR),
        marking=sandbox,
        checking=sandbox,
        signing=Signing(str(folder / "label-keys"), OPERATOR, "ed25519"),
        trust=Trust(authority.trust_anchors, authority.public_keys),
        folder=folder / "uploads",
        upload_bytes=2 * 1024 * 1024,
        model_of_code=lambda _: "",
    )


@pytest.fixture
async def browsers(house: House) -> AsyncIterator[dict[str, Browser]]:
    """A browser for each of the cast, signed in, and one of `nobody`."""
    opened: dict[str, Browser] = {}
    for name in ("nobody", *house.cast.tokens):
        app: Any = house.app  # its ASGI types and httpx's differ in nothing but their names
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=URL)
        if name != "nobody":
            client.cookies.set("hanlin", house.cast.tokens[name])
        opened[name] = Browser(client)
        await opened[name].get("/account")
    yield opened
    for browser in opened.values():
        await browser.client.aclose()
