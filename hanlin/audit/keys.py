"""Keys that can be destroyed: one for each person and month, wrapped by the master key, so that erasure is possible.

    subject key   32 random bytes for (person, month), stored wrapped: AES-256-GCM under the master key
    record key    HMAC-SHA256(subject key, "rec" + request id + event)
    commitment    HMAC-SHA256(record key, "in" + request body) or ("out" + output)
    sealed part   AES-256-GCM(record key) of the person's id; its SHA-256 stands in the leaf

The record key is bound to the request id and the event, not to the sequence number: the number is given by the
writer, after the commitments are made. Handing out one record key opens that record and no other.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hanlin.errors import Misconfigured

CACHED_KEYS = 65_536
"""Unwrapped keys held in memory, about 500 bytes each; beyond it the cache starts anew."""
_INNER, _OUTER = bytes(b ^ 0x36 for b in range(256)), bytes(b ^ 0x5C for b in range(256))
_INNER_REST, _OUTER_REST = b"\x36" * 32, b"\x5c" * 32
"""HMAC's paddings (RFC 2104) for keys of 32 bytes: two plain hashes cost two thirds of `hmac.digest`."""
_ONCE = bytes(12)


def seal(key: bytes, content: bytes, context: bytes) -> bytes:
    """AES-256-GCM: 12 random bytes, then ciphertext and tag."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, content, context)


def unseal(key: bytes, box: bytes, context: bytes) -> bytes:
    """What `seal` closed. Raises cryptography's InvalidTag for another key, context or box."""
    return AESGCM(key).decrypt(box[:12], box[12:], context)


def record_key(subject_key: bytes, request_id: str, event: str) -> bytes:
    return hmac.digest(subject_key, b"rec" + request_id.encode() + event.encode(), "sha256")


def commitment(key: bytes, kind: bytes, text: bytes) -> bytes:
    """HMAC-SHA256(key, kind + text) for a key of 32 bytes, without copying the text. `kind` is `in` or `out`."""
    inner = sha256(key.translate(_INNER) + _INNER_REST + kind)
    inner.update(text)
    return sha256(key.translate(_OUTER) + _OUTER_REST + inner.digest()).digest()


def seal_person(key: bytes, person: str) -> bytes:
    """The sealed part of an intent. The record key closes this one text and no other, so the nonce is a constant:
    the same request sealed twice gives the same bytes.
    """
    return AESGCM(key).encrypt(_ONCE, person.encode(), None)


def unseal_person(key: bytes, box: bytes) -> str:
    return AESGCM(key).decrypt(_ONCE, box, None).decode()


def pseudonym(person: str) -> str:
    """How an erasure or a hold names a person in the record: findable with the id, meaningless without."""
    return sha256(b"hanlin person\n" + person.encode()).hexdigest()[:32]


class SubjectKey:
    """A subject key ready for use: HMAC's two inner states are made once, which halves the cost of a record key."""

    __slots__ = ("_inner", "_outer", "subject")

    def __init__(self, subject: int, key: bytes) -> None:
        self.subject = subject
        self._inner = sha256(key.translate(_INNER) + _INNER_REST + b"rec")
        self._outer = sha256(key.translate(_OUTER) + _OUTER_REST)

    def record_key(self, request_and_event: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(request_and_event)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class Keys:
    """The keys of the people in the record. Lives on the thread that owns the connection."""

    def __init__(self, connection: sqlite3.Connection, master_key: bytes) -> None:
        self._connection = connection
        self._master = master_key
        self._cache: dict[tuple[str, str], SubjectKey] = {}

    def forget(self) -> None:
        """Drop what is in memory: after an erasure, and after a transaction that did not commit."""
        self._cache.clear()

    def of(self, person: str, month: str) -> SubjectKey:
        """The key of a person in a month `YYYY-MM`, made at first use inside the open transaction."""
        found = self._cache.get((person, month))
        return found or self._load(person, month)

    def _load(self, person: str, month: str) -> SubjectKey:
        row = self._connection.execute(
            "SELECT id, wrapped FROM keys WHERE person = ? AND month = ?", (person, month)
        ).fetchone()
        if row is None:
            key = os.urandom(32)
            subject = self._connection.execute(
                "INSERT INTO keys (person, month, wrapped) VALUES (?, ?, ?)",
                (person, month, seal(self._master, key, _context(person, month))),
            ).lastrowid
            assert subject is not None
        else:
            subject, key = row[0], self.unwrap(row[1], person, month)
        if len(self._cache) >= CACHED_KEYS:
            self._cache.clear()
        made = self._cache[person, month] = SubjectKey(subject, key)
        return made

    def unwrap(self, wrapped: bytes, person: str, month: str) -> bytes:
        return unwrap(self._master, wrapped, _context(person, month))


def _context(person: str, month: str) -> bytes:
    return f"{person}/{month}".encode()


def unwrap_row(master_key: bytes, row: tuple[Any, ...]) -> bytes:
    """The subject key in a row (person, month, wrapped)."""
    person, month, wrapped = row
    return unwrap(master_key, wrapped, _context(person, month))


def unwrap(master_key: bytes, box: bytes, context: bytes) -> bytes:
    """Open what the master key closed. Raises Misconfigured when it is another master key."""
    try:
        return unseal(master_key, box, context)
    except InvalidTag:
        raise Misconfigured(
            "The master key does not open this record's keys.",
            action="Set the master key this data folder was made with; without it sealed parts cannot be read again.",
        ) from None
