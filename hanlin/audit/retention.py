"""What may leave the record, and how: erasure of a person, legal holds, and the end of the retention time.

Leaves are never changed. Erasure destroys the keys and sealed parts that tie leaves to a person; pruning drops the
oldest leaves and keeps the hashes of their tiles (C2SP tlog-tiles), so every later proof still verifies.
Each function is a job on the writer's thread.
"""

from __future__ import annotations

import sqlite3

from hanlin.audit.events import Event
from hanlin.audit.keys import pseudonym
from hanlin.audit.leaves import checked_facts, decode_head
from hanlin.audit.rows import month_of
from hanlin.audit.tree import TILE_WIDTH
from hanlin.audit.writer import Item, Writer
from hanlin.errors import BadRequest, Conflict

RETENTION_DAYS = 183
"""Six months: Cybersecurity Law of China, art. 21(3); EU AI Act, art. 19(1) and 26(6)."""
DAY_MILLISECONDS = 86_400_000
SWEEP_LEAVES = 20_000
"""Leaves looked at in one step, about 10 ms, so that generations go on between two steps."""


def _event(writer: Writer, event: Event, facts: dict[str, str | int]) -> Item:
    return writer.rows.event, (event, None, checked_facts(facts))


def _append_one(writer: Writer, connection: sqlite3.Connection, item: Item) -> int:
    (seq,) = writer.append(connection, [item])
    assert isinstance(seq, int)
    return seq


def destroy_keys(writer: Writer, person: str, basis: str) -> int | None:
    """Delete a person's keys, append the erasure leaf; its seq, None when there is nothing to erase.

    Raises Conflict under a legal hold. `sweep` must follow: it is resumed when the log opens.
    """
    held = writer.connection.execute("SELECT 1 FROM holds WHERE person = ?", (person,)).fetchone()
    if held is not None:
        raise Conflict("This person's part of the record is under a legal hold.", action="Lift the hold first.")
    (keys,) = writer.connection.execute("SELECT count(*) FROM keys WHERE person = ?", (person,)).fetchone()
    if not keys:
        return None
    facts: dict[str, str | int] = {"basis": basis, "keys": keys, "subject": pseudonym(person)}
    with writer.transaction() as connection:
        connection.execute("UPDATE keys SET wrapped = zeroblob(length(wrapped)) WHERE person = ?", (person,))
        connection.execute("DELETE FROM keys WHERE person = ?", (person,))
        connection.execute("UPDATE retention SET sweep = first")
        seq = _append_one(writer, connection, _event(writer, Event.ERASURE_DONE, facts))
    writer.rows.keys.forget()
    return seq


def sweep(writer: Writer) -> bool:
    """One step of deleting the sealed parts whose key is gone; True when all are, and no old page is left in the WAL.

    Raises Conflict when a reader kept the WAL busy for long; the next try goes on from there.
    """
    (start,) = writer.connection.execute("SELECT sweep FROM retention").fetchone()
    if start is None:
        return True
    if start < writer.tree.size:
        end = start + SWEEP_LEAVES
        with writer.transaction() as connection:
            connection.execute(
                "UPDATE leaves SET subject = NULL, sealed = NULL WHERE seq >= ? AND seq < ? "
                "AND subject IS NOT NULL AND subject NOT IN (SELECT id FROM keys)",
                (start, end),
            )
            connection.execute("UPDATE retention SET sweep = ?", (end,))
        return False
    _truncate_wal(writer.connection)
    with writer.transaction() as connection:
        connection.execute("UPDATE retention SET sweep = NULL")
    return True


def _truncate_wal(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA busy_timeout = 2000").fetchall()
    ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if busy:
        raise Conflict("A reader kept the record's WAL busy.", action="Try again: the erasure goes on from here.")


def place_hold(writer: Writer, person: str, reason: str) -> int:
    """From now on nothing of this person is erased or pruned."""
    with writer.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO holds VALUES (?, ?)", (person, reason))
        facts: dict[str, str | int] = {"reason": reason, "subject": pseudonym(person)}
        return _append_one(writer, connection, _event(writer, Event.HOLD_PLACED, facts))


def lift_hold(writer: Writer, person: str, reason: str) -> int:
    """Raises Conflict when there is no hold."""
    with writer.transaction() as connection:
        if not connection.execute("DELETE FROM holds WHERE person = ?", (person,)).rowcount:
            raise Conflict("There is no hold on this person.", action="There is nothing to do.")
        facts: dict[str, str | int] = {"reason": reason, "subject": pseudonym(person)}
        return _append_one(writer, connection, _event(writer, Event.HOLD_LIFTED, facts))


def prune(writer: Writer, before: int, now: int, basis: str) -> int:
    """Drop whole bundles of 256 leaves that are older than `before`; the first seq that is still there.

    `before` and `now` are milliseconds since 1970. Keys of months that ended before it go too. Raises BadRequest when
    it is less than 183 days ago, Conflict while any legal hold stands.
    """
    if before > now - RETENTION_DAYS * DAY_MILLISECONDS:
        raise BadRequest(f"Entries are kept for at least {RETENTION_DAYS} days.", action="Choose an earlier day.")
    if writer.connection.execute("SELECT 1 FROM holds").fetchone() is not None:
        raise Conflict("A legal hold stands; nothing is pruned.", action="Lift the hold first.")
    first = writer.reader.first()
    end = _end_of_old(writer, first, before)
    if end == first:
        return first
    with writer.transaction() as connection:
        connection.execute("UPDATE retention SET first = ?, sweep = ?", (end, end))
        connection.execute("DELETE FROM leaves WHERE seq < ?", (end,))
        connection.execute("DELETE FROM keys WHERE month < ?", (month_of(before),))
        facts: dict[str, str | int] = {"basis": basis, "before": before, "first": end}
        _append_one(writer, connection, _event(writer, Event.RECORD_PRUNED, facts))
    writer.rows.keys.forget()
    return end


def _end_of_old(writer: Writer, first: int, before: int) -> int:
    """Walks up from the oldest leaf: clocks may step, so the first young leaf is looked for, not guessed."""
    end = first
    for start, page in writer.reader.pages(first, writer.tree.size // TILE_WIDTH * TILE_WIDTH, TILE_WIDTH):
        if any(decode_head(leaf).time >= before for leaf in page):
            break
        end = start + TILE_WIDTH
    return end
