"""Every change of who may act goes on the record, with who made it."""

from __future__ import annotations

import pytest

from hanlin.accounts import Accounts, KeyRequest, Limits
from hanlin.errors import NotSignedIn
from hanlin.types import Role
from tests.accounts.conftest import PASSWORD, Announced, Cast


async def test_keys_people_and_workspaces_are_announced(accounts: Accounts, cast: Cast, announced: Announced) -> None:
    announced.clear()
    owner, operator = cast.owner, cast.operator
    made = await accounts.keys.create(owner, KeyRequest(name="one"))
    await accounts.keys.revoke(owner, made.key.id)
    await accounts.keys.revoke(owner, made.key.id)
    invited = await accounts.people.invite(owner, "newcomer", Role.MEMBER)
    await accounts.people.new_link(owner, invited.person.id)
    await accounts.people.set_role(owner, invited.person.id, Role.AUDITOR)
    await accounts.people.remove(owner, invited.person.id)
    await accounts.people.set_disabled(operator, cast.stranger.person, disabled=True)
    await accounts.people.set_administrator(operator, cast.colleague.person, administrator=True)
    await accounts.people.erase(operator, cast.stranger.person)
    await accounts.workspaces.create(operator, "another")
    await accounts.workspaces.set_limits(owner, owner.workspace, Limits(tokens_per_day=5))
    assert announced == [
        ("key:created", owner.person),
        ("key:revoked", owner.person),
        ("person:added", owner.person),
        ("person:changed", owner.person),
        ("person:changed", owner.person),
        ("person:removed", owner.person),
        ("person:changed", operator.person),
        ("person:changed", operator.person),
        ("person:removed", operator.person),
        ("workspace:created", operator.person),
        ("workspace:changed", owner.person),
    ]


async def test_signing_in_and_out_and_failing_to_are_announced(
    accounts: Accounts, cast: Cast, announced: Announced
) -> None:
    announced.clear()
    with pytest.raises(NotSignedIn):
        await accounts.sign_in("owner", "not the password", address="127.0.0.1")
    signed_in = await accounts.sign_in("owner", PASSWORD, address="127.0.0.1")
    await accounts.sessions.end(signed_in.actor, signed_in.actor.session)
    person = cast.owner.person
    assert announced == [("auth:failed", ""), ("auth:signed_in", person), ("auth:signed_out", person)]
