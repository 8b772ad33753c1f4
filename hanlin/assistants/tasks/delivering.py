"""Results on their way out: by mail, or to a web hook as Standard Webhooks 1.0 has it."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from hanlin.assistants.tasks.records import Due
from hanlin.assistants.tasks.task import Delivery, Section, Task
from hanlin.errors import BadRequest, EngineFailed
from hanlin.net.addresses import Lookup, Origin, look_up, parse
from hanlin.net.client import Client
from hanlin.net.connection import Limits
from hanlin.net.mail import Mail

LABEL = "本内容由人工智能生成 · AI-generated content"
"""Both languages, at the start and at the end: a text that leaves says what it is (GB 45438-2025, 5.1)."""
PAUSES_SECONDS = (5.0, 25.0)
ANSWER = Limits(first_byte_seconds=20, total_seconds=30, body_bytes=64 * 1024)


class Delivering:
    """Made once; every delivery opens its own connection to an address that is checked then."""

    def __init__(
        self,
        *,
        mail: Mail | None,
        key: bytes,
        url: str,
        trusted_hosts: Collection[str] = (),
        lookup: Lookup = look_up,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._mail = mail
        self._key = key
        self._url = url
        self._trusted_hosts = frozenset(trusted_hosts)
        self._lookup = lookup
        self._pause = pause

    def check(self, delivery: Delivery) -> None:
        """BadRequest for an address to which nothing can go."""
        if delivery.kind == "email":
            if self._mail is None:
                raise BadRequest(
                    "This server sends no mail.", action="Choose the page or a web hook.", param="delivery"
                )
            self._mail.check(delivery.address)
        elif delivery.kind == "webhook":
            parse(delivery.address)
        elif delivery.address:
            raise BadRequest("What stays on the page has no address.", param="delivery")

    def secret(self, task_id: str) -> str:
        """What the receiver of a task's web hooks checks them with; derived, so that no database holds it."""
        return "whsec_" + base64.b64encode(self._derived(task_id)).decode()

    async def deliver(self, task: Task, run: Due, sections: Sequence[Section], now: int) -> None:
        """Send a result where the task says; several times when it does not arrive. EngineFailed in the end."""
        if task.said.delivery.kind == "email":
            assert self._mail is not None
            text = _letter(sections, f"{self._url}/tasks/{task.id}")
            await self._mail.send(task.said.delivery.address, task.said.name, text, run.id)
        elif task.said.delivery.kind == "webhook":
            await self._post_patiently(task, run, sections, now)

    async def _post_patiently(self, task: Task, run: Due, sections: Sequence[Section], now: int) -> None:
        for pause in PAUSES_SECONDS:
            try:
                await self._post(task, run, sections, now)
            except EngineFailed:
                await self._pause(pause)
            else:
                return
        await self._post(task, run, sections, now)

    async def _post(self, task: Task, run: Due, sections: Sequence[Section], now: int) -> None:
        origin = parse(task.said.delivery.address)
        body = msgspec.json.encode(
            {
                "type": "task.finished",
                "label": LABEL,
                "task": task.id,
                "name": task.said.name,
                "run": run.id,
                "due_at": run.due_at,
                "sections": sections,
            }
        )
        headers = {
            "content-type": "application/json",
            "webhook-id": run.id,
            "webhook-timestamp": str(now),
            "webhook-signature": self._signature(task.id, run.id, now, body),
        }
        status = await self._status(origin, headers, body)
        if not 200 <= status < 300:
            raise EngineFailed(
                f"The web hook answered {status}.", action="See its log, then try again.", code="webhook_failed"
            )

    async def _status(self, origin: Origin, headers: dict[str, str], body: bytes) -> int:
        client = Client(origin, trusted=origin.host in self._trusted_hosts, limits=ANSWER, lookup=self._lookup)
        try:
            response = await client.post(client.prepare("", headers), body)
            response.close()
            return response.status
        finally:
            await client.close()

    def _signature(self, task_id: str, run_id: str, now: int, body: bytes) -> str:
        signed = b"%b.%d.%b" % (run_id.encode(), now, body)
        return "v1," + base64.b64encode(hmac.digest(self._derived(task_id), signed, "sha256")).decode()

    def _derived(self, task_id: str) -> bytes:
        return hmac.digest(self._key, f"hanlin web hook {task_id}".encode(), "sha256")


def _letter(sections: Sequence[Section], url: str) -> str:
    parts = [f"{section.title}\n\n{section.text}" for section in sections if section.items]
    receipts = ", ".join(number for section in sections for number in section.request_ids)
    return "\n\n".join([LABEL, *parts, url, f"Receipts · 凭证: {receipts}", LABEL])
