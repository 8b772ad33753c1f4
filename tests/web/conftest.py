"""The pages over real rooms; only what a model would say is scripted."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from typing import cast as typed

import httpx
import pytest
from litestar import Litestar

from hanlin import web
from hanlin.accounts import Accounts, UsageCounters
from hanlin.assistants.chat import Conversations
from hanlin.assistants.documents import Documents
from hanlin.assistants.meetings import Meetings
from hanlin.assistants.tasks import Tasks
from hanlin.assistants.tasks.delivering import Delivering
from hanlin.assistants.translate import Translations
from hanlin.audit import Event, Log
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.labels import Authority, Labeller, Trust
from hanlin.labels.fingerprint.index import Index
from hanlin.labels.unlabelled import Agreements
from hanlin.policy import Policies, Versions
from hanlin.registry import Certificate, Registry
from hanlin.registry.records import Answer
from hanlin.retrieval import Index as Passages
from hanlin.review import Desk, Incidents, Ladder
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Calls, Request, Seals, Signing
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Announce, Chunk, Detail, Facts, Model, Route, Service, Skill
from tests.accounts.conftest import PASSWORD, Announced, Cast, Clock, accounts, announced, cast, monotonic
from tests.assistants.chat.conftest import Script as Spoken
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
    "sqlite_template",
]

URL = "http://127.0.0.1:8000"
OPERATOR = "Jiangnan <University>"
FORM = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
"""What a browser sends along with a form of our own page."""


Says = Callable[[Request], str]


@dataclass
class Script(Spoken):
    """What models say: `pieces` to everybody, unless `says` answers the request; `details` is for other skills."""

    says: Says | None = None
    details: dict[Skill, Callable[[Request], Detail]] = field(default_factory=dict)
    """By skill; a skill that has none is not offered."""

    async def generate(self, request: Request) -> AsyncIterator[Chunk]:
        if request.skill is not Skill.CHAT:
            self.requests.append(request)
            yield Chunk(detail=self.details[request.skill](request))
            return
        if self.says is not None:
            self.pieces = [self.says(request)]
        async for chunk in Spoken.generate(self, request):
            yield chunk

    def routes(self, registry: Registry) -> Callable[[Actor, Skill], Iterable[Route]]:
        """What the register offers, and a service for every other skill that has a `detail`."""

        def offered(actor: Actor, skill: Skill) -> Iterable[Route]:
            if skill in self.details:
                return [Route(Service(skill.value, (skill.value,)), Model(skill.value, "script", skill=skill))]
            return registry.routes(actor, skill)

        return offered


@pytest.fixture
def script() -> Script:
    return Script()


@dataclass
class House:
    rooms: web.Rooms
    cast: Cast

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The pages over these rooms."""
        _asked.set(self.rooms)
        await pages()(scope, receive, send)


_asked: ContextVar[web.Rooms] = ContextVar("asked")


class Asked:
    """Stands for the rooms of the house that a request goes to."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_asked.get(), name)


@cache
def pages() -> Litestar:
    """One application for every house: to build it takes longer than most tests."""
    rooms = typed("web.Rooms", Asked())
    return Litestar(route_handlers=web.routes(rooms), exception_handlers=web.failures(rooms), openapi_config=None)


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


@pytest.fixture(scope="session")
def furnished(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that keeps the shipped policies, as after a first start: writing them takes longer than most tests."""
    file = tmp_path_factory.mktemp("furnished") / "hanlin.db"
    file.write_bytes(sqlite_template.read_bytes())
    asyncio.run(keep_policies(f"sqlite:///{file}"))
    return file


async def keep_policies(url: str) -> None:
    opened = await Database.open(url)
    await Versions(opened, await shipped_policies()).open()
    await opened.close()


@pytest.fixture
def database_url(furnished: Path, tmp_path: Path) -> str:
    file = tmp_path / "hanlin.db"
    file.write_bytes(furnished.read_bytes())
    return f"sqlite:///{file}"


@pytest.fixture
async def house(
    database: Database, accounts: Accounts, announced: Announced, cast: Cast, script: Script, tmp_path: Path
) -> AsyncIterator[House]:
    async with built(database, accounts, announced, cast, script, tmp_path) as made:
        yield made


@asynccontextmanager
async def built(
    database: Database, accounts: Accounts, announced: Announced, cast: Cast, script: Script, folder: Path
) -> AsyncIterator[House]:
    """The rooms over a database in which the cast has moved in."""
    log = await Log.open(folder / "audit", origin="127.0.0.1:8000", master_key=bytes(range(32)))

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
    seals = open_seals(log, database, announce, sandbox, folder)
    policies = await shipped_policies()
    versions = Versions(database, policies, announce)
    await versions.open()
    desk = Desk(database, announce)
    await desk.refresh()
    stack = AsyncExitStack()
    calls = Calls(script.generate, script.routes(registry))  # type: ignore[arg-type]
    assistants = await open_assistants(stack, database, accounts, calls, announce, sandbox, folder)
    ladder = Ladder(database, announce, desk=desk)
    await ladder.load()
    rooms = web.Rooms(
        accounts=accounts,
        usage=usage,
        registry=registry,
        log=log,
        conversations=conversations,
        **assistants,
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
    yield House(rooms, cast)
    await stack.aclose()
    await ladder.close()
    await conversations.close()
    await sandbox.close()
    await usage.close()
    await log.close()


async def open_assistants(
    stack: AsyncExitStack,
    database: Database,
    accounts: Accounts,
    calls: Calls,
    announce: Announce,
    sandbox: Sandbox,
    folder: Path,
) -> dict[str, Any]:
    """The assistants as `app.assistants` builds them; no queue starts before the first job does."""
    blobs = await Blobs.open(folder / "blobs")
    stack.push_async_callback(blobs.close)
    files = Files(database, blobs=blobs, folder=folder / "incoming", announce=announce)
    await files.open()
    index = await Passages.open(folder / "index")
    stack.push_async_callback(index.close)
    jobs = await Jobs.open(database, folder=folder, actor_of=accounts.actor_of, poll_seconds=0.02)
    stack.push_async_callback(jobs.close)
    rooms: dict[str, Any] = {"files": files, "jobs": jobs, "calls": calls, "sandbox": sandbox, "announce": announce}
    documents = Documents(database, blobs=blobs, index=index, **rooms)
    await documents.open()
    meetings = Meetings(database, blobs=blobs, index=index, **rooms)
    stack.push_async_callback(meetings.close)
    del rooms["announce"]
    translations = Translations(database, **rooms)
    tasks = Tasks(
        database,
        jobs=jobs,
        sources={"documents": documents},
        actor_of=accounts.actor_of,
        delivering=Delivering(mail=None, key=bytes(32), url=URL),
        announce=announce,
    )
    await jobs.begin()
    await tasks.open()
    stack.push_async_callback(tasks.close)
    return {
        "files": files,
        "jobs": jobs,
        "documents": documents,
        "meetings": meetings,
        "translations": translations,
        "tasks": tasks,
    }


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
    async with signed_in(house) as opened:
        yield opened


@asynccontextmanager
async def signed_in(house: House) -> AsyncIterator[dict[str, Browser]]:
    """A browser for each of the cast, signed in, and one of `nobody`."""
    opened: dict[str, Browser] = {}
    for name in ("nobody", *house.cast.tokens):
        transport = httpx.ASGITransport(house.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=URL)
        if name != "nobody":
            client.cookies.set("hanlin", house.cast.tokens[name])
        opened[name] = Browser(client)
        await opened[name].get("/account")
    yield opened
    for browser in opened.values():
        await browser.client.aclose()
