"""The record as the rest of Hanlin sees it: submit, await, read. See writer.py for how it becomes durable."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from hanlin.audit import receipts, retention
from hanlin.audit.check import check
from hanlin.audit.events import Event
from hanlin.audit.leaves import Leaf, Outcome, OutcomeLeaf, checked_facts, decode, decode_head
from hanlin.audit.receipts import Disclosure, Receipt
from hanlin.audit.store import Connect, Reader, open_reader
from hanlin.audit.writer import Clock, Encode, Item, Job, Writer
from hanlin.errors import AuditUnavailable, Conflict, HanlinError
from hanlin.types import Actor

QUEUE_ITEMS = 4096
WATCH_SECONDS = 0.5
STALL_TICKS = 3
"""A writer that has finished nothing for three looks, 1.5 s, is stalled: its waiters are told so."""
SCANNED_LEAVES = 10_000
"""Leaves one page of `entries` looks through at most."""
_OUTCOME_MARK = b'"event":"generation:outcome"'

T = TypeVar("T")


class Entry(Struct, frozen=True):
    seq: int
    leaf: Leaf


class Page(Struct, frozen=True):
    entries: tuple[Entry, ...]
    before: int | None
    """Ask for the next page with this; None at the beginning of the record."""


class Checked(Struct, frozen=True):
    entries: int
    """Leaves under the newest checkpoint, all of them in order."""
    checkpoint: str


class Log:
    """One per data folder and process. `intend`, `conclude` and `record` are called on the event loop's thread."""

    def __init__(self, writer: Writer, reader: Reader, lock: int, on_failure: Callable[[], None] | None) -> None:
        self._writer = writer
        self._reader = reader
        self._lock = lock
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._put = writer.queue.put
        self._intent, self._outcome, self._event = writer.rows.intent, writer.rows.outcome, writer.rows.event
        self._outbox: list[Item] = []
        self._pending: deque[asyncio.Future[Any]] = deque()
        """Waiters in the order their items were put: the writer answers in that order."""
        self._reads = ThreadPoolExecutor(1, "audit-reader")
        self._failure: AuditUnavailable | None = None
        self._stalled = False
        self._quiet_ticks = 0
        self._watch = self._loop.call_later(WATCH_SECONDS, self._look)
        writer.deliver = lambda results: cast("None", self._loop.call_soon_threadsafe(self._settle, results))
        writer.failed = lambda error: cast("None", self._loop.call_soon_threadsafe(self._break, error))
        writer.thread.start()

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        origin: str,
        master_key: bytes,
        checkpoint_copy: Path | None = None,
        on_failure: Callable[[], None] | None = None,
        clock: Clock = Clock(),  # noqa: B008 -- immutable
        connect: Connect = sqlite3.connect,
    ) -> Log:
        """Open or make the record in `folder`, check its newest part, append `server:started`.

        `origin` names a new record; one that exists keeps its name. `checkpoint_copy` is a folder that every
        checkpoint is also appended to. `on_failure` is called once, on the loop, when the record cannot be written any
        more: the process should end. Behind a held checkpoint the log opens with `ready` False and takes only
        `record_gap`. Raises Conflict when another process has it, Misconfigured for another master key,
        AuditUnavailable (`audit_corrupt`) when its newest part was changed.
        """
        lock = await asyncio.to_thread(_lock_folder, folder)
        try:
            writer = await asyncio.to_thread(
                Writer, folder, origin, master_key, copy=checkpoint_copy, clock=clock, connect=connect
            )
            reader = Reader(open_reader(folder / "audit.db"))
        except BaseException:
            os.close(lock)
            raise
        log = cls(writer, reader, lock, on_failure)
        try:
            if writer.refusal is None:
                await log._job(writer.begin)
                await log._sweep()
        except BaseException:
            with suppress(HanlinError):
                await log.close()
            raise
        return log

    @property
    def ready(self) -> bool:
        """Whether a generation may start."""
        return self._refusal() is None and len(self._pending) < QUEUE_ITEMS

    @property
    def origin(self) -> str:
        """The record's name in its checkpoints."""
        return self._writer.vkey.name

    @property
    def vkey(self) -> str:
        return str(self._writer.vkey)

    @property
    def size(self) -> int:
        return self._writer.tree.size

    @property
    def unknown_outcomes(self) -> int:
        """Generations that the last run left without an outcome."""
        return self._writer.unknown_outcomes

    def health(self) -> dict[str, str | int | bool]:
        """For the health page; nothing secret."""
        refusal = self._refusal()
        return {
            "ready": self.ready,
            "detail": "" if refusal is None else refusal.message,
            "entries": self.size,
            "waiting": len(self._pending),
            "unknown_outcomes": self.unknown_outcomes,
            "checkpoint_copy_error": self._writer.anchor.copy_error,
            "sqlite": f"{sqlite3.sqlite_version}, one writing connection",
        }

    def intend(self, request_id: str, actor: Actor, service: str, body: bytes) -> asyncio.Future[int]:
        """Submit the intent of a generation; resolves to its seq when it is durable.

        Raises AuditUnavailable at once when the record cannot take it.
        """
        return self._submit(self._intent, (request_id, actor, service, body))

    def conclude(self, request_id: str, actor: Actor, outcome: Outcome) -> asyncio.Future[int]:
        """Submit the outcome; it is written even if nobody waits any more, and is never refused for a full queue."""
        if self._failure is not None or self._writer.refusal is not None:
            raise self._failure or cast("AuditUnavailable", self._writer.refusal)
        return self._enqueue(self._outcome, (request_id, actor, outcome))

    def record(
        self, event: Event, actor: Actor | None, facts: Mapping[str, str | int] | None = None
    ) -> asyncio.Future[int]:
        """Submit an administrative event. `facts` never hold names, addresses, secrets or texts of people.

        Raises AuditUnavailable as `intend` does, BadRequest for facts other than words and whole numbers.
        """
        return self._submit(self._event, (event, actor, checked_facts(facts or {})))

    def _submit(self, encode: Encode, arguments: tuple[Any, ...]) -> asyncio.Future[int]:
        refusal = self._refusal()
        if refusal is not None:
            raise refusal
        if len(self._pending) >= QUEUE_ITEMS:
            raise _backpressure()
        return self._enqueue(encode, arguments)

    def _refusal(self) -> AuditUnavailable | None:
        if self._failure is None and not self._stalled:
            return self._writer.refusal
        return self._failure or _backpressure()

    def _enqueue(self, encode: Encode | None, arguments: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self._loop.create_future()
        self._pending.append(future)
        if not self._outbox:
            self._loop.call_soon(self._post)
        self._outbox.append((encode, arguments))
        return future

    def _post(self) -> None:
        """Hand over all that this turn of the loop submitted: the writer is woken once, and its batches are larger."""
        self._put(self._outbox)
        self._outbox = []

    async def _job(self, job: Callable[[], T]) -> T:
        """Run something on the writer's thread, between two transactions."""
        if self._failure is not None:
            raise self._failure
        return cast("T", await self._enqueue(None, cast("Job", job)))

    async def _read(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self._loop.run_in_executor(self._reads, function, *arguments)

    def _settle(self, results: list[object]) -> None:
        pending = self._pending
        self._quiet_ticks = 0
        self._stalled = False
        for result in results:
            future = pending.popleft()
            if future.done():
                continue
            if isinstance(result, Exception):
                _refuse(future, result)
            else:
                future.set_result(result)

    def _look(self) -> None:
        """Twice a second: a writer that does not come back must not keep its waiters."""
        self._quiet_ticks = self._quiet_ticks + 1 if self._pending else 0
        if self._quiet_ticks >= STALL_TICKS:
            self._stalled = True
            for future in self._pending:
                if not future.done():
                    _refuse(future, _backpressure())
        self._watch = self._loop.call_later(WATCH_SECONDS, self._look)

    def _break(self, failure: AuditUnavailable) -> None:
        self._failure = failure
        while self._pending:
            future = self._pending.popleft()
            if not future.done():
                _refuse(future, failure)
        if self._on_failure is not None:
            self._on_failure()

    async def checkpoint(self) -> str:
        """Cut a checkpoint now, if anything is newer than the last one; the signed note."""
        return await self._job(self._writer.cut)

    async def receipt(self, request_id: str) -> Receipt:
        """The proof for a request, under a checkpoint that covers it. Raises NotFound."""
        index = await self._read(receipts.last_index, self._reader, request_id)
        if self._writer.signed_size <= index:
            await self._job(self._writer.cut)
        return await self._read(receipts.make_receipt, self._reader, request_id)

    async def disclose(self, request_id: str, actor: Actor | None = None) -> Disclosure:
        """The keys that open one record to an auditor; the disclosure itself is recorded first. Raises NotFound."""
        found = await self._read(receipts.disclose, self._reader, self._writer.master_key, request_id)
        await self.record(Event.RECORD_DISCLOSED, actor, {"request": request_id})
        return found

    async def entries(
        self, *, before: int | None = None, limit: int = 50, workspace: str | None = None, event: str = ""
    ) -> Page:
        """A page, newest first: leaves before a seq, of one workspace if given, whose event starts with `event`."""
        return await self._read(_page, self._reader, self.size if before is None else before, limit, workspace, event)

    async def outcomes(self, after_seq: int = -1) -> AsyncIterator[tuple[int, OutcomeLeaf]]:
        """(seq, leaf) of every outcome after a seq, in order: usage can be rebuilt from it."""
        while rows := await self._read(self._reader.after, after_seq, 1000):
            for seq, leaf in rows:
                if _OUTCOME_MARK in leaf:
                    yield seq, msgspec.json.decode(leaf, type=OutcomeLeaf)
            after_seq = rows[-1][0]

    async def verify(self, progress: Callable[[int], None] | None = None) -> Checked:
        """Check all leaves under a fresh checkpoint, and the checkpoints held outside the database.

        Raises AuditUnavailable (`audit_corrupt`), `param` the first bad index when there is one.
        """
        note = await self.checkpoint()
        held = await self._read(self._writer.anchor.held, self._writer.vkey)
        steps = check(self._reader, held)
        entries = 0
        while (checked := await self._read(next, steps, None)) is not None:
            entries = checked
            if progress is not None:
                progress(entries)
        return Checked(entries, note)

    async def erase(self, person: str, basis: str) -> int | None:
        """Destroy what ties the record to a person, and say so in the record; seq of the erasure leaf.

        None when there is nothing to erase. Raises Conflict under a legal hold.
        """
        seq = await self._job(lambda: retention.destroy_keys(self._writer, person, basis))
        await self._sweep()
        return seq

    async def _sweep(self) -> None:
        while not await self._job(lambda: retention.sweep(self._writer)):
            pass

    async def hold(self, person: str, reason: str) -> int:
        """Place a legal hold: nothing of this person is erased, nothing at all is pruned."""
        return await self._job(lambda: retention.place_hold(self._writer, person, reason))

    async def lift_hold(self, person: str, reason: str) -> int:
        return await self._job(lambda: retention.lift_hold(self._writer, person, reason))

    async def prune(self, before: int, *, basis: str) -> int:
        """Drop leaves older than `before` (milliseconds since 1970, at least 183 days ago); first seq still there."""
        now = self._writer.clock.wall() // 1_000_000
        first = await self._job(lambda: retention.prune(self._writer, before, now, basis))
        await self._sweep()
        return first

    async def record_gap(self, reason: str) -> int:
        """Go on although entries were lost, with the loss on record; the log is ready afterwards. Raises Conflict."""
        return await self._job(lambda: self._writer.record_gap(reason))

    async def close(self) -> None:
        """Write what has been submitted, append `server:stopped`, sign, let go of the folder. Safe to call twice."""
        if self._lock < 0:
            return
        lock, self._lock = self._lock, -1
        try:
            if self._failure is None:
                await self._read(self._reader.connection.close)
                await self._job(self._writer.stop)
        finally:
            self._watch.cancel()
            await asyncio.to_thread(self._writer.thread.join)
            if self._failure is not None:
                await asyncio.to_thread(self._let_go)
            self._reads.shutdown()
            os.close(lock)

    def _let_go(self) -> None:
        """After a failure: the writer closes first, while a reader is open, so that SQLite does not sync once more."""
        self._writer.connection.close()
        self._reader.connection.close()


def _lock_folder(folder: Path) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Conflict(
            "Another process is writing this record.", action="Stop the server that uses this data folder first."
        ) from None
    return lock


def _page(reader: Reader, before: int, limit: int, workspace: str | None, event: str) -> Page:
    found: list[Entry] = []
    rows = reader.before(before, SCANNED_LEAVES)
    for seq, leaf in rows:
        head = decode_head(leaf)
        if workspace in (None, head.workspace) and head.event.startswith(event):
            found.append(Entry(seq, decode(leaf)))
            if len(found) == limit:
                return Page(tuple(found), seq)
    return Page(tuple(found), rows[-1][0] if len(rows) == SCANNED_LEAVES else None)


def _refuse(future: asyncio.Future[Any], error: Exception) -> None:
    future.set_exception(error)
    future.exception()  # a waiter that has gone away is no mistake of the program


def _backpressure() -> AuditUnavailable:
    return AuditUnavailable(
        "The record cannot keep up.", code="audit_backpressure", action="Try again in a few seconds."
    )
