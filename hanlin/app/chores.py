"""What the server does beside answering: admit models, end what lost its right, let old entries go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from hanlin import catalog
from hanlin.accounts import Accounts
from hanlin.app.offer import weights_of
from hanlin.audit import Event, EventLeaf, Log
from hanlin.engines.pool import Pool
from hanlin.errors import HanlinError
from hanlin.labels.fingerprint.index import Index
from hanlin.policy import Policy
from hanlin.registry import Certificate, ModelRecord, Registry, State
from hanlin.service import Running, Seals
from hanlin.types import Actor, Permission, Role

log = logging.getLogger("hanlin")

SYSTEM = Actor(
    person="system", workspace="system", role=Role.OWNER, permissions=frozenset(Permission), administrator=True
)
"""Who acts when the settings file or the server itself does."""
ENDED_CHECK_SECONDS = 3
"""How often running answers are checked for keys and sessions that another server, or time, has ended."""
DAY_SECONDS = 86_400
REMEMBERED_BYTES = 200
"""A shorter answer cannot have the 200 characters that make a fingerprint."""
WAITING_ANSWERS = 1000


async def note_policies(record: Log, policies: Iterable[Policy]) -> None:
    """Put every policy on record whose version is not the one recorded last."""
    page = await record.entries(limit=200, event=Event.POLICY_CHANGED)
    known: dict[str, str] = {}
    for entry in page.entries:  # newest first
        if isinstance(entry.leaf, EventLeaf):
            facts = entry.leaf.facts
            known.setdefault(str(facts["policy"]), str(facts["version"]))
    for policy in policies:
        if known.get(policy.name) != policy.version:
            await record.record(Event.POLICY_CHANGED, SYSTEM, {"policy": policy.name, "version": policy.version})


async def end_without_right(accounts: Accounts, running: Running) -> None:
    """Every few seconds, end answers whose key or session has expired or was ended by another server."""
    while True:
        await asyncio.sleep(ENDED_CHECK_SECONDS)
        try:
            for credential in await accounts.find_ended(running.actors()):
                running.end(credential)
        except HanlinError as error:
            log.warning("cannot check the rights of running answers: %s", error.code)


async def admit_models(
    registry: Registry,
    pool: Pool,
    store: catalog.Store,
    examine_model: Callable[[Actor, str], Awaitable[Certificate]],
) -> None:
    """Check weights, admit what the settings file registers, and get the engines ready before anybody asks.

    A declared model gets its declaration, the others sit their examination. Models that were registered on the console
    wait for an administrator.
    """
    for record in registry.models():
        try:
            await _check_weights(record, store)
            if record.origin == "settings" and record.state is State.UNTESTED:
                await _admit(registry, record, examine_model)
            if registry.model(record.model.name).state is State.APPROVED:
                await pool.start(record.model)
        except HanlinError as error:
            log.warning("Model %s could not be admitted: %s", record.model.name, error)


async def _check_weights(record: ModelRecord, store: catalog.Store) -> None:
    """Look at every byte of the weights before they are loaded; what has changed is quarantined and named."""
    model = record.model
    name = weights_of(model)
    if not name:
        return
    for verified in await catalog.verify(store, name, report=lambda _: None):
        if not verified.intact:
            log.error(
                "The weights of model %s are damaged; `hanlin models pull %s` brings them anew.", model.name, name
            )
    store.require(name)


async def _admit(
    registry: Registry, record: ModelRecord, examine_model: Callable[[Actor, str], Awaitable[Certificate]]
) -> None:
    name, declared = record.model.name, record.model.declaration
    if declared:
        await registry.declare(SYSTEM, name, declared)
        log.warning("Model %s serves on a declaration, without an examination.", name)
        return
    log.info("Model %s sits its entrance examination.", name)
    certificate = await examine_model(SYSTEM, name)
    passed = sum(answer.passed for answer in certificate.answers)
    word = "passed" if certificate.passed else "did not pass"
    log.info("Model %s %s: %d of %d.", name, word, passed, len(certificate.answers))


async def prune(
    record: Log, prunes: Iterable[Callable[[], Awaitable[object]]], index: Index, retention_days: int
) -> None:
    """Once a day, drop what is older than the operator keeps (never below six months): entries, fingerprints, logs.

    `prunes` are those of rooms that know themselves how long they keep.
    """
    while True:
        before = int(time.time() - retention_days * DAY_SECONDS)
        try:
            await record.prune(before * 1000, basis="retention_days")
            await index.prune(before)
            for forget in prunes:
                await forget()
        except HanlinError as error:
            log.warning("old entries are kept: %s", error)
        await asyncio.sleep(DAY_SECONDS)


class Remembering:
    """Puts what was answered into the fingerprint index, one after another and behind the answering."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals
        self._waiting: asyncio.Queue[tuple[str, Actor, bytes]] = asyncio.Queue(WAITING_ANSWERS)
        self._task: asyncio.Task[None] | None = None

    def put(self, request_id: str, actor: Actor, output: bytes) -> None:
        """Take in an answer that is on record; never waits. Beyond what can wait, answers stay out of the index."""
        if len(output) < REMEMBERED_BYTES:
            return
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        try:
            self._waiting.put_nowait((request_id, actor, output))
        except asyncio.QueueFull:
            log.warning("More answers came than the fingerprint index takes in; one stays out of it.")

    async def close(self) -> None:
        """Work off what waits, for a few seconds."""
        if self._task is not None:
            try:
                await asyncio.wait_for(self._waiting.join(), 5)
            except TimeoutError:
                log.warning("%d answers stay out of the fingerprint index.", self._waiting.qsize())
            await cancel(self._task)

    async def _work(self) -> None:
        while True:
            request_id, actor, output = await self._waiting.get()
            try:
                await self._seals.remember(request_id, actor, output.decode("utf-8", "replace"))
            except HanlinError as error:
                log.warning("An answer stays out of the fingerprint index: %s", error.code)
            finally:
                self._waiting.task_done()


async def cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
