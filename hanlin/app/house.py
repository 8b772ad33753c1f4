"""Wiring: builds every room from the settings and hands it over. Plain calls, top to bottom."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from litestar import Litestar

from hanlin import __version__, catalog, web
from hanlin.accounts import Accounts, FirstRun, Quota, Standing, UsageCounters, Used
from hanlin.api import openai, platform
from hanlin.api.asgi import App, Header
from hanlin.api.front import Front
from hanlin.api.metrics import Metrics
from hanlin.api.platform.record import find_receipt
from hanlin.api.traces import Traces, tee
from hanlin.app.chores import Remembering, admit_models, cancel, end_without_right, note_policies, prune
from hanlin.app.folder import master_key, origin
from hanlin.app.judges import Judges, measure, moderate, open_judges
from hanlin.app.offer import engines, identify, models, services
from hanlin.app.oversight import keep_up
from hanlin.app.sealing import keys_folder, spoken_label, trust
from hanlin.assistants.chat import Conversations
from hanlin.audit import Event, Log
from hanlin.engines.pool import Pool
from hanlin.evaluation import examine
from hanlin.labels import Labeller
from hanlin.labels.fingerprint.index import Index
from hanlin.labels.unlabelled import Agreements
from hanlin.policy.pictures import available as pictures_are_looked_at
from hanlin.policy.pictures import look
from hanlin.registry import Certificate, Registry
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Finished, Pipeline, Running, Seals, Signing, serve
from hanlin.settings import Settings
from hanlin.storage import Database, DataFolder
from hanlin.types import Actor, Announce, Facts

MARKING = Ceilings(seconds=600, memory_mib=2048)
"""For files of people with a key; a minute of video is encoded anew in several."""
CHECKING = Ceilings(seconds=30, memory_mib=1024)
"""For files of anybody."""


@dataclass(frozen=True, slots=True)
class House:
    """A built server: what `cli.serve` listens with, and what it prints."""

    asgi: App
    first_run: FirstRun | None
    registry: Registry
    running: Running
    failed: asyncio.Event
    """Set when the record cannot be written any more: the process must end."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every other room stands on: the data folder with the record, the database and who acts."""

    record: Log
    database: Database
    accounts: Accounts
    quota: Quota
    usage: UsageCounters
    announce: Announce
    failed: asyncio.Event


@dataclass(frozen=True, slots=True)
class Marks:
    """The rooms around marks on files."""

    index: Index
    agreements: Agreements
    seals: Seals


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Build every room; leave them in reverse order, running answers first.

    Raises Misconfigured or Conflict before anything is served.
    """
    async with AsyncExitStack() as stack:
        ground = await lay_ground(settings, stack)
        record, database, accounts, usage = ground.record, ground.database, ground.accounts, ground.usage
        labeller = Labeller(settings.operator, settings.social_credit_code)
        pool = engines(settings)
        stack.push_async_callback(pool.stop)
        judges = await open_judges(
            settings, stack, database, ground.announce, lambda name, said: measure(registry, pool, name, said)
        )
        policies = judges.policies
        await note_policies(record, policies.all())
        store = catalog.Store(settings.weights_folder)
        registry = Registry(
            database,
            announce=ground.announce,
            identify=lambda model: identify(model, store, pool),
            models=models(settings),
            services=services(settings),
            provider_code=not labeller.placeholder,
            policy_exists=lambda name: any(policy.name == name for policy in policies.all()),
        )
        await registry.load()

        marks = await open_marks(settings, stack, ground, registry)
        remembering = Remembering(marks.seals)
        stack.push_async_callback(remembering.close)
        running = Running()
        accounts.on_ended(running.end)
        metrics = Metrics(lambda: {"running_generations": len(running), "record_ready": float(record.ready)})
        pipeline = Pipeline(
            record=record,
            resolve=registry.resolve,
            meter=ground.quota,
            rules=lambda route, actor: policies.choose(route.service, actor),
            permit=judges.oversight.permit,
            hold=judges.oversight.hold,
            generate=pool.generate,
            label=labeller.begin,
            observe=tee(partial(count, usage), judges.oversight.note, metrics.observe, *traces(settings, stack)),
            remember=remembering.put,
            running=running,
            generation_seconds=settings.generation_seconds,
        )
        conversations = Conversations(database, generate=lambda request: serve(pipeline, request))
        await conversations.open()
        stack.push_async_callback(conversations.close)

        async def examine_model(actor: Actor, name: str) -> Certificate:
            return await examine(registry, actor, name, pool.generate)

        resources = platform.Rooms(
            accounts=accounts,
            usage=usage,
            registry=registry,
            log=record,
            examine=examine_model,
            seals=marks.seals,
            agreements=marks.agreements,
            policies=policies,
            versions=judges.versions,
            desk=judges.desk,
            incidents=judges.incidents,
            ladder=judges.ladder,
            url=settings.url,
        )
        pages = web.Rooms(
            accounts=accounts,
            usage=usage,
            registry=registry,
            log=record,
            conversations=conversations,
            seals=marks.seals,
            policies=policies,
            versions=judges.versions,
            desk=judges.desk,
            incidents=judges.incidents,
            ladder=judges.ladder,
            examine=examine_model,
            operator=settings.operator,
            language=settings.language,
            url=settings.url,
        )
        asgi = Front(
            openai=openai.OpenAI(endpoints(settings, ground, pipeline, registry, marks.seals, judges)),
            pages=framework(resources, pages),
            receipt=partial(find_receipt, resources),
            url=settings.url,
            authenticate=accounts.authenticate,
            health=partial(health, record, pool),
            metrics=metrics.text,
        )
        watching = asyncio.create_task(end_without_right(accounts, running))
        admitting = asyncio.create_task(admit_models(registry, pool, store, examine_model))
        pruning = asyncio.create_task(
            prune(
                record,
                (marks.agreements.prune, judges.desk.prune, judges.ladder.prune),
                marks.index,
                settings.retention_days,
            )
        )
        following = asyncio.create_task(keep_up(judges.versions, judges.desk, judges.ladder))
        stack.push_async_callback(cancel, watching, admitting, pruning, following)
        yield House(asgi, await accounts.first_run(), registry, running, ground.failed)


async def lay_ground(settings: Settings, stack: AsyncExitStack) -> Ground:
    """Lock the data folder, open record and database, and count again what a crash left uncounted."""
    folder = DataFolder.open(Path(settings.data))
    stack.callback(folder.close)
    failed = asyncio.Event()
    record = await Log.open(
        folder.path / "audit",
        origin=origin(settings),
        master_key=master_key(settings, folder.path),
        checkpoint_copy=Path(settings.checkpoint_copy) if settings.checkpoint_copy else None,
        on_failure=failed.set,
    )
    stack.push_async_callback(record.close)
    database = await Database.open(settings.database_url or f"sqlite:///{folder.path}/hanlin.db")
    stack.push_async_callback(database.close)

    async def announce(event: str, actor: Actor | None, facts: Facts) -> None:
        await record.record(Event(event), actor, facts)

    accounts = Accounts(database, session_hours=settings.session_hours, key_days=settings.key_days, announce=announce)
    quota = quotas(settings, accounts)
    usage = await UsageCounters.open(database, log=record.origin)
    stack.push_async_callback(usage.close)
    await usage.replay(used_since(record, usage.cursor))
    await usage.seed(quota)
    return Ground(record, database, accounts, quota, usage, announce, failed)


async def open_marks(settings: Settings, stack: AsyncExitStack, ground: Ground, registry: Registry) -> Marks:
    """What marks files and checks marks, with its signing material, its index and its child processes."""
    agreements = Agreements(
        ground.database,
        ground.announce,
        allowed=settings.unlabelled_on_request,
        retention_days=settings.retention_days,
    )
    index = Index(ground.database)
    folder = Path(settings.data) / "uploads"
    await asyncio.to_thread(empty, folder)
    believed = await asyncio.to_thread(trust, settings)
    marking, checking = Sandbox(MARKING), Sandbox(CHECKING)
    stack.push_async_callback(marking.close)
    stack.push_async_callback(checking.close)
    seals = Seals(
        record=ground.record,
        index=index,
        agreements=agreements,
        labeller=Labeller(settings.operator, settings.social_credit_code),
        marking=marking,
        checking=checking,
        signing=Signing(
            str(keys_folder(settings).resolve()),
            settings.operator,
            settings.label_security,
            settings.time_stamp_url,
            spoken_label(settings),
        ),
        trust=believed,
        folder=folder.resolve(),
        upload_bytes=settings.upload_bytes,
        model_of_code=lambda code: next((one.model.name for one in registry.models() if one.model.code == code), ""),
    )
    return Marks(index, agreements, seals)


def empty(folder: Path) -> None:
    """Make a folder for files that are worked on, without what a crash left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)


def endpoints(  # noqa: PLR0917 - one of each room
    settings: Settings, ground: Ground, pipeline: Pipeline, registry: Registry, seals: Seals, judges: Judges
) -> openai.Rooms:
    """What /v1 needs of the house."""
    accounts = ground.accounts
    return openai.Rooms(
        pipeline=pipeline,
        known_key=accounts.cached,
        authenticate=accounts.authenticate,
        services=registry.services,
        limit_headers=lambda actor: limit_headers(ground.quota.limits(actor)),
        seals=seals,
        operator=settings.operator,
        started_at=int(time.time()),
        request_bytes=settings.request_bytes,
        moderate=partial(moderate, judges.policies),
        policy_of=lambda service, actor: judges.policies.choose(service, actor).name,
        look=partial(judges.looking.run, look) if pictures_are_looked_at() else None,
    )


def quotas(settings: Settings, accounts: Accounts) -> Quota:
    return Quota(
        accounts.limits,
        requests_per_minute=settings.requests_per_minute,
        tokens_per_minute=settings.tokens_per_minute,
        tokens_per_day=settings.tokens_per_day,
        concurrent_generations=settings.concurrent_generations,
    )


async def used_since(record: Log, cursor: int) -> AsyncIterator[Used]:
    """Every outcome in the record behind `cursor`, as usage counts it."""
    async for seq, leaf in record.outcomes(cursor):
        yield Used(
            seq,
            leaf.time / 1000,
            leaf.workspace,
            leaf.credential,
            leaf.service,
            leaf.model.name if leaf.model else "",
            leaf.prompt_tokens,
            leaf.completion_tokens,
        )


def count(usage: UsageCounters, finished: Finished) -> None:
    """Count one ended generation as used."""
    actor = finished.actor
    usage.count(
        Used(
            finished.seq,
            time.time(),
            actor.workspace,
            actor.key or actor.session,
            finished.service,
            finished.model,
            finished.usage.prompt_tokens,
            finished.usage.completion_tokens,
            actor.person,
        )
    )


def traces(settings: Settings, stack: AsyncExitStack) -> list[Callable[[Finished], None]]:
    """The observer that exports traces, when an endpoint is set."""
    if not settings.traces_url:
        return []
    exported = Traces(settings.traces_url)
    stack.callback(exported.close)
    return [exported.observe]


def limit_headers(standing: Standing) -> list[Header]:
    """OpenAI's x-ratelimit headers."""
    requests, tokens = standing.requests, standing.tokens
    return [
        (b"x-ratelimit-limit-requests", b"%d" % requests.limit),
        (b"x-ratelimit-remaining-requests", b"%d" % requests.remaining),
        (b"x-ratelimit-reset-requests", b"%.3fs" % requests.reset_seconds),
        (b"x-ratelimit-limit-tokens", b"%d" % tokens.limit),
        (b"x-ratelimit-remaining-tokens", b"%d" % tokens.remaining),
        (b"x-ratelimit-reset-tokens", b"%.3fs" % tokens.reset_seconds),
    ]


def framework(resources: platform.Rooms, pages: web.Rooms) -> Litestar:
    """One Litestar application for /api and the pages."""
    application = Litestar(
        route_handlers=[platform.routes(resources), *web.routes(pages)],
        exception_handlers=unserved(web.failures(pages)),
        logging_config=None,
        openapi_config=platform.description(),
    )
    application.state.rooms = resources
    return application


def unserved(failures: dict[Any, Any]) -> dict[Any, Any]:
    """Handlers for paths that nobody serves: JSON below /api, a page elsewhere."""

    def choose(page: Any) -> Any:
        def handle(request: Any, error: Exception) -> Any:
            below_api = request.url.path.startswith("/api")
            return platform.failure(request, error) if below_api else page(request, error)

        return handle

    return {kind: choose(page) for kind, page in failures.items()}


def health(record: Log, pool: Pool) -> dict[str, Any]:
    """What a probe and an operator need: `ok`, or `degraded` with the reason."""
    engines = {name: {"ready": state.ready, "detail": state.detail} for name, state in pool.health().items()}
    return {
        "status": "ok" if record.ready else "degraded",
        "version": __version__,
        "record": record.health(),
        "engines": engines,
    }
