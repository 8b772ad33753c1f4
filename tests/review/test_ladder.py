"""The ladder: what is counted, whom it stops and for how long, who may step in, and what other servers know of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from hanlin.errors import AuditUnavailable, BadRequest, Conflict, NotAllowed, NotFound
from hanlin.policy.file import Ladder as Rules
from hanlin.review import Attempt, Ladder, Sanction
from hanlin.review.sanctions import AGAIN_DAYS, LONGEST_HOURS, suspend_hours
from hanlin.review.tables import attempts as attempt_rows
from hanlin.types import Actor, Facts, new_id
from tests.review.conftest import (
    ADMINISTRATOR,
    AUDITOR,
    COLLEAGUE,
    ELSEWHERE,
    HOME,
    OTHER,
    OWNER,
    REVIEWER,
    STRANGER,
    Office,
)

HOUR, DAY = 3600, 86_400
RULES = Rules()
WHO = COLLEAGUE.person


def attempt(**changed: Any) -> Attempt:
    values: dict[str, Any] = {
        "person": WHO,
        "workspace": HOME,
        "request_id": new_id("req"),
        "refused": True,
        "ladder": RULES,
        "rule": "weapons",
        "category": "A.1.d",
    }
    return Attempt(**values | changed)


def refuse(where: Ladder, times: int, **changed: Any) -> list[str]:
    made = [attempt(**changed) for _ in range(times)]
    for one in made:
        where.note(one)
    return [one.request_id for one in made]


def stopped(ladder: Ladder, person: str = WHO, end_user: str = "", workspace: str = HOME) -> bool:
    return ladder.standing(person, end_user, workspace) is not None


@pytest.fixture
async def ladder(office: Office) -> AsyncIterator[Ladder]:
    opened = office.ladder()
    await opened.load()
    yield opened
    await opened.close()


async def restarted(office: Office) -> Ladder:
    fresh = office.ladder()
    await fresh.refresh()
    return fresh


async def test_three_refused_in_a_row_suspend_at_once_for_a_day(office: Office, ladder: Ladder) -> None:
    refuse(ladder, 2)
    assert not stopped(ladder)
    refuse(ladder, 1)
    sanction = ladder.standing(WHO, "", HOME)
    assert sanction is not None
    assert (sanction.step, sanction.until, sanction.rule, len(sanction.requests)) == (
        "suspend",
        office.now + DAY,
        "weapons",
        3,
    )
    assert not stopped(ladder, OTHER.person)
    office.now += DAY - 1
    assert stopped(ladder)
    office.now += 1
    assert not stopped(ladder)


async def test_what_goes_through_starts_the_row_anew_but_not_the_day(ladder: Ladder) -> None:
    for _ in range(2):
        refuse(ladder, 2)
        ladder.note(attempt(refused=False))
    assert not stopped(ladder)
    refuse(ladder, 1)
    sanction = ladder.standing(WHO, "", HOME)
    assert sanction is not None
    assert (len(sanction.requests), sanction.reason) == (5, "5 refused attempts in a day.")


async def test_a_day_is_a_day_of_utc(office: Office, ladder: Ladder) -> None:
    office.now = 1_790_000_000 // DAY * DAY + DAY - 10
    for _ in range(2):
        refuse(ladder, 2)
        ladder.note(attempt(refused=False))
    office.now += 10
    refuse(ladder, 2)
    ladder.note(attempt(refused=False))
    assert not stopped(ladder)


async def test_a_row_goes_on_over_midnight(office: Office, ladder: Ladder) -> None:
    refuse(ladder, 2)
    office.now += 2 * DAY
    refuse(ladder, 1)
    assert stopped(ladder)


async def test_refusals_that_do_not_count_neither_add_nor_start_anew(ladder: Ladder) -> None:
    refuse(ladder, 2)
    refuse(ladder, 9, counts=False)
    assert not stopped(ladder)
    refuse(ladder, 1)
    assert stopped(ladder)


async def test_one_request_counts_once(ladder: Ladder) -> None:
    refuse(ladder, 9, request_id="req_1")
    assert not stopped(ladder)


async def test_the_policys_numbers_hold(ladder: Ladder) -> None:
    rules = Rules(in_a_row=2, per_day=100, suspend_hours=0.5)
    refuse(ladder, 1, ladder=rules)
    assert not stopped(ladder)
    refuse(ladder, 1, ladder=rules)
    sanction = ladder.standing(WHO, "", HOME)
    assert sanction is not None
    assert sanction.until - sanction.imposed_at == HOUR // 2


async def test_without_hours_nobody_is_suspended(ladder: Ladder) -> None:
    refuse(ladder, 20, ladder=Rules(suspend_hours=0))
    assert not stopped(ladder)


async def test_each_further_suspension_within_thirty_days_is_twice_as_long(office: Office, ladder: Ladder) -> None:
    lengths = []
    for _ in range(4):
        refuse(ladder, 3)
        sanction = ladder.standing(WHO, "", HOME)
        assert sanction is not None
        lengths.append((sanction.until - sanction.imposed_at) // HOUR)
        office.now = sanction.until
    assert lengths == [24, 48, 96, 192]
    office.now += AGAIN_DAYS * DAY
    refuse(ladder, 3)
    sanction = ladder.standing(WHO, "", HOME)
    assert sanction is not None
    assert sanction.until - sanction.imposed_at == DAY


def test_no_suspension_is_longer_than_a_year() -> None:
    assert suspend_hours(RULES, 10_000) == LONGEST_HOURS


async def test_answers_under_way_when_the_suspension_comes_add_nothing(office: Office, ladder: Ladder) -> None:
    refuse(ladder, 30)
    assert len(await ladder.list(OWNER)) == 1
    office.now += DAY
    refuse(ladder, 2)
    assert not stopped(ladder)


async def test_each_end_user_of_a_program_is_an_account_of_their_own(ladder: Ladder) -> None:
    refuse(ladder, 2, end_user="one", key="key_1")
    refuse(ladder, 2, end_user="two", key="key_1")
    refuse(ladder, 2)
    assert not stopped(ladder)
    refuse(ladder, 1, end_user="one", key="key_1")
    assert stopped(ladder, end_user="one")
    assert not stopped(ladder, end_user="two")
    assert not stopped(ladder)


async def test_a_suspended_person_is_stopped_with_all_their_programs(ladder: Ladder) -> None:
    refuse(ladder, 3)
    assert stopped(ladder, end_user="one")
    assert stopped(ladder, workspace=ELSEWHERE)


async def test_a_program_without_end_users_is_not_suspended_but_brought_before_people(office: Office) -> None:
    desk = office.desk()
    ladder = office.ladder(desk)
    await ladder.load()
    refuse(ladder, 12, key="key_1")
    refuse(ladder, 2, key="key_2")
    refuse(ladder, 2)
    assert not stopped(ladder)
    await ladder.close()
    (case,) = await desk.cases(OWNER)
    assert (case.kind, case.person, case.rule, case.text) == ("attempts", WHO, "weapons", "")
    assert await desk.cases(COLLEAGUE) == []
    assert office.events == ["case:opened"]


async def test_a_suspension_is_written_and_on_record_without_being_asked_for(office: Office, ladder: Ladder) -> None:
    requests = refuse(ladder, 3)
    await ladder.flush()
    await ladder.flush()
    (sanction,) = await ladder.list(OWNER)
    assert (sanction.person, sanction.requests, sanction.imposed_by) == (WHO, tuple(requests), "")
    event, who, facts = office.announced[-1]
    assert (office.events, who) == (["sanction:imposed"], "")
    assert (event, facts["sanction"], facts["person"]) == ("sanction:imposed", sanction.id, WHO)


async def test_the_task_writes_by_itself(office: Office, ladder: Ladder) -> None:
    refuse(ladder, 1)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        async with office.database.read() as connection:
            if (await connection.execute(select(attempt_rows))).first():
                return
    pytest.fail("nothing was written")


async def test_counts_and_suspensions_survive_a_restart(office: Office) -> None:
    first = office.ladder()
    await first.load()
    refuse(first, 2)
    refuse(first, 2, person=OTHER.person)
    first.note(attempt(person=OTHER.person, refused=False))
    await first.close()
    second = office.ladder()
    await second.load()
    refuse(second, 2, person=OTHER.person)
    refuse(second, 1)
    assert stopped(second)
    assert not stopped(second, OTHER.person)
    await second.close()
    third = await restarted(office)
    assert stopped(third)
    refuse(third, 1, person=OTHER.person)
    assert stopped(third, OTHER.person)
    office.now += DAY
    assert not stopped(third)
    refuse(third, 2)
    assert not stopped(third)


async def test_another_server_knows_after_its_next_refresh(office: Office, ladder: Ladder) -> None:
    other = await restarted(office)
    refuse(ladder, 1)
    refuse(other, 1)
    for one, two in ((ladder, other), (other, ladder)):
        await one.flush()
        office.now += 3
        await two.refresh()
    refuse(ladder, 1)
    assert stopped(ladder)
    assert not stopped(other)
    await ladder.flush()
    office.now += 3
    await other.refresh()
    assert stopped(other)
    sanction = ladder.standing(WHO, "", HOME)
    assert sanction is not None
    await other.lift(OWNER, sanction.id, "They called.")
    office.now += 3
    await ladder.refresh()
    assert not stopped(ladder)


async def test_what_went_through_elsewhere_starts_the_row_anew_here(office: Office, ladder: Ladder) -> None:
    refuse(ladder, 2)
    await ladder.flush()
    other = await restarted(office)
    office.now += 1
    other.note(attempt(refused=False))
    await other.flush()
    office.now += 3
    await ladder.refresh()
    refuse(ladder, 2)
    assert not stopped(ladder)


async def test_what_was_not_written_is_written_the_next_time(office: Office) -> None:
    down = office.ladder()
    refuse(down, 3)
    real, down._database = down._database, None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        await down.flush()
    down._database = real
    down.note(attempt(person=OTHER.person))
    await down.flush()
    assert len(await down.list(OWNER)) == 1
    fresh = await restarted(office)
    assert stopped(fresh)
    refuse(fresh, 2, person=OTHER.person)
    assert stopped(fresh, OTHER.person)


async def test_an_overturned_refusal_is_taken_off_the_count(office: Office, ladder: Ladder) -> None:
    first, _ = refuse(ladder, 2)
    await ladder.overturn(OTHER.person, first)
    await ladder.overturn(WHO, "req_unknown")
    await ladder.overturn(WHO, first)
    refuse(ladder, 1)
    assert not stopped(ladder)
    await ladder.flush()
    fresh = await restarted(office)
    assert not stopped(fresh)
    refuse(fresh, 1)
    assert stopped(fresh)


async def test_a_suspension_with_an_overturned_refusal_in_it_is_lifted(office: Office, ladder: Ladder) -> None:
    requests = refuse(ladder, 3)
    await ladder.overturn(WHO, requests[1])
    assert not stopped(ladder)
    assert office.events == ["sanction:imposed", "sanction:lifted"]
    (sanction,) = await ladder.list(OWNER)
    assert sanction.lift_reason == "A refusal was overturned."
    assert not stopped(await restarted(office))
    refuse(ladder, 3)
    again = ladder.standing(WHO, "", HOME)
    assert again is not None
    assert again.until - again.imposed_at == DAY, "what was lifted doubles nothing"


async def test_a_suspension_that_is_over_doubles_nothing_once_it_was_wrong(office: Office, ladder: Ladder) -> None:
    requests = refuse(ladder, 3)
    office.now += 2 * DAY
    await ladder.overturn(WHO, requests[0])
    refuse(ladder, 3)
    sanction = ladder.standing(WHO, "", HOME)
    assert sanction is not None
    assert sanction.until - sanction.imposed_at == DAY


async def test_what_could_not_be_put_on_record_is_the_next_time_and_once(office: Office) -> None:
    failing = True

    async def announce(event: str, actor: Actor | None, facts: Facts) -> None:
        if failing:
            raise AuditUnavailable("No.")
        await office.announce(event, actor, facts)

    ladder = Ladder(office.database, announce, clock=office.clock)
    refuse(ladder, 3)
    with pytest.raises(AuditUnavailable):
        await ladder.flush()
    failing = False
    await ladder.flush()
    await ladder.flush()
    assert office.events == ["sanction:imposed"]
    assert len(await ladder.list(OWNER)) == 1


async def test_reviewers_impose_in_their_workspace_and_administrators_everywhere(
    office: Office, ladder: Ladder
) -> None:
    made = await ladder.impose(REVIEWER, WHO, "", "suspend", hours=2, reason=" Sells exams. ")
    assert (made.reason, made.imposed_by, made.until) == ("Sells exams.", REVIEWER.person, office.now + 2 * HOUR)
    assert stopped(ladder)
    assert not stopped(ladder, workspace=ELSEWHERE)
    await ladder.impose(ADMINISTRATOR, OTHER.person, "", "terminate", reason="Again.")
    office.now += 1000 * DAY
    assert stopped(ladder, OTHER.person, workspace=ELSEWHERE)
    assert not stopped(ladder)
    assert stopped(await restarted(office), OTHER.person)
    assert [who for _, who, _ in office.announced] == [REVIEWER.person, ADMINISTRATOR.person]
    assert "exams" not in repr(office.announced)


async def test_a_warning_stops_nobody_and_is_seen_by_its_person(ladder: Ladder) -> None:
    warning = await ladder.impose(OWNER, WHO, "", "warn", reason="Please do not.")
    assert not stopped(ladder)
    (seen,) = await ladder.list(COLLEAGUE)
    assert (seen.id, seen.reason, seen.imposed_by) == (warning.id, "Please do not.", "")


async def test_an_owner_stops_an_end_user_of_their_own_program(ladder: Ladder) -> None:
    sanction = await ladder.impose(OWNER, OWNER.person, "ab12", "terminate", reason="Abuse.")
    assert stopped(ladder, OWNER.person, "ab12")
    assert not stopped(ladder, OWNER.person)
    await ladder.lift(OWNER, sanction.id, "A mistake.")
    assert not stopped(ladder, OWNER.person, "ab12")


async def test_who_may_not_impose(ladder: Ladder) -> None:
    for actor, person, error in (
        (COLLEAGUE, OTHER.person, NotAllowed),
        (AUDITOR, OTHER.person, NotAllowed),
        (OWNER, OWNER.person, NotAllowed),
        (OWNER, STRANGER.person, NotFound),
        (OWNER, "per_nobody", NotFound),
        (ADMINISTRATOR, "per_nobody", NotFound),
        (STRANGER, ADMINISTRATOR.person, NotAllowed),
    ):
        with pytest.raises(error):
            await ladder.impose(actor, person, "", "terminate", reason="So.")
    assert await ladder.list(ADMINISTRATOR) == []


async def test_a_sanction_has_its_form(ladder: Ladder) -> None:
    for step, hours, reason in (
        ("ban", 1, "x"),
        ("suspend", 0, "x"),
        ("suspend", 8785, "x"),
        ("suspend", float("nan"), "x"),
        ("warn", 0, " "),
        ("warn", 0, "x" * 1001),
    ):
        with pytest.raises(BadRequest):
            await ladder.impose(OWNER, WHO, "", step, hours=hours, reason=reason)  # type: ignore[arg-type]


async def test_who_may_lift(office: Office, ladder: Ladder) -> None:
    refuse(ladder, 3)
    refuse(ladder, 3, person=OWNER.person)
    (mine,) = await ladder.list(REVIEWER, person=OWNER.person)
    (theirs,) = await ladder.list(REVIEWER, person=WHO)
    strict = await ladder.impose(ADMINISTRATOR, OTHER.person, "", "terminate", reason="So.")
    abroad = await ladder.impose(ADMINISTRATOR, COLLEAGUE.person, "", "suspend", hours=1, reason="So.")
    for actor, sanction, error in (
        (COLLEAGUE, theirs, NotAllowed),
        (AUDITOR, theirs, NotAllowed),
        (STRANGER, theirs, NotFound),
        (OWNER, mine, NotAllowed),
        (OWNER, strict, NotAllowed),
        (OWNER, abroad, NotAllowed),
        (STRANGER, abroad, NotFound),
    ):
        with pytest.raises(error):
            await ladder.lift(actor, sanction.id, "So.")
    with pytest.raises(BadRequest, match="reason"):
        await ladder.lift(OWNER, theirs.id, " ")
    lifted = await ladder.lift(OWNER, theirs.id, "They called.")
    assert (lifted.lifted_by, lifted.lift_reason, lifted.lifted_at) == (OWNER.person, "They called.", office.now)
    with pytest.raises(Conflict, match="over"):
        await ladder.lift(OWNER, theirs.id, "Again.")
    await ladder.lift(ADMINISTRATOR, strict.id, "They called.")
    assert office.events.count("sanction:lifted") == 2
    office.now += 2 * DAY
    with pytest.raises(Conflict, match="over"):
        await ladder.lift(ADMINISTRATOR, mine.id, "Too late.")


async def test_reviewers_list_their_workspaces_administrators_all_people_their_own(ladder: Ladder) -> None:
    await ladder.impose(OWNER, WHO, "", "warn", reason="Please do not.")
    await ladder.impose(OWNER, WHO, "ab12", "warn", reason="Please do not.")
    await ladder.impose(ADMINISTRATOR, OTHER.person, "", "warn", reason="Please do not.")
    await ladder.impose(STRANGER, STRANGER.person, "ab12", "warn", reason="Please do not.")
    everything = await ladder.list(ADMINISTRATOR)
    assert [sanction.person for sanction in everything] == [STRANGER.person, OTHER.person, WHO, WHO]

    def ids(found: list[Sanction]) -> list[str]:
        return [sanction.id for sanction in found]

    assert ids(await ladder.list(OWNER)) == ids(everything[1:])
    assert ids(await ladder.list(OTHER)) == ids(everything[1:2])
    assert ids(await ladder.list(STRANGER)) == ids(everything[:1])
    assert ids(await ladder.list(COLLEAGUE)) == ids(everything[3:])
    assert ids(await ladder.list(AUDITOR)) == []
    assert ids(await ladder.list(OWNER, person=WHO)) == ids(everything[2:])
    assert ids(await ladder.list(OWNER, limit=1)) == ids(everything[1:2])
    assert ids(await ladder.list(OWNER, before=everything[1].id)) == ids(everything[2:])


async def test_attempts_are_forgotten_after_thirty_days_and_sanctions_kept(office: Office, ladder: Ladder) -> None:
    refuse(ladder, 3)
    refuse(ladder, 2, person=OTHER.person)
    await ladder.flush()
    assert await ladder.prune() == 0
    office.now += AGAIN_DAYS * DAY + 1
    assert await ladder.prune() == 5
    refuse(ladder, 1, person=OTHER.person)
    assert not stopped(ladder, OTHER.person)
    assert len(await ladder.list(OWNER)) == 1


async def test_counting_and_looking_up_take_microseconds(office: Office) -> None:
    ladder = office.ladder()
    refuse(ladder, 2)
    made = [attempt(person=f"per_{number}", refused=False) for number in range(20_000)]
    started = time.process_time()
    for one in made:
        ladder.note(one)
        ladder.standing(one.person, "", HOME)
    assert time.process_time() - started < 1.0, "20,000 of both"
