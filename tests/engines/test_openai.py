"""The OpenAI engine against an upstream that fails in every way known: right error, no leak, no second answer."""

from __future__ import annotations

import asyncio
import json
import re
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hanlin.engines.breaker import Breaker
from hanlin.engines.openai import OPTIONS, OpenAIEngine
from hanlin.engines.presets import PRESETS
from hanlin.errors import BadRequest, EngineFailed, EngineTimeout, HanlinError, Misconfigured, NotServing, TooMany
from hanlin.net.addresses import parse
from hanlin.net.connection import Limits
from hanlin.types import ChatRequest, Chunk, Generation, Message, Model, Usage
from tests.engines.upstream import DONE, SSE_HEAD, Exchange, Script, Upstream, event, sse, usage_event, whole

KEY = "sk-secret-upstream-key"
SPOKEN = "the-upstreams-own-words"
LEAKY = json.dumps({"error": {"message": f"{SPOKEN} {KEY}", "type": SPOKEN, "code": SPOKEN, "param": SPOKEN}}).encode()
BREAKER_SOURCE = Path("hanlin/engines/breaker.py")
BRISK = Limits(first_byte_seconds=0.3, idle_seconds=0.3, total_seconds=0.8)
THREE = [event(f"t{index} ") for index in range(3)]


@asynccontextmanager
async def engine_for(
    script: Script, *, limits: Limits = BRISK, breaker: Breaker | None = None, **options: Any
) -> AsyncIterator[tuple[OpenAIEngine, Upstream]]:
    async with Upstream(script) as upstream:
        model = Model("qwen", "openai", options={"base_url": upstream.url, "model": "qwen-max"} | options)
        engine = OpenAIEngine(model, trusted=True, limits=limits, breaker=breaker, retry_seconds=0.01)
        await engine.start()
        try:
            yield engine, upstream
        finally:
            await engine.stop()


def ask(*, stream: bool = True, max_tokens: int = 64, **fields: Any) -> Generation:
    chat = ChatRequest("assistant", [Message("user", "hello")], stream=stream, **fields)
    return Generation("gen_1", Model("qwen", "openai"), chat, max_tokens)


async def collect(engine: OpenAIEngine, job: Generation) -> tuple[list[Chunk], HanlinError | None]:
    """The chunks that came and the error that ended them, if one did."""
    chunks: list[Chunk] = []
    try:
        async with aclosing(engine.generate(job)) as answer:
            async for chunk in answer:
                chunks.append(chunk)  # noqa: PERF401 - what came before an error is kept
    except HanlinError as error:
        return chunks, error
    return chunks, None


def text(chunks: list[Chunk], index: int = 0) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices if choice.index == index)


def finishes(chunks: list[Chunk]) -> list[tuple[int, str]]:
    return [(choice.index, choice.finish_reason) for c in chunks for choice in c.choices if choice.finish_reason]


def failing(status: str, content_type: str = "application/json", extra: str = "") -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, LEAKY if "json" in content_type else SPOKEN.encode(), content_type, extra)

    return script


async def slow_headers(exchange: Exchange) -> None:
    await exchange.stall()


async def begin(exchange: Exchange) -> None:
    """Three chunks, or half of a whole answer."""
    if exchange.json.get("stream"):
        await exchange.send(SSE_HEAD)
        for piece in THREE:
            await exchange.chunk(piece)
    else:
        body = whole("t0 t1 t2")
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        await exchange.send(head.encode() + body[:40])
    await asyncio.sleep(0.05)


async def stall_after_3(exchange: Exchange) -> None:
    await begin(exchange)
    await exchange.stall()


async def reset_after_3(exchange: Exchange) -> None:
    await begin(exchange)
    exchange.reset()


async def cut_after_3(exchange: Exchange) -> None:
    await begin(exchange)
    exchange.cut()


async def trickle(exchange: Exchange) -> None:
    await begin(exchange)
    while True:
        await (exchange.chunk(b":") if exchange.json.get("stream") else exchange.send(b" "))
        await asyncio.sleep(0.02)


def saying(streamed: bytes, entire: bytes) -> Script:
    async def script(exchange: Exchange) -> None:
        if exchange.json.get("stream"):
            await exchange.stream(streamed, DONE)
        else:
            await exchange.answer("200 OK", entire)

    return script


async def huge_line(exchange: Exchange) -> None:
    if exchange.json.get("stream"):
        await exchange.send(SSE_HEAD)
        await exchange.chunk(b"data: ")
        for _ in range(64):
            await exchange.chunk(b"A" * 65536)
    else:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        for _ in range(512):
            await exchange.send(b"A" * 65536)
        exchange.cut()


async def no_done(exchange: Exchange) -> None:
    if exchange.json.get("stream"):
        await exchange.stream(*THREE)
    else:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + whole("t0 ")[:-9])
        exchange.cut()


async def wrong_length(exchange: Exchange) -> None:
    kind = b"text/event-stream" if exchange.json.get("stream") else b"application/json"
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: 9999\r\n\r\n{}" % kind)
    exchange.cut()


async def gzip_bomb(exchange: Exchange) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n\r\n"
    await exchange.send(head)
    while True:
        await exchange.send(b"\x1f\x8b" + bytes(65534))


async def redirect(exchange: Exchange) -> None:
    await exchange.answer("302 Found", b"", extra=f"location: http://127.0.0.1:1/{SPOKEN}\r\n")


BAD_JSON = saying(b"data: {not json " + SPOKEN.encode() + b"\n\n", b"{not json " + SPOKEN.encode())
BAD_UTF8 = saying(
    b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe\xed\xa0\x80"}}]}\n\n',
    b'{"choices":[{"index":0,"message":{"content":"\xff\xfe\xed\xa0\x80"},"finish_reason":"stop"}]}',
)

# name: script, error, code, requests made, text that had come when streaming
FAULTS: dict[str, tuple[Script, type[HanlinError], str, int, str]] = {
    "F01 429": (failing("429 Too Many", extra="retry-after: 0\r\n"), TooMany, "upstream_rate_limited", 2, ""),
    "F02 500": (failing("500 Internal Server Error"), EngineFailed, "upstream_failed", 2, ""),
    "F03 503 html": (failing("503 Service Unavailable", "text/html"), EngineFailed, "upstream_failed", 2, ""),
    "F04 slow headers": (slow_headers, EngineTimeout, "upstream_timeout", 1, ""),
    "F05 stall": (stall_after_3, EngineTimeout, "upstream_timeout", 1, "t0 t1 t2 "),
    "F06 reset": (reset_after_3, EngineFailed, "upstream_truncated", 1, "t0 t1 t2 "),
    "F07 cut": (cut_after_3, EngineFailed, "upstream_truncated", 1, "t0 t1 t2 "),
    "F08 trickle": (trickle, EngineTimeout, "upstream_timeout", 1, "t0 t1 t2 "),
    "F09 bad JSON": (BAD_JSON, EngineFailed, "upstream_invalid", 1, ""),
    "F10 bad UTF-8": (BAD_UTF8, EngineFailed, "upstream_invalid", 1, ""),
    "F11 huge line": (huge_line, EngineFailed, "upstream_invalid", 1, ""),
    "F12 no terminator": (no_done, EngineFailed, "upstream_truncated", 1, "t0 t1 t2 "),
    "F14 wrong length": (wrong_length, EngineFailed, "upstream_truncated", 1, ""),
    "F15 gzip bomb": (gzip_bomb, EngineFailed, "upstream_invalid", 1, ""),
    "F16 redirect": (redirect, EngineFailed, "upstream_redirect", 1, ""),
    "401": (failing("401 Unauthorized"), EngineFailed, "upstream_auth", 1, ""),
    "403": (failing("403 Forbidden"), EngineFailed, "upstream_auth", 1, ""),
    "404": (failing("404 Not Found"), EngineFailed, "upstream_model_not_found", 1, ""),
    "400": (failing("400 Bad Request"), BadRequest, "upstream_rejected", 1, ""),
    "422": (failing("422 Unprocessable"), BadRequest, "upstream_rejected", 1, ""),
    "418": (failing("418 I'm a teapot"), EngineFailed, "upstream_failed", 1, ""),
    "200 html": (failing("200 OK", "text/html"), EngineFailed, "upstream_invalid", 1, ""),
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_ends_in_its_own_error_and_gives_nothing_away(
    fault: str, stream: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Right class and code, tried again only before the first byte, no text or key of the upstream in error or log."""
    monkeypatch.setenv("UPSTREAM_KEY", KEY)
    script, kind, code, requests, came = FAULTS[fault]
    if fault.startswith("F12") and not stream:
        code = "upstream_invalid"  # a body without a length that ends in the middle is broken JSON
    async with engine_for(script, api_key="env:UPSTREAM_KEY") as (engine, upstream):
        chunks, error = await collect(engine, ask(stream=stream))
        assert (type(error), error and error.code) == (kind, code)
        assert len(upstream.exchanges) == requests
        assert b"authorization: Bearer " + KEY.encode() in upstream.exchanges[0].head
    assert error is not None
    assert text(chunks) == (came if stream else "")
    assert not finishes(chunks)
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(engine)) + caplog.text
    assert KEY not in told.replace(repr(engine._heads), "")
    assert SPOKEN not in told


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_f13_what_follows_the_terminator_is_ignored(stream: bool) -> None:
    async def doubled(exchange: Exchange) -> None:
        if stream:
            await exchange.stream(event("hello", "stop"), DONE, DONE, event("evil"), b"data: {broken\n\n")
        else:
            await exchange.answer("200 OK", whole("hello"))
            await exchange.answer("200 OK", whole("evil"))

    async with engine_for(doubled) as (engine, _):
        for _ in range(2):
            chunks, error = await collect(engine, ask(stream=stream))
            assert (text(chunks), finishes(chunks), error) == ("hello", [(0, "stop")], None)


async def test_f17_closing_the_answer_closes_the_upstreams_socket_within_a_second() -> None:
    async with engine_for(stall_after_3, limits=Limits()) as (engine, upstream):
        async with aclosing(engine.generate(ask())) as answer:
            async for _ in answer:
                break
            started = time.monotonic()
        await asyncio.wait_for(upstream.hung_up.wait(), 5)
        assert upstream.hung_up_at - started < 1
        assert engine.health().ready


async def test_f17_cancelling_the_task_closes_the_upstreams_socket_within_a_second() -> None:
    async with engine_for(slow_headers, limits=Limits()) as (engine, upstream):
        running = asyncio.ensure_future(collect(engine, ask()))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        running.cancel()
        await asyncio.wait_for(upstream.hung_up.wait(), 5)
        assert upstream.hung_up_at - started < 1


async def test_a_stream_passes_piece_by_piece_and_usage_comes_last() -> None:
    async def script(exchange: Exchange) -> None:
        first, last = event("Hel", role="assistant"), event(None, "length")
        await exchange.stream(first, event("lo"), last, usage_event(3, 2), DONE)

    async with engine_for(script) as (engine, upstream):
        for _ in range(3):
            chunks, error = await collect(engine, ask())
            assert error is None
            assert (text(chunks), finishes(chunks)) == ("Hello", [(0, "length")])
            assert chunks[0].choices[0].delta.role == "assistant"
            assert chunks[-1] == Chunk(usage=Usage(3, 2, 5))
            await asyncio.sleep(0.02)
        assert upstream.connections == 1


async def test_a_whole_answer_is_one_chunk_with_everything() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer("200 OK", whole("one", "two", finish="length"))

    async with engine_for(script) as (engine, _):
        chunks, error = await collect(engine, ask(stream=False, n=2))
    assert error is None
    assert len(chunks) == 1
    assert (text(chunks), text(chunks, 1)) == ("one", "two")
    assert finishes(chunks) == [(0, "length"), (1, "length")]
    assert chunks[0].usage == Usage(3, 5, 8)


async def test_a_whole_answer_to_a_wish_for_a_stream_is_accepted() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer("200 OK", whole("hello"))

    async with engine_for(script) as (engine, _):
        chunks, error = await collect(engine, ask(stream=True))
    assert (text(chunks), error) == ("hello", None)


async def test_the_request_is_ours_with_the_upstreams_model_and_without_what_governance_owns() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(event("x", "stop"), DONE)

    fields: dict[str, Any] = {
        "temperature": 0.5,
        "seed": 7,
        "n": 1,
        "max_completion_tokens": 9999,
        "reasoning_effort": "low",
        "user": "u",
        "safety_identifier": "s",
        "metadata": {"a": "b"},
        "store": True,
        "moderation": {"model": "m"},
        "modalities": ["audio"],
        "service_tier": "priority",
        "prompt_cache_key": "k",
    }
    async with engine_for(script) as (engine, upstream):
        await collect(engine, ask(**fields))
        sent, head = upstream.exchanges[0].json, upstream.exchanges[0].head
    assert sent == {
        "model": "qwen-max",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 64,
        "temperature": 0.5,
        "seed": 7,
        "n": 1,
        "reasoning_effort": "low",
    }
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"authorization" not in head


async def test_a_preset_names_its_own_field_for_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    async def script(exchange: Exchange) -> None:
        await exchange.answer("200 OK", whole("hello"))

    async with engine_for(script, preset="openai") as (engine, upstream):
        await collect(engine, ask(stream=False))
        assert upstream.exchanges[0].json["max_completion_tokens"] == 64
        assert "max_tokens" not in upstream.exchanges[0].json
        assert "stream_options" not in upstream.exchanges[0].json
        assert b"authorization: Bearer " + KEY.encode() in upstream.exchanges[0].head


@pytest.mark.parametrize(
    "first",
    [
        lambda exchange: exchange.answer("503 Service Unavailable", LEAKY),
        lambda exchange: exchange.answer("429 Too Many Requests", LEAKY, extra="retry-after: 0.05\r\n"),
        lambda exchange: exchange.stream(sse({"error": {"message": SPOKEN, "code": 503}}), DONE),
        lambda exchange: exchange.stream(sse({"error": SPOKEN})),
        lambda exchange: asyncio.sleep(0, exchange.reset()),
    ],
    ids=["503", "429", "error event", "error text", "reset"],
)
async def test_a_failure_before_the_first_byte_is_tried_once_more(
    first: Callable[[Exchange], Awaitable[None]],
) -> None:
    async def script(exchange: Exchange) -> None:
        if len(exchange.upstream.exchanges) == 1:
            await first(exchange)
        else:
            await exchange.stream(event("hello", "stop"), DONE)

    async with engine_for(script) as (engine, upstream):
        chunks, error = await collect(engine, ask())
        assert (text(chunks), error) == ("hello", None)
        assert len(upstream.exchanges) == 2
        assert engine.health().detail == ""


async def test_a_long_retry_after_is_passed_on_instead_of_waited_for() -> None:
    async with engine_for(failing("429 Too Many", extra="retry-after: 30\r\n")) as (engine, upstream):
        _, error = await collect(engine, ask())
        assert isinstance(error, TooMany)
        assert (error.retry_after_seconds, len(upstream.exchanges)) == (30, 1)


@pytest.mark.parametrize(
    ("told", "low", "high"),
    [("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("soon", 1, 1), ("nan", 1, 1), ("-5", 0, 0), ("0.5", 0.5, 0.5)],
)
async def test_retry_after_may_be_a_date_or_nonsense(told: str, low: float, high: float) -> None:
    async with engine_for(failing("429 Too Many", extra=f"retry-after: {told}\r\n")) as (engine, _):
        engine._retry_seconds = 0
        _, error = await collect(engine, ask())
        assert isinstance(error, TooMany)
        assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"code": 429}, TooMany, "upstream_rate_limited"),
        ({"code": "insufficient_quota"}, TooMany, "upstream_rate_limited"),
        ({"code": "401"}, EngineFailed, "upstream_auth"),
        ({"type": "invalid_request_error", "param": "temperature"}, BadRequest, "upstream_rejected"),
        ({"code": SPOKEN, "message": SPOKEN}, EngineFailed, "upstream_failed"),
    ],
)
async def test_an_error_event_inside_a_200_counts_like_its_status(
    error: dict[str, Any], kind: type[HanlinError], code: str
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(sse({"error": error}))

    async with engine_for(script) as (engine, _):
        chunks, failure = await collect(engine, ask())
    assert chunks == []
    assert (type(failure), failure and failure.code) == (kind, code)
    assert SPOKEN not in str(failure)


async def test_an_error_event_in_mid_stream_ends_the_answer_and_is_not_tried_again() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.stream(*THREE, sse({"error": {"message": SPOKEN, "code": 429}}), DONE)

    async with engine_for(script) as (engine, upstream):
        chunks, error = await collect(engine, ask())
        assert (text(chunks), len(upstream.exchanges)) == ("t0 t1 t2 ", 1)
    assert isinstance(error, EngineFailed)
    assert (error.code, error.retryable) == ("upstream_failed", False)
    assert SPOKEN not in str(error)


@pytest.mark.parametrize(("named", "param"), [("temperature", "temperature"), (SPOKEN, None), (7, None), (None, None)])
async def test_a_rejected_request_names_the_field_when_it_is_one_of_ours(named: object, param: str | None) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer("400 Bad Request", msgspec.json.encode({"error": {"message": SPOKEN, "param": named}}))

    async with engine_for(script) as (engine, _):
        _, error = await collect(engine, ask())
    assert isinstance(error, BadRequest)
    assert error.param == param


async def test_a_stream_is_complete_when_every_choice_has_its_finish_reason_even_without_terminator() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(SSE_HEAD)
        await exchange.chunk(event("one", "stop") + event("two", "stop", index=1))
        await asyncio.sleep(0.05)
        exchange.reset()

    async with engine_for(script) as (engine, _):
        chunks, error = await collect(engine, ask(n=2))
    assert (error, finishes(chunks)) == (None, [(0, "stop"), (1, "stop")])


async def test_five_failures_in_a_row_open_the_breaker_and_one_success_closes_it() -> None:
    now = [100.0]
    async with engine_for(failing("500 Oops"), breaker=Breaker(lambda: now[0])) as (engine, upstream):
        for _ in range(5):
            await collect(engine, ask())
        assert not engine.health().ready
        _, error = await collect(engine, ask())
        assert isinstance(error, NotServing)
        assert (error.code, len(upstream.exchanges)) == ("upstream_resting", 10)
        now[0] += 10.1
        upstream.script = saying(event("hello", "stop"), whole("hello"))
        chunks, error = await collect(engine, ask())
        assert (text(chunks), error) == ("hello", None)
        assert engine.health().ready


async def test_what_the_operator_or_the_client_must_mend_does_not_open_the_breaker() -> None:
    for status in ("401 No", "404 No", "400 No"):
        async with engine_for(failing(status)) as (engine, _):
            for _ in range(6):
                await collect(engine, ask())
            assert engine.health().ready


async def test_a_closed_stream_does_not_hold_a_connection_back() -> None:
    async with engine_for(stall_after_3, limits=Limits(connections=2)) as (engine, _):
        for _ in range(6):
            async with aclosing(engine.generate(ask())) as answer:
                async for _ in answer:
                    break


async def test_before_start_and_after_stop_the_engine_does_not_serve() -> None:
    engine = OpenAIEngine(Model("m", "openai", options={"preset": "ollama"}), trusted=True)
    _, error = await collect(engine, ask())
    assert isinstance(error, NotServing)
    assert not engine.health().ready


async def test_an_untrusted_model_does_not_reach_a_private_address_unless_its_host_is_listed() -> None:
    async with Upstream(saying(event("hello", "stop"), whole("hello"))) as upstream:
        model = Model("m", "openai", options={"base_url": upstream.url})
        engine = OpenAIEngine(model)
        await engine.start()
        _, error = await collect(engine, ask())
        assert (type(error), error and error.code) == (EngineFailed, "upstream_address_refused")
        assert upstream.connections == 0
        listed = OpenAIEngine(model, upstream_hosts=["127.0.0.1"])
        await listed.start()
        chunks, error = await collect(listed, ask())
        assert (text(chunks), error) == ("hello", None)
        await listed.stop()
        await engine.stop()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"preset": "dashscop"},
        {"preset": ["vllm"]},
        {"preset": "vllm", "url": "https://example.com"},
        {"base_url": "ftp://example.com"},
        {"base_url": "https://user:pass@example.com"},
        {"preset": "vllm", "api_key": KEY},
        {"preset": "vllm", "api_key": f"literal:{KEY}"},
        {"preset": "vllm", "api_key": "env:"},
    ],
)
def test_options_that_are_not_as_expected_are_the_operators_to_mend(options: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured) as error:
        OpenAIEngine(Model("m", "openai", options=options))
    assert error.value.action
    assert KEY not in str(error.value)
    assert "pass" not in str(error.value)


@pytest.mark.parametrize("content", [None, "", "  \n", "two words", "schlüssel", "a\nb"])
async def test_a_key_that_is_missing_or_no_key_is_refused_at_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    engine = OpenAIEngine(Model("m", "openai", options={"preset": "vllm", "api_key": f"file:{file}"}))
    with pytest.raises(Misconfigured):
        await engine.start()


async def test_a_presets_key_variable_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    engine = OpenAIEngine(Model("m", "openai", options={"preset": "dashscope"}))
    with pytest.raises(Misconfigured, match="DASHSCOPE_API_KEY"):
        await engine.start()


async def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    async with engine_for(saying(event("x", "stop"), whole("x")), api_key=f"file:{file}") as (engine, upstream):
        await collect(engine, ask())
        assert b"authorization: Bearer " + KEY.encode() + b"\r\n" in upstream.exchanges[0].head


def test_the_reference_page_names_every_preset_option_and_error_code() -> None:
    page = Path("docs/reference/upstreams.md").read_text(encoding="utf-8")
    rows = {f"| `{name}` | `{preset.base_url}` |" for name, preset in PRESETS.items()}
    sources = [*Path("hanlin/net").glob("*.py"), *Path("hanlin/engines").glob("openai*.py"), BREAKER_SOURCE]
    codes = {code for file in sources for code in re.findall(r'"(upstream_\w+)"', file.read_text(encoding="utf-8"))}
    assert len(codes) >= 14
    missing = [word for word in rows | {f"`{word}`" for word in codes | OPTIONS} if word not in page]
    assert missing == []


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_plain_address_and_only_local_ones_go_without_tls_and_key(name: str) -> None:
    preset = PRESETS[name]
    origin = parse(preset.base_url)
    local = origin.host == "127.0.0.1"
    assert (origin.scheme == "http") == local == (preset.key_variable == "")
