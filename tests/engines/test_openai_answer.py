"""Reading event streams: any cut of the bytes gives the same chunks; every dialect seen in the field is understood."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.engines.openai_answer import EVENT_BYTES, EventStream, StreamedAnswer, UpstreamError, read_whole
from hanlin.errors import EngineFailed
from hanlin.types import Choice, Chunk, Delta, FunctionCall, ToolCall, Usage
from tests.engines.upstream import DONE, event, sse, usage_event, whole


def read(*pieces: bytes, choices: int = 1, logprobs: bool = False) -> tuple[list[Chunk], str]:
    """The chunks of a stream that arrives in these pieces, and the word for how it ended."""
    answer = StreamedAnswer(choices, logprobs=logprobs)
    chunks: list[Chunk] = []
    try:
        for piece in pieces:
            answer.feed(piece, chunks)
            if answer.done:
                break
        chunks += answer.end()
    except EngineFailed as failure:
        return chunks, failure.code
    except UpstreamError:
        return chunks, "error event"
    return chunks, "complete"


LINES = st.sampled_from(
    [
        event("hello"),
        event("一二三 🙂\u2028"),
        event("a\nb\r\n\ndata: c"),
        event("x", index=1),
        event(None, "stop"),
        event(None, "stop", index=1),
        event("late"),
        event(None, None, tool_calls=[{"index": 0, "id": "t", "function": {"name": "f", "arguments": None}}]),
        sse({"choices": [{"index": 0, "delta": {"reasoning": "hm", "role": ""}, "finish_reason": ""}]}),
        usage_event(3, 4),
        b": a comment\n\n",
        b"event: message\nid: 7\nretry: 5\n" + event("named"),
        event("crlf").replace(b"\n", b"\r\n"),
        b'data:{"choices":[{"index":0,"delta":{"content":"no blank"}}]}\n\n',
        b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"two lines"}}]}\n\n',
        b"\n\n\n",
        b"data:\n\n",
        DONE,
        b"data: [DONE]\r\n\r\n",
        b"data: {broken\n\n",
        b'data: {"error":{"message":"no"}}\n\n',
    ]
)


@settings(max_examples=400, deadline=None)
@given(lines=st.lists(LINES, max_size=12), cuts=st.lists(st.integers(0, 3000), max_size=30), tail=st.integers(0, 12))
def test_any_cut_of_the_bytes_gives_the_same_chunks_and_the_same_end(
    lines: list[bytes], cuts: list[int], tail: int
) -> None:
    stream = b"".join(lines)
    stream = stream[: len(stream) - tail]
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    singly = [stream[index : index + 1] for index in range(len(stream))]
    assert read(*pieces, choices=2) == read(stream, choices=2) == read(*singly, choices=2)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_make_it_fail_in_another_way_than_by_its_own_errors(data: bytes, prefixed: bool) -> None:
    _, end = read(b"data: " + data + b"\n\n" if prefixed else data)
    assert end in {"upstream_truncated", "upstream_invalid", "error event", "complete"}


def test_every_choice_gets_exactly_one_finish_reason() -> None:
    chunks, end = read(event("a"), event("b", "stop"), event("c", "length"), event("d", index=1), DONE, choices=2)
    finishes = [(choice.index, choice.finish_reason) for c in chunks for choice in c.choices if choice.finish_reason]
    assert end == "complete"
    assert finishes == [(0, "stop"), (1, "stop")]
    assert "c" not in [choice.delta.content for c in chunks for choice in c.choices]


@pytest.mark.parametrize("pieces", [(), (DONE,), (event("a"),), (usage_event(1, 2), DONE), (event("a", "stop")[:-1],)])
def test_a_stream_without_an_answer_or_without_an_end_is_truncated(pieces: tuple[bytes, ...]) -> None:
    assert read(*pieces)[1] == "upstream_truncated"


def test_a_terminator_without_its_line_break_counts() -> None:
    assert read(event("a"), b"data: [DONE]")[1] == "complete"


@pytest.mark.parametrize("reason", ["abort", "error", "insufficient_system_resource"])
def test_an_upstream_that_says_it_broke_off_is_believed(reason: str) -> None:
    assert read(event("a"), event(None, reason), DONE)[1] == "upstream_truncated"


@pytest.mark.parametrize(
    ("said", "meant"), [("sensitive", "content_filter"), ("function_call", "tool_calls"), ("x", "stop")]
)
def test_finish_reasons_are_told_in_openais_words(said: str, meant: str) -> None:
    chunks, end = read(event("a", said), DONE)
    assert (chunks[0].choices[0].finish_reason, end) == (meant, "complete")


@pytest.mark.parametrize("index", [-1, 1, 99])
def test_a_choice_nobody_asked_for_is_invalid(index: int) -> None:
    assert read(event("a", index=index), DONE) == ([], "upstream_invalid")


def test_dialects_with_nulls_and_other_names_are_understood() -> None:
    odd: dict[str, Any] = {
        "object": "chat.completion.chunk",
        "choices": [
            {
                "index": 0,
                "finish_reason": "",
                "delta": {
                    "role": "",
                    "content": None,
                    "reasoning": "hm",
                    "tool_calls": [{"index": 0, "id": "", "type": "", "function": {"name": None, "arguments": "{}"}}],
                },
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": None, "prompt_tokens_details": {"cached_tokens": 1}},
    }
    chunks, end = read(sse(odd), event(None, "tool_calls"), DONE)
    call = ToolCall(FunctionCall("", "{}"), index=0)
    assert end == "complete"
    assert chunks[0] == Chunk([Choice(0, Delta(reasoning_content="hm", tool_calls=[call]))])
    assert chunks[-1].usage == Usage(3, 0, 3)


def test_reasoning_content_is_kept() -> None:
    chunks, _ = read(event(None, None, reasoning_content="let me think"), event("4", "stop"), DONE)
    assert chunks[0].choices[0].delta.reasoning_content == "let me think"


def test_usage_on_every_event_is_told_once_at_the_end() -> None:
    first = json.loads(event("a")[6:]) | {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    last = json.loads(event(None, "stop")[6:]) | {
        "usage": {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10}
    }
    chunks, _ = read(sse(first), sse(last), DONE)
    assert [chunk.usage for chunk in chunks] == [None, None, Usage(1, 9, 10)]


@pytest.mark.parametrize("wanted", [True, False])
def test_log_probabilities_pass_only_when_asked_for(wanted: bool) -> None:
    logged = json.loads(event("a", "stop")[6:])
    logged["choices"][0]["logprobs"] = {"content": [{"token": "a"}]}
    chunks, _ = read(sse(logged), DONE, logprobs=wanted)
    raw = chunks[0].choices[0].logprobs
    assert (raw is not None and bytes(raw)) == (b'{"content": [{"token": "a"}]}' if wanted else False)


def test_an_upstream_cannot_set_our_label() -> None:
    forged = json.loads(event("a", "stop")[6:]) | {"label": {"Label": "3"}, "AIGC": {"Label": "3"}}
    chunks, _ = read(sse(forged), DONE)
    assert [chunk.label for chunk in chunks] == [None]


@pytest.mark.parametrize("size", [1, 1000, 65536, EVENT_BYTES])
def test_one_event_is_bounded_however_it_arrives(size: int) -> None:
    piece = b"data: " + b"A" * size if size == EVENT_BYTES else b"A" * size
    end = read(*[piece] * (EVENT_BYTES // size + 2))[1]
    assert end == "upstream_invalid"


def test_many_short_events_are_not_taken_for_one_long_event() -> None:
    events = EventStream()
    stream = event("x" * 1000) * 3000
    count = sum(len(list(events.feed(stream[start : start + 7777]))) for start in range(0, len(stream), 7777))
    assert count == 3000


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{}",
            b"[]",
            b"null",
            b'{"choices":[]}',
            b'{"choices":null}',
            b'{"choices":[{"index":5,"message":{}}]}',
        ),
        *(
            b'{"choices":' + b"[" * 100_000,
            whole("a", "b"),
            whole("a")[:-1],
            b'{"choices":[{"message":{"content":5}}]}',
        ),
    ],
)
def test_a_whole_answer_that_is_none_is_invalid(body: bytes) -> None:
    with pytest.raises(EngineFailed) as failure:
        read_whole(body, 1, logprobs=False)
    assert failure.value.code == "upstream_invalid"


def test_a_whole_answer_with_tool_calls_and_reasoning_is_read_in_both_spellings() -> None:
    calls = [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    for spelling in ("reasoning", "reasoning_content"):
        body = whole("", finish="tool_calls", tool_calls=calls, **{spelling: "hm"})
        choice = read_whole(body, 1, logprobs=False).choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.delta.reasoning_content == "hm"
        assert choice.delta.tool_calls == [ToolCall(FunctionCall("f", "{}"), id="t", type="function")]
