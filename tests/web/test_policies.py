"""The policies' pages: read, tried, changed, published, rolled back, assigned; by those who may."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.policy import Hit
from hanlin.types import Role, Verdict
from hanlin.web import rulebook
from hanlin.web.judged import pieces
from hanlin.web.proposal import diff_lines
from tests.web.conftest import FORM, PASSWORD, Browser, House

CAMPUS = """
name = "campus"
title = "Campus <b>"
refusal = {zh = "不在范围内。", en = "That is not answered here."}
[[rules]]
name = "exam-papers"
category = "A.3.a"
reason = "Exam papers for sale."
terms = ["buy the exam", {term = "exam <leak>", source = "Notice 12", reason = "Met in May"}]
exceptions = ["report who would buy the exam"]
hits = ["Where can I buy the exam?"]
[[rules]]
name = "exam-talk"
category = "A.3.b"
reason = "Talk of exams."
terms = ["the exam"]
action = "score"
[[rules]]
name = "coins"
category = "A.4.g"
reason = "Game coins for minors."
terms = ["buy game coins"]
audience = "minors"
action = "hold"
[[rules]]
name = "who"
category = "A.5.a"
reason = "A set answer."
terms = ["who made you"]
action = "replace"
answer = {zh = "我们做的。", en = "We made it."}
[[personal]]
name = "numbers"
kinds = ["mobile"]
[[classifiers]]
name = "offence"
classifier = "offence"
reason = "Insults."
review = 0.9
refuse = 1.0
on_refuse = "score"
[[guards]]
name = "guard"
kind = "qwen3guard"
model = "guard-model"
"""
TRIAL = {"policy": "campus", "where": "input"}


@pytest.fixture
async def campus(house: House) -> str:
    """A policy of every kind of rule, published; its version."""
    versions, operator = house.rooms.versions, house.cast.operator
    return (await versions.publish(operator, "campus", CAMPUS, "First", accept_worse=True)).version


@pytest.fixture
async def reviewer(house: House, browsers: dict[str, Browser]) -> Browser:
    """Somebody who reviews and may do nothing else."""
    link = await house.rooms.accounts.people.invite(house.cast.owner, "reviewer", Role.REVIEWER)
    signed_in = await house.rooms.accounts.redeem(link.token, "reviewer", PASSWORD)
    browser = browsers["nobody"]
    browser.client.cookies.set("hanlin", signed_in.token)
    await browser.get("/account")
    return browser


def text_of(html: str) -> str:
    """The words of a page, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def hidden(html: str, name: str) -> str:
    return str(re.findall(rf'name="{name}" value="([^"]*)"', html)[-1])


async def try_it(browser: Browser, text: str, **form: str) -> str:
    answer = await browser.swap("/console/policy-trial", {**TRIAL, "text": text, **form})
    assert answer.status_code == 200
    return answer.text


@pytest.mark.usefixtures("campus")
async def test_the_list_says_which_policies_serve_whom(reviewer: Browser, house: House) -> None:
    await house.rooms.versions.assign(house.cast.operator, house.cast.owner.workspace, "assistant", "campus")
    page = (await reviewer.get("/console/policies")).text
    assert "Campus &lt;b&gt;" in page
    assert re.search(r"campus .* 7 5 Workspaces: atelier", text_of(page).replace("nobody yet", ""))
    assert "The Assistant" in page
    assert "Take back" not in page


@pytest.mark.usefixtures("campus")
async def test_a_refused_text_names_rule_reason_risk_and_place(reviewer: Browser) -> None:
    page = await try_it(reviewer, "May I <i>buy the exam</i>, call 13812345678")
    assert '&lt;i&gt;<mark data-tone="refuse">buy <sup>1</sup></mark>' in page
    assert '<mark data-tone="refuse">the exam<sup>1 3</sup></mark>&lt;/i&gt;' in page
    said = text_of(page)
    for words in ("Refused", "exam-papers", "Exam papers for sale.", "Infringement of intellectual property (A.3.a)"):
        assert words in said
    assert "That is not answered here." in said
    assert "138****5678" in said
    assert "<i>" not in page
    assert "&lt;i&gt;" in page
    assert "<html" not in page


@pytest.mark.usefixtures("campus")
async def test_each_verdict_is_said_in_plain_words(reviewer: Browser) -> None:
    cases: list[tuple[str, dict[str, str], str, str]] = [
        ("A walk in the park.", {}, "Passes", "No rule objects."),
        ("How was the exam?", {}, "Passes, noted", "exam-talk"),
        ("Who made you?", {}, "A set answer", "We made it."),
        ("buy game coins", {}, "Passes", "No rule objects."),
        ("buy game coins", {"minor": "yes"}, "Waits for a person", "coins"),
        ("你好，call 13812345678", {"where": "output"}, "Passes, partly covered", "138****5678"),
    ]
    for text, form, verdict, more in cases:
        page = await try_it(reviewer, text, **form)
        assert f"<strong>{verdict}</strong>" in page, text
        assert more in text_of(page), text


@pytest.mark.usefixtures("campus")
async def test_without_script_the_trial_is_the_whole_page_with_the_form_filled(reviewer: Browser) -> None:
    form = {**TRIAL, "text": "buy game coins\r\nnow", "minor": "yes"}
    answer = await reviewer.post("/console/policy-trial", form, **{"Accept-Language": "zh"})
    assert answer.status_code == 200
    assert ">buy game coins\nnow</textarea>" in answer.text
    assert "等人看过" in answer.text
    assert 'name="minor" value="yes" checked' in answer.text


@pytest.mark.usefixtures("campus")
async def test_nothing_of_a_tried_text_is_kept(
    reviewer: Browser, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    size = house.rooms.log.size
    canary = "canary-9f2b buy the exam"
    await try_it(reviewer, canary)
    assert house.rooms.log.size == size
    assert "canary-9f2b" not in caplog.text + (await reviewer.get("/console/policies")).text


@pytest.mark.usefixtures("campus")
async def test_a_text_of_any_length_is_judged_and_its_beginning_shown(reviewer: Browser) -> None:
    page = await try_it(reviewer, "a " * 50_000 + "buy the exam")
    assert "80,012 more characters" in text_of(page)
    assert "Refused" in page
    too_long = await reviewer.post("/console/policy-trial", {**TRIAL, "text": "a" * 400_001})
    assert too_long.status_code == 413


@pytest.mark.usefixtures("campus")
async def test_a_policy_reads_as_rules_in_words(reviewer: Browser) -> None:
    page = (await reviewer.get("/console/policies/campus")).text
    said = text_of(page)
    for words in (
        "exam-papers Exam papers for sale. Refuses",
        "buy the exam exam <leak> Notice 12 · Met in May",
        "report who would buy the exam",
        "Where can I buy the exam?",
        "Both directions · minors only",
        "mobile number",
        "From 90% on: Takes note",
        "guard-model",
        "We made it.",
        "3 refused attempts in a row, or 5 in a day",
        "One person decides, within 72 hours.",
    ):
        assert words in said, words
    assert "<leak>" not in page
    for deed in ("/source", "policy-editor", "roll-back", "/terms"):
        assert deed not in page


async def test_the_shipped_policies_are_readable_in_every_language(reviewer: Browser, house: House) -> None:
    for policy in house.rooms.policies.all():
        for language in ("zh", "en"):
            answer = await reviewer.get(f"/console/policies/{policy.name}", **{"Accept-Language": language})
            assert answer.status_code == 200
    assert (await reviewer.get("/console/policies/none")).status_code == 404


async def test_of_many_terms_the_first_are_shown(reviewer: Browser, house: House) -> None:
    terms = ", ".join(f'"needle {number:04}"' for number in range(rulebook.SHOWN_TERMS + 7))
    source = CAMPUS.replace('terms = ["the exam"]', f"terms = [{terms}]")
    await house.rooms.versions.publish(house.cast.operator, "campus", source, "", accept_worse=True)
    said = text_of((await reviewer.get("/console/policies/campus")).text)
    assert "of 207" in said
    assert "7 more are not shown here." in said
    assert "needle 0199" in said
    assert "needle 0200" not in said


async def test_who_may_not_write_is_offered_nothing_and_refused(reviewer: Browser, campus: str) -> None:
    paths = ("/console/policies/campus/source", "/console/policy-editor?name=campus")
    assert [(await reviewer.get(path)).status_code for path in paths] == [403, 403]
    for path in ("policies/campus/roll-back", "policies/campus/terms", "policy-editor", "policy-assignments"):
        answer = await reviewer.post(f"/console/{path}", {"version": campus, "deed": "publish", "source": CAMPUS})
        assert answer.status_code == 403


async def test_a_change_is_previewed_then_published(browsers: dict[str, Browser], house: House, campus: str) -> None:
    operator = browsers["operator"]
    editor = (await operator.get("/console/policy-editor?name=campus")).text
    source = unescape(re.findall(r"<textarea[^>]*>(.*?)</textarea>", editor, re.DOTALL)[0])
    form = {"name": "campus", "serving_version": hidden(editor, "serving_version"), "note": "More words"}
    form["source"] = source.replace('"buy the exam",', '"buy the exam",\r\n"sell the exam",')
    preview = (await operator.swap("/console/policy-editor", {**form, "deed": "preview"})).text
    assert '<span data-kind="add">    &#34;sell the exam&#34;,</span>' in preview
    assert "<html" not in preview
    assert house.rooms.policies.get("campus").version == campus
    published = await operator.swap("/console/policy-editor", {**form, "deed": "publish"})
    assert published.headers["hx-redirect"] == "/console/policies/campus"
    page = text_of((await operator.get("/console/policies/campus")).text)
    assert "sell the exam" in page
    assert "operator More words" in page
    assert house.rooms.policies.get("campus").version != campus


async def test_what_cannot_be_used_is_said_beside_the_text(browsers: dict[str, Browser], campus: str) -> None:
    operator = browsers["operator"]
    form = {"name": "campus", "serving_version": campus, "deed": "preview"}
    for source, said in (
        ("name = ", "not valid TOML"),
        (CAMPUS.replace("A.3.a", "A.9.z"), "category"),
        (CAMPUS.replace('name = "campus"', 'name = "other"'), "expected 'campus'"),
    ):
        whole = await operator.post("/console/policy-editor", {**form, "source": source})
        assert whole.status_code == 400
        assert "This cannot be used yet." in whole.text
        assert said in unescape(whole.text)
        assert source.splitlines()[-1] in unescape(whole.text)
        assert (await operator.swap("/console/policy-editor", {**form, "source": source})).status_code == 200


async def test_a_failing_test_sentence_keeps_a_policy_from_being_published(
    browsers: dict[str, Browser], campus: str
) -> None:
    operator = browsers["operator"]
    source = CAMPUS.replace("Where can I buy the exam?", "Where is <the> park?")
    form = {"name": "campus", "serving_version": campus, "source": source}
    preview = (await operator.swap("/console/policy-editor", {**form, "deed": "preview"})).text
    assert "should find “Where is <the> park?”" in text_of(preview.replace("&lt;the&gt;", "&lt;the&gt;"))
    assert 'value="publish"' not in preview
    refused = await operator.post("/console/policy-editor", {**form, "deed": "publish"})
    assert refused.status_code == 400


async def test_what_somebody_published_meanwhile_is_not_overwritten(
    browsers: dict[str, Browser], house: House, campus: str
) -> None:
    other = CAMPUS.replace('"the exam"', '"the exams"')
    newer = await house.rooms.versions.publish(house.cast.operator, "campus", other, "", accept_worse=True)
    form = {"name": "campus", "serving_version": campus, "source": CAMPUS, "deed": "publish", "accept_worse": "yes"}
    answer = await browsers["operator"].post("/console/policy-editor", form)
    assert answer.status_code == 409
    assert "Somebody published another version meanwhile." in answer.text
    assert '<span data-kind="cut">    &#34;the exams&#34;,</span>' in answer.text
    assert house.rooms.policies.get("campus").version == newer.version


async def test_a_change_for_the_worse_must_be_meant(browsers: dict[str, Browser], house: House, campus: str) -> None:
    operator = browsers["operator"]
    await house.rooms.versions.add_sample("Where is the park?", "allow")
    form = {"name": "campus", "serving_version": campus, "source": CAMPUS.replace('"who made you"', '"the park"')}
    preview = (await operator.swap("/console/policy-editor", {**form, "deed": "preview"})).text
    assert 'name="accept_worse"' in preview
    assert '<span class="turn" data-turn="worse">worse</span>' in preview
    refused = await operator.post("/console/policy-editor", {**form, "deed": "publish"})
    assert refused.status_code == 409
    assert "More samples would come out wrong" in refused.text
    accepted = await operator.post("/console/policy-editor", {**form, "deed": "publish", "accept_worse": "yes"})
    assert (accepted.status_code, accepted.headers["location"]) == (303, "/console/policies/campus")


async def test_the_very_version_that_serves_is_not_published_again(browsers: dict[str, Browser], campus: str) -> None:
    form = {"name": "campus", "serving_version": campus, "source": CAMPUS, "deed": "preview"}
    preview = (await browsers["operator"].swap("/console/policy-editor", form)).text
    assert "This very version serves already." in preview
    assert 'value="publish"' not in preview


async def test_terms_are_added_to_a_rule_with_their_evidence(
    browsers: dict[str, Browser], house: House, campus: str
) -> None:
    operator, path = browsers["operator"], "/console/policies/campus/terms"
    form = {
        "rule": "exam-papers",
        "terms": "buy the exam\r\n  exam dump \r\n\r\nexam dump",
        "source": "Report 7",
        "reason": "",
    }
    preview = (await operator.swap(path, {**form, "deed": "preview"})).text
    assert preview.count('data-kind="add"') == 1
    assert "exam dump" in preview
    assert "Report 7" in preview
    assert house.rooms.policies.get("campus").version == campus
    seen = {"seen_version": hidden(preview, "seen_version"), "accept_worse": "yes"}
    published = await operator.post(path, {**form, **seen, "deed": "publish"})
    assert published.status_code == 303
    assert "exam dump Report 7" in text_of((await operator.get("/console/policies/campus")).text)
    again = await operator.post(path, {**form, "deed": "preview"})
    assert "There is no new term" in again.text
    assert (await operator.post(path, {**form, "rule": "none"})).status_code == 404
    short = await operator.post(path, {**form, "terms": "x", "deed": "preview"})
    assert short.status_code == 400
    assert "at least 2 letters" in short.text


async def test_a_new_policy_comes_as_text_or_as_a_file(browsers: dict[str, Browser], house: House) -> None:
    operator = browsers["operator"]
    new = CAMPUS.replace('name = "campus"', 'name = "second"')
    preview = (await operator.post("/console/policy-editor", {"source": new, "deed": "preview"})).text
    assert "A new policy" in preview
    form = {"source": new, "deed": "publish", "seen_name": hidden(preview, "seen_name"), "accept_worse": "yes"}
    assert (await operator.post("/console/policy-editor", form)).headers["location"] == "/console/policies/second"

    third = CAMPUS.replace('name = "campus"', 'name = "third"').encode()
    headers = {**FORM, "X-CSRF-Token": operator.csrf, "HX-Request": "true"}
    for fields in ({"deed": "preview"}, {"deed": "publish", "seen_name": "third", "accept_worse": "yes"}):
        answer = await operator.client.post(
            "/console/policy-editor/file", data=fields, files={"file": ("third.toml", third)}, headers=headers
        )
        assert answer.status_code == 200
    assert answer.headers["hx-redirect"] == "/console/policies/third"
    assert house.rooms.policies.get("third").file.title == "Campus <b>"
    binary = await operator.client.post(
        "/console/policy-editor/file", data={"deed": "preview"}, files={"file": ("x", b"\xff\xfe")}, headers=headers
    )
    assert "The file is no text" in binary.text


async def test_a_policy_too_long_for_a_box_is_changed_as_a_file(
    browsers: dict[str, Browser], house: House, monkeypatch: pytest.MonkeyPatch, campus: str
) -> None:
    from hanlin.web.pages import policy_editor

    monkeypatch.setattr(policy_editor, "EDITED_CHARACTERS", 100)
    page = (await browsers["operator"].get("/console/policy-editor?name=campus")).text
    assert "This policy is changed as a file" in page
    assert "<textarea" not in page
    download = await browsers["operator"].get("/console/policies/campus/source")
    assert download.headers["content-disposition"] == f'attachment; filename="campus-{campus}.toml"'
    assert download.text == await house.rooms.versions.source("campus")


async def test_two_versions_are_compared_and_the_earlier_one_serves_again(
    browsers: dict[str, Browser], house: House, campus: str
) -> None:
    owner, operator = browsers["owner"], browsers["operator"]
    other = CAMPUS.replace('"the exam"', '"the exams"')
    newer = await house.rooms.versions.publish(house.cast.operator, "campus", other, "Plural", accept_worse=True)
    path = f"/console/policies/campus?before={campus}&after={newer.version}"
    page = (await owner.get(path)).text
    assert '<span data-kind="cut">    &#34;the exam&#34;,</span><span data-kind="add">' in page
    assert "An administrator" in page
    swapped = await owner.get(path, **{"HX-Request": "true"})
    assert swapped.text.strip().startswith("<pre")
    assert (await owner.get(path.replace(campus, "0" * 12))).status_code == 404
    answer = await operator.post("/console/policies/campus/roll-back", {"version": campus})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/policies/campus")
    assert house.rooms.policies.get("campus").version == campus


@pytest.mark.usefixtures("campus")
async def test_a_workspace_is_given_a_policy_of_its_own_and_loses_it_again(
    browsers: dict[str, Browser], house: House
) -> None:
    operator, workspace = browsers["operator"], house.cast.owner.workspace
    form = {"workspace": workspace, "service": "", "policy": "campus"}
    assert (await operator.post("/console/policy-assignments", form)).status_code == 303
    page = (await operator.get("/console/policies")).text
    assert "atelier Every service campus" in text_of(page)
    assert "atelier" not in text_of((await browsers["stranger"].get("/console/policies")).text)
    assert (await operator.post("/console/policy-assignments", {**form, "workspace": "ws_x"})).status_code == 404
    assert (await operator.post("/console/policy-assignments", {**form, "policy": ""})).status_code == 303
    assert not await house.rooms.versions.assigned(house.cast.operator)


SPANS = st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair)))
HITS = st.lists(st.lists(SPANS, max_size=5).map(lambda spans: Hit("rule", "why", tuple(spans))), max_size=4)


@given(st.text(max_size=50), HITS)
def test_marks_change_nothing_of_a_text_and_stand_where_the_spans_are(text: str, hits: list[Hit]) -> None:
    found = pieces(text, hits)
    assert "".join(piece.text for piece in found) == text
    place = 0
    for piece in found:
        for offset in range(place, place + len(piece.text)):
            over = [n for n, hit in enumerate(hits, 1) if any(start <= offset < end for start, end in hit.spans)]
            assert piece.numbers == " ".join(map(str, over))
        place += len(piece.text)


def test_where_marks_overlap_the_strongest_gives_the_colour() -> None:
    hits = [Hit("a", "", ((2, 6),), Verdict.REFUSE), Hit("b", "", ((0, 4),), Verdict.MASK)]
    assert [(piece.text, piece.verdict, piece.numbers) for piece in pieces("abcdefg", hits)] == [
        ("ab", "mask", "2"),
        ("cd", "refuse", "1 2"),
        ("ef", "refuse", "1"),
        ("g", "", ""),
    ]


def test_a_line_of_a_difference_that_looks_like_a_name_is_a_line() -> None:
    lines = diff_lines("--- serving\n+++ proposed\n@@ -1 +1 @@\n--- a\n+++ b\n same")
    assert [(line.kind, line.text) for line in lines] == [
        ("place", "@@ -1 +1 @@"),
        ("cut", "-- a"),
        ("add", "++ b"),
        ("same", "same"),
    ]
    assert diff_lines("") == []
