"""Documents in a real browser: dropping, a break of the network, progress, and a source that is followed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Route

from tests.web.conftest import House, Script
from tests.web.scripted import TEXT, says
from tests.web.test_browser import Witness, witness

__all__ = ["witness"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
MIB = 1024 * 1024


async def test_a_file_goes_on_after_a_break_and_its_answer_leads_to_its_sentence(
    witness: Witness, script: Script, tmp_path: Path
) -> None:
    script.says = says
    page, pieces = witness.page, []

    async def break_once(route: Route) -> None:
        pieces.append(route.request.headers["upload-offset"])
        await (route.abort() if len(pieces) == 2 else route.continue_())

    (tmp_path / "plan.txt").write_text(f"{TEXT}\n\n" * 36_000)
    await page.route(
        "**/uploads/upload_*", lambda route: break_once(route) if route.request.method == "PATCH" else route.continue_()
    )
    await page.goto(f"{witness.url}/documents")
    await page.set_input_files("form[data-upload] input[type=file]", tmp_path / "plan.txt")
    await page.wait_for_selector("text=No connection. It goes on by itself.")
    await page.wait_for_selector("h1:has-text('plan.txt')", timeout=30_000)
    assert pieces == ["0", str(4 * MIB), str(4 * MIB)]
    assert [each for each in witness.complaints if "Failed to load resource" not in each] == []


async def test_documents_are_brought_asked_and_summarised_by_hand_and_by_keys(
    witness: Witness, house: House, script: Script, tmp_path: Path
) -> None:
    script.says = says
    page = witness.page
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("\n\n".join(f"Part {number} of {name}. {TEXT}" for number in range(120)))
    await page.goto(f"{witness.url}/documents")
    await page.set_input_files("form[data-upload] input[type=file]", [tmp_path / "one.txt", tmp_path / "two.txt"])
    await page.wait_for_selector("#list li >> nth=1", timeout=30_000)
    await page.wait_for_selector("#list:not([hx-get])", timeout=30_000)
    await page.click("#list a:has-text('one.txt')")
    await page.click(".tabs a:has-text('Ask')")
    await page.fill("#question", "Who is the deputy?")
    await page.press("#question", "Enter")
    await page.click(".cite", timeout=30_000)
    await page.wait_for_selector("#question")
    await page.click(".tabs a:has-text('Key points')")
    script.gate = asyncio.Event()
    await page.click("button:has-text('Make it')")
    await page.wait_for_selector(".job progress")
    await page.click(".job button:has-text('Cancel')")
    await page.click(".job button:has-text('Try again')")
    script.gate.set()
    await page.wait_for_selector(".made .prose strong", timeout=30_000)
    assert witness.complaints == []
    await page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/documents", "/documents/write", "/documents?search=deputy", page.url.removeprefix(witness.url)):
        await page.goto(witness.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert len(await house.rooms.documents.documents(house.cast.owner)) == 2
