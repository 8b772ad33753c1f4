"""Nobody ever has a default password (S17)."""

import asyncio
from typing import Any

import pytest

from hanlin.accounts import Accounts
from hanlin.errors import BadRequest, Conflict, NotSignedIn
from hanlin.types import Permission, Role
from tests.accounts.conftest import PASSWORD, Cast, Clock


async def test_the_first_start_gives_a_link_and_a_key_of_an_administrator(accounts: Accounts) -> None:
    first = await accounts.first_run()
    assert first is not None
    by_key = await accounts.authenticate(first.key)
    assert by_key.permissions == {Permission.GENERATE, Permission.READ_REGISTRY, Permission.READ_USAGE}
    assert not by_key.administrator
    signed_in = await accounts.redeem(first.sign_in_token, "Ada", PASSWORD)
    assert signed_in.actor.administrator
    assert signed_in.actor.role is Role.OWNER
    assert signed_in.actor.person == by_key.person
    assert [workspace.name for workspace in await accounts.workspaces.list(signed_in.actor)] == ["main"]
    assert await accounts.first_run() is None


async def test_a_restart_before_the_first_sign_in_replaces_the_link_and_keeps_the_key(accounts: Accounts) -> None:
    first, second = await accounts.first_run(), await accounts.first_run()
    assert first is not None
    assert second is not None
    assert second.key == ""
    with pytest.raises(NotSignedIn):
        await accounts.redeem(first.sign_in_token, "Ada", PASSWORD)
    await accounts.authenticate(first.key)
    await accounts.redeem(second.sign_in_token, "Ada", PASSWORD)


async def test_two_servers_never_draw_the_same_secrets_and_nobody_can_sign_in_before(accounts: Accounts) -> None:
    first = await accounts.first_run()
    assert first is not None
    assert len(first.sign_in_token) == 43
    for password in ("", "owner", "admin", "changeme", "password"):
        with pytest.raises(NotSignedIn):
            await accounts.sign_in("owner", password, address="127.0.0.1")


async def test_a_link_works_once_and_for_a_day(accounts: Accounts, cast: Cast, clock: Clock) -> None:
    invitation = await accounts.people.invite(cast.owner, "Bea", Role.MEMBER)
    await accounts.redeem(invitation.token, "Beatrice", PASSWORD)
    with pytest.raises(NotSignedIn, match="sign-in link"):
        await accounts.redeem(invitation.token, "Beatrice", PASSWORD)
    late = await accounts.people.invite(cast.owner, "Carl", Role.MEMBER)
    clock.now += 86_401
    with pytest.raises(NotSignedIn, match="sign-in link"):
        await accounts.redeem(late.token, "Carl", PASSWORD)


async def test_a_weak_password_or_a_taken_name_does_not_use_the_link_up(accounts: Accounts, cast: Cast) -> None:
    invitation = await accounts.people.invite(cast.owner, "Bea", Role.MEMBER)
    with pytest.raises(BadRequest):
        await accounts.redeem(invitation.token, "Bea", "short")
    with pytest.raises(Conflict):
        await accounts.redeem(invitation.token, "OWNER", PASSWORD)
    signed_in = await accounts.redeem(invitation.token, "Bea", PASSWORD)
    assert signed_in.actor.role is Role.MEMBER
    assert signed_in.actor.workspace == cast.owner.workspace


async def test_a_new_link_for_a_forgotten_password_signs_out_everywhere(accounts: Accounts, cast: Cast) -> None:
    inside = await accounts.people.get(cast.operator, cast.colleague.person)
    assert inside.role is None
    await accounts.people.add(cast.operator, cast.colleague.person, Role.MEMBER)
    link = await accounts.people.new_link(cast.operator, cast.colleague.person)
    await accounts.redeem(link.token, "colleague", "another good password")
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(cast.tokens["colleague"])
    await accounts.sign_in("colleague", "another good password", address="::1")


async def test_of_several_who_use_a_link_at_once_one_gets_in(
    accounts: Accounts, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = accounts._invitations._find

    async def find_slowly(*arguments: Any) -> Any:
        link = await find(*arguments)
        await asyncio.sleep(0.2)
        return link

    monkeypatch.setattr(accounts._invitations, "_find", find_slowly)
    invitation = await accounts.people.invite(cast.owner, "Bea", Role.MEMBER)
    tries = [accounts.redeem(invitation.token, f"Bea {n}", PASSWORD) for n in range(4)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NotSignedIn"] * 3 + ["SignedIn"]
