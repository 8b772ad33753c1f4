"""Content without its visible label: only where allowed, only on an accepted agreement, never without a log entry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from hanlin.errors import BadRequest, Conflict, HanlinError, NotAllowed, NotFound
from hanlin.labels.unlabelled import KEPT_DAYS, Agreement, Agreements, Handout
from hanlin.storage import Database
from hanlin.types import Actor, Facts, Permission, Role

DAY = 86_400
TEXT = "duties-1:sha256:ab12"
RECIPIENT = "王小明, Example Ltd"
ALL = frozenset(Permission)
OWNER = Actor("per_owner", "ws_1", Role.OWNER, ALL)
OWNERS_KEY = Actor("per_owner", "ws_1", Role.OWNER, frozenset({Permission.GENERATE}), key="key_1")
COLLEAGUE = Actor("per_colleague", "ws_1", Role.MEMBER, frozenset({Permission.GENERATE}))
AUDITOR = Actor("per_auditor", "ws_1", Role.AUDITOR, frozenset({Permission.READ_AUDIT}))
STRANGER = Actor("per_stranger", "ws_2", Role.OWNER, ALL)


@dataclass
class House:
    """Agreements over a database, a clock that the test moves, and what was put on the record."""

    database: Database
    now: float = 1_790_000_000.0
    announced: list[tuple[str, str, Facts]] = field(default_factory=list)

    async def announce(self, event: str, actor: Actor | None, facts: Facts) -> None:
        assert actor is not None
        self.announced.append((event, actor.person, facts))

    def agreements(self, *, allowed: bool = True, retention_days: int = KEPT_DAYS) -> Agreements:
        return Agreements(
            self.database, self.announce, allowed=allowed, retention_days=retention_days, clock=lambda: self.now
        )


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


async def hand_out(agreements: Agreements, actor: Actor = COLLEAGUE, number: str = "abc1") -> Handout:
    return await agreements.handed_out(actor, number, RECIPIENT, "image/png")


async def test_it_is_off_by_default_even_with_an_agreement(house: House) -> None:
    await house.agreements().agree(OWNER, TEXT)
    off = Agreements(house.database, house.announce)
    assert not await off.may(OWNER)
    for refused in (hand_out(off), off.agree(OWNER, TEXT)):
        with pytest.raises(NotAllowed):
            await refused
    assert [agreement.text_version for agreement in await off.agreements(AUDITOR)] == [TEXT]


async def test_an_owners_agreement_lets_the_workspace_and_nobody_else(house: House) -> None:
    agreements = house.agreements()
    assert not await agreements.may(OWNER)
    await agreements.agree(OWNER, TEXT)
    who = (OWNER, OWNERS_KEY, COLLEAGUE, AUDITOR, STRANGER)
    assert [await agreements.may(actor) for actor in who] == [True, True, True, False, False]
    for actor in (AUDITOR, STRANGER):
        with pytest.raises(NotAllowed):
            await hand_out(agreements, actor)


async def test_only_an_owner_with_all_rights_agrees_and_withdraws(house: House) -> None:
    agreements = house.agreements()
    administrator = Actor("per_operator", "ws_1", Role.MEMBER, ALL, administrator=True)
    for actor in (COLLEAGUE, AUDITOR, OWNERS_KEY, administrator):
        for act in (agreements.agree(actor, TEXT), agreements.withdraw(actor), agreements.erase(actor, "out_1")):
            with pytest.raises(NotAllowed):
                await act
    assert house.announced == []


async def test_withdrawing_ends_it_at_once_and_both_are_on_record(house: House) -> None:
    agreements = house.agreements()
    assert not await agreements.withdraw(OWNER)
    agreed = await agreements.agree(OWNER, TEXT)
    house.now += 60
    assert await agreements.withdraw(OWNER)
    assert not await agreements.may(COLLEAGUE)
    with pytest.raises(NotAllowed):
        await hand_out(agreements)
    assert await agreements.agreements(AUDITOR) == [
        Agreement(agreed.id, "ws_1", "per_owner", TEXT, 1_790_000_000, 1_790_000_060, "per_owner")
    ]
    assert house.announced == [
        ("label:agreed", "per_owner", {"agreement": agreed.id, "text_version": TEXT}),
        ("label:withdrawn", "per_owner", {"agreement": agreed.id}),
    ]


async def test_a_new_text_takes_the_place_of_the_old_one(house: House) -> None:
    agreements = house.agreements()
    await agreements.agree(OWNER, TEXT)
    second = await agreements.agree(OWNER, "duties-2")
    listed = await agreements.agreements(OWNER)
    assert [(one.text_version, one.withdrawn_at is None) for one in listed] == [("duties-2", True), (TEXT, False)]
    assert (await hand_out(agreements)).agreement_id == second.id


async def test_the_recipient_is_in_the_log_and_never_on_the_record(house: House) -> None:
    agreements = house.agreements()
    agreed = await agreements.agree(OWNER, TEXT)
    handout = await hand_out(agreements)
    assert await agreements.handouts(AUDITOR) == [
        Handout(handout.id, "ws_1", "per_colleague", agreed.id, "abc1", "image/png", RECIPIENT, 1_790_000_000)
    ]
    facts: Facts = {"handout": handout.id, "agreement": agreed.id, "produce_id": "abc1"}
    assert house.announced[-1] == ("label:unlabelled", "per_colleague", facts)


async def test_nothing_counts_as_handed_out_when_the_record_cannot_be_written(house: House) -> None:
    async def fail(event: str, actor: Actor | None, facts: Facts) -> None:
        raise HanlinError("no record")

    await house.agreements().agree(OWNER, TEXT)
    with pytest.raises(HanlinError, match="no record"):
        await hand_out(Agreements(house.database, fail, allowed=True))


@pytest.mark.parametrize("recipient", ["", "   ", "x" * 401, "a\0b", "a\nb"])
async def test_a_handout_names_its_recipient(house: House, recipient: str) -> None:
    agreements = house.agreements()
    await agreements.agree(OWNER, TEXT)
    with pytest.raises(BadRequest):
        await agreements.handed_out(COLLEAGUE, "abc1", recipient, "image/png")
    assert await agreements.handouts(OWNER) == []


async def test_the_log_is_for_who_may_read_the_record_of_that_workspace(house: House) -> None:
    agreements = house.agreements()
    await agreements.agree(OWNER, TEXT)
    await hand_out(agreements)
    for read in (agreements.handouts(COLLEAGUE), agreements.agreements(COLLEAGUE)):
        with pytest.raises(NotAllowed):
            await read
    assert await agreements.handouts(STRANGER) == []
    assert await agreements.agreements(STRANGER) == []


async def test_the_log_is_read_page_by_page_the_newest_first(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanlin.labels.unlabelled._PAGE", 2)
    agreements = house.agreements()
    await agreements.agree(OWNER, TEXT)
    made = {(await hand_out(agreements, number=f"n{number}")).id for number in range(5)}
    first = await agreements.handouts(OWNER)
    second = await agreements.handouts(OWNER, before=first[-1].id)
    third = await agreements.handouts(OWNER, before=second[-1].id)
    seen = [handout.id for handout in (*first, *second, *third)]
    assert seen == sorted(made, reverse=True)
    assert (len(first), len(second), len(third)) == (2, 2, 1)


@pytest.mark.parametrize("retention_days", [0, 1, KEPT_DAYS, 400])
async def test_pruning_keeps_six_months_whatever_the_operator_sets(house: House, retention_days: int) -> None:
    agreements = house.agreements(retention_days=retention_days)
    await agreements.agree(OWNER, TEXT)
    await hand_out(agreements)
    house.now += max(KEPT_DAYS, retention_days) * DAY - 1
    assert await agreements.prune() == 0
    assert len(await agreements.handouts(OWNER)) == 1
    house.now += 1
    assert await agreements.prune() == 1
    assert await agreements.handouts(OWNER) == []
    assert await agreements.may(OWNER)


async def test_a_recipient_is_erased_on_request_after_six_months_and_not_before(house: House) -> None:
    agreements = house.agreements(retention_days=1000)
    await agreements.agree(OWNER, TEXT)
    handout = await hand_out(agreements)

    async def refused(act: Callable[[], Awaitable[None]], error: type[HanlinError]) -> None:
        with pytest.raises(error):
            await act()
        assert await agreements.handouts(OWNER) == [handout]

    house.now += KEPT_DAYS * DAY - 1
    await refused(lambda: agreements.erase(OWNER, handout.id), Conflict)
    await refused(lambda: agreements.erase(STRANGER, handout.id), NotFound)
    house.now += 1
    await agreements.erase(OWNER, handout.id)
    assert await agreements.handouts(OWNER) == []
