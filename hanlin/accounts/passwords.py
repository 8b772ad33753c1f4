"""Passwords: argon2id in two worker threads, behind a short queue, so that a login flood costs no memory."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hanlin.accounts.naming import fold
from hanlin.errors import BadRequest, TooMany

T = TypeVar("T")

THREADS = 2
WAITING = 16
"""Passwords in work or in the queue; more get TooMany."""
SHORTEST, LONGEST = 8, 1024
"""Characters (ASVS 5.0, 6.2.1, 6.2.9)."""


def check_password(password: str, name: str) -> None:
    """BadRequest unless 8 to 1024 characters, not among the most common ones, and not the name (ASVS 6.2.4, 6.2.11)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(
            f"A password must have {SHORTEST} to {LONGEST} characters, got {len(password)}.", param="password"
        )
    folded = fold(password)
    if folded in _common_passwords() or folded == fold(name):
        raise BadRequest(
            "This password is one of the first an attacker tries.",
            action="Take four random words, or let a password manager choose.",
            param="password",
        )


@cache
def _common_passwords() -> frozenset[str]:
    file = Path(__file__).with_name("common_passwords.txt")
    return frozenset(file.read_text(encoding="utf-8").split())


class Passwords:
    """Hashes and verifies. The default makes two passes over 46 MiB; ASVS 5.0, appendix C, wants one at least."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
        self._jobs = 0
        self._decoy = ""

    async def hash(self, password: str) -> str:
        """The encoded argon2id hash. TooMany when the queue is full."""
        return await self._work(lambda: self._hasher.hash(_encoded(password)))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether it matches; None (nobody, or nobody's password yet) takes as long as a wrong one."""
        return await self._work(lambda: self._matches(password_hash, password))

    def outdated(self, password_hash: str) -> bool:
        """True when today's cost differs from the hash's: hash again at the next sign-in."""
        return self._hasher.check_needs_rehash(password_hash)

    def _matches(self, password_hash: str | None, password: str) -> bool:
        # made by whoever comes first, known or unknown, so that its cost tells nothing
        self._decoy = self._decoy or self._hasher.hash(secrets.token_bytes(16))
        try:
            self._hasher.verify(password_hash or self._decoy, _encoded(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    async def _work(self, function: Callable[[], T]) -> T:
        if self._jobs >= WAITING:
            raise TooMany("Too many people are signing in at this moment.", retry_after_seconds=2)
        self._jobs += 1
        job = self._threads.submit(function)
        job.add_done_callback(self._done)  # also when the waiter has gone and the thread still works
        return await asyncio.wrap_future(job)

    def _done(self, _job: Future[T]) -> None:
        self._jobs -= 1


def _encoded(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
