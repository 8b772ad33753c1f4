"""POST /v1/moderations and the `moderation` field of chat, read by OpenAI's own client with its strictest checks."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import httpx2
import pytest
import pytest_asyncio
from openai import AsyncOpenAI, BadRequestError
from PIL import Image

from hanlin.accounts import Limits
from hanlin.api.front import Front
from hanlin.api.openai import OpenAI, Rooms
from hanlin.errors import BadFile, NotFound, NotServing, nearest
from hanlin.policy import Judgement
from hanlin.policy.judging import Hit, strongest
from hanlin.policy.pictures import PictureVerdict
from hanlin.policy.ruleset import Where
from hanlin.types import Actor, Verdict
from tests.api.asgi_client import HOST, Client, question
from tests.api.cast import Premises

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODERATIONS, CHAT = "/v1/moderations", "/v1/chat/completions"
WORDS = {
    "bomb": Hit("illicit-violent-bombs", "Explosives.", (), Verdict.REFUSE, "A.1.d"),
    "three": Hit("counting", "Numbers.", (), Verdict.SCORE, "A.2.i", 0.9),
    "hello": Hit("greetings", "Greetings.", (), Verdict.SCORE, "A.4.c", 0.9),
    "telephone": Hit("numbers", "Personal data.", (), Verdict.MASK, "A.4.f"),
}
"""What the policies of this test find; the service's own lets all these words through."""
CANARY = "canary-51c2"


class Court:
    """Judges by `WORDS`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        """Policy, direction and text."""

    async def moderate(self, actor: Actor, policy: str, text: str, where: Where = "input", /) -> Judgement:
        self.asked.append((policy, where, text))
        if policy not in ("", "default", "school", "broken-later"):
            raise NotFound(f"No policy named {policy!r}.", action=nearest(policy, ["default", "school"]))
        if policy == "broken-later" and "one two" in text:
            raise NotServing("The guard does not answer.")
        found = [(text.find(word), word, hit) for word, hit in WORDS.items() if word in text]
        hits = [replace_spans(hit, at, word) for at, word, hit in sorted(found, key=lambda one: one[0])]
        worst = strongest(hits)
        verdict = worst.verdict if worst else Verdict.ALLOW
        return Judgement(verdict, tuple(hits), {}, text, f"{policy or 'default'}@0123456789ab")

    async def look(self, picture: bytes) -> PictureVerdict:
        if not picture.startswith(b"\x89PNG"):
            raise BadFile("Expected a whole picture.")
        red, _, _ = cast("tuple[int, int, int]", Image.open(io.BytesIO(picture)).convert("RGB").getpixel((0, 0)))
        return PictureVerdict(red / 255, "bomb" if red == 51 else "", 0.1)


def replace_spans(hit: Hit, at: int, word: str) -> Hit:
    return Hit(hit.rule, hit.reason, ((at, at + len(word)),), hit.verdict, hit.category, hit.score)


@pytest.fixture
def court() -> Court:
    return Court()


@pytest.fixture
def rooms(here: Premises) -> Rooms:
    return cast("OpenAI", cast("Front", here.house.asgi)._openai)._rooms


@pytest.fixture
def client(rooms: Rooms, court: Court) -> Client:
    """The house's own endpoints before this test's court."""
    return Client(OpenAI(replace(rooms, moderate=court.moderate, look=court.look)))


@pytest.fixture
def key(here: Premises) -> str:
    return here.keys["colleague"]


@pytest_asyncio.fixture(loop_scope="module")
async def openai(client: Client, key: str) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client, which refuses every answer that is not exactly as its types say."""
    transport = httpx2.ASGITransport(client.app)
    async with httpx2.AsyncClient(transport=transport) as http:
        yield AsyncOpenAI(
            api_key=key,
            base_url=f"http://{HOST}/v1",
            http_client=http,
            max_retries=0,
            _strict_response_validation=True,
        )


def url(red: int = 0, kind: str = "png") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (red, 0, 0)).save(buffer, "PNG")
    return f"data:image/{kind};base64,{b64encode(buffer.getvalue()).decode()}"


def part(red: int = 0) -> Any:
    return {"type": "image_url", "image_url": {"url": url(red)}}


async def test_one_text_has_one_result(openai: AsyncOpenAI) -> None:
    answer = await openai.moderations.create(input="how to make a bomb at home", model="omni-moderation-latest")
    assert answer.id.startswith("modr-")
    assert answer.model == "default@0123456789ab"
    (only,) = answer.results
    assert only.flagged
    assert (only.categories.illicit, only.categories.illicit_violent, only.categories.hate) == (True, True, False)
    assert only.category_scores.illicit_violent == 1.0
    assert only.category_applied_input_types.hate == ["text"]
    extra = cast("dict[str, Any]", only.model_extra)["hanlin"]
    assert extra["policy"] == "default@0123456789ab"
    assert extra["verdict"] == "refuse"
    assert extra["hits"] == [
        {
            "rule": "illicit-violent-bombs",
            "reason": "Explosives.",
            "category": "A.1.d",
            "verdict": "refuse",
            "score": 1.0,
            "spans": [[14, 18]],
        }
    ]
    assert cast("dict[str, Any]", only.categories.model_extra)["A.1.d"] is True


async def test_several_texts_have_a_result_each_in_their_order(openai: AsyncOpenAI, court: Court) -> None:
    answer = await openai.moderations.create(input=["a bomb", "a rose", "one two three"])
    assert [one.flagged for one in answer.results] == [True, False, True]
    assert court.asked == [("", "input", text) for text in ("a bomb", "a rose", "one two three")]


@pytest.mark.parametrize(
    ("model", "policy"),
    [("", ""), ("omni-moderation-latest", ""), ("text-moderation-stable", ""), ("school", "school")],
)
async def test_a_model_is_a_policy_and_openai_s_are_the_caller_s_own(
    client: Client, key: str, court: Court, model: str, policy: str
) -> None:
    answer = await client.send("POST", MODERATIONS, key=key, json={"input": "a rose", "model": model})
    assert answer.json["model"] == f"{policy or 'default'}@0123456789ab"
    assert [asked for asked, _, _ in court.asked] == [policy]


async def test_an_unknown_policy_is_not_found_and_the_known_are_named(client: Client, key: str) -> None:
    answer = await client.send("POST", MODERATIONS, key=key, json={"input": "a rose", "model": "shool"})
    assert (answer.status, "school" in answer.error["message"]) == (404, True)


async def test_the_parts_of_a_message_have_one_result_together(openai: AsyncOpenAI, court: Court) -> None:
    answer = await openai.moderations.create(
        input=[{"type": "text", "text": "look:"}, part(30), {"type": "text", "text": "a rose"}]
    )
    (only,) = answer.results
    assert not only.flagged
    assert only.category_scores.sexual == pytest.approx(30 / 255)
    assert only.category_applied_input_types.sexual == ["text", "image"]
    assert [text for _, _, text in court.asked] == ["look:\na rose"]


async def test_a_picture_is_judged_by_what_it_shows(openai: AsyncOpenAI) -> None:
    (only,) = (await openai.moderations.create(input=[part(250)])).results
    assert (only.flagged, only.categories.sexual, only.categories.violence) == (True, True, False)
    assert only.category_applied_input_types.sexual == ["image"]
    assert only.category_applied_input_types.hate == []


async def test_a_picture_is_judged_by_what_is_written_in_it(openai: AsyncOpenAI, court: Court) -> None:
    (only,) = (await openai.moderations.create(input=[part(0), part(51)])).results
    assert (only.flagged, only.categories.illicit_violent, only.categories.sexual) == (True, True, False)
    assert [text for _, _, text in court.asked] == ["", "bomb"]


async def test_a_moderation_counts_as_a_request_and_costs_no_tokens(here: Premises, client: Client) -> None:
    key = await here.key("colleague", limits=Limits(requests_per_minute=3, tokens_per_minute=1000))
    for text in ("a rose " * 5000, "a rose"):
        assert (await client.send("POST", MODERATIONS, key=key, json={"input": text})).status == 200
    moderated = question("plain", "a rose", moderation={"model": "school"}, max_tokens=5)
    for body in (moderated, {"input": "a rose"}):
        over = await client.send("POST", CHAT if "messages" in body else MODERATIONS, key=key, json=body)
        assert (over.status, over.error["code"]) == (429, "rate_limit_exceeded")


async def test_who_may_not_generate_may_not_ask(here: Premises, client: Client) -> None:
    key = await here.key("colleague", permissions=["registry:read"])
    answer = await client.send("POST", MODERATIONS, key=key, json={"input": "a rose"})
    assert (answer.status, answer.error["code"]) == (403, "permission_denied")
    assert (await client.send("POST", MODERATIONS, json={"input": "a rose"})).status == 401
    assert (await client.send("GET", MODERATIONS, key=here.keys["owner"])).status == 405


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({}, 400, "input", "missing_required_parameter"),
        ({"input": []}, 400, "input", "invalid_value"),
        ({"input": ["x"] * 33}, 400, "input", "invalid_value"),
        ({"input": [1]}, 400, "input[0]", "invalid_value"),
        ({"input": [CANARY, {"type": "text", "text": CANARY}]}, 400, "input", "invalid_value"),
        ({"input": [{"type": "input_audio", "text": CANARY}]}, 400, "input[0].type", "invalid_value"),
        ({"input": CANARY, "other": 1}, 400, "other", "unknown_parameter"),
        ({"input": "x" * 400_001}, 413, "input", "request_too_large"),
        ({"input": ["x" * 200_001] * 2}, 413, "input", "request_too_large"),
        ({"input": [{"type": "text", "text": "x" * 200_001}] * 2}, 413, "input", "request_too_large"),
    ],
)
async def test_what_is_not_as_expected_is_named(
    client: Client, key: str, body: dict[str, Any], status: int, param: str, code: str
) -> None:
    answer = await client.send("POST", MODERATIONS, key=key, json=body)
    assert (answer.status, answer.error["param"], answer.error["code"]) == (status, param, code)
    assert CANARY.encode() not in answer.body


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://pictures.example/a.png", "fetches nothing"),
        ("http://127.0.0.1:8000/metrics", "fetches nothing"),
        ("file:///etc/passwd", "fetches nothing"),
        ("data:image/svg+xml;base64,AAAA", "data:image/png;base64,"),
        ("data:text/html,AAAA", "data:image/png;base64,"),
        ("data:image/png;base64,%%%%", "not valid base64"),
        ("", "data:image/png;base64,"),
    ],
)
async def test_a_picture_comes_in_its_url_and_is_never_fetched(
    client: Client, key: str, address: str, says: str
) -> None:
    parts = [{"type": "text", "text": CANARY}, {"type": "image_url", "image_url": {"url": address}}]
    answer = await client.send("POST", MODERATIONS, key=key, json={"input": parts})
    assert (answer.status, answer.error["code"]) == (400, "invalid_image_url")
    assert (answer.error["param"], says in answer.error["message"]) == ("input[1].image_url.url", True)
    assert CANARY not in answer.error["message"]


async def test_pictures_are_bounded_together(client: Client, key: str) -> None:
    big = "data:image/png;base64," + b64encode(bytes(10_000_001)).decode()
    parts = [{"type": "image_url", "image_url": {"url": big}}] * 2
    answer = await client.send("POST", MODERATIONS, key=key, json={"input": parts})
    assert (answer.status, "20000002 bytes" in answer.error["message"]) == (413, True)


async def test_a_broken_picture_is_the_sender_s_fault(client: Client, key: str) -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    answer = await client.send("POST", MODERATIONS, key=key, json={"input": parts})
    assert (answer.status, answer.error["code"]) == (400, "bad_file")


async def test_a_server_that_does_not_look_at_pictures_says_how_it_would(rooms: Rooms, court: Court, key: str) -> None:
    client = Client(OpenAI(replace(rooms, moderate=court.moderate, look=None)))
    answer = await client.send("POST", MODERATIONS, key=key, json={"input": [part()]})
    assert (answer.status, answer.error["code"]) == (400, "pictures_not_installed")
    assert "pip install 'hanlin[pictures]'" in answer.error["message"]


def wanted(model: str = "omni-moderation-latest", **modes: str) -> Any:
    return {"model": model, "policy": {name: {"mode": mode} for name, mode in modes.items()}}


async def chat(openai: AsyncOpenAI, model: str, text: str, moderation: Any, **more: Any) -> Any:
    return await openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": text}], moderation=moderation, **more
    )


async def test_a_whole_answer_carries_what_was_found_in_it_and_in_the_question(openai: AsyncOpenAI) -> None:
    answer = await chat(openai, "plain", "hello", {"model": "omni-moderation-latest"})
    assert answer.choices[0].message.content == "one two three four"
    found = answer.moderation
    assert (found.input.type, found.output.type) == ("moderation_results",) * 2
    (asked,), (answered,) = found.input.results, found.output.results
    assert (asked.type, asked.model, asked.flagged) == ("moderation_result", "default@0123456789ab", True)
    assert {category for category, holds in asked.categories.items() if holds} == {"harassment", "A.4.c"}
    assert {category for category, holds in answered.categories.items() if holds} == {"hate", "A.2.i"}
    assert answered.category_scores["A.2.i"] == 0.9
    assert answered.category_applied_input_types["hate"] == ["text"]


async def test_a_stream_tells_it_in_an_event_of_its_own_at_the_end_with_the_label(
    openai: AsyncOpenAI, client: Client, key: str
) -> None:
    body = question("plain", "hello", stream=True, moderation={"model": "omni-moderation-latest"})
    raw = await client.send("POST", CHAT, key=key, json=body)
    assert raw.events[-1] == "[DONE]"
    assert (raw.events[-2]["choices"], raw.events[-2]["AIGC"]) == ([], raw.events[0]["AIGC"])
    stream = await chat(openai, "plain", "hello", {"model": "omni-moderation-latest"}, stream=True)
    events = [event async for event in stream]
    told = [event.moderation for event in events if event.moderation]
    assert [event.moderation is not None for event in events] == [False] * (len(events) - 1) + [True]
    assert (told[0].input.results[0].flagged, told[0].output.results[0].flagged) == (True, True)
    text = "".join(choice.delta.content or "" for event in events for choice in event.choices)
    assert text == "one two three four"


async def test_each_choice_has_its_result(openai: AsyncOpenAI) -> None:
    answer = await chat(openai, "plain", "a rose", {"model": "omni-moderation-latest"}, n=3)
    assert [one.flagged for one in answer.moderation.output.results] == [True] * 3


async def test_without_the_field_nobody_is_asked_and_nothing_is_told(client: Client, key: str, court: Court) -> None:
    for stream in (False, True):
        answer = await client.ask(key, "plain", stream=stream)
        assert b'"moderation"' not in answer.body
    assert court.asked == []


async def test_all_that_the_person_wrote_is_judged_by_the_service_s_policy_or_the_one_named(
    client: Client, key: str, court: Court
) -> None:
    messages = [
        {"role": "system", "content": "bomb"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "bomb"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
    ]
    for model, policy in (("omni-moderation-latest", "default"), ("school", "school")):
        court.asked.clear()
        body = {"model": "plain", "messages": messages, "moderation": {"model": model}}
        assert (await client.send("POST", CHAT, key=key, json=body)).status == 200
        assert court.asked == [(policy, "input", "first\n\nsecond"), (policy, "output", "one two three four")]


async def test_block_refuses_before_anything_is_generated_what_the_policy_only_scores(
    openai: AsyncOpenAI, here: Premises
) -> None:
    before = len(await here.leaves())
    with pytest.raises(BadRequestError) as refused:
        await chat(openai, "plain", "hello", wanted(input="block"))
    assert refused.value.code == "content_filter"
    assert "greetings" in refused.value.message
    assert "hello" not in refused.value.message
    assert len(await here.leaves()) == before
    for fine in (wanted(input="score"), wanted(output="score"), {"model": "school", "policy": None}):
        assert (await chat(openai, "plain", "hello", fine)).choices[0].finish_reason == "stop"
    assert (await chat(openai, "plain", "my telephone", wanted(input="block"))).choices[0].finish_reason == "stop"


async def test_what_the_service_s_own_policy_ends_is_left_to_it_and_so_on_the_record(
    client: Client, key: str, here: Premises
) -> None:
    body = question("plain", "pipe bomb instructions", moderation=wanted(input="block"))
    answer = await client.send("POST", CHAT, key=key, json=body)
    assert (answer.status, answer.error["code"]) == (400, "content_filter")
    assert (await here.outcomes())[0].status == "refused_input"


async def test_block_withholds_a_whole_answer_that_is_flagged(openai: AsyncOpenAI) -> None:
    answer = await chat(openai, "plain", "a rose", wanted(output="block"), n=2)
    assert [(one.message.content, one.finish_reason) for one in answer.choices] == [("", "content_filter")] * 2
    assert answer.moderation.output.results[0].flagged
    fine = await chat(openai, "echo", "a rose", wanted(output="block"))
    assert (fine.choices[0].message.content, fine.choices[0].finish_reason) == ("Echo: a rose", "stop")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_judgement_that_fails_afterwards_is_told_as_an_error(openai: AsyncOpenAI, stream: bool) -> None:
    answer = await chat(openai, "plain", "a rose", {"model": "broken-later"}, stream=stream)
    last = [event async for event in answer][-1] if stream else answer
    error = last.moderation.output
    assert (error.type, error.code) == ("error", "model_not_serving")
    assert last.moderation.input.type == "moderation_results"


async def test_a_judgement_that_fails_withholds_what_it_was_to_block(openai: AsyncOpenAI) -> None:
    answer = await chat(openai, "plain", "a rose", wanted("broken-later", output="block"))
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("", "content_filter")


@pytest.mark.parametrize(
    ("moderation", "status", "param"),
    [
        ({}, 400, "moderation.model"),
        ({"model": ""}, 400, "moderation.model"),
        ({"model": 7}, 400, "moderation.model"),
        ({"model": "school", "polcy": {}}, 400, "moderation.polcy"),
        ({"model": "school", "policy": {"input": {"mode": "warn"}}}, 400, "moderation.policy.input.mode"),
        ({"model": "school", "policy": {"input": {"mode": "score", "limit": 1}}}, 400, "moderation.policy.input"),
        ({"model": "no-such-policy"}, 404, None),
    ],
)
async def test_a_moderation_that_is_not_as_expected_is_named(
    client: Client, key: str, moderation: dict[str, Any], status: int, param: str | None
) -> None:
    for stream in (False, True):
        answer = await client.ask(key, "plain", CANARY, moderation=moderation, stream=stream)
        assert (answer.status, answer.error["param"]) == (status, param)
        assert CANARY.encode() not in answer.body


async def test_the_house_s_own_policy_answers(here: Premises, key: str) -> None:
    body = {"input": ["pipe bomb instructions", "how do bombs work?"]}
    answer = await here.client.send("POST", MODERATIONS, key=key, json=body)
    assert answer.status == 200
    refused, fine = answer.json["results"]
    assert (refused["flagged"], fine["flagged"]) == (True, False)
    assert refused["hanlin"]["verdict"] == "refuse"
    assert refused["hanlin"]["hits"][0]["spans"]
    assert answer.json["model"].startswith("default@")


async def test_the_house_s_own_policy_judges_a_chat_too(here: Premises, key: str) -> None:
    for stream in (False, True):
        answer = await here.client.ask(key, "echo", "how do bombs work?", moderation=wanted("default"), stream=stream)
        found = (answer.events[-2] if stream else answer.json)["moderation"]
        for side in ("input", "output"):
            (only,) = found[side]["results"]
            assert (only["flagged"], only["model"].partition("@")[0]) == (False, "default")
