"""What the server does beside answering: admit models, end what lost its right, let old entries go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from hanlin import catalog
from hanlin.accounts import Accounts
from hanlin.audit import Event, EventLeaf, Log
from hanlin.engines.pool import Pool
from hanlin.errors import HanlinError
from hanlin.policy import Policy
from hanlin.registry import Certificate, ModelRecord, Registry, State
from hanlin.service import Running
from hanlin.types import Actor, Permission, Role

log = logging.getLogger("hanlin")

SYSTEM = Actor(
    person="system", workspace="system", role=Role.OWNER, permissions=frozenset(Permission), administrator=True
)
"""Who acts when the settings file or the server itself does."""
ENDED_CHECK_SECONDS = 3
"""How often running answers are checked for keys and sessions that another server, or time, has ended."""
DAY_SECONDS = 86_400


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
    if model.engine != "llama_cpp":
        return
    name = str(model.options.get("weights", model.name))
    for verified in await catalog.verify(store, name, report=lambda _: None):
        if not verified.intact:
            log.error(
                "The weights of model %s are damaged; `hanlin models pull %s` brings them anew.", model.name, name
            )


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


async def prune(record: Log, retention_days: int) -> None:
    """Once a day, drop the entries that are older than the operator keeps (never below six months)."""
    while True:
        before = int((time.time() - retention_days * DAY_SECONDS) * 1000)
        try:
            await record.prune(before, basis="retention_days")
        except HanlinError as error:
            log.warning("old entries are kept: %s", error)
        await asyncio.sleep(DAY_SECONDS)


async def cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
