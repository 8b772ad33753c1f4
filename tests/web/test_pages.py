"""Each page of the console, the account, sign-in, welcome and receipts, used as people use them."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from hanlin.accounts import Used
from hanlin.audit import Outcome
from hanlin.registry import State
from hanlin.types import Actor, Role, Status, Usage, new_id
from tests.web.conftest import FORM, PASSWORD, Browser, House


async def record(house: House, actor: Actor) -> str:
    """An answer on the record, as the pipeline leaves it there."""
    request = new_id("req")
    await house.rooms.log.intend(request, actor, "assistant", b"{}")
    outcome = Outcome(Status.COMPLETED, service="assistant", usage=Usage(7, 5, 12), output=b"Well", label=request)
    await house.rooms.log.conclude(request, actor, outcome)
    return request


async def events(house: House, actor: Actor, subject: str) -> list[str]:
    page = await house.rooms.log.entries(workspace=actor.workspace, event=subject)
    return [entry.leaf.event for entry in page.entries]


async def test_signing_in_sets_a_cookie_that_script_cannot_read(browsers: dict[str, Browser], house: House) -> None:
    nobody = browsers["nobody"]
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    form = {"name": "colleague", "password": PASSWORD, "back": "/console/keys"}
    answer = await nobody.post("/sign-in", form, **{"User-Agent": agent})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys")
    cookie = answer.headers["set-cookie"]
    assert re.match(r"hanlin=[\w-]{43}; HttpOnly; Max-Age=604800; Path=/; SameSite=lax$", cookie), cookie
    assert "Firefox · Linux" in (await nobody.get("/account")).text
    assert await events(house, house.cast.colleague, "auth:") == ["auth:signed_in"]


def test_over_tls_the_cookie_is_bound_to_its_host(house: House) -> None:
    assert replace(house.rooms, url="https://ai.example.org").cookie == "__Host-hanlin"
    assert house.rooms.cookie == "hanlin"


async def test_a_wrong_password_and_an_unknown_name_get_the_same_page(
    browsers: dict[str, Browser], house: House
) -> None:
    texts = set()
    for name in ("colleague", "never-was"):
        answer = await browsers["nobody"].post("/sign-in", {"name": name, "password": "wrong wrong"})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        texts.add(answer.text.replace(name, ""))
    assert len(texts) == 1
    assert "Name or password is wrong." in texts.pop()


async def test_a_page_asked_for_without_a_session_comes_after_signing_in(browsers: dict[str, Browser]) -> None:
    answer = await browsers["nobody"].get("/console/audit?before=9")
    assert answer.headers["location"] == "/sign-in?back=/console/audit%3Fbefore%3D9"
    page = await browsers["nobody"].get(answer.headers["location"])
    assert 'name="back" value="/console/audit?before=9"' in page.text


async def test_signing_out_ends_the_session(browsers: dict[str, Browser], house: House) -> None:
    answer = await browsers["owner"].post("/sign-out")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    browsers["nobody"].client.cookies.set("hanlin", house.cast.tokens["owner"])
    assert (await browsers["nobody"].get("/chat")).status_code == 303


async def test_an_invitation_is_made_redeemed_once_and_spent(browsers: dict[str, Browser], house: House) -> None:
    page = await browsers["owner"].post("/console/people", {"name": "newcomer", "role": "auditor"})
    link = re.findall(r"http://127.0.0.1:8000(/welcome\?token=[\w-]+)", page.text)[0]
    nobody, form = browsers["nobody"], {"token": link.partition("=")[2], "name": "Grace"}
    assert "Choose the name" in (await nobody.get(link)).text
    weak = await nobody.post("/welcome", {**form, "password": "short"})
    assert weak.status_code == 400
    assert 'value="Grace"' in weak.text
    answer = await nobody.post("/welcome", {**form, "password": "a quite long one"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await nobody.get("/")).headers["location"] == "/console"
    again = await nobody.post("/welcome", {**form, "password": "a quite long one"})
    assert again.status_code == 401
    assert "This invitation was used or has expired." in again.text


async def test_every_role_finds_a_home(browsers: dict[str, Browser]) -> None:
    for name, path in (("owner", "/chat"), ("colleague", "/chat"), ("auditor", "/console")):
        assert (await browsers[name].get("/")).headers["location"] == path
    answer = await browsers["auditor"].get("/console")
    assert (await browsers["auditor"].get(answer.headers["location"])).status_code == 200


async def test_the_console_shows_each_person_the_pages_they_may_open(browsers: dict[str, Browser]) -> None:
    pages = {
        "owner": ["models", "services", "policies", "review", "people", "keys", "usage", "audit"],
        "colleague": ["models", "services", "keys", "usage"],
        "auditor": ["models", "services", "usage", "audit"],
    }
    for name, expected in pages.items():
        text = (await browsers[name].get("/console/usage")).text
        assert re.findall(r'href="/console/(\w+)"', text) == expected
        for page in expected:
            assert (await browsers[name].get(f"/console/{page}")).status_code == 200


async def test_a_role_is_changed_and_a_person_removed(browsers: dict[str, Browser], house: House) -> None:
    colleague = house.cast.colleague.person
    changed = await browsers["owner"].post(f"/console/people/{colleague}/role", {"role": "auditor"})
    assert changed.status_code == 303
    person = await house.rooms.accounts.people.get(house.cast.owner, colleague)
    assert person.role is Role.AUDITOR
    assert (await browsers["owner"].post(f"/console/people/{colleague}/role", {"role": "king"})).status_code == 400
    assert (await browsers["owner"].post(f"/console/people/{colleague}/remove")).status_code == 303
    assert (await browsers["colleague"].get("/chat")).status_code == 303
    assert await events(house, house.cast.owner, "person:") == ["person:removed", "person:changed"]


async def test_disabling_is_for_administrators(browsers: dict[str, Browser], house: House) -> None:
    path = f"/console/people/{house.cast.colleague.person}/disabled"
    assert (await browsers["owner"].post(path, {"disabled": "yes"})).status_code == 403
    assert (await browsers["operator"].post(path, {"disabled": "yes"})).status_code == 303
    assert (await browsers["colleague"].get("/chat")).status_code == 303


async def test_a_key_is_shown_once_and_revoked(browsers: dict[str, Browser], house: House) -> None:
    form: dict[str, object] = {"name": "nightly", "days": "9", "permissions": ["generate", "usage:read"]}
    page = await browsers["owner"].post("/console/keys", {**form, "services": "assistant"})
    token = re.findall(r"hl_[a-z2-7]{8}_[\w-]{49}", page.text)[0]
    actor = await house.rooms.accounts.authenticate(token)
    assert (sorted(actor.permissions), actor.services) == (["generate", "usage:read"], frozenset({"assistant"}))
    assert token not in (await browsers["owner"].get("/console/keys")).text
    revoked = await browsers["owner"].post(f"/console/keys/{actor.key}/revoke")
    assert revoked.status_code == 303
    assert "Revoked" in (await browsers["owner"].get("/console/keys")).text
    assert await events(house, house.cast.owner, "key:") == ["key:revoked", "key:created"]
    assert (await browsers["owner"].post("/console/keys", {**form, "days": "many"})).status_code == 400


async def test_a_member_cannot_make_a_key_that_may_more(browsers: dict[str, Browser]) -> None:
    form = {"name": "nightly", "days": "9", "permissions": "people:write"}
    assert (await browsers["colleague"].post("/console/keys", form)).status_code == 403


async def test_a_model_is_added_examined_suspended_and_resumed(browsers: dict[str, Browser], house: House) -> None:
    operator, registry = browsers["operator"], house.rooms.registry
    form = {"name": "far", "base_url": "https://llm.example.org/v1", "model": "big"}
    assert (await operator.post("/console/models", form)).status_code == 303
    assert registry.model("far").model.options == {"base_url": "https://llm.example.org/v1", "model": "big"}
    for deed, state in (
        ("examine", State.APPROVED),
        ("suspend", State.SUSPENDED),
        ("resume", State.APPROVED),
    ):
        answer = await operator.post(f"/console/models/far/{deed}", {"reason": "It gives wrong dates."})
        assert answer.status_code == 303, deed
        assert registry.model("far").state is state
    text = (await operator.get("/console/models")).text
    assert "Examined, valid until" in text
    assert "Declare fit" not in (await browsers["colleague"].get("/console/models")).text


async def test_a_service_is_offered_and_says_what_it_waits_for(browsers: dict[str, Browser], house: House) -> None:
    form: dict[str, object] = {
        "name": "town",
        "title": "Town Hall",
        "models": ["tiny"],
        "scope": "public",
        "policy": "default",
        "filing_kind": "filing",
        "filing_number": "Beijing-TownHall-20261124",
        "filing_model": "Tiny",
    }
    assert (await browsers["operator"].post("/console/services", form)).status_code == 303
    page = (await browsers["operator"].get("/console/services")).text
    assert "Town Hall" in page
    assert "Beijing-TownHall-20261124" in page
    assert "serves on a declaration, which a public service may not." in page
    assert (await browsers["operator"].post("/console/services", {**form, "scope": "moon"})).status_code == 400
    assert (await browsers["owner"].post("/console/services", form)).status_code == 403


async def test_usage_is_the_workspaces_for_its_owner(browsers: dict[str, Browser], house: House) -> None:
    owner = house.cast.owner
    house.rooms.usage.count(
        Used(1, time.time(), owner.workspace, owner.session, "assistant", "tiny", 1000, 234, owner.person)
    )
    await house.rooms.usage.flush()
    text = (await browsers["owner"].get("/console/usage")).text
    assert text.count("1,234") == 3
    assert "1,234" not in (await browsers["colleague"].get("/console/usage")).text
    assert "1,234" not in (await browsers["stranger"].get("/console/usage")).text


async def test_the_record_lists_the_workspaces_entries_and_checks_them_all(
    browsers: dict[str, Browser], house: House
) -> None:
    request = await record(house, house.cast.owner)
    text = (await browsers["auditor"].get("/console/audit")).text
    assert f'href="/receipts/{request}"' in text
    assert "completed · assistant · 7 + 5" in text
    assert "Not checked yet" in text
    checked = (await browsers["auditor"].post("/console/audit/check")).text
    assert "The record is whole" in checked
    assert request not in (await browsers["stranger"].get("/console/audit")).text


async def test_a_receipt_is_a_page_for_people_and_json_for_programs(browsers: dict[str, Browser], house: House) -> None:
    request = await record(house, house.cast.owner)
    owner = browsers["owner"]
    page = await owner.get(f"/receipts/{request}", Accept="text/html")
    assert page.headers["content-type"].startswith("text/html")
    assert "Part of a signed checkpoint." in page.text
    for path, accept in ((f"/receipts/{request}.json", "text/html"), (f"/receipts/{request}", "application/json")):
        answer = await owner.get(path, Accept=accept)
        assert answer.json()["request"] == request
        assert answer.content == (await house.rooms.log.receipt(request)).json()
    for path in (f"/receipts/{request}", f"/receipts/{request}.json"):
        foreign = await browsers["stranger"].get(path)
        unknown = await browsers["stranger"].get(path.replace(request, new_id("req")))
        assert (foreign.status_code, foreign.text.replace(path, "")) == (
            404,
            unknown.text.replace(str(unknown.url.path), ""),
        )


async def test_a_password_is_changed_and_other_browsers_are_signed_out(
    browsers: dict[str, Browser], house: House
) -> None:
    other = (await house.rooms.accounts.sign_in("owner", PASSWORD, address="127.0.0.1")).token
    wrong = await browsers["owner"].post("/account/password", {"old": "wrong wrong", "new": "another long one"})
    assert wrong.status_code == 401
    changed = await browsers["owner"].post("/account/password", {"old": PASSWORD, "new": "another long one"})
    assert "Password changed." in changed.text
    browsers["nobody"].client.cookies.set("hanlin", other)
    assert (await browsers["nobody"].get("/account")).status_code == 303


async def test_another_browser_of_ones_own_is_ended(browsers: dict[str, Browser], house: House) -> None:
    signed_in = await house.rooms.accounts.sign_in("owner", PASSWORD, address="127.0.0.1")
    answer = await browsers["owner"].post(f"/account/sessions/{signed_in.actor.session}/end")
    assert answer.status_code == 303
    browsers["nobody"].client.cookies.set("hanlin", signed_in.token)
    assert (await browsers["nobody"].get("/account")).status_code == 303


def upload(content: bytes, name: str) -> dict[str, tuple[str, bytes]]:
    return {"file": (name, content)}


async def test_anybody_may_check_a_file_and_reads_who_made_it(browsers: dict[str, Browser]) -> None:
    from hanlin.labels import Imprint, write_label
    from hanlin.types import Label

    label = Label("1", "some-producer", "n17", "", "some-producer", "n17", "")
    page = write_label(b"# Minutes\n\nWe met.", Imprint(label), "a.md")
    nobody = browsers["nobody"]
    for language, said in (
        ("en", "AI-generated, says some-producer."),
        ("zh", "属于AI生成合成，标识者：some-producer。"),
    ):
        headers = {**FORM, "Accept-Language": language}
        answer = await nobody.client.post("/verify", files=upload(page, "a.md"), headers=headers)
        assert answer.status_code == 200
        assert said in answer.text
        assert "n17" in answer.text


async def test_a_text_is_checked_and_nothing_is_answered_in_words(browsers: dict[str, Browser]) -> None:
    nobody = browsers["nobody"]
    empty = {"file": ("", b""), "text": (None, b"Words that somebody wrote.")}
    answer = await nobody.client.post("/verify", files=empty, headers=FORM)
    assert "No sign of AI found" in answer.text
    nothing = await nobody.client.post("/verify", files={"file": ("", b""), "text": (None, b"  ")}, headers=FORM)
    assert nothing.status_code == 400
    assert "There is no file and no text." in nothing.text


@pytest.mark.parametrize(("content", "status"), [(b"\0\1binary", 400), (b"x" * (2 * 1024 * 1024 + 1), 413)])
async def test_what_cannot_be_checked_is_answered_with_a_sentence(
    browsers: dict[str, Browser], content: bytes, status: int
) -> None:
    answer = await browsers["nobody"].client.post("/verify", files=upload(content, "a.bin"), headers=FORM)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


async def test_one_address_checks_only_so_much(browsers: dict[str, Browser], monkeypatch: pytest.MonkeyPatch) -> None:
    from hanlin.accounts import Throttle
    from hanlin.web.pages import verify

    monkeypatch.setattr(verify, "_throttle", Throttle(free=1, clock=lambda: 0.0))
    nobody = browsers["nobody"]
    first = await nobody.client.post("/verify", files=upload(b"words", "a.txt"), headers=FORM)
    second = await nobody.client.post("/verify", files=upload(b"words", "a.txt"), headers=FORM)
    assert (first.status_code, second.status_code) == (200, 429)
