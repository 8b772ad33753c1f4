"""The standing cast in a database of either kind, a clock that a test moves, and what was put on the record."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hanlin.accounts import granted
from hanlin.accounts.tables import memberships, people, workspaces
from hanlin.review import Case, Desk, Incidents, Ladder
from hanlin.storage import Database
from hanlin.types import Actor, Facts, Role
from tests.storage.databases import database, database_url, postgresql_server, sqlite_template

__all__ = ["database", "database_url", "postgresql_server", "sqlite_template"]

HOME, ELSEWHERE = "ws_home", "ws_elsewhere"


def actor(name: str, workspace: str, role: Role, *, administrator: bool = False) -> Actor:
    rights = granted(role, administrator=administrator)
    return Actor(f"per_{name}", workspace, role, rights, administrator=administrator)


OWNER = actor("owner", HOME, Role.OWNER)
REVIEWER = actor("reviewer", HOME, Role.REVIEWER)
THIRD = actor("third", HOME, Role.REVIEWER)
COLLEAGUE = actor("colleague", HOME, Role.MEMBER)
OTHER = actor("other", HOME, Role.MEMBER)
AUDITOR = actor("auditor", HOME, Role.AUDITOR)
STRANGER = actor("stranger", ELSEWHERE, Role.OWNER)
ADMINISTRATOR = actor("administrator", ELSEWHERE, Role.MEMBER, administrator=True)
CAST = (OWNER, REVIEWER, THIRD, COLLEAGUE, OTHER, AUDITOR, STRANGER, ADMINISTRATOR)


@dataclass
class Office:
    """A database with people in it, and the rooms over it; each call makes another server's."""

    database: Database
    now: float = 1_790_000_000.0
    announced: list[tuple[str, str, Facts]] = field(default_factory=list)
    decided: list[Case] = field(default_factory=list)

    async def announce(self, event: str, actor: Actor | None, facts: Facts) -> None:
        self.announced.append((event, actor.person if actor else "", facts))

    async def hear(self, case: Case) -> None:
        self.decided.append(case)

    def clock(self) -> float:
        return self.now

    def desk(self) -> Desk:
        return Desk(self.database, self.announce, clock=self.clock, on_decided=self.hear)

    def incidents(self) -> Incidents:
        return Incidents(self.database, self.announce, clock=self.clock)

    def ladder(self, desk: Desk | None = None) -> Ladder:
        return Ladder(self.database, self.announce, desk=desk, clock=self.clock)

    @property
    def events(self) -> list[str]:
        return [event for event, _, _ in self.announced]


@pytest.fixture
async def office(database: Database) -> Office:
    async with database.write() as connection:
        for workspace in (HOME, ELSEWHERE):
            row = {"id": workspace, "name": workspace, "folded_name": workspace, "created_at": 0}
            await connection.execute(workspaces.insert().values(row))
        for one in CAST:
            row = {"id": one.person, "name": one.person, "folded_name": one.person, "language": "", "created_at": 0}
            flags = {"administrator": one.administrator, "disabled": False}
            await connection.execute(people.insert().values(row | flags))
            member = {"person_id": one.person, "workspace_id": one.workspace, "role": one.role.value}
            await connection.execute(memberships.insert().values(member))
    return Office(database)
