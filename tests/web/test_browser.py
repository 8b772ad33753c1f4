"""The chat in a real browser: streaming, keys, and everything a model could write, under the page's own policy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from playwright.async_api import ConsoleMessage, Page, Request, async_playwright

from hanlin import web
from hanlin.labels import Imprint, write_label
from hanlin.types import Label
from hanlin.web.words import load
from tests.web.conftest import House, Script
from tests.web.test_markdown import ATTACKS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@dataclass
class Witness:
    """A page, what it complained of and where it went."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    addresses: set[str] = field(default_factory=set)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def see(self, request: Request) -> None:
        self.addresses.add(request.url)


@pytest.fixture
async def witness(house: House, chromium: str) -> AsyncIterator[Witness]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = Litestar(
        route_handlers=web.routes(house.rooms), exception_handlers=web.failures(house.rooms), openapi_config=None
    )
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI)
    serving = asyncio.create_task(server.serve())
    url = f"http://127.0.0.1:{port}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=QUIET)
        context = await browser.new_context(locale="en-US")
        await context.add_cookies([{"name": "hanlin", "value": house.cast.tokens["owner"], "url": url}])
        seen = Witness(await context.new_page(), url)
        seen.page.on("console", seen.hear)
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("dialog", lambda dialog: seen.complaints.append(f"dialog {dialog.message}"))
        seen.page.on("request", seen.see)
        yield seen
        await browser.close()
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait_for(serving, 10)


async def ask(page: Page, text: str) -> None:
    await page.fill("#text", text)
    await page.press("#text", "Enter")


async def test_an_answer_is_asked_streamed_stopped_and_edited_by_keys_alone(witness: Witness, script: Script) -> None:
    page = witness.page
    script.pieces, script.gate = ["**Well**, ", "yes."], asyncio.Event()
    await page.goto(f"{witness.url}/chat")
    await ask(page, "Is it?")
    await page.wait_for_selector(".is-pending strong:has-text('Well')")
    await page.reload()
    await page.wait_for_selector(".is-pending strong:has-text('Well')")
    script.gate.set()
    await page.wait_for_selector("[data-answer] .stamp:has-text('AI-generated')")

    script.gate = asyncio.Event()
    await ask(page, "Sure?")
    await page.wait_for_selector(".is-pending strong:has-text('Well')")
    assert await page.input_value("#text") == ""
    await page.keyboard.press("Escape")
    await page.wait_for_selector("text=You stopped this answer.")

    script.gate = None
    await page.focus("#text")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.type(" Really?")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".question-text:has-text('Sure? Really?')")
    await page.wait_for_selector("[data-answer] >> nth=1")
    assert await page.locator(".question").count() == 2

    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("/")
    await page.keyboard.type("nothing like it")
    await page.wait_for_selector("text=No conversation mentions this.")
    assert witness.complaints == []


async def test_nothing_a_model_or_a_person_writes_runs_or_calls_out(witness: Witness, script: Script) -> None:
    page = witness.page
    script.pieces = ["\n\n".join(ATTACKS)]
    await page.goto(f"{witness.url}/chat")
    await ask(page, "<img src=x onerror=alert(1)><script>alert(2)</script>")
    await page.wait_for_selector("[data-answer]")
    await page.reload()
    await page.wait_for_timeout(300)
    assert witness.complaints == []
    assert {address for address in witness.addresses if not address.startswith(witness.url)} == set()
    assert (
        await page.locator("[data-answer] .prose :is(img, script, form, iframe, style, [hx-get], [style])").count() == 0
    )


async def test_the_policy_stops_a_script_that_got_into_the_page(witness: Witness) -> None:
    """The last line of defence, tried by putting one there."""
    page = witness.page
    await page.goto(f"{witness.url}/chat")
    ran = await page.evaluate(
        """() => {
          const mark = document.createElement("div");
          mark.innerHTML = '<img src="x" onerror="window.ran = 1">';
          document.body.append(mark);
          let threw = false;
          try { document.body.append(Object.assign(document.createElement("script"), { text: "window.ran = 2" })); }
          catch { threw = true; }
          return [window.ran ?? 0, threw];
        }"""
    )
    await page.wait_for_timeout(200)
    assert ran == [0, True]
    assert await page.evaluate("window.ran ?? 0") == 0
    assert any("Content Security Policy" in complaint for complaint in witness.complaints)


async def test_on_a_phone_nothing_is_wider_than_the_screen(witness: Witness, script: Script) -> None:
    page = witness.page
    script.pieces = [f"```\n{'wide ' * 80}\n```\n\n|{'a|' * 30}\n|{'-|' * 30}\n|{'long cell|' * 30}\n\n{'x' * 400}"]
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(f"{witness.url}/chat")
    await ask(page, "y" * 300)
    await page.wait_for_selector("[data-answer]")
    paths = [page.url.removeprefix(witness.url), "/chat", "/account", "/sign-in"]
    paths += [f"/console/{name}" for name in ("models", "services", "people", "keys", "usage", "audit")]
    for path in paths:
        await page.goto(witness.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.parametrize(("language", "said"), [("zh", "AI生成合成内容"), ("en", "AI-generated")])
async def test_a_stranger_on_a_phone_checks_a_file_and_a_text(
    witness: Witness, tmp_path: Path, language: str, said: str
) -> None:
    """Every finding in turn: labelled, visibly labelled only, and nothing."""
    sealed = tmp_path / "minutes.md"
    label = Label("1", "some-producer", "n17", "", "some-producer", "n17", "")
    sealed.write_bytes(write_label(b"# Minutes\n\nWe met.", Imprint(label), "minutes.md"))
    browser = witness.page.context.browser
    assert browser is not None
    context = await browser.new_context(locale=language, viewport={"width": 390, "height": 844})
    page = await context.new_page()
    page.on("console", witness.hear)
    await page.goto(f"{witness.url}/verify")
    await page.set_input_files("input[type=file]", sealed)
    assert await page.inner_text("[data-chosen]") == "minutes.md"
    await page.click("form button.primary")
    assert await page.inner_text(".verdict strong") == said
    assert "some-producer" in await page.inner_text(".findings")
    for text, finding in (("This text was generated by AI.", "suspected"), ("We met at noon.", "none")):
        await page.fill("textarea", text)
        await page.click("form button.primary")
        wanted = load(language)["verify"]["finding"][finding]
        await page.wait_for_selector(f".verdict strong:text-is('{wanted}')")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert witness.complaints == []
    await context.close()
