"""Ended means ended, at once and everywhere (S11); foreign means unknown (S10)."""

from collections.abc import Awaitable, Callable

import pytest

from hanlin.accounts import Accounts, KeyRequest, Limits
from hanlin.errors import NotAllowed, NotFound, NotSignedIn
from hanlin.types import Actor, Permission, Role, new_id
from tests.accounts.conftest import Cast, Clock

Change = Callable[[Accounts, Cast, str], Awaitable[None]]

CHANGES: dict[str, Change] = {
    "the key is revoked": lambda accounts, cast, key: accounts.keys.revoke(cast.owner, key),
    "the person becomes an auditor": lambda a, cast, _: a.people.set_role(
        cast.owner, cast.colleague.person, Role.AUDITOR
    ),
    "the person leaves the workspace": lambda a, cast, _: a.people.remove(cast.owner, cast.colleague.person),
    "the person is disabled": lambda a, cast, _: a.people.set_disabled(
        cast.operator, cast.colleague.person, disabled=True
    ),
    "the person is erased": lambda a, cast, _: a.people.erase(cast.operator, cast.colleague.person),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_whoever_listens_hears_at_once_that_a_right_ended(accounts: Accounts, cast: Cast, change: str) -> None:
    made = await accounts.keys.create(cast.colleague, KeyRequest(name="k"))
    by_key = await accounts.authenticate(made.token)
    heard: list[str] = []
    accounts.on_ended(heard.append)
    await CHANGES[change](accounts, cast, made.key.id)
    whole_person = change != "the key is revoked"
    assert set(heard) == ({made.key.id, cast.colleague.session} if whole_person else {made.key.id})
    assert accounts.cached(made.token) is None
    assert await accounts.find_ended([by_key, cast.owner]) == {made.key.id}
    if change == "the person becomes an auditor":
        demoted = await accounts.authenticate(made.token)
        assert demoted.permissions == {Permission.READ_REGISTRY}
        assert (await accounts.sessions.authenticate(cast.tokens["colleague"])).role is Role.AUDITOR
        return
    with pytest.raises(NotSignedIn):
        await accounts.authenticate(made.token)
    if whole_person:
        with pytest.raises(NotSignedIn):
            await accounts.sessions.authenticate(cast.tokens["colleague"])


async def test_ended_sessions_are_heard_of_too(accounts: Accounts, cast: Cast) -> None:
    heard: list[str] = []
    accounts.on_ended(heard.append)
    await accounts.sessions.end(cast.colleague, cast.colleague.session)
    await accounts.people.set_administrator(cast.operator, cast.owner.person, administrator=True)
    assert heard == [cast.colleague.session, cast.owner.session]


async def test_a_promotion_cuts_nothing_off(accounts: Accounts, cast: Cast) -> None:
    heard: list[str] = []
    accounts.on_ended(heard.append)
    await accounts.people.set_role(cast.owner, cast.colleague.person, Role.OWNER)
    assert heard == []


async def test_what_time_or_another_server_ended_is_found_by_asking(
    accounts: Accounts, cast: Cast, clock: Clock
) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="k", days=1))
    actor = await accounts.authenticate(made.token)
    assert await accounts.find_ended([actor, cast.owner, cast.colleague]) == set()
    assert await accounts.find_ended([]) == set()
    clock.now += 86_400
    assert await accounts.find_ended([actor, cast.owner]) == {made.key.id, cast.owner.session}


async def test_enabling_brings_keys_back_and_sessions_not(accounts: Accounts, cast: Cast) -> None:
    made = await accounts.keys.create(cast.colleague, KeyRequest(name="k"))
    for disabled in (True, False):
        await accounts.people.set_disabled(cast.operator, cast.colleague.person, disabled=disabled)
    assert (await accounts.authenticate(made.token)).key == made.key.id
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(cast.tokens["colleague"])


async def test_an_administrators_key_reaches_other_workspaces_only_when_it_was_given_that(
    accounts: Accounts, cast: Cast
) -> None:
    plain = await accounts.keys.create(cast.operator, KeyRequest(name="plain"))
    strong = await accounts.keys.create(
        cast.operator, KeyRequest(name="strong", permissions=frozenset({Permission.MANAGE_PEOPLE}))
    )
    assert not (await accounts.authenticate(plain.token)).administrator
    assert (await accounts.authenticate(strong.token)).administrator


Call = Callable[[Accounts, Actor, str], Awaitable[object]]

TAKES_A_PERSON: dict[str, Call] = {
    "people.get": lambda a, actor, i: a.people.get(actor, i),
    "people.new_link": lambda a, actor, i: a.people.new_link(actor, i),
    "people.set_role": lambda a, actor, i: a.people.set_role(actor, i, Role.MEMBER),
    "people.remove": lambda a, actor, i: a.people.remove(actor, i),
}
TAKES_A_KEY: dict[str, Call] = {
    "keys.get": lambda a, actor, i: a.keys.get(actor, i),
    "keys.revoke": lambda a, actor, i: a.keys.revoke(actor, i),
}
TAKES_A_SESSION: dict[str, Call] = {"sessions.end": lambda a, actor, i: a.sessions.end(actor, i)}
TAKES_A_WORKSPACE: dict[str, Call] = {
    "workspaces.get": lambda a, actor, i: a.workspaces.get(actor, i),
    "workspaces.set_limits": lambda a, actor, i: a.workspaces.set_limits(actor, i, Limits()),
    "sessions.switch": lambda a, actor, i: a.sessions.switch(actor, i),
}
ALL = {
    **{name: ("per", call) for name, call in TAKES_A_PERSON.items()},
    **{name: ("key", call) for name, call in TAKES_A_KEY.items()},
    **{name: ("ses", call) for name, call in TAKES_A_SESSION.items()},
    **{name: ("ws", call) for name, call in TAKES_A_WORKSPACE.items()},
}
ADMINISTRATORS: dict[str, Call] = {
    "people.add": lambda a, actor, i: a.people.add(actor, i, Role.MEMBER),
    "people.set_disabled": lambda a, actor, i: a.people.set_disabled(actor, i, disabled=True),
    "people.set_administrator": lambda a, actor, i: a.people.set_administrator(actor, i, administrator=True),
    "people.erase": lambda a, actor, i: a.people.erase(actor, i),
    "workspaces.create": lambda a, actor, _: a.workspaces.create(actor, "mine"),
}


@pytest.mark.parametrize("name", ALL)
async def test_an_id_of_another_workspace_is_as_unknown_as_a_random_one(
    accounts: Accounts, cast: Cast, name: str
) -> None:
    kind, call = ALL[name]
    theirs = {
        "per": cast.stranger.person,
        "key": (await accounts.keys.create(cast.stranger, KeyRequest(name="k"))).key.id,
        "ses": cast.stranger.session,
        "ws": cast.stranger.workspace,
    }
    answers = set()
    odd = ("", "%", "_", "' OR '1'='1", "\0", "\ud800", f"{kind}_" + "0" * 32 + "\n", "x" * 10_000)
    for identifier in (theirs[kind], new_id(kind), *odd):
        with pytest.raises(NotFound) as refused:
            await call(accounts, cast.owner, identifier)
        answers.add((str(refused.value), refused.value.code))
    assert len(answers) == 1


@pytest.mark.parametrize("name", ADMINISTRATORS)
async def test_what_is_for_administrators_is_refused_to_an_owner_whatever_the_id(
    accounts: Accounts, cast: Cast, name: str
) -> None:
    for identifier in (cast.colleague.person, cast.stranger.person, new_id("per"), "\0"):
        with pytest.raises(NotAllowed, match="administrators"):
            await ADMINISTRATORS[name](accounts, cast.owner, identifier)


@pytest.mark.parametrize("name", [*TAKES_A_PERSON, *ADMINISTRATORS])
async def test_members_and_auditors_manage_nobody(accounts: Accounts, cast: Cast, name: str) -> None:
    for actor in (cast.colleague, cast.auditor):
        with pytest.raises(NotAllowed, match="people:write"):
            await {**TAKES_A_PERSON, **ADMINISTRATORS}[name](accounts, actor, cast.owner.person)
