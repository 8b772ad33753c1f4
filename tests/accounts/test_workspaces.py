"""Workspaces and their limits."""

import pytest

from hanlin.accounts import Accounts, Limits
from hanlin.errors import BadRequest, Conflict, NotAllowed
from tests.accounts.conftest import Cast


async def test_people_see_their_own_workspaces_and_administrators_all(accounts: Accounts, cast: Cast) -> None:
    assert [workspace.name for workspace in await accounts.workspaces.list(cast.colleague)] == ["atelier"]
    assert [w.name for w in await accounts.workspaces.list(cast.operator)] == ["atelier", "elsewhere", "main"]


async def test_names_are_unique(accounts: Accounts, cast: Cast) -> None:
    with pytest.raises(Conflict, match="taken"):
        await accounts.workspaces.create(cast.operator, "ATELIER")


async def test_limits_are_in_force_at_once_and_survive(accounts: Accounts, cast: Cast) -> None:
    limits = Limits(tokens_per_minute=100, tokens_per_day=1000)
    await accounts.workspaces.set_limits(cast.owner, cast.owner.workspace, limits)
    assert accounts.limits[cast.owner.workspace] == limits
    assert (await accounts.workspaces.get(cast.colleague, cast.owner.workspace)).limits == limits
    accounts.limits.clear()
    await accounts.sessions.open(cast.colleague.person)
    assert accounts.limits[cast.owner.workspace] == limits


async def test_only_owners_and_administrators_set_limits_within_bounds(accounts: Accounts, cast: Cast) -> None:
    for actor in (cast.colleague, cast.auditor):
        with pytest.raises(NotAllowed):
            await accounts.workspaces.set_limits(actor, actor.workspace, Limits())
    for limits in (Limits(tokens_per_day=0), Limits(requests_per_minute=5)):
        with pytest.raises(BadRequest):
            await accounts.workspaces.set_limits(cast.operator, cast.owner.workspace, limits)
