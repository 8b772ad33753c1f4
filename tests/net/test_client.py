"""The pooled client: reuse, bounds, deadlines, pinning, and that letting go closes the socket."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hanlin.errors import BadRequest, EngineFailed, EngineTimeout, NotServing
from hanlin.net.addresses import Record, parse
from hanlin.net.client import Client
from hanlin.net.connection import BUFFER_BYTES, Limits
from tests.engines.upstream import SSE_HEAD, Exchange, Script, Upstream

BRISK = Limits(first_byte_seconds=0.3, idle_seconds=0.3, total_seconds=1.0, connect_seconds=0.5)


@asynccontextmanager
async def talking_to(script: Script, limits: Limits = BRISK) -> AsyncIterator[tuple[Client, Upstream]]:
    async with Upstream(script) as upstream:
        client = Client(parse(upstream.url), trusted=True, limits=limits)
        try:
            yield client, upstream
        finally:
            await client.close()


async def post(client: Client, body: bytes = b"{}") -> tuple[int, bytes]:
    response = await client.post(client.prepare("/x", {"content-type": "application/json"}), body)
    return response.status, await response.whole(10_000_000)


async def greet(exchange: Exchange) -> None:
    await exchange.answer("200 OK", b"hello")


async def test_a_request_carries_host_length_and_body_and_asks_for_no_compression() -> None:
    async with talking_to(greet) as (client, upstream):
        assert await post(client, b'{"a":1}') == (200, b"hello")
        exchange = upstream.exchanges[0]
    assert exchange.head.split(b"\r\n")[:-2] == [
        b"POST /v1/x HTTP/1.1",
        b"host: 127.0.0.1:%d" % upstream.port,
        b"accept-encoding: identity",
        b"content-type: application/json",
        b"content-length: 7",
    ]
    assert exchange.body == b'{"a":1}'


async def test_one_connection_serves_many_requests() -> None:
    async with talking_to(greet) as (client, upstream):
        for _ in range(5):
            await post(client)
        assert (upstream.connections, len(upstream.exchanges)) == (1, 5)


async def test_a_kept_connection_that_was_closed_is_replaced_silently() -> None:
    async def greet_once(exchange: Exchange) -> None:
        await exchange.answer("200 OK", b"hello")
        if len(upstream.exchanges) == 1:
            exchange.upstream.script = vanish

    async def vanish(exchange: Exchange) -> None:
        exchange.upstream.script = greet
        exchange.reset()

    async with talking_to(greet_once) as (client, upstream):
        assert await post(client) == (200, b"hello")
        assert await post(client) == (200, b"hello")
        assert (upstream.connections, len(upstream.exchanges)) == (2, 3)


async def test_a_fresh_connection_closed_without_an_answer_is_an_error_that_may_be_tried_again() -> None:
    async def vanish(exchange: Exchange) -> None:
        exchange.cut()

    async with talking_to(vanish) as (client, upstream):
        with pytest.raises(EngineFailed) as failure:
            await post(client)
        assert (failure.value.code, failure.value.retryable) == ("upstream_unreachable", True)
        assert len(upstream.exchanges) == 1


async def test_a_closed_port_is_an_error_that_may_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = Client(parse(f"http://127.0.0.1:{taken.getsockname()[1]}"), trusted=True)
        with pytest.raises(EngineFailed) as failure:
            await post(client)
    assert (failure.value.code, failure.value.retryable) == ("upstream_unreachable", True)


async def test_a_loopback_address_is_not_dialled_unless_trusted() -> None:
    async with Upstream(greet) as upstream:
        client = Client(parse(upstream.url), trusted=False)
        with pytest.raises(BadRequest, match="not a public https address"):
            await post(client)
        assert upstream.connections == 0


async def test_a_name_is_resolved_once_per_connection_and_that_address_is_dialled() -> None:
    asked: list[str] = []
    async with Upstream(greet) as upstream:

        async def lookup(host: str, _: int) -> list[Record]:
            asked.append(host)
            return [(socket.AF_INET, ("127.0.0.1", upstream.port))]

        client = Client(parse("http://models.internal:9/v1"), trusted=True, lookup=lookup)
        await post(client)
        await post(client)
        await client.close()
        assert asked == ["models.internal"]
        assert b"host: models.internal:9\r\n" in upstream.exchanges[0].head


async def test_a_name_that_turns_private_later_is_refused_at_the_next_connection() -> None:
    answers = [("127.0.0.1", 1)]

    async def lookup(host: str, _: int) -> list[Record]:
        return [(socket.AF_INET, answers[0])]

    client = Client(parse("https://rebound.example/v1"), lookup=lookup)
    with pytest.raises(BadRequest) as refusal:
        await post(client)
    assert refusal.value.code == "address_refused"


async def test_connections_are_bounded_and_the_next_request_waits_its_turn() -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.05)
        await exchange.answer("200 OK", b"hello")

    async with talking_to(slow, Limits(connections=2)) as (client, upstream):
        answers = await asyncio.gather(*(post(client) for _ in range(6)))
        assert answers == [(200, b"hello")] * 6
        assert upstream.connections == 2


async def test_more_waiters_than_allowed_are_refused_at_once_and_a_long_wait_ends() -> None:
    async def hold(exchange: Exchange) -> None:
        await exchange.stall()

    limits = Limits(connections=1, waiting=1, connect_seconds=0.2, first_byte_seconds=30)
    async with talking_to(hold, limits) as (client, _):
        first, second = asyncio.ensure_future(post(client)), asyncio.ensure_future(post(client))
        await asyncio.sleep(0.05)
        for waiting in (post(client), second):
            with pytest.raises(NotServing) as refusal:
                await waiting
            assert refusal.value.code == "upstream_busy"
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_a_waiter_that_gives_up_passes_its_turn_on() -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.05)
        await exchange.answer("200 OK", b"hello")

    async with talking_to(slow, Limits(connections=1)) as (client, _):
        tasks = [asyncio.ensure_future(post(client)) for _ in range(4)]
        await asyncio.sleep(0.02)
        tasks[1].cancel()
        tasks[0].cancel()
        await asyncio.gather(*tasks[:2], return_exceptions=True)
        assert await asyncio.gather(*tasks[2:]) == [(200, b"hello")] * 2


async def test_a_turn_given_to_a_request_cancelled_at_that_moment_goes_to_the_next() -> None:
    async with talking_to(greet, Limits(connections=1, connect_seconds=2)) as (client, _):
        response = await client.post(client.prepare("/x", {}), b"")
        second, third = asyncio.ensure_future(post(client)), asyncio.ensure_future(post(client))
        await asyncio.sleep(0.1)
        response.close()
        second.cancel()
        assert await third == (200, b"hello")
        assert second.cancelled()


@pytest.mark.parametrize("broken", [True, False], ids=["broken off", "silent"])
async def test_a_kept_connection_that_began_to_answer_or_is_silent_is_not_asked_twice(broken: bool) -> None:
    async def fail(exchange: Exchange) -> None:
        if broken:
            await exchange.send(b"HTTP/1.1 200")
            exchange.cut()
        await exchange.stall()

    async with talking_to(greet) as (client, upstream):
        await post(client)
        upstream.script = fail
        with pytest.raises(EngineFailed) as failure:
            await post(client)
        assert failure.value.code == ("upstream_truncated" if broken else "upstream_timeout")
        assert (upstream.connections, len(upstream.exchanges)) == (1, 2)


async def test_an_unused_connection_is_closed_after_a_while() -> None:
    async with talking_to(greet, Limits(keep_seconds=0.1)) as (client, upstream):
        await post(client)
        await asyncio.wait_for(upstream.disconnected.wait(), 2)
        await post(client)
        assert upstream.connections == 2


async def test_closing_an_unfinished_answer_closes_the_socket_within_a_second() -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.send(SSE_HEAD)
        await exchange.chunk(b"data: 1\n\n")
        await exchange.stall()

    async with talking_to(endless) as (client, upstream):
        response = await client.post(client.prepare("/x", {}), b"")
        assert await response.read() == b"data: 1\n\n"
        started = time.monotonic()
        response.close()
        await asyncio.wait_for(upstream.hung_up.wait(), 5)
        assert upstream.hung_up_at - started < 1


async def test_a_finished_answer_keeps_its_connection_although_its_end_comes_later() -> None:
    async def late_end(exchange: Exchange) -> None:
        await exchange.send(SSE_HEAD)
        await exchange.chunk(b"data: [DONE]\n\n")
        await asyncio.sleep(0.05)
        await exchange.chunk(b"ignored")
        await exchange.chunk(b"")

    async with talking_to(late_end) as (client, upstream):
        for _ in range(2):
            response = await client.post(client.prepare("/x", {}), b"")
            assert await response.read() == b"data: [DONE]\n\n"
            response.finish()
            await asyncio.sleep(0.15)
        assert upstream.connections == 1


async def test_a_finished_answer_whose_end_never_comes_is_closed() -> None:
    async def no_end(exchange: Exchange) -> None:
        await exchange.send(SSE_HEAD)
        await exchange.chunk(b"data: [DONE]\n\n")
        await exchange.stall()

    async with talking_to(no_end, Limits(keep_seconds=0.4)) as (client, upstream):
        response = await client.post(client.prepare("/x", {}), b"")
        await response.read()
        response.finish()
        await asyncio.wait_for(upstream.hung_up.wait(), 5)


async def test_an_answer_whose_reader_dawdles_ends_with_the_total_time() -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.send(SSE_HEAD)
        await exchange.chunk(b"first")
        await exchange.stall()

    async with talking_to(endless, Limits(total_seconds=0.2)) as (client, upstream):
        response = await client.post(client.prepare("/x", {}), b"")
        assert await response.read() == b"first"
        await asyncio.wait_for(upstream.hung_up.wait(), 5)
        with pytest.raises(EngineTimeout, match="took too long"):
            await response.read()


@pytest.mark.parametrize("part", ["head", "body", "trickle"])
async def test_every_wait_ends(part: str) -> None:
    async def dawdle(exchange: Exchange) -> None:
        if part != "head":
            await exchange.send(SSE_HEAD)
            await exchange.chunk(b"a")
        while part == "trickle":
            await exchange.chunk(b"b")
            await asyncio.sleep(0.05)
        await exchange.stall()

    async with talking_to(dawdle) as (client, upstream):
        with pytest.raises(EngineTimeout) as failure:
            await post(client)
        assert failure.value.code == "upstream_timeout"
        await asyncio.wait_for(upstream.hung_up.wait(), 5)


async def test_a_slow_reader_makes_the_sender_wait_instead_of_filling_memory() -> None:
    sent = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.send(SSE_HEAD)
        for _ in range(1024):
            await exchange.chunk(bytes(65536))
            sent += 65536
        await exchange.chunk(b"")

    async with talking_to(flood, Limits(body_bytes=128 * 1024 * 1024)) as (client, _):
        response = await client.post(client.prepare("/x", {}), b"")
        await asyncio.sleep(0.3)
        waiting = sent
        held = len(await response.read())
        total = held + sum([len(piece) async for piece in response])
    assert held <= BUFFER_BYTES + 512 * 1024
    assert waiting < 48 * 1024 * 1024
    assert total == sent == 64 * 1024 * 1024


async def test_an_answer_left_unread_does_not_leave_its_connection_deaf() -> None:
    async def large(exchange: Exchange) -> None:
        await exchange.answer("200 OK", bytes(BUFFER_BYTES + 1000))

    async with talking_to(large) as (client, upstream):
        for _ in range(3):
            response = await client.post(client.prepare("/x", {}), b"")
            await asyncio.sleep(0.1)
            response.close()
        assert upstream.connections == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nshort", "upstream_truncated"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "upstream_truncated"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "upstream_truncated"),
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", "upstream_redirect"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x8b", "upstream_invalid"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", "upstream_invalid"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "upstream_invalid"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "upstream_invalid"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 2_000_000, "upstream_invalid"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300_000, "upstream_invalid"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + bytes(3_000_000), "upstream_invalid"),
    ],
)
async def test_an_answer_that_is_not_in_order_is_an_error_and_closes_the_connection(answer: bytes, code: str) -> None:
    async def send(exchange: Exchange) -> None:
        await exchange.send(answer)
        exchange.cut()

    async with talking_to(send, Limits(body_bytes=2_000_000)) as (client, upstream):
        with pytest.raises(EngineFailed) as failure:
            await post(client)
        assert (failure.value.code, failure.value.retryable) == (code, False)
        assert len(upstream.exchanges) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello trailing garbage",
    ],
)
async def test_odd_but_complete_answers_are_read_and_nothing_after_them(answer: bytes) -> None:
    async def send(exchange: Exchange) -> None:
        await exchange.send(answer)
        exchange.cut()

    async with talking_to(send) as (client, upstream):
        assert [await post(client), await post(client)] == [(200, b"hello")] * 2
        assert upstream.connections == 2


async def test_what_came_before_a_break_is_read_before_the_error() -> None:
    async def broken(exchange: Exchange) -> None:
        await exchange.send(SSE_HEAD)
        await exchange.chunk(b"first")
        exchange.cut()

    async with talking_to(broken) as (client, _):
        response = await client.post(client.prepare("/x", {}), b"")
        await asyncio.sleep(0.1)
        assert await response.read() == b"first"
        with pytest.raises(EngineFailed, match="broke off"):
            await response.read()


@pytest.mark.parametrize("value", ["a\r\nhost: evil", "a\nb", "schlüssel", "a\x00b"])
def test_a_header_value_cannot_smuggle_a_line_and_is_not_repeated(value: str) -> None:
    client = Client(parse("http://127.0.0.1:1"), trusted=True)
    with pytest.raises(BadRequest) as refusal:
        client.prepare("/x", {"authorization": value})
    assert value not in str(refusal.value)


async def test_closing_the_client_ends_what_runs() -> None:
    async def hold(exchange: Exchange) -> None:
        await exchange.stall()

    async with talking_to(hold, Limits()) as (client, _):
        running = asyncio.ensure_future(post(client))
        await asyncio.sleep(0.1)
        await client.close()
        with pytest.raises(EngineFailed) as failure:
            await running
        assert failure.value.code == "upstream_closed"


def certificate(folder: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own for `host`, and a client's that knows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "tls.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))


async def over_tls(tmp_path: Path, asked: str, **options: Any) -> tuple[int, bytes]:
    server, known = certificate(tmp_path, "models.internal")
    async with Upstream(greet, tls=server) as upstream:

        async def lookup(host: str, _: int) -> list[Record]:
            return [(socket.AF_INET, ("127.0.0.1", upstream.port))]

        tls = known if options.get("known") else None
        client = Client(parse(f"https://{asked}/v1"), trusted=True, tls=tls, lookup=lookup)
        try:
            return await post(client)
        finally:
            await client.close()


async def test_tls_speaks_to_the_name_at_the_pinned_address(tmp_path: Path) -> None:
    assert await over_tls(tmp_path, "models.internal", known=True) == (200, b"hello")


@pytest.mark.parametrize(("asked", "known"), [("models.internal", False), ("other.internal", True)])
async def test_tls_refuses_an_unknown_certificate_or_another_name(tmp_path: Path, asked: str, known: bool) -> None:
    with pytest.raises(EngineFailed) as failure:
        await over_tls(tmp_path, asked, known=known)
    assert failure.value.code == "upstream_unreachable"
    assert "SSLCertVerificationError" in failure.value.message
