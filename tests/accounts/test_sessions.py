"""Browser sessions end when they should."""

import pytest

from hanlin.accounts import Accounts, csrf_matches, csrf_token
from hanlin.accounts.tables import sessions
from hanlin.errors import NotFound, NotSignedIn
from hanlin.storage import Database
from tests.accounts.conftest import PASSWORD, Cast, Clock


@pytest.fixture(autouse=True)
def no_cache(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question goes to the database, as it would after five seconds."""
    monkeypatch.setattr(accounts.sessions._cache, "get", lambda _token: None)


async def test_an_unused_session_ends_after_the_idle_hours(accounts: Accounts, cast: Cast, clock: Clock) -> None:
    clock.now += 11.9 * 3600
    await accounts.sessions.authenticate(cast.tokens["owner"])
    clock.now += 11.9 * 3600
    await accounts.sessions.authenticate(cast.tokens["owner"])
    clock.now += 12 * 3600
    with pytest.raises(NotSignedIn) as ended:
        await accounts.sessions.authenticate(cast.tokens["owner"])
    assert ended.value.code == "session_ended"


async def test_a_used_session_ends_after_seven_days_anyway(accounts: Accounts, cast: Cast, clock: Clock) -> None:
    for _ in range(27):
        clock.now += 6 * 3600
        await accounts.sessions.authenticate(cast.tokens["owner"])
    clock.now += 6 * 3600
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(cast.tokens["owner"])


async def test_only_the_hash_of_a_token_is_stored(accounts: Accounts, cast: Cast, database: Database) -> None:
    async with database.read() as connection:
        rows = (await connection.execute(sessions.select())).all()
    assert all(cast.tokens["owner"] not in str(row) for row in rows)


async def test_people_list_and_end_their_own_sessions(accounts: Accounts, cast: Cast) -> None:
    other = await accounts.sign_in("colleague", PASSWORD, address="::1", device="Firefox on Linux\x07")
    listed = await accounts.sessions.list(cast.colleague)
    assert [session.id for session in listed] == [other.actor.session, cast.colleague.session]
    assert listed[0].device == "Firefox on Linux"
    await accounts.sessions.end(cast.colleague, other.actor.session)
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(other.token)


async def test_only_an_administrator_ends_other_peoples_sessions(accounts: Accounts, cast: Cast) -> None:
    for actor in (cast.owner, cast.stranger, cast.auditor):
        with pytest.raises(NotFound):
            await accounts.sessions.end(actor, cast.colleague.session)
    await accounts.sessions.end(cast.operator, cast.colleague.session)
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(cast.tokens["colleague"])


async def test_switching_to_another_workspace_changes_the_token(accounts: Accounts, cast: Cast) -> None:
    from hanlin.types import Role

    await accounts.people.add(cast.operator, cast.colleague.person, Role.AUDITOR)
    switched = await accounts.sessions.switch(cast.colleague, cast.operator.workspace)
    assert switched.actor.role is Role.AUDITOR
    assert switched.actor.workspace == cast.operator.workspace
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(cast.tokens["colleague"])
    with pytest.raises(NotFound):
        await accounts.sessions.switch(switched.actor, cast.stranger.workspace)


async def test_a_key_is_no_session_and_a_session_no_key(accounts: Accounts, cast: Cast) -> None:
    from hanlin.accounts import KeyRequest

    key = (await accounts.keys.create(cast.owner, KeyRequest(name="k"))).token
    await accounts.authenticate(key)
    with pytest.raises(NotSignedIn):
        await accounts.sessions.authenticate(key)
    with pytest.raises(NotSignedIn):
        await accounts.authenticate(cast.tokens["owner"])
    assert accounts.cached(cast.tokens["owner"]) is None


def test_a_form_token_belongs_to_one_session_and_none_to_no_session() -> None:
    token = csrf_token("one session")
    assert csrf_matches("one session", token)
    assert not csrf_matches("another session", token)
    assert not csrf_matches("one session", "")
    assert not csrf_matches("one session", "\ud800")
    with pytest.raises(NotSignedIn):
        csrf_token("")
