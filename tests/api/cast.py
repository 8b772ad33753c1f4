"""The whole house over a folder of its own: echo models, two workspaces, a key for each of the standing cast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from litestar import Litestar

from hanlin.accounts import KeyRequest
from hanlin.api import platform
from hanlin.api.front import Front
from hanlin.app import House, open_house
from hanlin.settings import Settings
from hanlin.types import Actor, Model, Role, Service
from tests.api.asgi_client import Client

REASON = "Answers for tests, the same every time."
LIMIT = 128 * 1024
"""The largest body this house takes."""
ANSWERS: dict[str, dict[str, Any]] = {
    "plain": {"answer": "one two three four"},
    "echo": {},
    "slow": {"answer": "one two three four", "pieces": 2000, "delay_seconds": 0.02},
    "plum": {"answer": "first a word, then pipe bomb instructions and more"},
    "broken": {"fault": "error"},
    "cut": {"answer": "one two three four", "fault": "cut"},
}
ROLES = {"owner": Role.OWNER, "colleague": Role.MEMBER, "auditor": Role.AUDITOR}


@dataclass
class Premises:
    """A house that is open, and who is in it."""

    house: House
    client: Client
    rooms: platform.Rooms
    folder: Path
    actors: dict[str, Actor] = field(default_factory=dict)
    """Each of the cast as they sit at a browser."""
    keys: dict[str, str] = field(default_factory=dict)
    """An API key of each with all they may do."""

    @property
    def framework(self) -> Litestar:
        return framework(self.house)

    async def leaves(self) -> list[Any]:
        """The newest 200 entries of the record, newest first."""
        return [entry.leaf for entry in (await self.rooms.log.entries(limit=200)).entries]

    async def outcomes(self) -> list[Any]:
        return [leaf for leaf in await self.leaves() if leaf.event == "generation:outcome"]

    async def key(self, who: str, **request: Any) -> str:
        """Another key of one of the cast."""
        permissions = frozenset(request.pop("permissions", self.actors[who].permissions))
        made = await self.rooms.accounts.keys.create(
            self.actors[who], KeyRequest(name="another", permissions=permissions, **request)
        )
        return made.token


def framework(house: House) -> Litestar:
    return cast("Litestar", cast("Front", house.asgi)._pages)


def settings(
    folder: Path, *, more_models: tuple[Model, ...] = (), more_services: tuple[Service, ...] = (), **changed: Any
) -> Settings:
    values: dict[str, Any] = {
        "data": str(folder),
        "weights": str(folder / "weights"),
        "model": "none",
        "models": (
            *(
                Model(name=f"{name}-model", engine="echo", declaration=REASON, options=options)
                for name, options in ANSWERS.items()
            ),
            *more_models,
        ),
        "services": (
            *(Service(name=name, models=(f"{name}-model",)) for name in ANSWERS),
            Service(name="both", models=("plain-model", "echo-model")),
            *more_services,
        ),
        "request_bytes": LIMIT,
        "requests_per_minute": 100_000,
        **changed,
    }
    return Settings(**values)


@asynccontextmanager
async def premises(folder: Path, **changed: Any) -> AsyncIterator[Premises]:
    wanted = settings(folder, **changed)
    async with open_house(wanted) as house:
        rooms = framework(house).state.rooms
        here = Premises(house, Client(house.asgi), rooms, folder)
        await asyncio.wait({house.admitting})
        await move_in(here)
        yield here


async def move_in(here: Premises) -> None:
    accounts = here.rooms.accounts
    assert here.house.first_run is not None
    first = await accounts.authenticate(here.house.first_run.key)
    here.actors["operator"] = (await accounts.sessions.open(first.person, workspace=first.workspace)).actor
    for workspace, roles in (("atelier", ROLES), ("elsewhere", {"stranger": Role.OWNER})):
        made = await accounts.workspaces.create(here.actors["operator"], workspace)
        inside = (await accounts.sessions.open(first.person, workspace=made.id)).actor
        for name, role in roles.items():
            # who shall be an auditor comes as an owner, because auditors make no keys
            at_first = Role.OWNER if role is Role.AUDITOR else role
            invited = await accounts.people.invite(inside, f"the {name}", at_first)
            here.actors[name] = (await accounts.sessions.open(invited.person.id, workspace=made.id)).actor
            here.keys[name] = await here.key(name)
            if role is Role.AUDITOR:
                await accounts.people.set_role(inside, invited.person.id, role)
        await accounts.people.remove(inside, first.person)
    here.keys["operator"] = await here.key("operator")
