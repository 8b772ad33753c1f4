"""Signing in, guessing, and changing a password."""

import asyncio

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from hanlin.accounts import Accounts, KeyRequest, Passwords
from hanlin.accounts.tables import people
from hanlin.errors import HanlinError, NotAllowed, NotSignedIn, TooMany
from hanlin.storage import Database
from hanlin.types import Permission
from tests.accounts.conftest import PASSWORD, Cast, Clock

ADDRESS = "192.0.2.1"


async def failure(accounts: Accounts, name: str, password: str) -> HanlinError:
    with pytest.raises(HanlinError) as refused:
        await accounts.sign_in(name, password, address=ADDRESS)
    return refused.value


async def test_a_name_in_other_case_and_form_is_the_same_person(accounts: Accounts, cast: Cast) -> None:
    signed_in = await accounts.sign_in(" ＯＷＮＥＲ ", PASSWORD, address=ADDRESS)
    assert signed_in.actor.person == cast.owner.person
    assert signed_in.actor.session != cast.owner.session
    assert await accounts.sessions.authenticate(signed_in.token) == signed_in.actor


async def test_unknown_name_and_wrong_password_get_the_same_words(accounts: Accounts, cast: Cast) -> None:
    wrong, unknown = await failure(accounts, "owner", "wrong password"), await failure(accounts, "nobody", PASSWORD)
    assert isinstance(wrong, NotSignedIn)
    assert (str(wrong), wrong.code) == (str(unknown), unknown.code)


async def test_guessing_at_a_name_is_slowed_down_and_time_forgives(
    accounts: Accounts, cast: Cast, monotonic: Clock
) -> None:
    for _ in range(5):
        assert isinstance(await failure(accounts, "owner", "wrong password"), NotSignedIn)
    throttled = await failure(accounts, "Owner", PASSWORD)
    assert isinstance(throttled, TooMany)
    assert throttled.retry_after_seconds == 1
    monotonic.now += 1.01
    assert isinstance(await failure(accounts, "owner", "wrong password"), NotSignedIn)
    again = await failure(accounts, "owner", PASSWORD)
    assert isinstance(again, TooMany)
    assert again.retry_after_seconds == 2
    monotonic.now += 2.01
    assert (await accounts.sign_in("owner", PASSWORD, address=ADDRESS)).actor.person == cast.owner.person


async def test_tries_side_by_side_do_not_slip_through(accounts: Accounts, cast: Cast) -> None:
    tries = [accounts.sign_in("owner", f"wrong password {n}", address=ADDRESS) for n in range(12)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, NotSignedIn) for result in results) == 5
    assert sum(isinstance(result, TooMany) for result in results) == 7


async def test_guessing_from_one_network_over_many_names_is_slowed_down(accounts: Accounts, cast: Cast) -> None:
    for number in range(30):
        with pytest.raises(NotSignedIn):
            await accounts.sign_in(f"name{number}", "wrong password", address=f"2001:db8:1:1::{number:x}")
    with pytest.raises(TooMany):
        await accounts.sign_in("owner", PASSWORD, address="2001:db8:1:1:ffff::1")
    await accounts.sign_in("owner", PASSWORD, address="2001:db8:1:2::1")


@pytest.mark.parametrize(
    "name", ["", "' OR 1=1 --", "%", "_____", "owner\0", "\ud800", "o" * 100_000, 'owner"', "own%"]
)
async def test_no_odd_name_signs_anybody_in_or_breaks_anything(accounts: Accounts, cast: Cast, name: str) -> None:
    assert isinstance(await failure(accounts, name, PASSWORD), NotSignedIn)


async def test_a_disabled_person_cannot_sign_in(accounts: Accounts, cast: Cast) -> None:
    await accounts.people.set_disabled(cast.operator, cast.colleague.person, disabled=True)
    assert isinstance(await failure(accounts, "colleague", PASSWORD), NotSignedIn)


async def test_a_new_password_ends_the_other_sessions_only(accounts: Accounts, cast: Cast) -> None:
    other = await accounts.sign_in("colleague", PASSWORD, address=ADDRESS)
    await accounts.change_password(cast.colleague, PASSWORD, "a different password")
    assert await accounts.sessions.authenticate(cast.tokens["colleague"]) == cast.colleague
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(other.token)
    assert isinstance(await failure(accounts, "colleague", PASSWORD), NotSignedIn)
    await accounts.sign_in("colleague", "a different password", address=ADDRESS)


async def test_changing_a_password_needs_the_old_one_and_a_browser(accounts: Accounts, cast: Cast) -> None:
    with pytest.raises(NotSignedIn):
        await accounts.change_password(cast.colleague, "wrong password", "a different password")
    made = await accounts.keys.create(
        cast.colleague, KeyRequest(name="k", permissions=frozenset({Permission.GENERATE}))
    )
    with pytest.raises(NotAllowed):
        await accounts.change_password(await accounts.authenticate(made.token), PASSWORD, "a different password")


async def test_an_outdated_hash_is_renewed_at_sign_in(database: Database, accounts: Accounts, cast: Cast) -> None:
    dearer = Accounts(database, passwords=Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)))
    await dearer.sign_in("owner", PASSWORD, address=ADDRESS)
    async with database.read() as connection:
        statement = select(people.c.password_hash).where(people.c.id == cast.owner.person)
        assert "t=2" in (await connection.execute(statement)).scalar_one()
    await dearer.sign_in("owner", PASSWORD, address=ADDRESS)
