from __future__ import annotations

import asyncio
import re

from hanlin.audit import EventLeaf
from hanlin.errors import EngineFailed, Refused
from hanlin.labels import read_labels
from tests.web.conftest import Browser, House, Script


def answer_id(text: str) -> str:
    return str(re.findall(r'<article class="answer[^"]*" id="(msg_[0-9a-f]{32})"', text)[-1])


async def begin(browser: Browser, text: str = "Is it?") -> str:
    """Path of a new conversation with a finished answer, as a browser without script gets there."""
    answer = await browser.post("/chat", {"text": text, "service": "assistant"})
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def test_without_script_a_form_waits_for_the_answer_and_goes_on_to_it(browsers: dict[str, Browser]) -> None:
    page = await browsers["owner"].get(await begin(browsers["owner"]))
    assert page.status_code == 200
    assert "Is it?" in page.text
    assert "<p>Well, yes.</p>" in page.text
    assert "is-pending" not in page.text


async def test_htmx_is_sent_on_at_once(browsers: dict[str, Browser], script: Script) -> None:
    script.gate = asyncio.Event()
    answer = await browsers["owner"].swap("/chat", {"text": "Is it?", "service": "assistant"})
    assert answer.status_code == 200
    page = await browsers["owner"].get(answer.headers["hx-redirect"])
    assert "is-pending" in page.text


async def test_a_question_in_a_conversation_returns_the_two_bubbles(
    browsers: dict[str, Browser], script: Script
) -> None:
    path = await begin(browsers["owner"])
    script.gate = asyncio.Event()
    answer = await browsers["owner"].swap(f"{path}/messages", {"text": "<b>Sure?</b>", "service": "assistant"})
    assert answer.text.count("<article") == 2
    assert "&lt;b&gt;Sure?&lt;/b&gt;" in answer.text
    assert f'sse-connect="{path}/answers/{answer_id(answer.text)}/stream"' in answer.text
    assert "<html" not in answer.text


async def test_the_stream_sends_the_answer_so_far_and_ends_with_its_bubble(
    browsers: dict[str, Browser], script: Script
) -> None:
    path = await begin(browsers["owner"])
    script.gate, script.pieces = asyncio.Event(), ["**Well**"]
    answer = await browsers["owner"].swap(f"{path}/messages", {"text": "Sure?"})
    asyncio.get_running_loop().call_later(0.5, script.gate.set)
    stream = await browsers["owner"].get(f"{path}/answers/{answer_id(answer.text)}/stream")
    assert stream.headers["content-type"].startswith("text/event-stream")
    events = re.findall(r"event: (\w+)", stream.text)
    assert events[-1] == "done"
    assert set(events) == {"progress", "done"}
    assert "<strong>Well</strong>" in stream.text
    assert "/receipts/req_" in stream.text


async def test_a_finished_answer_streams_its_bubble_at_once(browsers: dict[str, Browser]) -> None:
    path = await begin(browsers["owner"])
    page = await browsers["owner"].get(path)
    stream = await browsers["owner"].get(f"{path}/answers/{answer_id(page.text)}/stream")
    assert re.findall(r"event: (\w+)", stream.text) == ["done"]


async def test_stop_returns_the_stopped_bubble(browsers: dict[str, Browser], script: Script) -> None:
    path = await begin(browsers["owner"])
    script.gate = asyncio.Event()
    answer = await browsers["owner"].swap(f"{path}/messages", {"text": "Sure?"})
    await asyncio.sleep(0.05)
    stopped = await browsers["owner"].swap(f"{path}/answers/{answer_id(answer.text)}/stop")
    assert "You stopped this answer." in stopped.text
    assert "<p>Well, yes.</p>" in stopped.text


async def test_retry_and_edit_return_the_whole_thread(browsers: dict[str, Browser], script: Script) -> None:
    path = await begin(browsers["owner"])
    page = await browsers["owner"].get(path)
    question = re.findall(r'class="question" id="(msg_[0-9a-f]{32})"', page.text)[0]
    script.gate = asyncio.Event()
    retried = await browsers["owner"].swap(f"{path}/answers/{answer_id(page.text)}/retry")
    assert (retried.text.count("<article"), "is-pending" in retried.text) == (2, True)
    edited = await browsers["owner"].swap(f"{path}/messages/{question}/edit", {"text": "Was it?"})
    assert (edited.text.count("<article"), "Was it?" in edited.text, "Is it?" in edited.text) == (2, True, False)


async def test_every_answer_carries_its_label_and_the_composer_its_duty(browsers: dict[str, Browser]) -> None:
    page = await browsers["owner"].get(await begin(browsers["owner"]))
    assert "AI-generated · The Assistant" in page.text
    assert "AI-generated content. Internal use, no filing." in page.text
    chinese = await browsers["owner"].get(page.url.path, **{"Accept-Language": "zh-CN"})
    assert "AI 生成 · The Assistant" in chinese.text
    assert "本服务内容由人工智能生成。仅供内部使用，无备案。" in chinese.text


async def test_a_refusal_and_a_failure_are_told_in_calm_words(browsers: dict[str, Browser], script: Script) -> None:
    script.pieces, script.error = [], Refused("No.", rule="personal data", stage="input")
    page = await browsers["owner"].get(await begin(browsers["owner"]))
    assert "The rule “personal data” of this service forbids it." in page.text
    script.error = EngineFailed("Process 4711 died.", action="Try again.")
    page = await browsers["owner"].get(await begin(browsers["owner"]))
    assert "The model stopped in the middle. Try again." in page.text
    assert "4711" not in page.text


async def test_searching_returns_only_the_list(browsers: dict[str, Browser]) -> None:
    await begin(browsers["owner"], "Who wrote the ballad?")
    await begin(browsers["owner"], "And the other?")
    found = await browsers["owner"].get("/chat?search=ballad", **{"HX-Request": "true"})
    assert "Who wrote the ballad?" in found.text
    assert "And the other?" not in found.text
    assert "<html" not in found.text


async def test_rename_and_delete(browsers: dict[str, Browser]) -> None:
    path = await begin(browsers["owner"])
    renamed = await browsers["owner"].post(f"{path}/title", {"title": "The answer"})
    assert (renamed.status_code, renamed.headers["location"]) == (303, path)
    assert "The answer" in (await browsers["owner"].get("/chat")).text
    deleted = await browsers["owner"].post(f"{path}/delete")
    assert (deleted.status_code, deleted.headers["location"]) == (303, "/chat")
    assert (await browsers["owner"].get(path)).status_code == 404


async def test_a_service_that_is_not_offered_answers_nothing(browsers: dict[str, Browser], script: Script) -> None:
    answer = await browsers["owner"].post("/chat", {"text": "Hi", "service": "secret"})
    assert answer.status_code == 503
    assert "This service is no longer offered." in answer.text
    assert script.requests == []


async def test_an_error_for_htmx_is_a_sentence_for_the_notice(browsers: dict[str, Browser]) -> None:
    path = await begin(browsers["owner"])
    answer = await browsers["owner"].swap(f"{path}/messages", {"text": "  "})
    assert answer.status_code == 400
    assert "<html" not in answer.text
    assert "A message has 1 to 100000 characters, got 0." in answer.text


async def test_words_like_true_and_null_arrive_as_typed(browsers: dict[str, Browser], script: Script) -> None:
    for text in ("true", "null", "12", "a=b&c+d%20\u4e2d"):
        await begin(browsers["owner"], text)
        assert script.requests[-1].chat.messages[-1].content == text


async def test_without_a_service_the_page_says_so(browsers: dict[str, Browser], house: House) -> None:
    await house.rooms.registry.suspend(house.cast.operator, "tiny", "For repair.")
    page = await browsers["owner"].get("/chat")
    assert page.status_code == 200
    assert "No service is open to you yet." in page.text


async def test_a_conversation_leaves_as_a_sealed_file(browsers: dict[str, Browser], house: House) -> None:
    owner = browsers["owner"]
    path = await begin(owner, "Who keeps the seal?")
    file = await owner.get(f"{path}/file")
    assert file.headers["content-type"].startswith("text/markdown")
    assert "attachment" in file.headers["content-disposition"]
    assert "> Who keeps the seal?" in file.text
    (found,) = read_labels(file.content, "conversation.md")
    assert not found.faults
    entries = (await house.rooms.log.entries(limit=5)).entries
    numbers = [entry.leaf.facts.get("number") for entry in entries if isinstance(entry.leaf, EventLeaf)]
    assert found.label.produce_id in numbers
    assert (await browsers["stranger"].get(f"{path}/file")).status_code == 404
