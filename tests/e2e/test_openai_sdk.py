"""OpenAI's own client, told to raise when an answer does not fit its types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from tests.e2e.server import Server, service

MODEL_SERVICE = """
[[models]]
name = "small"
engine = "llama_cpp"
options = {weights = "qwen2.5-coder-0.5b-instruct"}
[[services]]
name = "small"
models = ["small"]
"""
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
PERSON: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 20}},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture(scope="module")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("sdk"), service("echo")) as server:
        yield server.wait_for("echo")


@pytest.fixture(scope="module")
def model_server(tmp_path_factory: pytest.TempPathFactory, test_weights: Path) -> Iterator[Server]:
    """A server of the real 0.5B model, that has passed its examination."""
    with Server(tmp_path_factory.mktemp("model"), MODEL_SERVICE) as server:
        status, answer = server.ask("small", "Too early?")
        assert (status, answer["error"]["code"]) == (503, "model_not_serving")
        assert "small" in answer["error"]["message"]
        yield server.wait_for("small", seconds=100)


@pytest.fixture(params=["echo", pytest.param("small", marks=[pytest.mark.model, pytest.mark.slow])])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(name: str, request: pytest.FixtureRequest) -> Iterator[openai.OpenAI]:
    server: Server = request.getfixturevalue("echo_server" if name == "echo" else "model_server")
    with openai.OpenAI(
        base_url=f"{server.url}/v1", api_key=server.key, max_retries=0, timeout=60, _strict_response_validation=True
    ) as made:
        yield made


def test_models(client: openai.OpenAI, name: str) -> None:
    assert [model.id for model in client.models.list()] == [name]
    assert client.models.retrieve(name).id == name


def test_a_whole_answer(client: openai.OpenAI, name: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=name, messages=ASKED, max_tokens=8)
    completion = raw.parse()
    (choice,) = completion.choices
    assert choice.message.content
    assert choice.message.role == "assistant"
    assert choice.finish_reason in ("stop", "length")
    assert raw.headers["x-request-id"].startswith("req_")
    assert completion.id.removeprefix("chatcmpl-") == raw.headers["x-request-id"].removeprefix("req_")
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert 1 <= completion.usage.completion_tokens <= 8


def streamed(client: openai.OpenAI, name: str, **more: Any) -> list[ChatCompletionChunk]:
    return list(client.chat.completions.create(model=name, messages=ASKED, max_tokens=8, stream=True, **more))


def test_a_stream(client: openai.OpenAI, name: str) -> None:
    chunks = streamed(client, name)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[0].choices[0].delta.role == "assistant"
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert [reason for reason in reasons if reason] == reasons[-1:]
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_usage(client: openai.OpenAI, name: str) -> None:
    last = streamed(client, name, stream_options={"include_usage": True})[-1]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens > 0


def test_several_choices(client: openai.OpenAI, name: str) -> None:
    completion = client.chat.completions.create(model=name, messages=ASKED, max_tokens=4, n=2)
    assert [choice.index for choice in completion.choices] == [0, 1]
    indexes = {choice.index for chunk in streamed(client, name, n=2) for choice in chunk.choices}
    assert indexes == {0, 1}


def test_log_probabilities(client: openai.OpenAI, name: str) -> None:
    completion = client.chat.completions.create(model=name, messages=ASKED, max_tokens=3, logprobs=True, top_logprobs=2)
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content
    assert [len(token.top_logprobs) for token in logprobs.content] == [2] * len(logprobs.content)


def test_a_schema(client: openai.OpenAI, name: str) -> None:
    completion = client.chat.completions.create(model=name, messages=ASKED, max_tokens=60, response_format=PERSON)
    found = json.loads(completion.choices[0].message.content or "")
    assert list(found) == ["name"]
    assert isinstance(found["name"], str)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_demanded_tool(client: openai.OpenAI, name: str, choice: Any) -> None:
    completion = client.chat.completions.create(
        model=name,
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        max_tokens=64,
        tools=[WEATHER],
        tool_choice=choice,
    )
    (answer,) = completion.choices
    assert answer.finish_reason in (("tool_calls",) if choice == "required" else ("tool_calls", "stop"))
    assert answer.message.tool_calls is not None
    (call,) = answer.message.tool_calls
    assert call.type == "function"
    assert call.id
    assert call.function.name == "get_weather"
    assert list(json.loads(call.function.arguments)) == ["city"]


def test_a_stop_word_a_seed_and_a_ceiling(client: openai.OpenAI, name: str) -> None:
    answers = [
        client.chat.completions.create(
            model=name, messages=ASKED, max_completion_tokens=6, stop=["zebra"], seed=1, temperature=0.5
        )
        for _ in range(2)
    ]
    assert answers[0].choices[0].message.content == answers[1].choices[0].message.content
    assert answers[0].usage is not None
    assert answers[0].usage.completion_tokens <= 6


def test_errors_are_the_ones_the_client_knows(client: openai.OpenAI, name: str) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="no-such-model", messages=ASKED)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert unknown.value.request_id is not None
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")
    with pytest.raises(openai.BadRequestError) as nothing:
        client.post("/chat/completions", body={"model": name}, cast_to=httpx.Response)
    assert (nothing.value.code, nothing.value.param) == ("missing_required_parameter", "messages")
    with pytest.raises(openai.BadRequestError) as hot:
        client.chat.completions.create(model=name, messages=ASKED, temperature=99)
    assert hot.value.param == "temperature"
    with pytest.raises(openai.AuthenticationError) as stranger:
        client.with_options(api_key="hl_wrong").models.list()
    assert stranger.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as chatting:
        client.embeddings.create(model=name, input="It only chats.")
    assert chatting.value.code == "wrong_skill"
