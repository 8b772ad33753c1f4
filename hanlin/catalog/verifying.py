"""Read every byte of the store again: bits rot, disks lie, files are overwritten."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial as bound
from pathlib import Path

from msgspec import Struct

from hanlin.catalog.partial import BLOCK_BYTES
from hanlin.catalog.stoppable import Stop, in_loop, in_thread
from hanlin.catalog.store import Store
from hanlin.catalog.weights import Progress, PublishedFile, Report, Weights


class Verified(Struct, frozen=True):
    name: str
    """The entry's name, with the file's for a companion; of a file that no entry names, its SHA-256."""
    sha256: str
    found: str
    """The SHA-256 of the bytes that lay there."""

    @property
    def intact(self) -> bool:
        return self.found == self.sha256


async def verify(store: Store, name: str = "", *, report: Report = lambda _: None) -> tuple[Verified, ...]:
    """Hash every stored file again, or those of the named weights. A corrupted one is moved to quarantine.

    Raises NotFound for a name that no entry has.
    """
    return await in_thread(bound(_verify, store, name, in_loop(report)))


def _verify(store: Store, name: str, tell: Report, stop: Stop) -> tuple[Verified, ...]:
    entries = [store.find(name)] if name else store.entries()
    names = {file.sha256: _title(entry, file) for entry in reversed(entries) for file in entry.files}
    files = [file for file in store.files() if not name or file.name in names]
    total, done = sum(file.stat().st_size for file in files), 0
    checked = []
    for file in files:
        title = names.get(file.name, file.name)
        found = _hash(file, bound(_tell, tell, Progress(done, total, title)), stop)
        done += file.stat().st_size
        checked.append(Verified(title, file.name, found))
        if found != file.name:
            store.quarantine(file.name)
    return tuple(checked)


def _title(entry: Weights, file: PublishedFile) -> str:
    return entry.name if file.sha256 == entry.sha256 else f"{entry.name}/{file.file}"


def _tell(tell: Report, before: Progress, count: int) -> None:
    tell(Progress(before.done_bytes + count, before.total_bytes, before.mirror))


def _hash(file: Path, progress: Callable[[int], object], stop: Stop) -> str:
    sha256, done = hashlib.sha256(), 0
    with file.open("rb") as reader:
        while block := reader.read(BLOCK_BYTES):
            stop.check()
            sha256.update(block)
            done += len(block)
            progress(done)
    return sha256.hexdigest()
