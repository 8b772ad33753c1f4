"""What reaches llama.cpp, and what is refused before it does."""

from typing import Any

import msgspec
import pytest

from hanlin.engines.llama_request import to_body
from hanlin.errors import BadRequest
from tests.engines.llama_jobs import job

WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "other"}}


def body(text: str = "hi", **fields: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(to_body(job(text, **fields), slots=4))
    return decoded


def test_there_is_always_a_ceiling_and_usage_and_nothing_that_was_not_asked() -> None:
    assert body() == {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 16,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "n": 1,
    }


def test_fields_without_effect_stay_behind() -> None:
    assert body(user="u", metadata={"a": "b"}, prediction={"type": "content"}, store=True) == body()


def test_sampling_is_passed_on() -> None:
    sampling: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "presence_penalty": 1.0, "frequency_penalty": -1.0}
    assert body(**sampling) == body() | sampling


@pytest.mark.parametrize("seed", [-(2**63), -1, 0, 7, 2**32 - 1, 2**63 - 1])
def test_any_seed_becomes_one_that_is_not_llama_cpps_word_for_random(seed: int) -> None:
    assert 0 <= body(seed=seed)["seed"] < 2**32 - 1


def test_stop_is_a_list_without_the_empty_string_which_would_stop_at_once() -> None:
    assert body(stop="x")["stop"] == ["x"]
    assert body(stop=["", "y"])["stop"] == ["y"]
    assert "stop" not in body(stop=[""])


def test_logit_bias_is_by_token_number() -> None:
    assert body(logit_bias={"12": -100})["logit_bias"] == [[12, -100]]
    with pytest.raises(BadRequest) as caught:
        body(logit_bias={"twelve": 1})
    assert caught.value.param == "logit_bias"


def test_logprobs_say_how_many_alternatives() -> None:
    assert body(logprobs=True)["top_logprobs"] == 0
    assert body(logprobs=True, top_logprobs=3)["top_logprobs"] == 3
    assert "logprobs" not in body(top_logprobs=3)


def test_more_choices_than_slots_are_refused_with_both_numbers() -> None:
    with pytest.raises(BadRequest, match="at most 4 choices at once, got 5"):
        body(n=5)


def test_developer_is_told_to_the_template_as_system() -> None:
    messages = [{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}]
    assert [turn["role"] for turn in body(messages=messages)["messages"]] == ["system", "user"]


def test_text_parts_are_joined_and_pictures_refused_by_name() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert body(messages=[{"role": "user", "content": parts}])["messages"][0]["content"] == "a\nb"
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    with pytest.raises(BadRequest, match="'image_url'") as caught:
        body(messages=[{"role": "user", "content": [picture]}])
    assert caught.value.param == "messages"


def test_an_unknown_kind_of_part_is_not_quoted() -> None:
    with pytest.raises(BadRequest) as caught:
        body(messages=[{"role": "user", "content": [{"type": "my private words"}]}])
    assert "private" not in str(caught.value)


def test_tool_calls_and_results_go_back_to_the_model() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
    turns = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
    ]
    sent = body(messages=turns)["messages"]
    assert sent[1] == {"role": "assistant", "content": "", "tool_calls": [call]}
    assert sent[2] == {"role": "tool", "tool_call_id": "c1", "content": "sun"}


@pytest.mark.parametrize("arguments", ["{not json", "[1]", "[" * 100_000])
def test_tool_call_arguments_must_be_a_json_object(arguments: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    with pytest.raises(BadRequest, match="not a JSON object"):
        body(messages=[{"role": "assistant", "content": None, "tool_calls": [call]}])


@pytest.mark.parametrize(
    "token", ["<|im_end|>", "<|im_start|>", "<|eot_id|>", "<｜end▁of▁sentence｜>", "<end_of_turn>"]
)
def test_words_that_would_end_a_turn_are_broken_up_everywhere(token: str) -> None:
    described = {"type": "function", "function": {"name": "weather", "description": token}}
    sent = to_body(job(f"a{token}b", tools=[described]), slots=4).decode()
    assert token not in sent
    assert sent.count(f"<\u200b{token[1:]}") == 2


@pytest.mark.parametrize("text", ["if a <| b |> c", "x <|> y", "<div>", "a < b", "<s>", "<think>"])
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert body(text)["messages"][0]["content"] == text


def test_free_tools_are_left_to_the_template() -> None:
    sent = body(tools=[WEATHER], parallel_tool_calls=False)
    assert (sent["tools"], sent["tool_choice"], sent["parallel_tool_calls"]) == ([WEATHER], "auto", False)
    assert "response_format" not in sent


def test_no_tools_are_sent_when_none_may_be_called() -> None:
    assert body(tools=[WEATHER], tool_choice="none") == body()


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_demanded_call_is_a_schema_and_the_model_still_reads_about_the_tools(choice: Any) -> None:
    sent = body(tools=[WEATHER], tool_choice=choice)
    schema = sent["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["name"] == {"const": "weather"}
    assert (sent["tools"], sent["tool_choice"]) == ([WEATHER], "none")


def test_a_demanded_tool_that_is_not_there_is_refused() -> None:
    for tools in ([OTHER], []):
        with pytest.raises(BadRequest) as caught:
            body(tools=tools, tool_choice={"type": "function", "function": {"name": "weather"}})
        assert caught.value.param == "tool_choice"


def test_a_format_is_kept_to_rather_than_free_tools() -> None:
    sent = body(tools=[WEATHER], response_format={"type": "json_object"})
    assert (sent["tool_choice"], sent["response_format"]) == ("none", {"type": "json_object"})


def test_a_schema_is_bounded_and_must_be_there() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"items": deep}
    for wrong in ({"type": "json_schema"}, {"type": "json_schema", "json_schema": {"name": "a", "schema": deep}}):
        with pytest.raises(BadRequest) as caught:
            body(response_format=wrong)
        assert caught.value.param == "response_format"
    with pytest.raises(BadRequest) as tools:
        body(tools=[{"type": "function", "function": {"name": "a", "parameters": deep}}])
    assert tools.value.param == "tools"
