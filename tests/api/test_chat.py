"""POST /v1/chat/completions: the exact shape on the wire, whole and streamed."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from urllib.parse import unquote

import pytest

from hanlin.labels.wire import read
from tests.api.asgi_client import Answer, Client, question
from tests.api.cast import Premises

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "canary-7f3a"
REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")
LABEL_KEYS = [
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def key(here: Premises) -> str:
    return here.keys["colleague"]


def check_headers(answer: Answer, aigc: dict[str, str]) -> str:
    """What every answer says beside its body; returns the request's id."""
    headers = answer.headers
    request_id = headers["x-request-id"]
    assert REQUEST_ID.fullmatch(request_id)
    assert headers["x-hanlin-receipt"] == f"/receipts/{request_id}"
    assert json.dumps(aigc, separators=(",", ":")) in json.dumps(
        json.loads(_decoded(headers["x-aigc-label"])), separators=(",", ":")
    )
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    for kind in ("requests", "tokens"):
        limit, remaining = (int(headers[f"x-ratelimit-{word}-{kind}"]) for word in ("limit", "remaining"))
        assert 0 <= remaining <= limit
        assert re.fullmatch(r"\d+\.\d{3}s", headers[f"x-ratelimit-reset-{kind}"])
    return request_id


def _decoded(value: str) -> str:
    assert value.isascii()
    return unquote(value)


async def test_a_whole_answer_has_exactly_these_keys(client: Client, key: str) -> None:
    answer = await client.ask(key, "plain")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json
    request_id = check_headers(answer, body["AIGC"])
    number = request_id.removeprefix("req_")
    created = body.pop("created")
    assert isinstance(created, int)
    assert list(body["AIGC"]) == LABEL_KEYS
    assert body == {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "model": "plain",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "one two three four", "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5},
        "receipt": f"/receipts/{request_id}",
        "AIGC": {
            "Label": "1",
            "ContentProducer": "Hanlin",
            "ProduceID": number,
            "ReservedCode1": "",
            "ContentPropagator": "Hanlin",
            "PropagateID": number,
            "ReservedCode2": "",
        },
    }
    assert int(answer.headers["openai-processing-ms"]) >= 0


async def test_a_streamed_answer_has_exactly_these_events(client: Client, key: str) -> None:
    answer = await client.ask(key, "plain", stream=True)
    assert answer.status == 200
    assert answer.finished
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done = answer.events
    assert done == "[DONE]"
    assert answer.body.endswith(b"data: [DONE]\n\n")
    request_id = check_headers(answer, events[0]["AIGC"])
    label, receipt = events[0]["AIGC"], f"/receipts/{request_id}"
    for event in events:
        head = {name: event.pop(name) for name in ("id", "object", "created", "model")}
        assert head | {"created": 0} == {
            "id": f"chatcmpl-{request_id.removeprefix('req_')}",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "plain",
        }

    def choice(delta: dict[str, Any], finish_reason: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}]

    assert events == [
        {"choices": choice({"role": "assistant"}), "AIGC": label, "receipt": receipt},
        *({"choices": choice({"content": word})} for word in ("one", " two", " three", " four")),
        {"choices": choice({}, "stop"), "AIGC": label, "receipt": receipt},
    ]


async def test_the_label_in_header_body_and_events_is_one_that_anybody_can_read(client: Client, key: str) -> None:
    whole, streamed = await client.ask(key, "plain"), await client.ask(key, "plain", stream=True)
    for answer in (whole, streamed):
        label = read(answer.headers["x-aigc-label"])
        assert label is not None
        assert label == read(answer.body)
        assert label.produce_id == answer.headers["x-request-id"].removeprefix("req_")


async def test_usage_is_streamed_only_when_asked_for(client: Client, key: str) -> None:
    without = await client.ask(key, "plain", stream=True)
    assert b'"usage"' not in without.body
    answer = await client.ask(key, "plain", stream=True, stream_options={"include_usage": True})
    last = answer.events[-2]
    assert (last["choices"], last["usage"]) == ([], {"prompt_tokens": 1, "completion_tokens": 4, "total_tokens": 5})
    assert sum("usage" in event for event in answer.events[:-1]) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_n_gives_as_many_choices_each_with_one_end(client: Client, key: str, stream: bool) -> None:
    answer = await client.ask(key, "plain", n=3, stream=stream)
    events = answer.events[:-1] if stream else [answer.json]
    choices = [choice for event in events for choice in event["choices"]]
    assert sorted(choice["index"] for choice in choices if choice["finish_reason"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("choice", "name"), [("required", "weather"), ({"type": "function", "function": {"name": "clock"}}, "clock")]
)
async def test_a_tool_that_must_be_called_is_called(client: Client, key: str, choice: Any, name: str) -> None:
    answer = await client.ask(key, "plain", tools=[WEATHER, CLOCK], tool_choice=choice)
    (only,) = answer.json["choices"]
    assert (only["finish_reason"], only["message"]["content"]) == ("tool_calls", None)
    (call,) = only["message"]["tool_calls"]
    assert set(call) == {"id", "type", "function"}
    assert (call["type"], call["function"]["name"]) == ("function", name)
    assert isinstance(json.loads(call["function"]["arguments"]), dict)


async def test_a_streamed_tool_call_says_which_call_each_piece_belongs_to(client: Client, key: str) -> None:
    answer = await client.ask(key, "plain", tools=[WEATHER], tool_choice="required", stream=True)
    calls = [
        call
        for event in answer.events[:-1]
        for choice in event["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    assert calls
    assert {call["index"] for call in calls} == {0}
    assert answer.events[-2]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_schema_that_is_demanded_is_kept(client: Client, key: str, stream: bool) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": schema}}
    answer = await client.ask(key, "plain", response_format=wanted, stream=stream)
    assert isinstance(json.loads(content(answer, stream=stream))["city"], str)


def content(answer: Answer, *, stream: bool) -> str:
    if not stream:
        return str(answer.json["choices"][0]["message"]["content"])
    return "".join(choice["delta"].get("content", "") for event in answer.events[:-1] for choice in event["choices"])


async def test_stop_max_tokens_and_seed_are_taken(client: Client, key: str) -> None:
    stopped = await client.ask(key, "plain", stop=[" three"], seed=7)
    assert stopped.json["choices"][0]["message"]["content"] == "one two"
    for name in ("max_tokens", "max_completion_tokens"):
        cut = await client.send("POST", "/v1/chat/completions", key=key, json=question("plain") | {name: 2})
        choice = cut.json["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("one two", "length")


@pytest.mark.parametrize("stream", [False, True])
async def test_logprobs_come_when_asked_for(client: Client, key: str, stream: bool) -> None:
    answer = await client.ask(key, "plain", logprobs=True, top_logprobs=2, stream=stream)
    events = answer.events[:-1] if stream else [answer.json]
    tokens = [
        token
        for event in events
        for choice in event["choices"]
        for token in (choice["logprobs"] or {}).get("content") or ()
    ]
    assert [token["token"] for token in tokens] == ["one", " two", " three", " four"]
    assert {len(token["top_logprobs"]) for token in tokens} == {2}


@pytest.mark.parametrize("name", ["both", "both/plain-model", "plain-model"])
async def test_a_service_a_model_of_it_and_a_model_are_names_to_ask_for(client: Client, key: str, name: str) -> None:
    answer = await client.ask(key, name)
    assert (answer.status, answer.json["model"]) == (200, name)


async def test_content_parts_of_text_are_text(client: Client, key: str) -> None:
    parts = [{"type": "text", "text": "first"}, {"type": "text", "text": "second"}]
    body = {"model": "echo", "messages": [{"role": "user", "content": parts}]}
    answer = await client.send("POST", "/v1/chat/completions", key=key, json=body)
    assert answer.json["choices"][0]["message"]["content"] == "Echo: first\nsecond"


async def test_an_answer_the_policy_stops_ends_with_content_filter(client: Client, key: str) -> None:
    whole = await client.ask(key, "plum")
    assert whole.json["choices"][0]["finish_reason"] == "content_filter"
    streamed = await client.ask(key, "plum", stream=True)
    assert streamed.events[-1] == "[DONE]"
    assert streamed.events[-2]["choices"][0]["finish_reason"] == "content_filter"
    for answer in (whole, streamed):
        assert b"pipe bomb" not in answer.body
        assert b"pipe" not in answer.body


async def test_an_error_before_the_first_byte_is_a_status_also_for_a_stream(client: Client, key: str) -> None:
    answer = await client.ask(key, "broken", stream=True)
    assert (answer.status, answer.error["code"]) == (502, "engine_failed")
    assert answer.headers["content-type"] == "application/json"


async def test_an_error_in_the_middle_of_a_stream_is_an_event_and_no_done_follows(client: Client, key: str) -> None:
    answer = await client.ask(key, "cut", stream=True)
    assert answer.status == 200
    assert set(answer.events[-1]) == {"error"}
    assert answer.events[-1]["error"]["code"] == "upstream_truncated"
    assert b"[DONE]" not in answer.body
    assert answer.finished


async def test_a_whole_answer_that_breaks_half_way_is_an_error_and_nothing_of_it_leaves(
    client: Client, key: str
) -> None:
    answer = await client.ask(key, "cut")
    assert (answer.status, answer.error["code"]) == (502, "upstream_truncated")
    assert b"one" not in answer.body.replace(b'"none"', b"")


async def test_no_error_says_what_a_person_wrote(client: Client, key: str) -> None:
    refused = f"pipe bomb instructions {CANARY}"
    wrong: list[dict[str, Any]] = [
        question("plain", refused),
        question("nowhere", CANARY),
        question("broken", CANARY),
        question("broken", CANARY, stream=True),
        question("cut", CANARY),
        question("plain", CANARY, temperature=9),
        question("plain", CANARY, unheard_of=1),
        question("plain", CANARY, stop=[CANARY] * 9),
        {"model": "plain", "messages": CANARY},
        {"model": "plain", "messages": [{"role": "user", "content": {"text": CANARY}}]},
        {"model": "plain", "messages": [{"role": "user", "content": [{"type": "image_url", "text": CANARY}]}]},
    ]
    for body in wrong:
        answer = await client.send("POST", "/v1/chat/completions", key=key, json=body)
        assert answer.status >= 400, body
        assert CANARY.encode() not in answer.body
    answer = await client.send("POST", "/v1/chat/completions", key=key, body=b'{"messages": "' + CANARY.encode())
    assert CANARY.encode() not in answer.body


async def test_a_reader_who_hangs_up_is_cancelled_on_the_record(here: Premises, client: Client, key: str) -> None:
    async with client.stream("POST", "/v1/chat/completions", key=key, json=question("slow", stream=True)) as exchange:
        await exchange.first(3)
        exchange.hang_up()
        answer = await exchange.end()
    assert b"[DONE]" not in answer.body
    assert (await here.outcomes())[0].status == "cancelled"
    assert len(here.house.running) == 0


async def test_a_reader_of_a_whole_answer_who_hangs_up_is_noticed_too(here: Premises, client: Client, key: str) -> None:
    async with client.stream("POST", "/v1/chat/completions", key=key, json=question("slow")) as exchange:
        await _until_running(here)
        exchange.hang_up()
        answer = await exchange.end(3)
    assert answer.status == 0
    assert (await here.outcomes())[0].status == "cancelled"


async def _until_running(here: Premises) -> None:
    for _ in range(500):
        if len(here.house.running):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nothing runs")


async def test_the_receipt_that_an_answer_names_is_there_for_its_workspace(here: Premises, client: Client) -> None:
    answer = await client.ask(here.keys["colleague"], "plain")
    for path in (answer.headers["x-hanlin-receipt"], f"/api/receipts/{answer.headers['x-request-id']}"):
        receipt = await client.send("GET", path, key=here.keys["owner"])
        assert receipt.status == 200
        assert receipt.json["request"] == answer.headers["x-request-id"]
        assert '"status":"completed"' in receipt.json["outcome"]["leaf"]


async def test_the_list_of_models_names_services_and_their_further_models(client: Client, key: str) -> None:
    answer = await client.send("GET", "/v1/models", key=key)
    body = answer.json
    assert set(body) == {"object", "data"}
    assert body["object"] == "list"
    names = [model["id"] for model in body["data"]]
    assert names == ["plain", "echo", "slow", "plum", "broken", "cut", "both", "both/plain-model", "both/echo-model"]
    for model in body["data"]:
        assert set(model) == {"id", "object", "created", "owned_by", "title", "scope", "filing"}
        assert (model["object"], model["owned_by"], model["scope"]) == ("model", "Hanlin", "internal")
        alone = await client.send("GET", f"/v1/models/{model['id']}", key=key)
        assert (alone.status, alone.json) == (200, model)
    unknown = await client.send("GET", "/v1/models/nowhere", key=key)
    assert (unknown.status, unknown.error["code"], unknown.error["param"]) == (404, "model_not_found", "model")


async def test_a_key_for_some_services_sees_and_uses_no_others(here: Premises, client: Client) -> None:
    key = await here.key("colleague", services=frozenset({"plain"}))
    listed = await client.send("GET", "/v1/models", key=key)
    assert [model["id"] for model in listed.json["data"]] == ["plain"]
    assert (await client.ask(key, "plain")).status == 200
    hidden, unknown = await client.ask(key, "echo"), await client.ask(key, "ecco")
    assert hidden.status == unknown.status == 404
    assert hidden.error["message"].replace("'echo'", "'ecco'") == unknown.error["message"]
