"""API keys: their form, what they allow, and their end."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.accounts import Accounts, KeyRequest, Limits, actors
from hanlin.accounts.keys import new_token, parse_token
from hanlin.accounts.tables import keys
from hanlin.errors import BadRequest, NotAllowed, NotFound, NotSignedIn
from hanlin.storage import Database
from hanlin.types import Permission, Role
from tests.accounts.conftest import PASSWORD, Cast, Clock

MANAGING = frozenset({Permission.GENERATE, Permission.MANAGE_KEYS})


def test_a_key_can_be_recognised_and_a_typing_error_is_found_without_a_lookup() -> None:
    token, prefix = new_token()
    assert re.fullmatch(r"hl_[a-z2-7]{8}_[A-Za-z0-9_-]{43}[A-Za-z0-9_-]{6}", token)
    assert parse_token(token) == prefix
    for position in range(len(token)):
        wrong = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(NotSignedIn) as refused:
            parse_token(wrong)
        assert prefix not in str(refused.value)


@given(st.text() | st.from_regex(r"hl_[a-z2-7]{8}_[A-Za-z0-9_-]{49}", fullmatch=True))
def test_no_other_text_is_a_key(text: str) -> None:
    with pytest.raises(NotSignedIn):
        parse_token(text)


async def test_a_key_acts_for_its_person_with_what_it_was_given(accounts: Accounts, cast: Cast) -> None:
    wanted = KeyRequest(
        name="ci", permissions=frozenset({Permission.GENERATE}), services=frozenset({"chat"}), limits=Limits(10, 20, 30)
    )
    made = await accounts.keys.create(cast.colleague, wanted)
    actor = await accounts.authenticate(made.token)
    assert (actor.person, actor.workspace, actor.role) == (
        cast.colleague.person,
        cast.colleague.workspace,
        cast.colleague.role,
    )
    assert actor.permissions == {Permission.GENERATE}
    assert actor.services == frozenset({"chat"})
    assert (actor.key, actor.session) == (made.key.id, "")
    assert accounts.limits[actor.key] == Limits(10, 20, 30)


async def test_the_key_itself_is_nowhere_in_the_database(accounts: Accounts, cast: Cast, database: Database) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    async with database.read() as connection:
        rows = (await connection.execute(keys.select())).all()
    assert all(made.token[12:] not in str(row) for row in rows)
    assert made.token[12:] not in str(await accounts.keys.list(cast.owner))


async def test_an_answer_is_remembered_for_the_whole_token_only(accounts: Accounts, cast: Cast) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    assert accounts.cached(made.token) is None
    actor = await accounts.authenticate(made.token)
    assert accounts.cached(made.token) is actor
    assert accounts.cached(made.token[:-1]) is None
    assert accounts.cached("\ud800") is None


async def test_an_answer_is_forgotten_after_five_seconds(
    accounts: Accounts, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert actors.CACHE_SECONDS == 5
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    monkeypatch.setattr(actors, "CACHE_SECONDS", -0.001)
    await accounts.authenticate(made.token)
    assert accounts.cached(made.token) is None


async def test_a_right_prefix_with_another_secret_is_unknown(accounts: Accounts, cast: Cast) -> None:
    from hanlin.accounts.keys import _checksum

    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    body = made.token[:12] + "A" * 43
    with pytest.raises(NotSignedIn, match="not known"):
        await accounts.authenticate(body + _checksum(body))


async def test_a_key_expires_and_says_so_only_to_its_holder(accounts: Accounts, cast: Cast, clock: Clock) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci", days=1))
    assert made.key.expires_at == int(clock.now) + 86_400
    clock.now += 86_399
    await accounts.authenticate(made.token)
    clock.now += 1
    accounts.keys._cache.drop(made.key.id)
    with pytest.raises(NotSignedIn, match="expired"):
        await accounts.authenticate(made.token)


async def test_ninety_days_unless_chosen_otherwise(accounts: Accounts, cast: Cast, clock: Clock) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    assert made.key.expires_at == int(clock.now) + 90 * 86_400


async def test_use_is_noted_by_the_day(accounts: Accounts, cast: Cast) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    assert made.key.used_day is None
    await accounts.authenticate(made.token)
    assert (await accounts.keys.get(cast.owner, made.key.id)).used_day == "2026-09-21"


async def test_nobody_gives_a_key_more_than_they_have(accounts: Accounts, cast: Cast) -> None:
    with pytest.raises(NotAllowed, match="audit:read"):
        await accounts.keys.create(cast.colleague, KeyRequest(name="k", permissions=frozenset({Permission.READ_AUDIT})))
    with pytest.raises(NotAllowed, match="keys:write"):
        await accounts.keys.create(cast.auditor, KeyRequest(name="k", permissions=frozenset()))


async def test_a_key_made_with_a_key_is_never_wider(accounts: Accounts, cast: Cast) -> None:
    wanted = KeyRequest(
        name="parent", permissions=MANAGING, services=frozenset({"chat"}), days=2, limits=Limits(requests_per_minute=10)
    )
    parent = await accounts.keys.create(cast.colleague, wanted)
    actor = await accounts.authenticate(parent.token)
    for services in (None, frozenset({"chat", "secret"})):
        with pytest.raises(NotAllowed, match="services"):
            await accounts.keys.create(actor, KeyRequest(name="child", permissions=MANAGING, services=services))
    wanted = KeyRequest(
        name="child", permissions=MANAGING, services=frozenset({"chat"}), days=300, limits=Limits(50, 7, None)
    )
    child = await accounts.keys.create(actor, wanted)
    assert child.key.expires_at == parent.key.expires_at
    assert child.key.limits == Limits(10, 7, None)


@pytest.mark.parametrize(
    "wanted",
    [
        KeyRequest(name=""),
        KeyRequest(name="x" * 65),
        KeyRequest(name="a\0b"),
        KeyRequest(name="k", days=0),
        KeyRequest(name="k", days=4000),
        KeyRequest(name="k", limits=Limits(requests_per_minute=0)),
        KeyRequest(name="k", limits=Limits(tokens_per_day=-1)),
        KeyRequest(name="k", services=frozenset({"\0"})),
        KeyRequest(name="k", services=frozenset(map(str, range(101)))),
    ],
)
async def test_a_request_out_of_bounds_is_refused(accounts: Accounts, cast: Cast, wanted: KeyRequest) -> None:
    with pytest.raises(BadRequest):
        await accounts.keys.create(cast.owner, wanted)


async def test_an_owner_sees_all_keys_of_the_workspace_others_their_own(accounts: Accounts, cast: Cast) -> None:
    made = {
        name: (await accounts.keys.create(actor, KeyRequest(name=name))).key.id
        for name, actor in (("owner", cast.owner), ("colleague", cast.colleague), ("stranger", cast.stranger))
    }
    assert {key.id for key in await accounts.keys.list(cast.owner)} == {made["owner"], made["colleague"]}
    assert [key.id for key in await accounts.keys.list(cast.colleague)] == [made["colleague"]]
    assert [key.id for key in await accounts.keys.list(cast.stranger)] == [made["stranger"]]
    with pytest.raises(NotFound):
        await accounts.keys.revoke(cast.colleague, made["owner"])
    await accounts.keys.revoke(cast.owner, made["colleague"])
    await accounts.keys.revoke(cast.operator, made["stranger"])


async def test_names_with_sql_in_them_are_names(accounts: Accounts, cast: Cast) -> None:
    names = {"'; DROP TABLE keys; --", "%", "_", '"', "\\", "100%'\"", "名字"}
    for name in names:
        await accounts.keys.create(cast.owner, KeyRequest(name=name, services=frozenset({name})))
    listed = await accounts.keys.list(cast.owner)
    assert {key.name for key in listed} == names
    assert all(key.services == frozenset({key.name}) for key in listed)


async def test_many_requests_with_one_key_look_it_up_once(accounts: Accounts, cast: Cast, database: Database) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    tasks = [asyncio.create_task(accounts.authenticate(made.token)) for _ in range(50)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    found = await asyncio.gather(*tasks[1:])
    assert all(actor is found[0] for actor in found)
    assert tasks[0].cancelled()
    assert accounts.keys._cache._look_ups == {}


async def test_what_holds_a_secret_does_not_show_it(accounts: Accounts, cast: Cast) -> None:
    made = await accounts.keys.create(cast.owner, KeyRequest(name="ci"))
    invitation = await accounts.people.invite(cast.owner, "new", Role.MEMBER)
    signed_in = await accounts.redeem(invitation.token, "new", PASSWORD)
    for shown, secret in ((made, made.token), (invitation, invitation.token), (signed_in, signed_in.token)):
        assert secret not in f"{shown!r} {shown}"
