"""Errors: one shape everywhere, and nothing absurd gets as far as an engine (S15)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hanlin import errors
from hanlin.accounts import Limits
from hanlin.api.asgi import encode, error_body, error_headers
from hanlin.api.platform.routes import BODY_BYTES
from hanlin.errors import HanlinError, Refused, TooMany
from tests.api.asgi_client import Answer, Client, question
from tests.api.cast import LIMIT, Premises

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHAPES = {
    "BadRequest": (400, "invalid_request_error", "invalid_value"),
    "BadFile": (400, "invalid_request_error", "bad_file"),
    "NotSignedIn": (401, "invalid_request_error", "invalid_api_key"),
    "NotAllowed": (403, "invalid_request_error", "permission_denied"),
    "NotFound": (404, "invalid_request_error", "not_found"),
    "Conflict": (409, "invalid_request_error", "conflict"),
    "TooLarge": (413, "invalid_request_error", "request_too_large"),
    "Refused": (400, "invalid_request_error", "content_filter"),
    "TooMany": (429, "requests", "rate_limit_exceeded"),
    "NotServing": (503, "server_error", "model_not_serving"),
    "EngineFailed": (502, "server_error", "engine_failed"),
    "EngineTimeout": (504, "server_error", "engine_timeout"),
    "AuditUnavailable": (503, "server_error", "audit_unavailable"),
    "Misconfigured": (500, "server_error", "misconfigured"),
}
CLASSES = {
    name: found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, HanlinError) and found is not HanlinError
}


@pytest.fixture
def key(here: Premises) -> str:
    return here.keys["colleague"]


def check_error(answer: Answer) -> dict[str, Any]:
    """OpenAI's error object and nothing beside it."""
    assert list(answer.json) == ["error"]
    error = answer.error
    assert list(error) == ["message", "type", "param", "code"]
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["code"], str)
    assert error["param"] is None or isinstance(error["param"], str)
    assert answer.headers["content-type"] == "application/json"
    return error


@asynccontextmanager
async def no_engine(here: Premises) -> AsyncIterator[None]:
    """Nothing inside may reach an engine: no answer is completed or even begun in the record."""
    before = here.rooms.log.size
    yield
    for entry in (await here.rooms.log.entries(limit=200)).entries:
        if entry.seq >= before and entry.leaf.event == "generation:outcome":
            assert getattr(entry.leaf, "status", "") in ("not_served", "refused_input")


async def test_every_class_of_error_is_pinned_here() -> None:
    assert set(CLASSES) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
async def test_each_class_has_its_status_type_and_code(name: str) -> None:
    extra: dict[str, Any] = {}
    if CLASSES[name] is Refused:
        extra = {"rule": "no-plums", "stage": "input"}
    if CLASSES[name] is TooMany:
        extra = {"retry_after_seconds": 1.5}
    error = CLASSES[name]("It happened.", action="Do this.", **extra)
    status, kind, code = SHAPES[name]
    assert error.status == status
    assert json.loads(encode(error_body(error))) == {
        "error": {"message": "It happened. Do this.", "type": kind, "param": None, "code": code}
    }


async def test_a_client_is_told_when_to_try_again_and_when_not_to() -> None:
    busy = dict(error_headers(TooMany("Wait.", retry_after_seconds=1.5)))
    assert (busy[b"retry-after"], busy[b"retry-after-ms"]) == (b"2", b"1500")
    assert dict(error_headers(errors.BadRequest("No.")))[b"x-should-retry"] == b"false"
    unknown = dict(error_headers(errors.NotSignedIn("No.")))
    assert (unknown[b"www-authenticate"], unknown[b"x-should-retry"]) == (b"Bearer", b"false")


async def test_a_used_up_rate_is_429_with_when_to_try_again(here: Premises, client: Client) -> None:
    key = await here.key("colleague", limits=Limits(requests_per_minute=1))
    assert (await client.ask(key, "plain")).status == 200
    answer = await client.ask(key, "plain")
    assert answer.status == 429
    assert check_error(answer)["code"] == "rate_limit_exceeded"
    assert 0 < int(answer.headers["retry-after-ms"]) <= 60_000


HUGE = "x" * max(LIMIT, BODY_BYTES)
BASE = question("plain")
ABSURD: list[tuple[dict[str, Any], str]] = [
    ({"model": ""}, "model"),
    ({"model": 7}, "model"),
    ({"model": None}, "model"),
    ({"model": "m" * 201}, "model"),
    ({"messages": []}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": "hello"}, "messages"),
    ({"messages": [[]]}, "messages[...]"),
    ({"messages": [{"role": "user", "content": "a"}] * 2049}, "messages"),
    ({"messages": [{"content": "a"}]}, "messages"),
    ({"messages": [{"role": "wizard", "content": "a"}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]}
            ]
        },
        "messages[0].content[0].type",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "image_url": {"url": "b"}}]}]},
        "messages[0].content[0]",
    ),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, "messages[0].content[0].text"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": -1}, "max_tokens"),
    ({"max_tokens": 10**9}, "max_tokens"),
    ({"max_tokens": 10**30}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"max_completion_tokens": -(10**9)}, "max_completion_tokens"),
    ({"temperature": -0.1}, "temperature"),
    ({"temperature": 99}, "temperature"),
    ({"temperature": "hot"}, "temperature"),
    ({"top_p": -1}, "top_p"),
    ({"top_p": 1.1}, "top_p"),
    ({"n": 0}, "n"),
    ({"n": 9}, "n"),
    ({"n": 10**9}, "n"),
    ({"n": -1}, "n"),
    ({"n": True}, "n"),
    ({"stop": ["a"] * 5}, "stop"),
    ({"stop": "a" * 257}, "stop"),
    ({"stop": [1]}, "stop"),
    ({"seed": 2**63}, "seed"),
    ({"seed": -(2**70)}, "seed"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": -3}, "frequency_penalty"),
    ({"logit_bias": {"1": 101}}, "logit_bias"),
    ({"logit_bias": [1]}, "logit_bias"),
    ({"top_logprobs": 3}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": -1}, "top_logprobs"),
    ({"tools": [{}]}, "tools"),
    ({"tools": [{"type": "function", "function": {"name": "has space"}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "web_search", "function": {"name": "a"}}]}, "tools[0].type"),
    ({"tools": [{"type": "function", "function": {"name": "a"}}] * 129}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": "maybe", "tools": []}, "tool_choice"),
    (
        {
            "tool_choice": {"type": "function", "function": {"name": "b"}},
            "tools": [{"type": "function", "function": {"name": "a"}}],
        },
        "tool_choice",
    ),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}}, "response_format.json_schema.name"),
    ({"modalities": ["audio"]}, "modalities"),
    ({"metadata": {"a": 1}}, "metadata"),
    ({"user": "u" * 513}, "user"),
    ({"unheard_of": 1}, "unheard_of"),
    ({"__proto__": {}}, "__proto__"),
]


@pytest.mark.parametrize(("changed", "param"), ABSURD, ids=[f"{i}-{param}" for i, (_, param) in enumerate(ABSURD)])
async def test_an_absurd_parameter_is_refused_by_name(
    here: Premises, client: Client, key: str, changed: dict[str, Any], param: str
) -> None:
    async with no_engine(here):
        answer = await client.send("POST", "/v1/chat/completions", key=key, json={**BASE, **changed})
        assert answer.status == 400
        error = check_error(answer)
        assert error["type"] == "invalid_request_error"
        assert str(error["param"]).startswith(param.removesuffix("]").removesuffix("..."))


@pytest.mark.parametrize("missing", ["model", "messages"])
async def test_what_is_missing_is_named(client: Client, key: str, missing: str) -> None:
    body = {name: value for name, value in BASE.items() if name != missing}
    answer = await client.send("POST", "/v1/chat/completions", key=key, json=body)
    error = check_error(answer)
    assert (answer.status, error["code"], error["param"]) == (400, "missing_required_parameter", missing)


async def test_an_unknown_field_is_named_and_called_so(client: Client, key: str) -> None:
    error = check_error(await client.send("POST", "/v1/chat/completions", key=key, json={**BASE, "unheard_of": 1}))
    assert (error["code"], error["param"]) == ("unknown_parameter", "unheard_of")


def _with(text: str) -> bytes:
    return json.dumps(BASE).encode()[:-1] + b"," + text.encode() + b"}"


NOT_JSON = {
    "empty": b"",
    "a word": b"hello",
    "half": b'{"model": "plain"',
    "NaN": _with('"temperature": NaN'),
    "Infinity": _with('"temperature": Infinity'),
    "a number beyond doubles": _with('"temperature": 1e999'),
    "a list": b"[]",
    "null": b"null",
    "a trailing comma": _with('"n": 1,'),
    "two values": json.dumps(BASE).encode() + b"{}",
    "invalid UTF-8": b'{"model": "plain", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "a cut UTF-8 letter": b'{"model": "plain", "messages": [{"role": "user", "content": "\xe4\xbd"}]}',
    "UTF-16": json.dumps(BASE).encode("utf-16"),
    "a lone surrogate": b'{"model": "plain", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "a lone surrogate in bytes": b'{"model": "plain", "messages": [{"role": "user", "content": "\xed\xa0\x80"}]}',
    "a raw NUL": b'{"model": "pl\x00ain", "messages": [{"role": "user", "content": "a"}]}',
    "deep lists": _with('"messages": ' + "[" * 20_000),
    "a deep schema": _with('"tools": ' + '[{"a":' * 20_000),
    "deep in a free field": _with('"prediction": ' + '{"a":' * 9_000 + "1" + "}" * 9_000),
}


@pytest.mark.parametrize("name", NOT_JSON)
async def test_what_is_not_json_is_refused(here: Premises, client: Client, key: str, name: str) -> None:
    async with no_engine(here):
        answer = await client.send("POST", "/v1/chat/completions", key=key, body=NOT_JSON[name])
        assert answer.status == 400
        check_error(answer)


def _nested(depth: int, inner: str = "1") -> str:
    return '{"a":' * depth + inner + "}" * depth


@pytest.mark.parametrize(
    ("param", "text"),
    [
        ("prediction", '"prediction": %s'),
        ("moderation", '"moderation": %s'),
        ("tools[0].function.parameters", '"tools":[{"type":"function","function":{"name":"f","parameters":%s}}]'),
        (
            "response_format.json_schema.schema",
            '"response_format":{"type":"json_schema","json_schema":{"name":"f","schema":%s}}',
        ),
    ],
)
async def test_a_free_field_is_nested_a_hundred_levels_deep_at_most(
    here: Premises, client: Client, key: str, param: str, text: str
) -> None:
    # the depths from 400 on lie where the stack of a decoder, and a little later that of an encoder, ends
    for depth in (101, 400, *range(460, 480), 900, 990, 1000, 5000):
        async with no_engine(here):
            body = _with(text % _nested(depth))
            answer = await client.send("POST", "/v1/chat/completions", key=key, body=body)
            assert answer.status == 400
            assert check_error(answer)["param"] == param or depth > 400
    answer = await client.send("POST", "/v1/chat/completions", key=key, body=_with(text % _nested(100)))
    assert answer.status == 200 or "nested" not in answer.error["message"]


async def test_a_wide_schema_is_no_trouble(client: Client, key: str) -> None:
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(1000)}}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    assert (await client.ask(key, "plain", tools=[tool])).status == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/models", "/api/keys"])
async def test_a_body_over_the_limit_is_413_without_reading_it_all(client: Client, here: Premises, path: str) -> None:
    key = here.keys["operator"]
    big = json.dumps({**BASE, "name": HUGE}).encode()
    answer = await client.send("POST", path, key=key, body=big, headers={"content-type": "application/json"})
    assert answer.status == 413
    assert check_error(answer)["code"] == "request_too_large"


async def test_a_body_that_lies_about_its_length_is_still_limited(client: Client, key: str) -> None:
    sent: list[Any] = []
    pieces = 0

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [(b"host", b"127.0.0.1:8000"), (b"authorization", f"Bearer {key}".encode()), (b"content-length", b"5")]
    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": headers}
    await client.app(scope, receive, send)
    assert sent[0]["status"] == 413
    assert pieces <= LIMIT // 10_000 + 1


async def test_of_a_key_that_comes_twice_the_last_counts_for_policy_and_engine_alike(client: Client, key: str) -> None:
    bad, good = '[{"role":"user","content":"pipe bomb instructions"}]', '[{"role":"user","content":"fine"}]'
    for first, second, status in ((bad, good, 200), (good, bad, 400)):
        body = f'{{"model":"echo","messages":{first},"messages":{second}}}'.encode()
        answer = await client.send("POST", "/v1/chat/completions", key=key, body=body)
        assert answer.status == status
        assert b"pipe bomb" not in answer.body


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\x1b[31m", "\u202e", "\ufeff", "\U0010ffff", "", " " * 1000])
async def test_odd_characters_in_a_text_are_text(client: Client, key: str, text: str) -> None:
    for stream in (False, True):
        answer = await client.ask(key, "echo", text, stream=stream)
        assert answer.status == 200


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(st.characters(exclude_categories=[]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "top_p",
        "n",
        "stop",
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "metadata",
        "response_format",
        "prediction",
        "modalities",
        "moderation",
        "user",
        "store",
        "x",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(changed=st.dictionaries(FIELDS, JSON_VALUES, min_size=1, max_size=4))
async def test_whatever_the_fields_hold_the_answer_is_an_answer_or_a_4xx(
    client: Client, key: str, changed: dict[str, Any]
) -> None:
    body = json.dumps({**BASE, **changed}).encode()
    answer = await client.send("POST", "/v1/chat/completions", key=key, body=body)
    assert answer.status == 200 or 400 <= answer.status < 500
    if answer.status != 200:
        check_error(answer)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=200))
async def test_whatever_the_bytes_are_they_are_refused_cleanly(client: Client, key: str, body: bytes) -> None:
    answer = await client.send("POST", "/v1/chat/completions", key=key, body=body)
    assert 400 <= answer.status < 500
    check_error(answer)
