"""The reviewers' desk: who brings what, who sees how much, who decides, and what follows."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from sqlalchemy import delete

from hanlin.accounts.tables import people
from hanlin.errors import BadRequest, Conflict, NotAllowed, NotFound, TooLarge, TooMany
from hanlin.policy.file import Review
from hanlin.review import Case, Desk, NewCase, RuleCount, digest
from hanlin.review.desk import OPEN_CASES, RELEASED_DAYS, RETENTION_DAYS, TEXT_CHARACTERS
from hanlin.types import Actor, Decision, Permission, Verdict
from tests.review.conftest import (
    ADMINISTRATOR,
    AUDITOR,
    COLLEAGUE,
    HOME,
    OTHER,
    OWNER,
    REVIEWER,
    STRANGER,
    THIRD,
    Office,
)

ONE, TWO = Review(eyes=1), Review(eyes=2)
TEXT = "A sentence with a kiwi bomb\0 \ud83e in it, 奇异果。"
DECISION = Decision(Verdict.REFUSE, "weapons", "About weapons.", ((19, 28),), "default@0123456789ab")
DAY = 86_400


def held(request: str = "req_1", **changed: Any) -> NewCase:
    values: dict[str, Any] = {
        "kind": "held_input",
        "workspace": HOME,
        "person": COLLEAGUE.person,
        "request_id": request,
        "service": "desk",
        "policy": DECISION.policy,
        "rule": DECISION.rule,
        "category": "A.1.d",
        "spans": DECISION.spans,
        "text": TEXT,
    }
    return NewCase(**values | changed)


async def objection(desk: Desk, request: str = "req_1", who: Actor = COLLEAGUE, review: Review = ONE) -> Case:
    return await desk.object(who, request, TEXT, "It is a fruit.", decision=DECISION, service="desk", review=review)


async def test_a_case_keeps_what_was_brought_with_a_deadline_and_goes_on_record(office: Office) -> None:
    desk = office.desk()
    case = await desk.open(held(), Review(eyes=2, due_hours=48), COLLEAGUE)
    assert await desk.case(OWNER, case.id) == case
    assert (case.state, case.eyes, case.outcome, case.votes) == ("open", 2, "", ())
    assert (case.text, case.spans, case.category) == (TEXT, DECISION.spans, "A.1.d")
    assert (case.opened_at, case.due_at) == (office.now, office.now + 48 * 3600)
    event, who, facts = office.announced[0]
    assert (event, who, facts["case"], facts["rule"]) == ("case:opened", COLLEAGUE.person, case.id, "weapons")


async def test_no_text_note_or_reason_stands_on_the_record(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk)
    await desk.decide(OWNER, case.id, "release", "Only a fruit.")
    said = repr(office.announced)
    assert len(office.announced) == 2
    assert not [word for word in ("kiwi", "fruit", "奇异果") if word in said]


async def test_bringing_the_same_again_gives_the_same_case(office: Office) -> None:
    desk = office.desk()
    first = await objection(desk)
    assert (await objection(desk)).id == first.id
    assert (await objection(desk, "req_2")).id != first.id
    waiting = await desk.open(held("req_3"), ONE)
    assert waiting.id != first.id
    assert (await desk.open(held("req_4", text=TEXT.upper() + "  "), ONE)).id == waiting.id
    assert (await desk.open(held("req_5", rule="another"), ONE)).id != waiting.id
    assert (await desk.open(held("req_6", person=OTHER.person), ONE)).id != waiting.id
    assert (await desk.open(held("req_7", end_user="ab12"), ONE)).id != waiting.id
    await desk.decide(OWNER, waiting.id, "uphold", "No.")
    assert (await desk.open(held("req_4"), ONE)).id != waiting.id


async def test_the_same_brought_at_once_is_one_case(office: Office) -> None:
    one, other = office.desk(), office.desk()
    found = await asyncio.gather(*(objection(desk) for desk in (one, other) * 4))
    assert len({case.id for case in found}) == 1


async def test_a_person_has_at_most_fifty_open_cases_and_each_end_user_as_many(office: Office) -> None:
    desk = office.desk()
    for number in range(OPEN_CASES):
        await objection(desk, f"req_{number}")
    with pytest.raises(TooMany):
        await objection(desk, "req_more")
    assert (await objection(desk, "req_0")).request_id == "req_0"
    await desk.open(held("req_more", end_user="ab12"), ONE)
    await objection(desk, "req_more", OTHER)
    last = (await desk.cases(COLLEAGUE, kind="objection"))[0]
    await desk.decide(OWNER, last.id, "uphold", "No.")
    await objection(desk, "req_more")


async def test_what_is_too_long_or_empty_is_refused(office: Office) -> None:
    desk = office.desk()
    await desk.open(held(text="x" * TEXT_CHARACTERS), ONE)
    with pytest.raises(TooLarge):
        await desk.open(held(text="x" * (TEXT_CHARACTERS + 1)), ONE)
    for text, note in ((" ", "x"), ("x", "y" * 2001), ("x", "a\0b")):
        with pytest.raises(BadRequest):
            await desk.object(COLLEAGUE, "req_1", text, note, decision=DECISION)


async def test_a_case_of_nobody_is_refused(office: Office) -> None:
    with pytest.raises(NotFound):
        await office.desk().open(held(person="per_gone"), ONE)


async def test_reviewers_see_their_workspace_administrators_all_people_their_own(office: Office) -> None:
    desk = office.desk()
    first, second = await objection(desk), await objection(desk, "req_2", OTHER)
    abroad = await desk.open(held("req_3", workspace=STRANGER.workspace, person=STRANGER.person), ONE)
    program = await desk.open(held("req_4", kind="attempts", text=""), ONE)
    seen = {
        OWNER.person: [program, second, first],
        REVIEWER.person: [program, second, first],
        ADMINISTRATOR.person: [program, abroad, second, first],
        STRANGER.person: [abroad],
        COLLEAGUE.person: [first],
        OTHER.person: [second],
    }
    for actor in (OWNER, REVIEWER, ADMINISTRATOR, STRANGER, COLLEAGUE, OTHER):
        ids = [case.id for case in seen[actor.person]]
        assert [case.id for case in await desk.cases(actor)] == ids, actor.person
        for case in (first, second, abroad, program):
            if case.id in ids:
                assert (await desk.case(actor, case.id)).id == case.id
            else:
                with pytest.raises(NotFound, match="no such case"):
                    await desk.case(actor, case.id)


async def test_who_may_neither_review_nor_generate_sees_nothing(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk)
    narrow = Actor(COLLEAGUE.person, HOME, COLLEAGUE.role, frozenset({Permission.READ_REGISTRY}), key="key_1")
    for actor in (AUDITOR, narrow):
        for act in (desk.cases(actor), desk.case(actor, case.id), desk.withdraw(actor, case.id)):
            with pytest.raises(NotAllowed):
                await act
    with pytest.raises(NotAllowed):
        await objection(desk, "req_2", AUDITOR)


async def test_a_list_is_read_in_pages_and_by_state_kind_and_workspace(office: Office) -> None:
    desk = office.desk()
    made = [await objection(desk, f"req_{number}") for number in range(5)]
    waiting = await desk.open(held("req_9"), ONE)
    await desk.decide(OWNER, made[0].id, "uphold", "No.")
    page = await desk.cases(OWNER, kind="objection", limit=3)
    rest = await desk.cases(OWNER, kind="objection", before=page[-1].id)
    assert [case.id for case in page + rest] == [case.id for case in reversed(made)]
    assert [case.id for case in await desk.cases(OWNER, state="decided")] == [made[0].id]
    assert [case.id for case in await desk.cases(OWNER, kind="held_input", state="open")] == [waiting.id]
    assert await desk.cases(ADMINISTRATOR, workspace=STRANGER.workspace) == []
    assert await desk.cases(STRANGER, workspace=HOME) == []
    assert len(await desk.cases(ADMINISTRATOR, workspace=HOME, limit=-1)) == 1


async def test_a_queue_starts_with_what_is_due_soonest(office: Office) -> None:
    desk = office.desk()
    made = [await desk.open(held(f"req_{n}", text=f"{n}"), Review(due_hours=n)) for n in (72, 4, 24)]
    queue = await desk.cases(OWNER, state="open", due_first=True, limit=2)
    assert [case.id for case in queue] == [made[1].id, made[2].id]


async def test_a_reviewer_can_ask_for_their_own_cases_alone(office: Office) -> None:
    desk = office.desk()
    await objection(desk)
    own = await objection(desk, "req_2", OWNER)
    await desk.open(held("req_3", kind="attempts", text="", person=OWNER.person), ONE)
    assert [case.id for case in await desk.cases(OWNER, mine=True)] == [own.id]
    assert await desk.cases(ADMINISTRATOR, mine=True) == []


async def test_one_pair_of_eyes_decides_at_once_and_is_heard(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk)
    office.now += 3600
    decided = await desk.decide(REVIEWER, case.id, "release", " A fruit. ")
    assert (decided.state, decided.outcome, decided.decided_at) == ("decided", "release", office.now)
    assert [(vote.person, vote.verdict, vote.reason) for vote in decided.votes] == [
        (REVIEWER.person, "release", "A fruit.")
    ]
    assert office.decided == [decided]
    event, who, facts = office.announced[-1]
    assert (event, who) == ("case:decided", REVIEWER.person)
    assert (facts["verdict"], facts["outcome"]) == ("release", "release")


async def test_two_pairs_of_eyes_must_agree(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk, review=TWO)
    assert (await desk.decide(OWNER, case.id, "uphold", "No.")).state == "open"
    assert office.decided == []
    with pytest.raises(Conflict, match="decided this case already"):
        await desk.decide(OWNER, case.id, "uphold", "No.")
    assert (await desk.decide(REVIEWER, case.id, "uphold", "No.")).outcome == "uphold"
    assert [facts["outcome"] for event, _, facts in office.announced if event == "case:decided"] == ["", "uphold"]


async def test_a_third_decides_where_two_do_not_agree(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk, review=TWO)
    await desk.decide(OWNER, case.id, "uphold", "No.")
    assert (await desk.decide(REVIEWER, case.id, "release", "Yes.")).state == "open"
    assert (await desk.decide(THIRD, case.id, "release", "Yes.")).outcome == "release"
    with pytest.raises(Conflict, match="over"):
        await desk.decide(ADMINISTRATOR, case.id, "uphold", "No.")


async def test_votes_cast_at_once_decide_once(office: Office) -> None:
    one, other = office.desk(), office.desk()
    for round_ in range(5):
        case = await objection(one, f"req_{round_}", review=TWO)
        office.decided.clear()
        voters = [(one, OWNER), (other, REVIEWER), (one, THIRD), (other, ADMINISTRATOR), (other, OWNER)]
        ends = await asyncio.gather(
            *(desk.decide(actor, case.id, "release", "Yes.") for desk, actor in voters), return_exceptions=True
        )
        assert sum(isinstance(end, Case) for end in ends) == 2
        assert all(isinstance(end, Case | Conflict) for end in ends)
        assert [decided.id for decided in office.decided] == [case.id]
        assert len((await one.case(OWNER, case.id)).votes) == 2


async def test_nobody_decides_a_case_of_their_own(office: Office) -> None:
    desk = office.desk()
    own = await objection(desk, "req_1", OWNER)
    with pytest.raises(NotAllowed, match="own"):
        await desk.decide(OWNER, own.id, "release", "Mine.")
    assert (await desk.decide(REVIEWER, own.id, "uphold", "No.")).outcome == "uphold"


async def test_only_who_reviews_there_decides(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk)
    for actor, error in ((COLLEAGUE, NotAllowed), (OTHER, NotAllowed), (AUDITOR, NotAllowed), (STRANGER, NotFound)):
        with pytest.raises(error):
            await desk.decide(actor, case.id, "release", "Yes.")
    assert (await desk.case(OWNER, case.id)).votes == ()
    assert (await desk.decide(ADMINISTRATOR, case.id, "release", "Yes.")).outcome == "release"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001, "a\0b"])
async def test_a_decision_needs_a_reason(office: Office, reason: str) -> None:
    desk = office.desk()
    case = await objection(desk)
    with pytest.raises(BadRequest, match="reason"):
        await desk.decide(OWNER, case.id, "release", reason)


async def test_a_verdict_is_one_of_two(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk)
    with pytest.raises(BadRequest, match="verdict"):
        await desk.decide(OWNER, case.id, "perhaps", "Well.")  # type: ignore[arg-type]


async def test_the_person_learns_what_and_why_but_not_who_and_not_before_the_end(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk, review=TWO)
    await desk.decide(OWNER, case.id, "release", "A fruit.")
    assert (await desk.case(COLLEAGUE, case.id)).votes == ()
    await desk.decide(REVIEWER, case.id, "release", "Indeed.")
    seen = await desk.case(COLLEAGUE, case.id)
    assert (seen.outcome, seen.text) == ("release", TEXT)
    assert {(vote.person, vote.reason) for vote in seen.votes} == {("", "A fruit."), ("", "Indeed.")}
    own = await objection(desk, "req_2", OWNER)
    await desk.decide(REVIEWER, own.id, "uphold", "No.")
    assert [vote.person for vote in (await desk.cases(OWNER))[0].votes] == [""]


async def test_a_held_answer_is_shown_to_its_person_only_once_it_was_released(office: Office) -> None:
    desk = office.desk()
    case = await desk.hold(COLLEAGUE, held(kind="held_output"), ONE)
    assert (case.text, case.spans) == ("", ())
    assert (await desk.case(COLLEAGUE, case.id)).text == ""
    assert (await desk.case(OWNER, case.id)).text == TEXT
    await desk.decide(OWNER, case.id, "release", "Fine.")
    assert (await desk.case(COLLEAGUE, case.id)).text == TEXT
    assert not desk.released(COLLEAGUE.person, digest("weapons", TEXT))


async def test_a_released_text_passes_for_its_person_for_thirty_days(office: Office) -> None:
    desk = office.desk()
    case = await desk.open(held(), ONE)
    known = digest("weapons", "  " + TEXT.upper())
    assert not desk.released(COLLEAGUE.person, known)
    await desk.decide(OWNER, case.id, "release", "Fine.")
    assert desk.released(COLLEAGUE.person, known)
    assert not desk.released(OTHER.person, known)
    assert not desk.released(COLLEAGUE.person, digest("weapons", TEXT + "s"))
    assert not desk.released(COLLEAGUE.person, digest("another", TEXT))
    office.now += RELEASED_DAYS * DAY - 1
    assert desk.released(COLLEAGUE.person, known)
    office.now += 1
    assert not desk.released(COLLEAGUE.person, known)


async def test_an_upheld_text_does_not_pass(office: Office) -> None:
    desk = office.desk()
    case = await desk.open(held(), ONE)
    await desk.decide(OWNER, case.id, "uphold", "No.")
    assert not desk.released(COLLEAGUE.person, digest("weapons", TEXT))


async def test_releases_survive_a_restart_and_reach_another_server(office: Office) -> None:
    one, other = office.desk(), office.desk()
    await other.refresh()
    case = await one.open(held(), ONE)
    await one.decide(OWNER, case.id, "release", "Fine.")
    known = digest("weapons", TEXT)
    assert not other.released(COLLEAGUE.person, known)
    office.now += 3
    await other.refresh()
    assert other.released(COLLEAGUE.person, known)
    office.now += RELEASED_DAYS * DAY - 10
    restarted = office.desk()
    await restarted.refresh()
    assert restarted.released(COLLEAGUE.person, known)
    office.now += 10
    for desk in (other, restarted):
        await desk.refresh()
        assert not desk.released(COLLEAGUE.person, known)


async def test_a_person_withdraws_their_own_open_case(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk)
    for actor in (OTHER, OWNER, STRANGER):
        with pytest.raises(NotFound):
            await desk.withdraw(actor, case.id)
    assert (await desk.withdraw(COLLEAGUE, case.id)).state == "closed"
    assert office.events[-1] == "case:closed"
    for act in (desk.withdraw(COLLEAGUE, case.id), desk.decide(OWNER, case.id, "release", "Yes.")):
        with pytest.raises(Conflict, match="over"):
            await act


async def test_texts_reasons_and_digests_go_ninety_days_after_the_end(office: Office) -> None:
    desk = office.desk()
    case, still_open = await objection(desk), await objection(desk, "req_2")
    await desk.decide(OWNER, case.id, "uphold", "About a kiwi.")
    office.now += RETENTION_DAYS * DAY - 1
    assert await desk.prune() == 0
    office.now += 1
    assert (await desk.prune(), await desk.prune()) == (1, 0)
    kept = await desk.case(OWNER, case.id)
    assert (kept.text, kept.note, kept.spans, kept.outcome) == ("", "", (), "uphold")
    assert [vote.reason for vote in kept.votes] == [""]
    assert (await desk.case(OWNER, still_open.id)).text == TEXT


async def test_a_case_goes_with_its_person_and_leaves_no_byte_in_the_file(office: Office) -> None:
    desk = office.desk()
    case = await objection(desk)
    await desk.decide(OWNER, case.id, "uphold", "No.")
    async with office.database.write() as connection:
        await connection.execute(delete(people).where(people.c.id == COLLEAGUE.person))
    with pytest.raises(NotFound):
        await desk.case(OWNER, case.id)
    if office.database.url.get_backend_name() == "sqlite":
        file = str(office.database.url.database)
        await office.database.close()
        with sqlite3.connect(file) as connection_:
            assert connection_.execute("SELECT count(*) FROM review_votes").fetchone() == (0,)
            assert "kiwi" not in "".join(connection_.iterdump())


async def test_statistics_count_what_waits_what_was_decided_and_what_was_overturned(office: Office) -> None:
    desk = office.desk()
    assert await desk.statistics(OWNER, 0) == await desk.statistics(STRANGER, 0)
    since = int(office.now)
    made = [await objection(desk, f"req_{number}") for number in range(6)]
    for number, hours in enumerate((1, 2, 9)):
        office.now = since + hours * 3600
        await desk.decide(OWNER, made[number].id, "release" if number else "uphold", "So.")
    await desk.withdraw(COLLEAGUE, made[3].id)
    office.now = since + 73 * 3600
    await objection(desk, "req_9")
    seen = await desk.statistics(REVIEWER, since)
    assert (seen.open, seen.overdue, seen.decided, seen.released, seen.withdrawn) == (3, 2, 3, 2, 1)
    assert seen.median_hours == 2.0
    assert seen.rules == (RuleCount("weapons", 3, 2),)
    assert (await desk.statistics(OWNER, since + 3 * 3600)).decided == 1
    assert await desk.statistics(ADMINISTRATOR, since) == seen
    abroad = await desk.statistics(STRANGER, since)
    assert (abroad.open, abroad.decided, abroad.median_hours, abroad.rules) == (0, 0, None, ())
    for actor in (COLLEAGUE, AUDITOR):
        with pytest.raises(NotAllowed):
            await desk.statistics(actor, 0)


async def test_many_attempts_of_one_program_are_one_open_case(office: Office) -> None:
    desk = office.desk()
    first = await desk.open(held("req_1", kind="attempts", text=""), ONE)
    assert (await desk.open(held("req_2", kind="attempts", text=""), ONE)).id == first.id
    await desk.decide(OWNER, first.id, "uphold", "Spoke with them.")
    assert (await desk.open(held("req_3", kind="attempts", text=""), ONE)).id != first.id
