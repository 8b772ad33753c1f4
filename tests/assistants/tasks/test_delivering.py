"""Results that leave: signed, labelled, to addresses that are checked when they are sent."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from hanlin.assistants.tasks import Delivery
from hanlin.assistants.tasks.delivering import LABEL, PAUSES_SECONDS
from hanlin.jobs import State
from hanlin.labels.explicit.text import stands_in
from hanlin.net.mail import Mail
from tests.accounts.conftest import Cast
from tests.assistants.tasks.conftest import Office, change, hook


@dataclass
class Receiver:
    """Takes web hooks in; answers with `statuses` one after the other, then 204."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        head = {"": lines[0]} | dict(line.split(": ", 1) for line in lines[1:] if line)
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(int(head["content-length"])))
        status = self.statuses.pop(0) if self.statuses else 204
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
        await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with await asyncio.start_server(receiver.take, "127.0.0.1", 0) as server:
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver


async def test_a_web_hook_is_signed_and_labelled(office: Office, cast: Cast, receiver: Receiver) -> None:
    task = await office.tasks.save(cast.owner, change(delivery=hook(receiver.port)))
    run = await office.tasks.run(cast.owner, task.id)
    (run,) = await office.ended(cast.owner, task)
    assert (run.state, run.delivered) == (State.DONE, "webhook")
    (head,), (body,) = receiver.heads, receiver.bodies
    assert head[""] == "POST /hook HTTP/1.1"
    said = json.loads(body)
    assert (said["type"], said["task"], said["run"], said["label"]) == ("task.finished", task.id, run.id, LABEL)
    assert said["sections"][0]["text"] == "Two letters came."
    secret = base64.b64decode((await office.tasks.secret(cast.owner, task.id)).removeprefix("whsec_"))
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    assert (head["webhook-id"], head["webhook-signature"]) == (run.id, f"v1,{expected}")


async def test_a_web_hook_is_tried_again_and_then_fails_with_what_is_kept(
    office: Office, cast: Cast, receiver: Receiver
) -> None:
    task = await office.tasks.save(cast.owner, change(delivery=hook(receiver.port)))
    receiver.statuses = [500, 302]
    await office.tasks.run(cast.owner, task.id)
    (run,) = await office.ended(cast.owner, task)
    assert (run.state, office.pauses) == (State.DONE, list(PAUSES_SECONDS))
    receiver.statuses = [500] * 3
    office.clock.now += 5
    await office.tasks.run(cast.owner, task.id)
    run, _ = await office.ended(cast.owner, task)
    assert (run.state, run.delivered, run.problem) == (State.FAILED, "", "The web hook answered 500.")
    assert len(run.sections) == 1
    await office.jobs.retry(cast.owner, run.job)
    run, _ = await office.ended(cast.owner, task)
    assert (run.state, run.delivered) == (State.DONE, "webhook")
    assert len(office.documents.asked) == 2


async def test_an_address_inside_is_refused_when_it_is_sent(office: Office, cast: Cast) -> None:
    """`localhost` is a fine name and no public address; only hosts that the operator named may be private."""
    task = await office.tasks.save(cast.owner, change(delivery=Delivery("webhook", "https://localhost/hook")))
    await office.tasks.run(cast.owner, task.id)
    (run,) = await office.ended(cast.owner, task)
    assert run.state is State.FAILED
    assert "not a public https address" in run.problem


class Post(Mail):
    """Keeps letters instead of handing them in."""

    def __init__(self) -> None:
        super().__init__("smtps://mail.example", "Hanlin <hanlin@example.org>")
        self.letters: list[tuple[str, str, str, str]] = []

    async def send(self, to: str, subject: str, text: str, number: str) -> None:
        self.letters.append((to, subject, text, number))


class TestMail:
    @pytest.fixture
    def mail(self) -> Post:
        return Post()

    async def test_a_letter_says_what_it_is_and_where_it_comes_from(
        self, office: Office, cast: Cast, mail: Post
    ) -> None:
        task = await office.tasks.save(cast.owner, change(delivery=Delivery("email", "li@example.org")))
        await office.tasks.run(cast.owner, task.id)
        (run,) = await office.ended(cast.owner, task)
        assert run.delivered == "email"
        ((to, subject, text, number),) = mail.letters
        assert (to, subject, number) == ("li@example.org", "Monday's digest", run.id)
        assert text.startswith(LABEL)
        assert text.endswith(LABEL)
        assert stands_in(text)
        assert "New in col_1\n\nTwo letters came.\n\nhttps://hanlin.example/tasks/" in text
        assert "req_1" in text
