"""What stands in for models and for the queue of jobs: the words of a script, and work that is done at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import numpy as np

from hanlin.errors import EngineFailed, HanlinError, NotServing
from hanlin.jobs import Body, Job, State
from hanlin.service import Answered
from hanlin.types import Actor, Media, Message, Model, Route, Service, Skill, Spoken, Vectors, new_id
from tests.assistants.meetings import voices

T = TypeVar("T")


@dataclass
class Script:
    """A `Calls` whose models are written by the test. `answers` are given in turn; the last one again and again."""

    answers: list[str | Callable[[Sequence[Message]], str]] = field(default_factory=list)
    skills: set[Skill] = field(default_factory=lambda: set(Skill))
    context_tokens: int = 8192
    language: str = "en"
    asked: list[dict[str, Any]] = field(default_factory=list)
    transcribed: list[Media] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    fail_at: int = -1
    """Number of the transcription that breaks, once."""

    def route(self, actor: Actor, service: str = "", skill: Skill = Skill.CHAT) -> Route:
        if skill not in self.skills:
            raise NotServing("No service serves.", code="skill_missing")
        model = Model(name=f"{skill}-model", engine="script", context_tokens=self.context_tokens)
        return Route(Service(name=service or skill.value, models=(model.name,)), model)

    async def chat(self, actor: Actor, messages: Sequence[Message], **options: Any) -> Answered:
        self.asked.append({"messages": list(messages), **options})
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        text = answer if isinstance(answer, str) else answer(messages)
        return Answered(text, new_id("req"), options.get("service") or "chat")

    async def embed(self, actor: Actor, texts: Sequence[str], *, service: str = "") -> Vectors:
        self.route(actor, service, Skill.EMBEDDING)
        rows = [np.array([len(text) % 7 + 1, 1, 0, 0], "<f4") for text in texts]
        return Vectors(tuple((row / np.linalg.norm(row)).astype("<f4").tobytes() for row in rows), 4)

    async def transcribe(self, actor: Actor, media: Media, *, hint: str = "", service: str = "") -> Spoken:
        self.route(actor, service, Skill.TRANSCRIPTION)
        self.transcribed.append(media)
        self.hints.append(hint)
        if len(self.transcribed) - 1 == self.fail_at:
            self.fail_at = -1
            raise EngineFailed("It broke.", retryable=True)
        heard = voices.heard(media.path)
        return Spoken((heard,) if heard else (), media.language or self.language)

    async def voices(self, actor: Actor, media: Media, *, service: str = "") -> Vectors:
        self.route(actor, service, Skill.VOICES)
        return Vectors(tuple(voices.vector(media.path, *window) for window in media.windows), 2)


@dataclass
class Doing:
    """A job that is being done; `steps` are those that are finished, as JSON."""

    job: Job
    arguments: dict[str, str | int | bool]
    person: Callable[[], Actor]
    steps: dict[str, bytes] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def actor(self) -> Actor:
        return self.person()

    async def step(self, name: str, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        if name not in self.steps:
            self.ran.append(name)
            self.steps[name] = msgspec.json.encode(await function(*arguments))
        value: T = msgspec.json.decode(self.steps[name])
        return value

    async def report(self, done: int, total: int, note: str) -> None:
        assert done <= total
        self.notes.append(note)


@dataclass
class Line:
    """Jobs that are done where they are started; a failed one can be tried again, from its last finished step."""

    bodies: dict[str, Body] = field(default_factory=dict)
    done: list[Doing] = field(default_factory=list)

    def define(self, kind: str, body: Body, *, light: bool = False) -> None:
        self.bodies[kind] = body

    async def start(
        self, actor: Actor, kind: str, subject: str, arguments: Mapping[str, str | int | bool] | None = None
    ) -> Job:
        job = Job(
            new_id("job"), kind, actor.person, actor.workspace, subject, State.RUNNING,
            0, 0, "", "", "", "", 1_790_000_000, 0, 0,
        )  # fmt: skip
        doing = Doing(job, dict(arguments or {}), lambda: actor)
        self.done.append(doing)
        await self._do(doing)
        return doing.job

    async def retry(self, actor: Actor, job_id: str) -> Job:
        doing = next(one for one in self.done if one.job.id == job_id)
        await self._do(doing)
        return doing.job

    async def of(self, subject: str) -> Job | None:
        found = [one.job for one in self.done if one.job.subject == subject]
        return found[-1] if found else None

    async def forget(self, subject: str) -> None:
        self.done = [one for one in self.done if one.job.subject != subject]

    async def _do(self, doing: Doing) -> None:
        try:
            await self.bodies[doing.job.kind](doing)
        except HanlinError as error:
            doing.job = msgspec.structs.replace(doing.job, state=State.FAILED, code=error.code, problem=error.message)
        else:
            doing.job = msgspec.structs.replace(doing.job, state=State.DONE)
