"""The examinations of the other skills: what passes, what each question catches, and that the suite fits the skill."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from hanlin.engines.echo import EchoEngine
from hanlin.engines.echo_skills import bigrams
from hanlin.errors import EngineFailed
from hanlin.evaluation import examine
from hanlin.evaluation.skills import PAIRS, SUITES, sit
from hanlin.registry import Registry, State
from hanlin.storage import Database
from hanlin.types import (
    Actor,
    Choice,
    Chunk,
    Delta,
    Detail,
    Generation,
    Line,
    Model,
    Permission,
    Recognised,
    Role,
    Segment,
    Skill,
    Spoken,
    Usage,
    Vectors,
)

ADMINISTRATOR = Actor("per_a", "ws_a", Role.OWNER, frozenset(Permission), administrator=True)
Generate = Callable[[Generation], AsyncIterator[Chunk]]


def answering(answer: Callable[[Generation], Detail | None]) -> Generate:
    async def generate(job: Generation) -> AsyncIterator[Chunk]:
        detail = answer(job)
        yield Chunk([Choice(0, Delta(content=detail.text if detail else "words"), "stop")], Usage(), detail=detail)

    return generate


async def faults(skill: Skill, answer: Callable[[Generation], Detail | None]) -> dict[str, str]:
    """What is wrong with each failed answer, by question."""
    answers = await sit(Model("candidate", "echo", skill), answering(answer))
    return {one.question: one.detail for one in answers if not one.passed}


def translated(job: Generation) -> Vectors:
    """Each sentence and its translation at one place."""
    pairs = {text: bigrams(pair[0]) for pair in PAIRS for text in pair}
    return Vectors(tuple(pairs[message.text()] for message in job.chat.messages), 256)


def reading(text: str) -> Callable[[Generation], Detail]:
    def read(job: Generation) -> Detail:
        assert job.media is not None
        dark = Path(job.media.path).stat().st_size > 600
        return Recognised((Line(text, (0, 0, 1, 1)),) if dark else ())

    return read


async def test_a_model_that_does_its_skill_passes() -> None:
    assert await faults(Skill.EMBEDDING, translated) == {}
    assert await faults(Skill.RECOGNITION, reading("HANLIN  2026")) == {}
    for skill in (Skill.TRANSCRIPTION, Skill.VOICES):
        model = Model("candidate", "echo", skill)
        assert all(one.passed for one in await sit(model, EchoEngine(model).generate))


@pytest.mark.parametrize(
    ("skill", "answer", "failed"),
    [
        (Skill.TRANSCRIPTION, lambda _: Spoken((Segment(0, 1, "Thanks for watching"),)), {"silence"}),
        (Skill.TRANSCRIPTION, lambda _: Spoken((Segment(2, 1, ""),)), {"shape"}),
        (Skill.TRANSCRIPTION, lambda _: Spoken((Segment(0, 99, ""),)), {"shape"}),
        (Skill.TRANSCRIPTION, lambda _: None, {"silence", "shape"}),
        (Skill.EMBEDDING, lambda job: Vectors((bigrams("same"),) * len(job.chat.messages), 256), {"nearness"}),
        (Skill.EMBEDDING, lambda job: Vectors((bytes(1024),) * len(job.chat.messages), 256), {"length", "nearness"}),
        (Skill.EMBEDDING, lambda _: Vectors((), 0), {"length", "nearness", "repeated"}),
        (Skill.RECOGNITION, reading("HANLIN 2025"), {"drawn"}),
        (Skill.RECOGNITION, lambda _: Recognised((Line("HANLIN 2026", (0, 0, 1, 1)),)), {"blank"}),
        (Skill.VOICES, lambda _: Vectors((bigrams("a"), bigrams("a"), bigrams("b")), 256), {"voices"}),
        (Skill.VOICES, lambda _: Vectors((bigrams("a"),), 256), {"voices"}),
    ],
)
async def test_each_question_catches_what_it_asks_for(
    skill: Skill, answer: Callable[[Generation], Detail | None], failed: set[str]
) -> None:
    found = await faults(skill, answer)
    assert set(found) == failed
    assert not any("HANLIN 2025" in fault or "watching" in fault for fault in found.values())


async def test_an_answer_that_changes_is_caught() -> None:
    noise = np.random.default_rng(0)

    def moody(job: Generation) -> Detail:
        rows = noise.normal(size=(len(job.chat.messages), 8)).astype("<f4")
        return Vectors(tuple((row / np.linalg.norm(row)).tobytes() for row in rows), 8)

    assert "repeated" in await faults(Skill.EMBEDDING, moody)


async def test_the_certificate_names_the_suite_of_the_skill_and_a_failure_is_no_pass(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path}/test.db")
    registry = Registry(database)
    await registry.load()
    await registry.add_model(ADMINISTRATOR, Model("ear", "echo", Skill.TRANSCRIPTION, digest="sha256:one"))
    model = registry.model("ear").model

    async def broken(_: Generation) -> AsyncIterator[Chunk]:
        if SUITES:
            raise EngineFailed("No weights.", code="weights_missing")
        yield Chunk([])

    certificate = await examine(registry, ADMINISTRATOR, "ear", broken)
    assert (certificate.passed, certificate.suite) == (False, SUITES[Skill.TRANSCRIPTION])
    assert certificate.answers[0].detail == "weights_missing: No weights."
    certificate = await examine(registry, ADMINISTRATOR, "ear", EchoEngine(model).generate)
    assert (certificate.passed, registry.model("ear").state) == (True, State.APPROVED)
    await database.close()
