"""The one thread that writes the record: it takes what has arrived, commits it as one transaction, answers, repeats.

Batches form by arrival, without a timer: while one transaction is synced, the next one gathers. Leaves, sealed parts,
tree size and frontier are one transaction, so the tree can never disagree with the leaves.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hanlin.audit.anchor import Anchor
from hanlin.audit.checkpoint import Checkpoint, VerifierKey, check_name, open_checkpoint, sign
from hanlin.audit.events import Event
from hanlin.audit.keys import Keys, seal, unwrap
from hanlin.audit.leaves import checked_facts, decode_head
from hanlin.audit.rows import Rows
from hanlin.audit.store import Connect, Reader, Row, insert_leaves, open_writer
from hanlin.audit.tree import TILE_WIDTH, Tree, leaf_hash
from hanlin.errors import AuditUnavailable, Conflict, HanlinError, Misconfigured

BATCH_ITEMS = 256
CHECKPOINT_LEAVES = 1000
CHECKPOINT_SECONDS = 60.0
WAL_PAGES = 2000
"""About this many pages (8 MiB) are written to the WAL before it is copied into the database."""
RETRY_SECONDS = 1.0
"""How soon outcomes that met a full disk are tried again."""
CLOCK_BACK_MILLISECONDS = 2_000
CLOCK_AHEAD_MILLISECONDS = 60_000
_SIGNING = b"hanlin audit signing key"

Encode = Callable[..., Row]
Job = Callable[[], object]
Item = tuple[Encode | None, Any]
"""(encode, its arguments after seq), or (None, a job that runs alone between two transactions)."""

INTENT_MARK = b'"event":"generation:intent"'
"""What only an intent leaf has: inside a string the quotes would be escaped."""


class Clock(NamedTuple):
    """Where time comes from: nanoseconds since 1970, and of a clock that never steps."""

    wall: Callable[[], int] = time.time_ns
    monotonic: Callable[[], int] = time.monotonic_ns


class Writer:
    """Opens the record, checks it, then owns it. `deliver` gets the results of a batch in order; `failed` the end."""

    def __init__(
        self, folder: Path, origin: str, master_key: bytes, *, copy: Path | None, clock: Clock, connect: Connect
    ) -> None:
        self.queue: SimpleQueue[list[Item]] = SimpleQueue()
        self.deliver: Callable[[list[object]], None]
        self.failed: Callable[[AuditUnavailable], None]
        self.refusal: AuditUnavailable | None = None
        """Why nothing may be appended: the tree is behind a checkpoint that is held."""
        self.connection = open_writer(folder / "audit.db", connect)
        self.reader = Reader(self.connection)
        self.anchor = Anchor(folder, copy)
        self.clock = clock
        self.master_key = master_key
        self._late: list[Item] = []
        """Outcomes and events that met a full disk; their waiters know, they are written when there is space."""
        self._dirty_pages = 0
        self._running = True
        self.thread = Thread(target=self._run, name="audit-writer", daemon=True)
        try:
            self._take_up(origin)
        except BaseException:
            self.connection.close()
            raise

    def _take_up(self, origin: str) -> None:
        """From the disk: who signs, the tree, and whether both are what they were."""
        master_key = self.master_key
        name, self._signing = self._identity(origin, master_key)
        self.vkey = VerifierKey(name, self._signing.public_key().public_bytes_raw())
        self.rows = Rows(Keys(self.connection, master_key))
        self._previous = self.clock.monotonic(), self.clock.wall() // 1_000_000
        self.tree = _load_tree(self.reader, self.vkey)
        self._compare_with_held()
        self._look_at_last_run()
        self._due = self.clock.monotonic() + int(CHECKPOINT_SECONDS * 1e9)

    def _identity(self, origin: str, master_key: bytes) -> tuple[str, Ed25519PrivateKey]:
        """Name and signing key, made when the log is new. The key's wrapping is also the check of the master key."""
        if len(master_key) != 32:
            raise Misconfigured(f"The master key has 32 bytes, got {len(master_key)}.")
        row = self.connection.execute("SELECT origin, signing FROM log").fetchone()
        if row is None:
            made = Ed25519PrivateKey.generate()
            vkey = VerifierKey(check_name(origin), made.public_key().public_bytes_raw())
            box = seal(master_key, made.private_bytes_raw(), _SIGNING)
            self.connection.execute("INSERT INTO log VALUES (?, ?, ?)", (origin, str(vkey), box))
            return origin, made
        return row[0], Ed25519PrivateKey.from_private_bytes(unwrap(master_key, row[1], _SIGNING))

    def _compare_with_held(self) -> None:
        held = self.anchor.held(self.vkey)
        self.signed_size = max([c.size for c in held] + [self._last_signed()])
        self.held = next((c for c in held if c.size > self.tree.size or self.reader.root(c.size) != c.root), None)
        if self.held is not None:
            self.refusal = AuditUnavailable(
                f"The record has {self.tree.size} entries and does not extend the checkpoint held of {self.held.size}.",
                code="audit_behind_checkpoint",
                action="Put the newest database back, or run `hanlin audit gap --reason TEXT` to go on with the loss "
                "on record.",
            )

    def _last_signed(self) -> int:
        return int(self.connection.execute("SELECT ifnull(max(size), 0) FROM checkpoints").fetchone()[0])

    def _look_at_last_run(self) -> None:
        """Intents that a crash left without outcome, and the time of the last leaf."""
        (start,) = self.connection.execute("SELECT open_from FROM tree").fetchone()
        sql = (
            "SELECT count(*) FROM leaves AS i WHERE i.seq >= ? AND instr(i.leaf, ?) AND NOT EXISTS "
            "(SELECT 1 FROM leaves AS o WHERE o.request = i.request AND o.seq > i.seq)"
        )
        self.unknown_outcomes = int(self.connection.execute(sql, (start, INTENT_MARK)).fetchone()[0])
        if self.tree.size > self.reader.first():
            last = decode_head(self.reader.leaves(self.tree.size - 1, self.tree.size)[0])
            mono, wall = self._previous
            self._previous = mono, max(wall, last.time)

    # The loop below runs on the thread; what is called from outside goes through the queue.

    def _run(self) -> None:
        try:
            while self._running:
                self._work(self._collect())
                self._tend()
            self.connection.close()
        except BaseException as error:  # noqa: BLE001 -- whatever it was, nobody may be left waiting
            self._fail(error)

    def _collect(self) -> list[Item]:
        """What has arrived, at most 256; empty when it is time for a checkpoint or for another try."""
        queue, batch = self.queue, list[Item]()
        try:
            batch = queue.get(timeout=self._patience())
            while len(batch) < BATCH_ITEMS:
                batch += queue.get_nowait()
        except Empty:
            return batch
        return batch

    def _patience(self) -> float | None:
        if self._late:
            return RETRY_SECONDS
        if self.tree.size <= self.signed_size or self.refusal is not None:
            return None
        return max(0.01, (self._due - self.clock.monotonic()) / 1e9)

    def _work(self, batch: list[Item]) -> None:
        leaves: list[Item] = []
        for item in batch:
            if item[0] is not None:
                leaves.append(item)
                continue
            if leaves:
                self.deliver(self._try(leaves))
                leaves = []
            self.deliver([self._try_job(item[1])])
        if leaves:
            self.deliver(self._try(leaves))

    def _try(self, items: list[Item]) -> list[object]:
        late = len(self._late)
        try:
            results = self.commit(self._late + items)
        except sqlite3.Error as error:
            if not _is_full(error):
                raise
            self._late += [item for item in items if self._is_owed(item)]
            return [_disk_full()] * len(items)
        self._late.clear()
        return results[late:]

    def _is_owed(self, item: Item) -> bool:
        """Whether to write it when there is space: events, and outcomes of intents that are on record."""
        encode, arguments = item
        return encode == self.rows.event or (encode == self.rows.outcome and arguments[0] in self.rows.open)

    def _try_job(self, job: Job) -> object:
        try:
            return job()
        except HanlinError as error:
            return error
        except sqlite3.Error as error:
            if not _is_full(error):
                raise
            return _disk_full()

    def _tend(self) -> None:
        """Between batches, when the waiters have their answer: late outcomes, the checkpoint, the WAL."""
        try:
            if self._late and self.queue.empty():
                self._try([])
            if self._is_due():
                self.cut()
            if self._dirty_pages > WAL_PAGES:
                self._dirty_pages = 0
                self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            if not _is_full(error):
                raise
            self._due = self.clock.monotonic() + int(RETRY_SECONDS * 1e9)

    def _is_due(self) -> bool:
        new = self.tree.size - self.signed_size
        if new <= 0 or self.refusal is not None:
            return False
        return new >= CHECKPOINT_LEAVES or self.clock.monotonic() >= self._due

    def _fail(self, error: BaseException) -> None:
        """Nothing is tried again: after a failed sync the kernel may have dropped what it could not write."""
        kind = type(error).__name__
        failure = AuditUnavailable(
            f"The record could not be written ({kind}); this server stops answering.",
            action="Check the disk of the data folder, then start again.",
        )
        failure.__cause__ = error
        self.failed(failure)

    # What follows runs on the thread, or before it starts.

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One durable transaction. A failed one leaves memory as the disk has it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
            self.rows.closed.clear()
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self._reload()
            raise

    def _reload(self) -> None:
        size = self.reader.size()
        if size != self.tree.size:
            self.tree = _load_tree(self.reader, self.vkey)
        self.rows.keys.forget()
        self.rows.reopen(size)

    def commit(self, items: list[Item]) -> list[object]:
        """Append in one transaction; the result of each item is its seq, or the error of that item alone."""
        with self.transaction() as connection:
            return self.append(connection, items)

    def append(self, connection: sqlite3.Connection, items: list[Item]) -> list[object]:
        """The inside of `commit`, for callers that change more in the same transaction."""
        tree = self.tree
        rows = self._clock_row()
        seq = tree.size + len(rows)
        results: list[object] = []
        for encode, arguments in items:
            assert encode is not None
            try:
                rows.append(encode(seq, *arguments))
            except (HanlinError, UnicodeEncodeError) as error:
                results.append(error)
                continue
            results.append(seq)
            seq += 1
        for row in rows:
            tree.append(leaf_hash(row[3]))
        insert_leaves(connection, rows)
        open_from = next(iter(self.rows.open.values()), seq)
        connection.execute(
            "UPDATE tree SET size = ?, frontier = ?, open_from = ?", (seq, b"".join(tree.frontier), open_from)
        )
        if tree.full:
            connection.executemany("INSERT INTO tiles VALUES (?, ?, ?)", tree.full)
            tree.full.clear()
        self._dirty_pages += 4 + len(rows) // 6
        return results

    def _clock_row(self) -> list[Row]:
        """Reads the clocks; a leaf when the wall clock stepped against the other one."""
        before, wall_before = self._previous
        mono, wall = self.clock.monotonic(), self.clock.wall() // 1_000_000
        self._previous = mono, wall
        self.rows.set_time(wall)
        step = wall - wall_before - (mono - before) // 1_000_000
        if -CLOCK_BACK_MILLISECONDS <= step <= CLOCK_AHEAD_MILLISECONDS:
            return []
        return [self.rows.event(self.tree.size, Event.CLOCK_STEP, None, checked_facts({"milliseconds": step}))]

    def cut(self) -> str:
        """Sign the tree as it is, keep and publish the note; the last note when nothing has changed.

        Raises AuditUnavailable while the tree is behind a held checkpoint: a smaller tree is never signed.
        """
        if self.refusal is not None:
            raise self.refusal
        last = self.reader.checkpoint(self.tree.size)
        if self.tree.size <= self.signed_size and last is not None:
            return last
        note = sign(Checkpoint(self.vkey.name, self.tree.size, self.tree.root()), self._signing)
        with self.transaction() as connection:
            connection.execute("INSERT INTO checkpoints VALUES (?, ?)", (self.tree.size, note))
        self.signed_size = self.tree.size
        self._due = self.clock.monotonic() + int(CHECKPOINT_SECONDS * 1e9)
        self.anchor.publish(note)
        return note

    def begin(self) -> int:
        """Record the start and how many outcomes the last run left unknown."""
        facts = {"sqlite": sqlite3.sqlite_version, "unknown_outcomes": self.unknown_outcomes}
        return self.commit_event(Event.SERVER_STARTED, facts)

    def commit_event(self, event: Event, facts: dict[str, Any]) -> int:
        (seq,) = self.commit([(self.rows.event, (event, None, checked_facts(facts)))])
        assert isinstance(seq, int)
        return seq

    def record_gap(self, reason: str) -> int:
        """Go on after a loss. Every lost position is filled, so no number is used twice and no tree shrinks.

        Raises Conflict when the tree is not behind.
        """
        held = self.held
        if held is None:
            raise Conflict("The record is not behind a checkpoint.", action="There is nothing to do.")
        facts = {"held_root": held.root.hex(), "held_size": held.size, "lost_from": self.tree.size, "reason": reason}
        seq = self.commit_event(Event.CHECKPOINT_GAP, facts)
        lost: Item = (self.rows.event, (Event.CHECKPOINT_GAP, None, checked_facts({"lost": 1})))
        while self.tree.size <= self.signed_size:
            self.commit([lost] * min(4096, self.signed_size + 1 - self.tree.size))
        self.held = self.refusal = None
        self.begin()
        self.cut()
        return seq

    def stop(self) -> None:
        """The last job: everything before it is durable, the tree is signed, the thread ends."""
        self._running = False
        if self.refusal is None:
            self.commit(self._late)
            self.commit_event(Event.SERVER_STOPPED, {})
            self.cut()


def _load_tree(reader: Reader, vkey: VerifierKey) -> Tree:
    """The tree, its newest part worked out from the leaves and compared with what the last transaction wrote.

    Raises AuditUnavailable (`audit_corrupt`) when leaves, tiles, checkpoint and frontier do not agree.
    """
    size, frontier = reader.connection.execute("SELECT size, frontier FROM tree").fetchone()
    note = reader.checkpoint()
    signed = None if note is None else open_checkpoint(note, vkey)
    start = 0 if signed is None else min(signed.size, size) // TILE_WIDTH * TILE_WIDTH
    tree = Tree.at(start, reader.node)
    roots = {start: tree.root()}
    for _, page in reader.pages(start, size):
        for leaf in page:
            tree.append(leaf_hash(leaf))
            if signed is not None and tree.size == signed.size:
                roots[signed.size] = tree.root()
    tree.full.clear()
    agrees = signed is None or roots.get(signed.size) == signed.root
    if not agrees or b"".join(tree.frontier) != frontier:
        raise AuditUnavailable(
            "The newest entries of the record do not agree with its tree: the database was changed or is damaged.",
            code="audit_corrupt",
            action="Run `hanlin audit verify`, keep a copy of the file, and restore the newest backup.",
        )
    return tree


def _is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _disk_full() -> AuditUnavailable:
    return AuditUnavailable(
        "The record's disk is full; nothing is generated until there is space.",
        code="audit_disk_full",
        action="Free space on the disk of the data folder; no restart is needed.",
    )
