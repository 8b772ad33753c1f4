"""Wiring: builds every room from the settings and hands it over. Plain calls, top to bottom."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Litestar

from hanlin import __version__, catalog, web
from hanlin.accounts import Accounts, FirstRun, Standing
from hanlin.api import openai, platform
from hanlin.api.asgi import App, Header
from hanlin.api.front import Front
from hanlin.api.metrics import Metrics
from hanlin.api.platform.record import find_receipt
from hanlin.api.traces import Traces, tee
from hanlin.app.assistants import Assistants, open_assistants
from hanlin.app.chores import Remembering, admit_models, cancel, end_without_right, note_policies, prune
from hanlin.app.ground import Ground, count, lay_ground
from hanlin.app.judges import Judges, measure, moderate, open_judges
from hanlin.app.marks import Marks, open_marks
from hanlin.app.offer import engines, identify, models, services
from hanlin.app.oversight import keep_up
from hanlin.assistants.chat import Conversations
from hanlin.audit import Log
from hanlin.engines.pool import Pool
from hanlin.evaluation import examine
from hanlin.labels import Labeller
from hanlin.policy.pictures import available as pictures_are_looked_at
from hanlin.policy.pictures import look
from hanlin.registry import Certificate, Registry
from hanlin.service import Calls, Finished, Pipeline, Running, serve
from hanlin.settings import Settings
from hanlin.types import Actor, Model


@dataclass(frozen=True, slots=True)
class House:
    """A built server: what `cli.serve` listens with, and what it prints."""

    asgi: App
    accounts: Accounts
    first_run: FirstRun | None
    running: Running
    failed: asyncio.Event
    """Set when the record cannot be written any more: the process must end."""
    admitting: asyncio.Task[None]
    """Ends when every model of the settings has been examined, or could not be."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What both faces of the house, /api and the pages, are built from."""

    ground: Ground
    registry: Registry
    judges: Judges
    marks: Marks
    assistants: Assistants
    examine: Callable[[Actor, str], Awaitable[Certificate]]


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Build every room; leave them in reverse order, running answers first.

    Raises Misconfigured or Conflict before anything is served.
    """
    async with AsyncExitStack() as stack:
        ground = await lay_ground(settings, stack)
        pool = engines(settings)
        stack.push_async_callback(pool.stop)
        judges = await open_judges(
            settings, stack, ground.database, ground.announce, lambda name, said: measure(registry, pool, name, said)
        )
        await note_policies(ground.record, judges.policies.all())
        store = catalog.Store(settings.weights_folder)
        registry = await open_registry(settings, ground, judges, lambda model: identify(model, store, pool))
        marks = await open_marks(settings, stack, ground, registry)
        running = Running()
        ground.accounts.on_ended(running.end)
        metrics = Metrics(lambda: {"running_generations": len(running), "record_ready": float(ground.record.ready)})
        observers = tee(partial(count, ground.usage), judges.oversight.note, metrics.observe, *traces(settings, stack))
        remembering = Remembering(marks.seals)
        stack.push_async_callback(remembering.close)
        pipeline = Pipeline(
            record=ground.record,
            resolve=registry.resolve,
            meter=ground.quota,
            rules=lambda route, actor: judges.policies.choose(route.service, actor),
            permit=judges.oversight.permit,
            hold=judges.oversight.hold,
            generate=pool.generate,
            label=Labeller(settings.operator, settings.social_credit_code).begin,
            observe=observers,
            remember=remembering.put,
            running=running,
            generation_seconds=settings.generation_seconds,
        )
        conversations = Conversations(ground.database, generate=lambda request: serve(pipeline, request))
        await conversations.open()
        stack.push_async_callback(conversations.close)

        async def examine_model(actor: Actor, name: str) -> Certificate:
            return await examine(registry, actor, name, pool.generate)

        calls = Calls(lambda request: serve(pipeline, request), registry.routes)
        assistants = await open_assistants(settings, stack, ground, calls)
        shared = Shared(ground, registry, judges, marks, assistants, examine_model)
        resources = resource_rooms(settings, shared)
        asgi = Front(
            openai=openai.OpenAI(endpoints(settings, pipeline, shared)),
            pages=framework(resources, page_rooms(settings, shared, conversations)),
            receipt=partial(find_receipt, resources),
            url=settings.url,
            authenticate=ground.accounts.authenticate,
            health=partial(health, ground.record, pool),
            metrics=metrics.text,
        )
        admitting = asyncio.create_task(admit_models(registry, pool, store, examine_model))
        chores = (
            end_without_right(ground.accounts, running),
            prune(
                ground.record,
                (marks.agreements.prune, judges.desk.prune, judges.ladder.prune, assistants.prune),
                marks.index,
                settings.retention_days,
            ),
            keep_up(judges.versions, judges.desk, judges.ladder),
            assistants.forget(),
        )
        stack.push_async_callback(cancel, admitting, *[asyncio.create_task(chore) for chore in chores])
        yield House(asgi, ground.accounts, await ground.accounts.first_run(), running, ground.failed, admitting)


async def open_registry(
    settings: Settings, ground: Ground, judges: Judges, identified: Callable[[Model], Model]
) -> Registry:
    """The register, with what the settings file and the console put into it."""
    policies = judges.policies
    registry = Registry(
        ground.database,
        announce=ground.announce,
        identify=identified,
        models=models(settings),
        services=services(settings),
        provider_code=not Labeller(settings.operator, settings.social_credit_code).placeholder,
        policy_exists=lambda name: any(policy.name == name for policy in policies.all()),
    )
    await registry.load()
    return registry


def resource_rooms(settings: Settings, shared: Shared) -> platform.Rooms:
    """What /api needs of the house."""
    ground, judges, marks, assistants = shared.ground, shared.judges, shared.marks, shared.assistants
    return platform.Rooms(
        accounts=ground.accounts,
        usage=ground.usage,
        registry=shared.registry,
        log=ground.record,
        examine=shared.examine,
        seals=marks.seals,
        agreements=marks.agreements,
        policies=judges.policies,
        versions=judges.versions,
        desk=judges.desk,
        incidents=judges.incidents,
        ladder=judges.ladder,
        files=assistants.files,
        jobs=assistants.jobs,
        documents=assistants.documents,
        meetings=assistants.meetings,
        translations=assistants.translations,
        tasks=assistants.tasks,
        url=settings.url,
    )


def page_rooms(settings: Settings, shared: Shared, conversations: Conversations) -> web.Rooms:
    """What the pages need of the house."""
    ground, judges, assistants = shared.ground, shared.judges, shared.assistants
    return web.Rooms(
        accounts=ground.accounts,
        usage=ground.usage,
        registry=shared.registry,
        log=ground.record,
        conversations=conversations,
        documents=assistants.documents,
        meetings=assistants.meetings,
        translations=assistants.translations,
        tasks=assistants.tasks,
        files=assistants.files,
        jobs=assistants.jobs,
        seals=shared.marks.seals,
        policies=judges.policies,
        versions=judges.versions,
        desk=judges.desk,
        incidents=judges.incidents,
        ladder=judges.ladder,
        examine=shared.examine,
        operator=settings.operator,
        language=settings.language,
        url=settings.url,
    )


def endpoints(settings: Settings, pipeline: Pipeline, shared: Shared) -> openai.Rooms:
    """What /v1 needs of the house."""
    ground, judges = shared.ground, shared.judges
    accounts = ground.accounts
    return openai.Rooms(
        pipeline=pipeline,
        known_key=accounts.cached,
        authenticate=accounts.authenticate,
        services=shared.registry.services,
        limit_headers=lambda actor: limit_headers(ground.quota.limits(actor)),
        seals=shared.marks.seals,
        files=shared.assistants.files,
        listening=shared.assistants.listening,
        operator=settings.operator,
        started_at=int(time.time()),
        request_bytes=settings.request_bytes,
        moderate=partial(moderate, judges.policies),
        policy_of=lambda service, actor: judges.policies.choose(service, actor).name,
        look=partial(judges.looking.run, look) if pictures_are_looked_at() else None,
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
