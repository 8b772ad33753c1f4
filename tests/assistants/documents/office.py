"""The documents room over real rooms (database, files, blobs, sandbox, index, jobs); a model's words are scripted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hanlin.assistants.documents import Document, Documents, DocumentState, Result, ResultState
from hanlin.assistants.documents.prompts import VERIFIED_SCHEMA
from hanlin.errors import NotServing
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.retrieval import Index
from hanlin.retrieval.terms import terms
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Answered, Calls
from hanlin.storage import Database
from hanlin.storage.blobs import Blobs
from hanlin.types import (
    Actor,
    Media,
    Message,
    Model,
    Recognised,
    Route,
    Service,
    Skill,
    Vectors,
    new_id,
)
from tests.review.conftest import CAST, COLLEAGUE, OWNER, STRANGER

__all__ = ["CAST", "COLLEAGUE", "OWNER", "STRANGER", "Asked", "Office", "Script", "answer", "numbered", "opened"]

Reply = Callable[[Sequence[Message]], str]


@dataclass
class Asked:
    """One call of the model."""

    actor: Actor
    messages: list[Message]
    max_tokens: int
    schema: dict[str, object] | None

    @property
    def data(self) -> str:
        """What it was shown of files."""
        return "\n".join(message.text() for message in self.messages if message.role == "tool")

    @property
    def task(self) -> str:
        return self.messages[-1].text()


class Script(Calls):
    """Calls whose models say what the test says. Vectors are made of words, so that likeness is likeness of words."""

    def __init__(self, reply: Reply) -> None:
        self.first_reply = reply
        self.reset()

    def reset(self) -> None:
        """As at first: nothing was asked."""
        self.reply = self.first_reply
        self.asked: list[Asked] = []
        self.window = 8192
        self.vectors = True
        self.recognised: Recognised | None = None
        self.finish_reason = "stop"
        self.stated = "yes"
        """What it says when it is asked whether what is cited answers the question."""

    def route(self, actor: Actor, service: str = "", skill: Skill = Skill.CHAT) -> Route:
        return Route(Service(service or "chat", ("m",)), Model("m", "script", context_tokens=self.window))

    async def chat(self, actor: Actor, messages: Sequence[Message], **options: Any) -> Answered:
        asked = Asked(actor, list(messages), options.get("max_tokens") or 0, options.get("schema"))
        self.asked.append(asked)
        text = f'{{"stated": "{self.stated}"}}' if asked.schema is VERIFIED_SCHEMA else self.reply(messages)
        return Answered(text, new_id("req"), options.get("service") or "chat", self.finish_reason, 7)

    async def embed(self, actor: Actor, texts: Sequence[str], *, service: str = "") -> Vectors:
        if not self.vectors:
            raise NotServing("No service for embedding serves here.", code="skill_missing")
        return Vectors(tuple(_vector(text) for text in texts), 64)

    async def recognise(self, actor: Actor, media: Media, *, service: str = "") -> Recognised:
        assert Path(media.path).read_bytes().startswith(b"\x89PNG")
        if self.recognised is None:
            raise NotServing("No service for recognition serves here.", code="skill_missing")
        return self.recognised


def _vector(text: str) -> bytes:
    sums = np.zeros(64, "<f4")
    for term in terms(text):
        sums[hashlib.sha256(term.encode()).digest()[0] % 64] += 1
    return bytes((sums / max(1.0, float(np.linalg.norm(sums)))).astype("<f4").tobytes())


def answer(text: str, *sentences: int, answered: bool = True) -> str:
    """What a model answers to a question."""
    return msgspec.json.encode({"sentences": sentences, "answered": answered, "answer": text}).decode()


def numbered(messages: Sequence[Message], words: str) -> int:
    """The number under which a sentence with these words was shown; 0 when it was not."""
    for line in "\n".join(each.text() for each in messages if each.role == "tool").splitlines():
        if line.startswith("[") and words in line:
            return int(line[1 : line.index("]")])
    return 0


@dataclass
class Office:
    documents: Documents
    files: Files
    blobs: Blobs
    index: Index
    jobs: Jobs
    calls: Script
    database: Database
    folder: Path
    announced: list[tuple[str, dict[str, str | int]]] = field(default_factory=list)

    async def paste(self, text: str, *, actor: Actor = OWNER, collection: str = "", name: str = "") -> Document:
        """A pasted text that has been read."""
        document = await self.documents.paste(actor, text, collection_id=collection, name=name)
        return await self.read(document, actor)

    async def bring(self, source: Path, *, actor: Actor = OWNER, collection: str = "") -> Document:
        """A file that has been read."""
        copy = self.folder / f"copy-{source.name}"
        copy.write_bytes(source.read_bytes())
        file = await self.files.add(actor, copy, source.name)
        return await self.read(await self.documents.add(actor, file.id, collection), actor)

    async def read(self, document: Document, actor: Actor = OWNER) -> Document:
        async with asyncio.timeout(60):
            while document.state not in {DocumentState.READY, DocumentState.FAILED}:
                await asyncio.sleep(0.02)
                document = await self.documents.document(actor, document.id)
            while (job := await self.jobs.of(document.id)) is not None and not job.state.final:
                await asyncio.sleep(0.02)
        return document

    async def made(self, result: Result, actor: Actor = OWNER) -> Result:
        async with asyncio.timeout(60):
            while result.state is ResultState.RUNNING:
                await asyncio.sleep(0.02)
                result = await self.documents.result(actor, result.id)
        return result


@asynccontextmanager
async def opened(database: Database, folder: Path, calls: Script) -> AsyncIterator[Office]:
    """As a server's start does; `folder` and database may have been used before."""
    announced: list[tuple[str, dict[str, str | int]]] = []

    async def announce(event: str, _: Actor | None, facts: dict[str, str | int]) -> None:
        announced.append((event, facts))

    async def actor_of(person: str, workspace: str) -> Actor:
        return next(each for each in CAST if (each.person, each.workspace) == (person, workspace))

    blobs = await Blobs.open(folder / "blobs")
    (folder / "uploads").mkdir(exist_ok=True)
    files = Files(database, blobs=blobs, folder=folder / "uploads", announce=announce)
    await files.open()
    sandbox = Sandbox(Ceilings(seconds=60, memory_mib=2048), processes=1)
    index = await Index.open(folder / "index")
    jobs = await Jobs.open(database, folder=folder, actor_of=actor_of, poll_seconds=0.02)
    documents = Documents(
        database, files=files, blobs=blobs, sandbox=sandbox, index=index, jobs=jobs, calls=calls, announce=announce
    )
    try:
        await documents.open()
        await jobs.begin()
        yield Office(documents, files, blobs, index, jobs, calls, database, folder, announced)
    finally:
        await jobs.close()
        await sandbox.close()
        await index.close()
        await blobs.close()
