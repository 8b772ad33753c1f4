"""The assistants and what they stand on - files, jobs, search - built and tied together."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hanlin.accounts import Accounts
from hanlin.app.folder import master_key
from hanlin.app.ground import Ground
from hanlin.assistants.documents import Documents
from hanlin.assistants.meetings import Meetings
from hanlin.assistants.tasks import Section, Tasks
from hanlin.assistants.tasks.delivering import Delivering
from hanlin.assistants.translate import Translations
from hanlin.errors import HanlinError
from hanlin.files import Files
from hanlin.jobs import Jobs
from hanlin.net.mail import Mail
from hanlin.retrieval import Index
from hanlin.sandbox import Ceilings, Sandbox
from hanlin.service import Calls
from hanlin.settings import Settings
from hanlin.storage.blobs import Blobs
from hanlin.types import Actor, Facts

log = logging.getLogger("hanlin")
READING = Ceilings(seconds=180, memory_mib=2048)
"""For one document of a person with a key: 300 pages take half a minute."""
LISTENING = Ceilings(seconds=1800, memory_mib=2048)
"""For one recording: six hours of video are decoded in some minutes."""


PURGE_SECONDS = 3600
KEPT_SECONDS = 90 * 86_400
"""Ended jobs and what tasks brought."""


@dataclass(frozen=True, slots=True)
class Assistants:
    """What people use beside the chat."""

    files: Files
    jobs: Jobs
    documents: Documents
    meetings: Meetings
    translations: Translations
    tasks: Tasks
    listening: Sandbox
    index: Index

    async def heard(self, event: str, actor: Actor | None, facts: Facts) -> None:
        """Erase what somebody brought who left a workspace or the house, with all that was made of it."""
        if event == "person:removed" and actor is not None:
            person, workspace = str(facts["person"]), "" if facts.get("erased") else actor.workspace
            await self.jobs.erase(person, workspace)
            await self.meetings.erase_all(person, workspace)
            await self.files.erase_all(person, workspace)

    async def prune(self) -> None:
        """Let go of jobs and results of tasks that are over for long, and of uploads that were never finished."""
        before = int(time.time()) - KEPT_SECONDS
        await self.jobs.prune(before)
        await self.tasks.prune(before)
        await self.files.expire()

    async def forget(self) -> None:
        """Every hour, take what was erased out of the files of the search index too."""
        while True:
            await asyncio.sleep(PURGE_SECONDS)
            try:
                await self.index.purge()
            except HanlinError as error:
                log.warning("the search index keeps what was erased: %s", error.code)


@dataclass(frozen=True, slots=True)
class MyMeetings:
    """The meetings that concern somebody, as a saved task asks for them."""

    meetings: Meetings
    accounts: Accounts

    async def digest(self, actor: Actor, _subject: str, since: int, _instructions: str, _service: str, /) -> Section:
        """What was noted of them when they were transcribed: nothing is asked of a model again."""
        me = await self.accounts.people.me(actor)
        told = await self.meetings.digest(actor, since=since, name=me.name, language=me.language or "en")
        return Section(
            title=told.title,
            text=told.text,
            request_ids=told.request_ids,
            service=told.service,
            items=len(told.items),
        )


def delivering(settings: Settings) -> Delivering:
    """How results of saved tasks go out: by the operator's mail server, if one is set, and to web hooks."""
    mail = None
    if settings.mail_server:
        mail = Mail(settings.mail_server, settings.mail_sender, domains=settings.mail_domains)
    key = hmac.digest(master_key(settings, Path(settings.data)), b"hanlin web hooks", "sha256")
    return Delivering(mail=mail, key=key, url=settings.url, trusted_hosts=settings.upstream_hosts)


async def open_assistants(settings: Settings, stack: AsyncExitStack, ground: Ground, calls: Calls) -> Assistants:
    """Every assistant, and the jobs that a stop interrupted under way again."""
    data, database, announce = Path(settings.data), ground.database, ground.announce
    blobs = await Blobs.open(settings.blobs or data / "blobs")
    stack.push_async_callback(blobs.close)
    files = Files(
        database,
        blobs=blobs,
        folder=data / "incoming",
        announce=announce,
        limit_bytes=settings.file_bytes,
        quota_bytes=settings.person_bytes,
    )
    await files.open()
    index = await Index.open(data / "index")
    stack.push_async_callback(index.close)
    reading, listening = Sandbox(READING), Sandbox(LISTENING, processes=1)
    stack.push_async_callback(reading.close)
    stack.push_async_callback(listening.close)
    jobs = await Jobs.open(database, folder=data, actor_of=ground.accounts.actor_of, heavy=settings.heavy_jobs)
    stack.push_async_callback(jobs.close)
    documents = Documents(
        database, files=files, blobs=blobs, sandbox=reading, index=index, jobs=jobs, calls=calls, announce=announce
    )
    meetings = Meetings(
        database, files=files, blobs=blobs, sandbox=listening, index=index, jobs=jobs, calls=calls, announce=announce
    )
    translations = Translations(database, files=files, sandbox=reading, jobs=jobs, calls=calls)
    tasks = Tasks(
        database,
        jobs=jobs,
        sources={"documents": documents, "meetings": MyMeetings(meetings, ground.accounts)},
        actor_of=ground.accounts.actor_of,
        delivering=delivering(settings),
        announce=announce,
    )
    stack.push_async_callback(meetings.close)
    await documents.open()
    await jobs.begin()
    await tasks.open()
    stack.push_async_callback(tasks.close)
    assistants = Assistants(files, jobs, documents, meetings, translations, tasks, listening, index)
    ground.listeners.append(assistants.heard)
    return assistants
