from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from litestar.handlers import HTTPRouteHandler

from hanlin.accounts import KeyRequest
from hanlin.storage import Database
from hanlin.types import Permission, new_id
from hanlin.web.respond import SECURITY
from hanlin.web.routes import PAGES
from hanlin.web.visit import local_path
from tests.accounts.conftest import Announced, Clock, move_in, open_accounts
from tests.web.conftest import FORM, URL, Browser, House, Script, built, signed_in
from tests.web.test_chat import answer_id, begin

HANDLERS: list[HTTPRouteHandler] = [handler for module in PAGES for handler in module.HANDLERS]
CLOSED = [handler for handler in HANDLERS if not handler.opt.get("everyone")]
OPEN_TO_EVERYONE = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/welcome"),
    ("POST", "/welcome"),
    ("POST", "/preferences"),
    ("GET", "/verify"),
    ("POST", "/verify"),
}


def route(handler: HTTPRouteHandler) -> tuple[str, str]:
    """Method and a path with ids that exist nowhere."""
    method, *_ = sorted(set(handler.http_methods) - {"OPTIONS", "HEAD"}) or ["HEAD"]
    path = next(iter(handler.paths))
    for name, kind in (("conversation", "con"), ("message", "msg"), ("answer", "msg"), ("person", "per")):
        path = path.replace(f"{{{name}:str}}", new_id(kind))
    path = path.replace("{key:str}", new_id("key")).replace("{session:str}", new_id("ses"))
    path = path.replace("{name:str}", new_id("req"))
    return method, re.sub(r"\{(\w+):int\}", "1", re.sub(r"\{(\w+):str\}", lambda name: new_id(name[1]), path))


def name_of(handler: HTTPRouteHandler) -> str:
    return f"{'/'.join(handler.http_methods)} {next(iter(handler.paths))}"


async def send(browser: Browser, method: str, path: str) -> Any:
    if method == "GET":
        return await browser.get(path)
    return await browser.client.request(method, path, headers={**FORM, "X-CSRF-Token": browser.csrf})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def refused(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Browser]]:
    """Browsers of the cast at one house for all tests in which nothing is done, because it is refused."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "hanlin.db").write_bytes(furnished.read_bytes())
    database, announced = await Database.open(f"sqlite:///{folder}/hanlin.db"), Announced()
    accounts = open_accounts(database, Clock(time.time()), Clock(1000.0), announced)
    cast = await move_in(accounts)
    async with built(database, accounts, announced, cast, Script(), folder) as house, signed_in(house) as opened:
        yield opened
    await database.close()


def test_the_pages_for_everyone_are_these_few() -> None:
    assert {route(handler) for handler in HANDLERS if handler not in CLOSED} == OPEN_TO_EVERYONE


def test_every_other_page_names_what_it_asks_for() -> None:
    for handler in CLOSED:
        assert handler.opt["permission"] is None or isinstance(handler.opt["permission"], Permission)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("handler", CLOSED, ids=name_of)
async def test_nobody_is_sent_to_sign_in(refused: dict[str, Browser], handler: HTTPRouteHandler) -> None:
    method, path = route(handler)
    for headers in ({}, {"Authorization": "Bearer hl_x"}, {"Cookie": "hanlin=forged"}, {"X-Forwarded-User": "owner"}):
        answer = await refused["nobody"].client.request(method, path, headers={**FORM, **headers})
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
        assert answer.text == ""


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("handler", [handler for handler in CLOSED if handler.opt["permission"]], ids=name_of)
async def test_without_the_permission_a_page_is_refused(refused: dict[str, Browser], handler: HTTPRouteHandler) -> None:
    granted = {"auditor": {Permission.READ_REGISTRY, Permission.READ_USAGE, Permission.READ_AUDIT}}
    method, path = route(handler)
    answer = await send(refused["auditor"], method, path)
    assert (answer.status_code != 403) == (handler.opt["permission"] in granted["auditor"])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("handler", [handler for handler in CLOSED if handler.opt.get("brings")], ids=name_of)
async def test_a_form_that_brings_a_file_is_asked_for_the_token_too(
    refused: dict[str, Browser], handler: HTTPRouteHandler
) -> None:
    """Its handler reads it, not the guard, and so asks for it itself."""
    _, path = route(handler)
    for token in ("", "0" * 64):
        data, files = {"csrf": token}, {"file": ("a.txt", b"words")}
        form = await refused["owner"].client.post(path, data=data, headers=FORM)
        sent = await refused["owner"].client.post(path, data=data, files=files, headers=FORM)
        assert (form.status_code, sent.status_code) == (403, 403)


async def test_an_api_key_opens_no_page(browsers: dict[str, Browser], house: House) -> None:
    key = (await house.rooms.accounts.keys.create(house.cast.owner, KeyRequest(name="k"))).token
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}, {"Cookie": f"hanlin={key}"}):
        answer = await browsers["nobody"].client.get("/chat", headers=headers)
        assert answer.status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "http://127.0.0.1:9"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": URL},
        {"Referer": URL},
    ],
    ids=str,
)
async def test_a_form_from_elsewhere_does_nothing(
    browsers: dict[str, Browser], script: Script, headers: dict[str, str]
) -> None:
    owner = browsers["owner"]
    for path, data in (("/chat", {"text": "Hi"}), ("/sign-in", {"name": "owner"}), ("/preferences", {"theme": "dark"})):
        answer = await owner.client.post(path, data={"csrf": owner.csrf, **data}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    assert script.requests == []


@pytest.mark.parametrize("headers", [{"Origin": URL}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
async def test_a_form_of_our_own_is_taken(browsers: dict[str, Browser], headers: dict[str, str]) -> None:
    owner = browsers["owner"]
    answer = await owner.client.post("/chat", data={"csrf": owner.csrf, "text": "Hi"}, headers=headers)
    assert answer.status_code == 303


async def test_a_form_without_this_sessions_token_does_nothing(browsers: dict[str, Browser], script: Script) -> None:
    owner, colleague = browsers["owner"], browsers["colleague"]
    for token in ("", "0" * 64, colleague.csrf):
        for form, header in ((token, {}), ("", {"X-CSRF-Token": token})):
            answer = await owner.client.post("/chat", data={"csrf": form, "text": "Hi"}, headers={**FORM, **header})
            assert answer.status_code == 403
    assert script.requests == []
    answer = await owner.client.post("/chat", data={"text": "Hi"}, headers={**FORM, "X-CSRF-Token": owner.csrf})
    assert answer.status_code == 303


async def test_only_a_form_is_read_as_one(browsers: dict[str, Browser]) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
        headers = {**FORM, "Content-Type": kind, "X-CSRF-Token": browsers["owner"].csrf}
        answer = await browsers["owner"].client.post("/chat", content=b"text=Hi", headers=headers)
        assert answer.status_code == 400
    too_many = "&".join(f"a{number}=1" for number in range(400))
    headers = {**FORM, "Content-Type": "application/x-www-form-urlencoded"}
    assert (await browsers["owner"].client.post("/chat", content=too_many, headers=headers)).status_code == 400
    assert (await browsers["owner"].client.post("/chat", content=b"x" * 2_000_001, headers=headers)).status_code == 413


async def test_every_answer_has_the_security_headers(browsers: dict[str, Browser]) -> None:
    owner = browsers["owner"]
    conversation = await begin(owner)
    page = await owner.get(conversation)
    paths = ["/", "/chat", conversation, "/console/keys", "/account", "/nowhere", "/chat/con_x", "/static/hanlin.css"]
    paths += ["/static/none", f"{conversation}/answers/{answer_id(page.text)}/stream"]
    answers = [await owner.get(path) for path in paths]
    answers += [await browsers["nobody"].get(path) for path in ("/", "/sign-in", "/welcome?token=x", "/chat")]
    answers += [await owner.client.put("/chat"), await owner.client.post("/chat"), page]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY, (answer.url, answer.status_code)
        cached = "/static/hanlin.css" in str(answer.url)
        assert answer.headers["cache-control"] == ("public, max-age=31536000, immutable" if cached else "no-store")


async def test_no_page_holds_script_or_style_inline(browsers: dict[str, Browser], script: Script) -> None:
    script.pieces = ["```python\nx = 1\n```\n|a|\n|-:|\n|1|"]
    owner = browsers["operator"]
    paths = ["/chat", await begin(owner, "<script>alert(1)</script>"), "/account", "/nowhere"]
    paths += [f"/console/{name}" for name in ("models", "services", "people", "keys", "usage", "audit", "review")]
    paths += ["/console/review/incidents", "/console/review/sanctions", "/objections"]
    for path in paths:
        text = (await owner.get(path)).text
        assert re.findall(r"<script(?! src=)|<style|\sstyle=|<[^>]*\son\w+=|javascript:", text) == []
        assert re.findall(r"(?:src|href)=\"(?!/|#)[^\"]*\"", text) == []


async def test_static_files_are_these_and_no_others(browsers: dict[str, Browser]) -> None:
    page = await browsers["nobody"].get("/sign-in")
    for path in re.findall(r"/static/[\w.?=-]+", page.text):
        assert (await browsers["nobody"].get(path)).status_code == 200
    assert (await browsers["nobody"].get("/static/verifier.py")).text.startswith('"""Checks an export or a receipt')
    for name in ("../render.py", "..%2frender.py", "%2e%2e/render.py", "hanlin.css%00", "", "x" * 5000):
        assert (await browsers["nobody"].get(f"/static/{name}")).status_code == 404


async def test_a_stranger_cannot_tell_anothers_ids_from_ids_that_never_were(
    browsers: dict[str, Browser], house: House
) -> None:
    """Pages, streams, posts and receipts of the owner, asked for by colleague and stranger."""
    owner = browsers["owner"]
    path = await begin(owner)
    page = await owner.get(path)
    answer, question = answer_id(page.text), re.findall(r'class="question" id="(msg_\w+)"', page.text)[0]
    key = (await browsers["owner"].post("/console/keys", {"name": "k", "days": "9", "permissions": "generate"})).text
    session = (await house.rooms.accounts.sessions.list(house.cast.owner))[0].id
    real = {
        "con": path.rpartition("/")[2],
        "answer": answer,
        "question": question,
        "key": re.findall(r"/console/keys/(key_\w+)/revoke", key)[0],
        "session": session,
        "person": house.cast.owner.person,
    }
    unreal = {name: new_id(identifier.partition("_")[0]) for name, identifier in real.items()}
    gets = ["/chat/{con}", "/chat/{con}/answers/{answer}/stream"]
    posts = [f"/chat/{{con}}/{what}" for what in ("messages", "title", "delete")]
    posts += ["/chat/{con}/answers/{answer}/retry", "/chat/{con}/answers/{answer}/stop"]
    posts += ["/chat/{con}/messages/{question}/edit", "/console/keys/{key}/revoke", "/account/sessions/{session}/end"]
    posts += ["/console/people/{person}/role", "/console/people/{person}/remove", "/console/people/{person}/link"]
    form = {"text": "Hi", "title": "mine", "role": "member"}
    for name, templates in (("stranger", [*gets, *posts]), ("colleague", [*gets, *posts[:-3]])):
        for template in templates:
            seen = []
            for ids in (real, unreal):
                target = template.format(**ids)
                found = await (
                    browsers[name].get(target) if template in gets else browsers[name].post(target, {**form})
                )
                text = found.text.replace(target, "")
                seen.append((found.status_code, text))
            assert seen[0] == seen[1], (name, template)
            assert seen[0][0] == 404, (name, template)
    assert (await owner.get(path)).text.count("Well, yes.") == 1


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/chat/con_1?x=y#z", "/chat/con_1?x=y#z"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_nobody_is_sent_elsewhere(address: str, path: str) -> None:
    assert local_path(address) == path


async def test_the_language_is_the_persons_then_the_browsers_then_the_operators(browsers: dict[str, Browser]) -> None:
    owner = browsers["owner"]

    async def language(**headers: str) -> str:
        return str(re.findall(r'<html lang="(\w+)"', (await owner.get("/account", **headers)).text)[0])

    assert await language() == "en"
    assert await language(**{"Accept-Language": "zh-TW"}) == "zh"
    chosen = await owner.post("/preferences", {"language": "zh", "back": "/account"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/account")
    owner.client.cookies.delete("hanlin-language")
    assert await language(**{"Accept-Language": "en"}) == "zh"


async def test_the_theme_is_kept_in_the_browser(browsers: dict[str, Browser]) -> None:
    nobody = browsers["nobody"]
    assert "data-theme" not in (await nobody.get("/sign-in")).text
    await nobody.post("/preferences", {"theme": "dark", "back": "/sign-in"})
    assert 'data-theme="dark"' in (await nobody.get("/sign-in")).text
    nobody.client.cookies.set("hanlin-theme", '"><script>')
    assert "data-theme" not in (await nobody.get("/sign-in")).text


async def test_an_unforeseen_mistake_shows_a_calm_page_and_no_detail(
    browsers: dict[str, Browser], house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = "canary"

    def broken(*_: object) -> None:
        raise RuntimeError(written)

    monkeypatch.setattr(house.rooms.conversations.history, "recent", broken)
    answer = await browsers["owner"].get("/chat")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert written not in answer.text + caplog.text
