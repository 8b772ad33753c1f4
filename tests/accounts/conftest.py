"""The standing cast, in a database of either kind."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from argon2 import PasswordHasher

from hanlin.accounts import Accounts, Passwords
from hanlin.storage import Database
from hanlin.types import Actor, Announce, Facts, Role
from tests.storage.databases import database, database_url, postgresql_server, sqlite_template

__all__ = ["database", "database_url", "postgresql_server", "sqlite_template"]

PASSWORD = "correct horse battery"


@dataclass
class Clock:
    """Unix seconds that a test moves."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


class Announced(list[tuple[str, str]]):
    """What the room put on the record: event and who did it; handed on to `to` where a test has a real record."""

    to: Announce | None = None

    async def __call__(self, event: str, actor: Actor | None, facts: Facts) -> None:
        self.append((event, actor.person if actor else ""))
        if self.to is not None:
            await self.to(event, actor, facts)


@dataclass
class Cast:
    """`owner`, `colleague` and `auditor` share a workspace; `stranger` owns another; `operator` runs the server."""

    operator: Actor
    owner: Actor
    colleague: Actor
    auditor: Actor
    stranger: Actor
    tokens: dict[str, str] = field(default_factory=dict)
    """Session token of each, by name."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monotonic() -> Clock:
    return Clock(now=1000.0)


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture
def accounts(database: Database, clock: Clock, monotonic: Clock, announced: Announced) -> Accounts:
    return open_accounts(database, clock, monotonic, announced)


def open_accounts(database: Database, clock: Clock, monotonic: Clock, announced: Announced) -> Accounts:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return Accounts(database, clock=clock, monotonic=monotonic, passwords=Passwords(cheap), announce=announced)


@pytest.fixture
async def cast(accounts: Accounts) -> Cast:
    return await move_in(accounts)


async def move_in(accounts: Accounts) -> Cast:
    """Invite the cast into an empty database."""
    first = await accounts.first_run()
    assert first is not None
    operator = await accounts.redeem(first.sign_in_token, "operator", PASSWORD)
    tokens = {"operator": operator.token}
    actors: dict[str, Actor] = {}
    for workspace, roles in (
        ("atelier", {"owner": Role.OWNER, "colleague": Role.MEMBER, "auditor": Role.AUDITOR}),
        ("elsewhere", {"stranger": Role.OWNER}),
    ):
        made = await accounts.workspaces.create(operator.actor, workspace)
        inside = await accounts.sessions.open(operator.actor.person, workspace=made.id)
        for person, role in roles.items():
            link = (await accounts.people.invite(inside.actor, person, role)).token
            signed_in = await accounts.redeem(link, person, PASSWORD)
            actors[person], tokens[person] = signed_in.actor, signed_in.token
        await accounts.people.remove(inside.actor, operator.actor.person)
    return Cast(operator.actor, tokens=tokens, **actors)
