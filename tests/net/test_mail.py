"""E-mail through a real conversation with a server: TLS first, who is who, what is in the letter."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from hanlin.errors import BadRequest, EngineFailed, Misconfigured
from hanlin.net.mail import Mail
from tests.net.test_client import certificate


@dataclass
class Server:
    """Speaks as much of RFC 5321 as a client needs."""

    port: int = 0
    refuse: bool = False
    said: list[str] = field(default_factory=list)
    letter: bytes = b""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = {"EHLO": "250-mail\r\n250 AUTH PLAIN", "AUTH": "235 ok", "DATA": "354 go on", "QUIT": "221 bye"}
        writer.write(b"220 mail\r\n")
        while line := (await reader.readline()).decode().strip():
            self.said.append(line)
            word = line.split()[0].upper()
            refused = self.refuse and word == "RCPT"
            writer.write(f"{'550 no' if refused else answers.get(word, '250 ok')}\r\n".encode())
            if word == "DATA":
                self.letter = await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 taken\r\n")
            await writer.drain()
            if word == "QUIT":
                break
        writer.close()


@pytest.fixture
async def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path, "localhost")


@pytest.fixture
async def server(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Server]:
    server = Server()
    async with await asyncio.start_server(server.take, "127.0.0.1", 0, ssl=tls[0]) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


def post(server: Server, known: ssl.SSLContext, user: str = "") -> Mail:
    return Mail(f"smtps://{user}localhost:{server.port}", "Hanlin <hanlin@example.org>", tls=known)


async def test_a_letter_arrives_as_it_was_written(server: Server, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    await post(server, tls[1], "hanlin:p%40ss@").send("li@example.org", "周报\r\nBcc: x@y.z", "你好。\n", "run_1")
    letter = message_from_bytes(server.letter, policy=policy.default)
    assert (letter["to"], letter["from"]) == ("li@example.org", "Hanlin <hanlin@example.org>")
    assert (letter["subject"], letter["bcc"]) == ("周报 Bcc: x@y.z", None)
    assert (letter["message-id"], letter["auto-submitted"]) == ("<run_1@example.org>", "auto-generated")
    body = letter.get_body()
    assert body is not None
    assert body.get_content().startswith("你好。")
    login = next(line for line in server.said if line.startswith("AUTH"))
    assert base64.b64decode(login.split()[2]) == b"\0hanlin\0p@ss"


async def test_a_server_that_refuses_or_is_not_known_is_said_to(
    server: Server, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server.refuse = True
    with pytest.raises(EngineFailed, match="SMTPRecipientsRefused") as refused:
        await post(server, tls[1]).send("li@example.org", "a", "b", "run_1")
    assert refused.value.code == "mail_failed"
    with pytest.raises(EngineFailed, match="SSL"):
        await post(server, ssl.create_default_context()).send("li@example.org", "a", "b", "run_1")


@pytest.mark.parametrize(
    "address", ["", "li", "li@example.com", "li@example.org, b@example.org", "Li <li@example.org>", "a@sub.example.org"]
)
def test_mail_goes_to_one_plain_address_of_an_allowed_domain(address: str) -> None:
    with pytest.raises(BadRequest):
        Mail("smtps://mail.example", "hanlin@example.org").check(address)


def test_allowed_domains_and_settings() -> None:
    Mail("smtp://mail.example", "hanlin@example.org", domains=("example.com",)).check("li@EXAMPLE.com")
    assert "secret" not in repr(Mail("smtps://a:secret@mail.example", "hanlin@example.org")._server)
    for url, sender in (("http://mail.example", "a@b.c"), ("smtps://", "a@b.c"), ("smtps://mail.example", "nobody")):
        with pytest.raises(Misconfigured):
            Mail(url, sender)
