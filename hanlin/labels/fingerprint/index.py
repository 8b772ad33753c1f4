"""What this server made, found again when its metadata is gone: by fingerprint, by watermark, by number.

A fingerprint is looked up by its keys, never by reading through the entries: each key names a bucket of at most
`BUCKET_ENTRIES`, and only the values of entries that share a key are compared. A phrase that stands in everything fills
its bucket once and costs nothing afterwards.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from msgspec import Struct
from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from hanlin.labels.fingerprint import picture, sound, text
from hanlin.labels.tables import fingerprint_buckets as buckets
from hanlin.labels.tables import fingerprints
from hanlin.storage import Database

Kind = Literal["text", "picture", "sound"]

KEYS = 4096
"""Most keys of one entry; of more, so many are taken evenly."""
VALUE_BYTES = 256 * 1024
"""Longest value of one entry; of a longer one the beginning is kept."""
ASKED_KEYS = 8192
BUCKET_ENTRIES = 64
"""So many entries may share a key; later ones are found by their other keys."""
MATCHES = 20
_BATCH = 500
_KEY_BITS = 40
_Item = TypeVar("_Item")


class Entry(Struct, frozen=True):
    """One thing that was made. Without keys (a short text, a flat picture) it is found by watermark and number only."""

    produce_id: str
    """ProduceID of its label; one entry for each kind."""
    request_id: str
    workspace: str
    person: str
    kind: Kind
    media_type: str
    made_at: int
    """Seconds since 1970."""
    keys: Sequence[int] = ()
    """From the kind's `keys`: 0 to 2**40."""
    value: bytes = b""
    """The fingerprint: of texts and sound uint32, little-endian; of pictures 32 bytes, big-endian."""
    watermark: int | None = None
    """Unsigned, 64 bits."""


class Match(Struct, frozen=True):
    """An entry that was found. Who it belongs to is for the caller to keep from strangers."""

    produce_id: str
    request_id: str
    workspace: str
    media_type: str
    made_at: int
    similarity: float
    """1 for the same; by watermark and number always 1."""


class _Measure(Struct, frozen=True):
    number: int
    similarity: Callable[[bytes, bytes], float]
    """Of what is asked and what was kept."""
    threshold: float
    shared_keys: int
    """Entries that share fewer keys cannot be similar enough."""
    candidates: int
    """Entries compared at most: those that share the most keys."""


def _of_texts(asked: bytes, kept: bytes) -> float:
    return text.similarity(np.frombuffer(asked, "<u4").reshape(-1, 2), np.frombuffer(kept, "<u4"))


def _of_pictures(asked: bytes, kept: bytes) -> float:
    return picture.similarity(int.from_bytes(asked, "big"), int.from_bytes(kept, "big"))


def _of_sounds(asked: bytes, kept: bytes) -> float:
    return sound.similarity(np.frombuffer(asked, "<u4"), np.frombuffer(kept, "<u4"))[0]


_MEASURES: dict[Kind, _Measure] = {
    "text": _Measure(1, _of_texts, text.SIMILAR, text.FEWEST_HASHES, 64),
    "picture": _Measure(2, _of_pictures, picture.SIMILAR, 1, 512),
    "sound": _Measure(3, _of_sounds, sound.SIMILAR, 1, 8),
}


class Index:
    """Made once per server; its rows are the only state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entry: Entry) -> None:
        await self.add_all((entry,))

    async def add_all(self, entries: Iterable[Entry]) -> None:
        """Keep entries, in one transaction. What is there already, by number and kind, stays as it is."""
        named = {(entry.produce_id, entry.kind): entry for entry in entries}
        async with self._database.write() as connection:
            for names in _batches(list(named)):
                known = set(map(tuple, await connection.execute(_select_names(names))))
                await _insert(connection, [named[name] for name in names if name not in known])

    async def find(self, kind: Kind, keys: Iterable[int], value: bytes) -> list[Match]:
        """What is as similar as a copy, best first, the newest of equals first, at most 20.

        Asked are, of a text, the keys and bytes of its `text.question`; of a picture and of a
        sound the `probes` and bytes of its fingerprint.
        """
        measure = _MEASURES[kind]
        statement = _candidates(measure, _buckets(kind, keys, ASKED_KEYS))
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return await asyncio.to_thread(_rank, measure, value, rows)

    async def by_watermark(self, payload: int) -> Match | None:
        """The newest entry whose watermark says `payload` (unsigned, 64 bits)."""
        return await self._newest(fingerprints.c.watermark == _signed(payload))

    async def by_number(self, produce_id: str) -> Match | None:
        """The entry whose label says this ProduceID; any text may be asked."""
        if not (produce_id.isascii() and produce_id.isprintable()):
            return None  # Annex E j): in no label of ours, and PostgreSQL takes no NUL
        return await self._newest(fingerprints.c.produce_id == produce_id)

    async def erase(self, person: str) -> int:
        """Delete a person's entries; how many there were."""
        return await self._delete(fingerprints.c.person_id == person)

    async def prune(self, before: int) -> int:
        """Delete the entries made before a second since 1970; how many there were."""
        return await self._delete(fingerprints.c.made_at < before)

    async def _newest(self, condition: ColumnElement[bool]) -> Match | None:
        statement = select(fingerprints).where(condition).order_by(fingerprints.c.made_at.desc()).limit(1)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _match(row, 1.0)

    async def _delete(self, condition: ColumnElement[bool]) -> int:
        """In steps, so that other writers have their turn between two."""
        count = 0
        while True:
            async with self._database.write() as connection:
                statement = select(fingerprints.c.id, fingerprints.c.buckets).where(condition).limit(_BATCH)
                rows = [(number, packed) for number, packed in await connection.execute(statement)]
                if not rows:
                    return count
                await _delete_rows(connection, rows)
                count += len(rows)


def _select_names(names: Sequence[tuple[str, Kind]]) -> Any:
    columns = fingerprints.c.produce_id, fingerprints.c.kind
    return select(*columns).where(tuple_(*columns).in_(names))


def _candidates(measure: _Measure, asked: Sequence[int]) -> Any:
    """The entries that share the most keys with what is asked."""
    shared = func.count()
    counted = select(buckets.c.fingerprint).where(buckets.c.bucket.in_(asked)).group_by(buckets.c.fingerprint)
    counted = counted.having(shared >= measure.shared_keys).order_by(shared.desc(), buckets.c.fingerprint.desc())
    return select(fingerprints).where(fingerprints.c.id.in_(counted.limit(measure.candidates)))


async def _insert(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    wanted = [_buckets(entry.kind, entry.keys, KEYS) for entry in entries]
    filled = await _fill(connection, {bucket for each in wanted for bucket in each})
    taken = [[bucket for bucket in each if _take(filled, bucket)] for each in wanted]
    rows = [_row(entry, each) for entry, each in zip(entries, taken, strict=True)]
    statement = insert(fingerprints).returning(fingerprints.c.id, sort_by_parameter_order=True)
    numbers = (await connection.execute(statement, rows)).scalars().all()
    pairs = [
        {"bucket": bucket, "fingerprint": number}
        for number, each in zip(numbers, taken, strict=True)
        for bucket in each
    ]
    if pairs:
        await connection.execute(insert(buckets), pairs)


async def _fill(connection: AsyncConnection, wanted: set[int]) -> Counter[int]:
    """How many entries stand in each bucket."""
    filled: Counter[int] = Counter()
    for part in _batches(list(wanted)):
        statement = select(buckets.c.bucket, func.count()).where(buckets.c.bucket.in_(part)).group_by(buckets.c.bucket)
        for bucket, count in await connection.execute(statement):
            filled[bucket] = count
    return filled


def _take(filled: Counter[int], bucket: int) -> bool:
    filled[bucket] += 1
    return filled[bucket] <= BUCKET_ENTRIES


async def _delete_rows(connection: AsyncConnection, rows: Sequence[tuple[int, bytes]]) -> None:
    pairs = [
        {"one_bucket": bucket, "one_fingerprint": number}
        for number, packed in rows
        for bucket in np.frombuffer(packed, "<i8").tolist()
    ]
    if pairs:
        pair = and_(buckets.c.bucket == bindparam("one_bucket"), buckets.c.fingerprint == bindparam("one_fingerprint"))
        await connection.execute(delete(buckets).where(pair), pairs)
    await connection.execute(delete(fingerprints).where(fingerprints.c.id.in_([number for number, _ in rows])))


def _rank(measure: _Measure, value: bytes, rows: Iterable[Any]) -> list[Match]:
    matches = (_match(row, measure.similarity(value, row.value)) for row in rows)
    similar = [match for match in matches if match.similarity >= measure.threshold]
    return sorted(similar, key=lambda match: (match.similarity, match.made_at), reverse=True)[:MATCHES]


def _buckets(kind: Kind, keys: Iterable[int], most: int) -> list[int]:
    """Numbers of the buckets that keys of a kind name, each once, evenly thinned to `most`."""
    ordered = list(dict.fromkeys(_MEASURES[kind].number << _KEY_BITS | key for key in keys))
    return ordered[:: -(-len(ordered) // most)] if len(ordered) > most else ordered


def _row(entry: Entry, taken: Sequence[int]) -> dict[str, object]:
    return {
        "produce_id": entry.produce_id,
        "kind": entry.kind,
        "request_id": entry.request_id,
        "workspace_id": entry.workspace,
        "person_id": entry.person,
        "media_type": entry.media_type,
        "watermark": None if entry.watermark is None else _signed(entry.watermark),
        "value": entry.value[:VALUE_BYTES],
        "buckets": np.array(taken, "<i8").tobytes(),
        "made_at": entry.made_at,
    }


def _match(row: Any, similarity: float) -> Match:
    return Match(row.produce_id, row.request_id, row.workspace_id, row.media_type, row.made_at, similarity)


def _signed(payload: int) -> int:
    """The same 64 bits as the databases' BIGINT, which is signed."""
    return payload - (1 << 64) if payload >= 1 << 63 else payload


def _batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
