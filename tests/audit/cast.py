"""Who acts in the tests of the record, and a log that is always closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hanlin.audit import Log, Outcome
from hanlin.types import Actor, Decision, Model, Permission, Role, Status, Usage, Verdict, new_id

ORIGIN = "hanlin.example/audit"
MASTER_KEY = bytes(range(32))
COLLEAGUE = Actor("per_" + "c" * 32, "ws_" + "1" * 32, Role.MEMBER, frozenset(Permission), key="key_" + "1" * 32)
STRANGER = Actor("per_" + "d" * 32, "ws_" + "2" * 32, Role.MEMBER, frozenset(Permission), session="ses_" + "2" * 32)
MODEL = Model("qwen", "echo", version="2", digest="sha256:" + "ab" * 32)


def outcome(output: bytes = b"an answer", tokens: int = 7) -> Outcome:
    return Outcome(
        Status.COMPLETED,
        "chat",
        MODEL,
        (Decision(Verdict.ALLOW, "none", "nothing found", policy="default@1"),),
        Usage(3, tokens, 3 + tokens),
        output,
        "label-1",
        12,
    )


@asynccontextmanager
async def opened(folder: Path, **settings: Any) -> AsyncIterator[Log]:
    log = await Log.open(folder, origin=ORIGIN, **{"master_key": MASTER_KEY, **settings})
    try:
        yield log
    finally:
        await log.close()


async def generate(
    log: Log, actor: Actor = COLLEAGUE, body: bytes = b"a question", output: bytes = b"an answer"
) -> str:
    request = new_id("req")
    await log.intend(request, actor, "chat", body)
    await log.conclude(request, actor, outcome(output))
    return request
