"""People of a workspace."""

import asyncio
from typing import Any

import pytest

from hanlin.accounts import Accounts
from hanlin.accounts import people as people_module
from hanlin.accounts.tables import invitations, keys, memberships, people, sessions
from hanlin.errors import BadRequest, Conflict, NotAllowed
from hanlin.storage import Database
from hanlin.types import Role
from tests.accounts.conftest import Cast


async def test_an_owner_lists_the_workspace_and_nobody_else(accounts: Accounts, cast: Cast) -> None:
    assert [(person.name, person.role) for person in await accounts.people.list(cast.owner)] == [
        ("auditor", Role.AUDITOR),
        ("colleague", Role.MEMBER),
        ("owner", Role.OWNER),
    ]


async def test_names_are_unique_whatever_their_case_and_width(accounts: Accounts, cast: Cast) -> None:
    for name in ("Colleague", "ｃolleague", "STRANGER"):
        with pytest.raises(Conflict, match="taken"):
            await accounts.people.invite(cast.owner, name, Role.MEMBER)


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "a\0b", "\ud800", "a\u202eb"])
async def test_a_name_is_1_to_64_printable_characters(accounts: Accounts, cast: Cast, name: str) -> None:
    with pytest.raises(BadRequest):
        await accounts.people.invite(cast.owner, name, Role.MEMBER)


async def test_names_with_sql_in_them_are_names(accounts: Accounts, cast: Cast) -> None:
    names = ["'; DROP TABLE people; --", "%", "_", '"', "李白"]
    for name in names:
        await accounts.people.invite(cast.stranger, name, Role.MEMBER)
    assert {person.name for person in await accounts.people.list(cast.stranger)} == {*names, "stranger"}


async def test_a_workspace_keeps_an_owner(accounts: Accounts, cast: Cast) -> None:
    with pytest.raises(Conflict, match="needs an owner"):
        await accounts.people.set_role(cast.owner, cast.owner.person, Role.MEMBER)
    with pytest.raises(Conflict, match="needs an owner"):
        await accounts.people.remove(cast.owner, cast.owner.person)
    await accounts.people.set_role(cast.owner, cast.colleague.person, Role.OWNER)
    await accounts.people.set_role(cast.owner, cast.owner.person, Role.MEMBER)
    assert (await accounts.people.me(cast.owner)).role is Role.MEMBER


async def test_an_owner_gets_no_link_for_somebody_with_a_password(accounts: Accounts, cast: Cast) -> None:
    with pytest.raises(NotAllowed, match="has a password"):
        await accounts.people.new_link(cast.owner, cast.colleague.person)
    invited = await accounts.people.invite(cast.owner, "new", Role.MEMBER)
    assert not invited.person.has_password
    again = await accounts.people.new_link(cast.owner, invited.person.id)
    assert again.token != invited.token
    await accounts.people.set_administrator(cast.operator, invited.person.id, administrator=True)
    with pytest.raises(NotAllowed, match="is an administrator"):
        await accounts.people.new_link(cast.owner, invited.person.id)


async def test_an_administrator_cannot_lock_out_themself(accounts: Accounts, cast: Cast) -> None:
    for action in (
        accounts.people.set_disabled(cast.operator, cast.operator.person, disabled=True),
        accounts.people.set_administrator(cast.operator, cast.operator.person, administrator=False),
        accounts.people.erase(cast.operator, cast.operator.person),
    ):
        with pytest.raises(Conflict, match="yourself"):
            await action


async def test_somebody_is_brought_into_a_workspace_once(accounts: Accounts, cast: Cast) -> None:
    await accounts.people.add(cast.operator, cast.colleague.person, Role.AUDITOR)
    with pytest.raises(Conflict):
        await accounts.people.add(cast.operator, cast.colleague.person, Role.OWNER)
    assert {person.name for person in await accounts.people.list(cast.operator)} == {"operator", "colleague"}


async def test_people_choose_a_language(accounts: Accounts, cast: Cast) -> None:
    await accounts.people.set_language(cast.colleague, "zh")
    assert (await accounts.people.me(cast.colleague)).language == "zh"
    with pytest.raises(BadRequest):
        await accounts.people.set_language(cast.colleague, "<script>")


async def test_an_erased_person_is_nowhere(accounts: Accounts, cast: Cast, database: Database) -> None:
    await accounts.people.erase(cast.operator, cast.colleague.person)
    async with database.read() as connection:
        for table in (people, memberships, invitations, sessions, keys):
            rows = (await connection.execute(table.select())).all()
            assert all(cast.colleague.person not in row for row in rows)


async def test_two_owners_cannot_demote_each_other_at_once(
    accounts: Accounts, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = people_module._keep_an_owner

    async def check_slowly(*arguments: Any) -> None:
        await check(*arguments)
        await asyncio.sleep(0.2)

    monkeypatch.setattr(people_module, "_keep_an_owner", check_slowly)
    await accounts.people.set_role(cast.owner, cast.colleague.person, Role.OWNER)
    both = cast.owner.person, cast.colleague.person
    results = await asyncio.gather(
        *(accounts.people.set_role(cast.owner, person, Role.MEMBER) for person in both), return_exceptions=True
    )
    assert sorted(map(str, map(type, results))) == sorted(map(str, (Conflict, type(None))))


async def test_who_acts_without_a_session_has_todays_rights_or_none(accounts: Accounts, cast: Cast) -> None:
    person, workspace = cast.colleague.person, cast.colleague.workspace
    acting = await accounts.people.acting(person, workspace)
    assert (acting.role, acting.permissions) == (Role.MEMBER, cast.colleague.permissions)
    assert (acting.key, acting.session, acting.administrator) == ("", person, False)
    await accounts.people.set_role(cast.owner, person, Role.AUDITOR)
    assert (await accounts.people.acting(person, workspace)).role is Role.AUDITOR
    for somewhere in (cast.stranger.workspace, "ws_" + "0" * 32):
        with pytest.raises(NotAllowed, match="not in the workspace"):
            await accounts.people.acting(person, somewhere)
    await accounts.people.set_disabled(cast.operator, person, disabled=True)
    with pytest.raises(NotAllowed):
        await accounts.people.acting(person, workspace)


async def test_what_acts_without_a_session_is_found_ended_with_its_rights(accounts: Accounts, cast: Cast) -> None:
    acting = await accounts.people.acting(cast.colleague.person, cast.colleague.workspace)
    assert await accounts.find_ended([acting, cast.owner]) == set()
    await accounts.people.set_role(cast.owner, acting.person, Role.AUDITOR)
    assert await accounts.find_ended([acting, cast.owner]) == {acting.person}
    await accounts.people.remove(cast.owner, acting.person)
    assert await accounts.find_ended([acting, cast.owner]) == {acting.person}
