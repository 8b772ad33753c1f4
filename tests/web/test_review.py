"""What a refused person sees and does, and what reviewers do about it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import pytest

from hanlin.audit import Outcome
from hanlin.errors import NotAllowed, Refused
from hanlin.policy.file import Ladder as Rules
from hanlin.policy.file import Review
from hanlin.review import Attempt, Case, NewCase
from hanlin.types import Actor, Decision, Role, Status, Verdict, new_id
from tests.web.conftest import PASSWORD, Browser, House, Script
from tests.web.test_browser import Witness, witness
from tests.web.test_chat import answer_id, begin

__all__ = ["witness"]

POLICY = """
name = "default"
refusal = { zh = "不行。", en = "No." }
review = { eyes = 1, due_hours = 48 }
[[rules]]
name = "contraband"
category = "A.1.h"
reason = "Trade in contraband."
terms = ["ivory carvings"]
"""
QUESTION = "Where do they sell <b>ivory carvings</b>?"
MARKED = "&lt;b&gt;<mark>ivory carvings</mark>&lt;/b&gt;"


@dataclass
class Desk:
    """A workspace with a policy of one rule and a reviewer, who is not an owner."""

    house: House
    reviewer: Browser
    actor: Actor

    async def refuse(self, actor: Actor, *, status: Status = Status.REFUSED_INPUT, policy: str = "default@1") -> str:
        """A refused request of a program or of the browser on the record."""
        request = new_id("req")
        await self.house.rooms.log.intend(request, actor, "assistant", b"{}")
        decisions = (Decision(Verdict.REFUSE, "contraband", "Trade in contraband.", (), policy),)
        await self.house.rooms.log.conclude(request, actor, Outcome(status, service="assistant", decisions=decisions))
        return request

    async def hold(
        self, actor: Actor, *, kind: str = "held_input", request: str = "", due_hours: float = 72, eyes: int = 1
    ) -> Case:
        new = NewCase(
            kind=kind,  # type: ignore[arg-type]
            workspace=actor.workspace,
            person=actor.person,
            request_id=request or new_id("req"),
            service="assistant",
            policy="default@1",
            rule="contraband",
            category="A.1.h",
            spans=((4, 9),),
            text=f"Dry white wine {new_id('x')}",
        )
        return await self.house.rooms.desk.hold(actor, new, Review(due_hours=due_hours, eyes=eyes))  # type: ignore[arg-type]


@pytest.fixture
async def desk(house: House, browsers: dict[str, Browser]) -> Desk:
    policies, accounts = house.rooms.policies, house.rooms.accounts
    policies.put(await policies.compile(POLICY))
    link = (await accounts.people.invite(house.cast.owner, "reviewer", Role.REVIEWER)).token
    signed_in = await accounts.redeem(link, "reviewer", PASSWORD)
    browser = browsers["nobody"]
    browser.client.cookies.set("hanlin", signed_in.token)
    await browser.get("/account")
    return Desk(house, browser, signed_in.actor)


async def refused(browser: Browser, script: Script) -> tuple[str, str]:
    """Path of a conversation whose question was refused, and the answer's id."""
    script.pieces, script.error = [], Refused("No.", rule="contraband", stage="input")
    path = await begin(browser, QUESTION)
    return path, answer_id((await browser.get(path)).text)


async def object_to(browser: Browser, path: str, answer: str) -> str:
    """Objects from the conversation; the path of the case."""
    form = {"conversation": path.rpartition("/")[2], "message": answer, "note": "I study <customs>."}
    made = await browser.post("/objections", form)
    assert made.status_code == 303
    return str(made.headers["location"])


async def test_a_refused_person_reads_rule_and_reason_and_can_rephrase_or_ask(
    desk: Desk, browsers: dict[str, Browser], script: Script
) -> None:
    owner = browsers["owner"]
    path, answer = await refused(owner, script)
    text = (await owner.get(path)).text
    assert "The rule “contraband” of this service" in text
    assert "Other content forbidden by law · Trade in contraband." in text
    assert f'href="{path}?edit={answer}"' in text
    assert f"/objections/new?conversation={path.rpartition('/')[2]}&amp;message={answer}" in text
    opened = (await owner.get(f"{path}?edit={answer}")).text
    assert re.search(r"<details open>.*<textarea[^>]* autofocus[^>]*>Where do they sell", opened, re.DOTALL)
    assert "<details open>" not in text


async def test_an_objection_shows_the_persons_own_text_and_gets_a_number_and_a_time(
    desk: Desk, browsers: dict[str, Browser], script: Script
) -> None:
    owner = browsers["owner"]
    path, answer = await refused(owner, script)
    form = await owner.get(f"/objections/new?conversation={path.rpartition('/')[2]}&message={answer}")
    assert "Where do they sell &lt;b&gt;ivory carvings&lt;/b&gt;?" in form.text
    assert "Trade in contraband." in form.text
    case = await object_to(owner, path, answer)
    text = (await owner.get(case)).text
    assert f"<code>{case.rpartition('/')[2]}</code>" in text
    assert re.search(r"A person looks at it by 20\d\d-\d\d-\d\d \d\d:\d\d\.", text)
    assert MARKED in text
    assert "I study &lt;customs&gt;." in text
    assert await object_to(owner, path, answer) == case
    assert f'href="{case}"' in (await owner.get("/objections")).text
    bubble = (await owner.get(path)).text
    assert "/objections/new" not in bubble
    assert f'href="{case}">A person looks at it' in bubble


async def test_a_reviewer_sees_the_text_marked_and_decides_and_the_person_learns_why_but_not_by_whom(
    desk: Desk, browsers: dict[str, Browser], script: Script
) -> None:
    colleague = browsers["colleague"]
    path, answer = await refused(colleague, script)
    case = (await object_to(colleague, path, answer)).rpartition("/")[2]
    queue = (await desk.reviewer.get("/console/review")).text
    assert f'href="/console/review/cases/{case}"' in queue
    shown = (await desk.reviewer.get(f"/console/review/cases/{case}")).text
    assert MARKED in shown
    for part in ("contraband", "Trade in contraband.", "Other content forbidden by law", "I study &lt;customs&gt;."):
        assert part in shown
    form = {"verdict": "release", "reason": "It asks and offers nothing."}
    done = await desk.reviewer.post(f"/console/review/cases/{case}", form)
    assert (done.status_code, done.headers["location"]) == (303, "/console/review#queue")
    assert case not in (await desk.reviewer.get("/console/review")).text
    own = (await colleague.get(f"/objections/{case}")).text
    assert "You were right" in own
    assert "It no longer counts against you" in own
    assert "It asks and offers nothing." in own
    assert desk.actor.person not in own
    assert "A person decided for you" in (await colleague.get(path)).text
    figures = (await desk.reviewer.get("/console/review?state=decided")).text
    assert "1 of 1 overturned" in figures
    assert case in figures


async def test_nobody_decides_a_case_of_their_own_and_a_reason_is_needed(
    desk: Desk, browsers: dict[str, Browser]
) -> None:
    own = await desk.hold(desk.house.cast.owner)
    page = (await browsers["owner"].get(f"/console/review/cases/{own.id}")).text
    assert "Another reviewer decides it." in page
    assert 'name="verdict"' not in page
    form = {"verdict": "release", "reason": "Mine."}
    assert (await browsers["owner"].post(f"/console/review/cases/{own.id}", form)).status_code == 403
    empty = await desk.reviewer.post(f"/console/review/cases/{own.id}", {"verdict": "release", "reason": " "})
    assert empty.status_code == 400
    wrong = await desk.reviewer.post(f"/console/review/cases/{own.id}", {"verdict": "burn", "reason": "No."})
    assert wrong.status_code == 400


async def test_four_eyes_say_how_many_more_must_agree(desk: Desk, browsers: dict[str, Browser]) -> None:
    case = await desk.hold(desk.house.cast.colleague, eyes=2)
    path = f"/console/review/cases/{case.id}"
    assert "Four eyes: 2 more must agree." in (await desk.reviewer.get(path)).text
    await desk.reviewer.post(path, {"verdict": "uphold", "reason": "It sells."})
    after = (await desk.reviewer.get(path)).text
    assert "You have decided." in after
    assert 'name="verdict"' not in after
    second = (await browsers["owner"].get(path)).text
    assert "Four eyes: 1 more must agree." in second
    assert "1 of 2 have decided" in (await browsers["owner"].get("/console/review")).text


async def test_what_is_due_first_stands_first_and_filters_leave_the_rest_out(desk: Desk) -> None:
    colleague = desk.house.cast.colleague
    late, soon, held = [
        await desk.hold(colleague, due_hours=hours, kind=kind)
        for hours, kind in ((90, "held_input"), (1, "held_input"), (30, "held_output"))
    ]
    text = (await desk.reviewer.get("/console/review")).text
    assert re.findall(r"cases/(cas_\w+)", text) == [soon.id, held.id, late.id]
    text = (await desk.reviewer.get("/console/review?kind=held_output")).text
    assert re.findall(r"cases/(cas_\w+)", text) == [held.id]
    assert "cases/cas_" not in (await desk.reviewer.get("/console/review?state=closed")).text
    assert (await desk.reviewer.get("/console/review?state=what&kind=ever&before='")).status_code == 200


async def test_an_overdue_case_is_marked_and_no_other(desk: Desk) -> None:
    await desk.hold(desk.house.cast.colleague, due_hours=72)
    await desk.hold(desk.house.cast.colleague, due_hours=0.0001)
    await asyncio.sleep(1.1)  # it is due within this second, and times are whole seconds
    text = (await desk.reviewer.get("/console/review")).text
    assert text.count('<span class="sub late">overdue</span>') == 1
    assert '<div class="alarming"><dt>Overdue</dt><dd>1</dd></div>' in text


async def test_a_held_answer_is_read_by_its_person_once_it_is_released(
    desk: Desk, browsers: dict[str, Browser]
) -> None:
    case = await desk.hold(desk.house.cast.colleague, kind="held_output")
    before = (await browsers["colleague"].get(f"/objections/{case.id}")).text
    assert "white" not in before
    await desk.reviewer.post(f"/console/review/cases/{case.id}", {"verdict": "release", "reason": "Fine."})
    after = (await browsers["colleague"].get(f"/objections/{case.id}")).text
    assert "Dry <mark>white</mark> wine" in after
    assert "You can read it below." in after


@pytest.mark.parametrize(
    ("kind", "verdict", "said", "deed"),
    [
        ("held_input", "", "A person has to look at this first", ">A person looks at it</a>"),
        ("held_input", "release", "They let it pass: send the same again", 'primary">Send again</button>'),
        ("held_input", "uphold", "They agree with the rule", ">Put it differently</a>"),
        ("held_output", "", "The rest waits for a person", ">A person looks at it</a>"),
        ("held_output", "release", "The rest waits for a person", ">A person decided for you</a>"),
    ],
)
async def test_what_is_held_says_so_in_the_chat_and_what_became_of_it(
    desk: Desk, browsers: dict[str, Browser], script: Script, kind: str, verdict: str, said: str, deed: str
) -> None:
    path, _ = await refused(browsers["colleague"], script)
    history = desk.house.rooms.conversations.history
    _, messages = await history.read(desk.house.cast.colleague, path.rpartition("/")[2])
    case = await desk.hold(desk.house.cast.colleague, kind=kind, request=messages[-1].request_id)
    if verdict:
        await desk.reviewer.post(f"/console/review/cases/{case.id}", {"verdict": verdict, "reason": "So."})
    text = (await browsers["colleague"].get(path)).text
    assert said in text
    assert deed in text
    assert f'href="/objections/{case.id}"' in text
    assert "/objections/new" not in text


async def test_a_case_is_taken_back_and_belongs_to_nobody_else(desk: Desk, browsers: dict[str, Browser]) -> None:
    case = await desk.hold(desk.house.cast.colleague)
    for name in ("owner", "stranger"):
        assert (await browsers[name].get(f"/objections/{case.id}")).status_code == 404
        assert (await browsers[name].post(f"/objections/{case.id}/withdraw")).status_code == 404
        assert case.id not in (await browsers[name].get("/objections")).text
    assert (await browsers["stranger"].get(f"/console/review/cases/{case.id}")).status_code == 404
    assert (await browsers["colleague"].post(f"/objections/{case.id}/withdraw")).status_code == 303
    assert "You took it back" in (await browsers["colleague"].get(f"/objections/{case.id}")).text


async def test_a_program_s_refused_request_is_objected_to_by_its_own_person_alone(
    desk: Desk, browsers: dict[str, Browser]
) -> None:
    cast, colleague = desk.house.cast, browsers["colleague"]
    made = await colleague.post("/console/keys", {"name": "k", "days": "9", "permissions": "generate"})
    key = re.findall(r"/console/keys/(key_\w+)/revoke", made.text)[0]
    program = Actor(cast.colleague.person, cast.colleague.workspace, Role.MEMBER, cast.colleague.permissions, key=key)
    request = await desk.refuse(program)
    form = await colleague.get(f"/objections/new?request={request}")
    assert form.status_code == 200
    assert 'name="text"' in form.text
    for name in ("owner", "stranger"):
        assert (await browsers[name].get(f"/objections/new?request={request}")).status_code == 404
        answer = await browsers[name].post("/objections", {"request": request, "text": "x", "note": ""})
        assert answer.status_code == 404
    answered = await desk.refuse(program, status=Status.COMPLETED)
    for unknown in (answered, new_id("req"), "", "'"):
        assert (await colleague.get(f"/objections/new?request={unknown}")).status_code == 404
    assert (await colleague.post("/objections", {"request": request, "text": " "})).status_code == 400
    sent = await colleague.post("/objections", {"request": request, "text": QUESTION, "note": "Customs."})
    assert MARKED in (await colleague.get(sent.headers["location"])).text


async def test_only_ones_own_refused_messages_can_be_objected_to(
    desk: Desk, browsers: dict[str, Browser], script: Script
) -> None:
    path, answer = await refused(browsers["owner"], script)
    about = f"conversation={path.rpartition('/')[2]}&message={answer}"
    assert (await browsers["colleague"].get(f"/objections/new?{about}")).status_code == 404
    script.pieces, script.error = ["Well."], None
    answered = await begin(browsers["owner"])
    message = answer_id((await browsers["owner"].get(answered)).text)
    about = f"conversation={answered.rpartition('/')[2]}&message={message}"
    assert (await browsers["owner"].get(f"/objections/new?{about}")).status_code == 404


async def test_a_suspended_person_reads_until_when_and_why_and_objects_to_what_led_to_it(
    desk: Desk, browsers: dict[str, Browser], script: Script
) -> None:
    actor, colleague = desk.house.cast.colleague, browsers["colleague"]
    requests = [await desk.refuse(actor) for _ in range(3)]
    for request in requests:
        attempt = Attempt(
            person=actor.person, workspace=actor.workspace, request_id=request, refused=True, ladder=Rules()
        )
        desk.house.rooms.ladder.note(attempt)
    said = NotAllowed("This account is suspended.", code="account_suspended")
    script.pieces, script.error = [], said
    chat = await begin(colleague)
    text = (await colleague.get(chat)).text
    assert "Your account is suspended" in text
    assert re.search(r"Until 20\d\d-.* Imposed automatically after 3 refused requests\.", text)
    assert 'href="/objections"' in text
    mine = (await colleague.get("/objections")).text
    assert all(f"/objections/new?request={request}" in mine for request in requests)
    assert (await colleague.get(f"/objections/new?request={requests[0]}")).status_code == 200
    listed = (await desk.reviewer.get("/console/review/sanctions")).text
    sanction = re.findall(r"sanctions/(san_\w+)/lift", listed)[0]
    lifted = await desk.reviewer.post(f"/console/review/sanctions/{sanction}/lift", {"reason": "A mistake."})
    assert lifted.status_code == 303
    text = (await colleague.get("/objections")).text
    assert "A mistake." in text
    assert "The suspension is over" in (await colleague.get(chat)).text
    assert desk.actor.person not in text


async def test_a_sanction_is_imposed_with_a_reason_and_never_on_oneself(
    desk: Desk, browsers: dict[str, Browser]
) -> None:
    owner, person = browsers["owner"], desk.house.cast.colleague.person
    page = (await owner.get("/console/review/sanctions")).text
    assert f'<option value="{person}">colleague</option>' in page
    form = {"person": person, "step": "suspend", "hours": "12", "reason": "Flooding <the> desk."}
    assert (await owner.post("/console/review/sanctions", form)).status_code == 303
    text = (await owner.get("/console/review/sanctions")).text
    assert "Flooding &lt;the&gt; desk." in text
    assert "<strong>colleague</strong>" in text
    assert "<strong>colleague</strong>" not in (await desk.reviewer.get("/console/review/sanctions")).text
    for change in ({"hours": "nan"}, {"hours": ""}, {"step": "flog"}, {"reason": ""}):
        assert (await owner.post("/console/review/sanctions", {**form, **change})).status_code == 400
    mine = {**form, "person": desk.house.cast.owner.person}
    assert (await owner.post("/console/review/sanctions", mine)).status_code == 403
    outside = {**form, "person": desk.house.cast.stranger.person}
    assert (await owner.post("/console/review/sanctions", outside)).status_code == 404


async def test_an_incident_goes_from_found_to_verified_and_is_reported(
    desk: Desk, browsers: dict[str, Browser]
) -> None:
    case = await desk.hold(desk.house.cast.colleague)
    page = (await desk.reviewer.get(f"/console/review/cases/{case.id}")).text
    query = re.findall(r'href="(/console/review/incidents\?[^"]+)"', page)[0].replace("&amp;", "&")
    form = (await desk.reviewer.get(query)).text
    assert f'name="request" value="{case.request_id}"' in form
    assert '<option value="A.1.h" selected>' in form
    opened = await desk.reviewer.post("/console/review/incidents", {"title": "A <leak>", "category": "A.1.h"})
    path = opened.headers["location"]
    assert "A &lt;leak&gt;" in (await desk.reviewer.get(path)).text
    early = await desk.reviewer.post(path, {"step": "removed", "note": ""})
    assert early.status_code == 400
    for step in ("stopped", "removed", "fix_opened", "reported", "verified"):
        assert (await desk.reviewer.post(path, {"step": step, "note": f"Did {step}."})).status_code == 303
    text = (await desk.reviewer.get(path)).text
    assert {f"Did {step}." in text for step in ("stopped", "removed", "fix_opened", "reported", "verified")} == {True}
    assert "nothing is left to do" in text
    assert 'name="step"' not in text
    assert (await desk.reviewer.post(path, {"step": "stopped", "note": "Again."})).status_code == 409
    assert (await browsers["stranger"].get(path)).status_code == 404
    assert "A &lt;leak&gt;" in (await desk.reviewer.get("/console/review/incidents")).text


async def test_members_and_auditors_open_no_page_of_the_review(browsers: dict[str, Browser]) -> None:
    for name in ("colleague", "auditor"):
        for path in ("/console/review", "/console/review/incidents", "/console/review/sanctions"):
            assert (await browsers[name].get(path)).status_code == 403
    assert (await browsers["auditor"].get("/objections")).status_code == 403


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_has_its_words_in_both_languages(
    desk: Desk, browsers: dict[str, Browser], language: str
) -> None:
    for kind in ("held_input", "held_output", "objection", "attempts"):
        case = await desk.hold(desk.house.cast.colleague, kind=kind)
        for path in ("/console/review", f"/console/review/cases/{case.id}", "/console/review/incidents"):
            page = await desk.reviewer.get(path, **{"Accept-Language": language})
            assert page.status_code == 200
            assert f'<html lang="{language}"' in page.text
        if kind != "attempts":
            page = await browsers["colleague"].get(f"/objections/{case.id}", **{"Accept-Language": language})
            assert page.status_code == 200


@pytest.mark.browser
@pytest.mark.slow
async def test_a_case_is_decided_by_keys_alone_and_no_page_is_wider_than_a_phone(
    desk: Desk, browsers: dict[str, Browser], witness: Witness, script: Script
) -> None:
    page, url, actor = witness.page, witness.url, desk.house.cast.colleague
    case, other = await desk.hold(actor, due_hours=1), await desk.hold(actor, due_hours=9)
    incident = await desk.house.rooms.incidents.open(desk.actor, "x" * 200, "assistant")
    await desk.house.rooms.ladder.impose(desk.house.cast.owner, actor.person, "e" * 64, "warn", reason="y" * 1000)
    path, answer = await refused(browsers["owner"], script)
    await page.goto(f"{url}/console/review#queue")
    for _ in range(3):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/cases/{case.id}")
    await page.focus(".passage")
    await page.keyboard.press("Tab")
    await page.keyboard.type("It asks and offers nothing.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/review#queue")
    assert await page.locator("a.case-link").count() == 1
    await page.set_viewport_size({"width": 360, "height": 740})
    about = f"conversation={path.rpartition('/')[2]}&message={answer}"
    paths = ["/console/review", "/console/review?state=decided", f"/console/review/cases/{other.id}", "/objections"]
    paths += ["/console/review/incidents", f"/console/review/incidents/{incident.id}", "/console/review/sanctions"]
    for shown in (*paths, f"/objections/new?{about}", path):
        await page.goto(url + shown)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, shown
    await page.click("text=Put it differently")
    assert await page.evaluate("document.activeElement.matches('[data-edit-text]')")
    assert witness.complaints == []
