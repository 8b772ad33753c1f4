"""The entrance examination: what is asked, what passes, and that nothing serves meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hanlin.errors import Conflict, EngineFailed, NotServing
from hanlin.evaluation import SUITE, examine
from hanlin.registry import Registry, State
from hanlin.storage import Database
from hanlin.types import Actor, Choice, Chunk, Delta, Generation, Model, Permission, Role, Service, Usage

ADMINISTRATOR = Actor("per_a", "ws_a", Role.OWNER, frozenset(Permission), administrator=True)
RIGHT = {
    "english": ("Paris", "stop"),
    "chinese": ("北京是中国的首都。", "stop"),
    "arithmetic": ("42", "stop"),
    "schema": ('{"city": "Tokyo"}', "stop"),
    "ceiling": ("Once upon a time a river", "length"),
    "stop": ("1 2 3 4 ", "stop"),
}
KEYS = {"France": "english", "北京": "chinese", "12 + 30": "arithmetic", "Japan": "schema", "story": "ceiling"}

Replies = dict[str, tuple[str, str]]
Generate = Callable[[Generation], AsyncIterator[Chunk]]


def asked(job: Generation) -> str:
    """Which question a generation is."""
    prompt = job.chat.messages[-1].text()
    return next((name for word, name in KEYS.items() if word in prompt), "stop")


def answering(replies: Replies) -> Generate:
    async def generate(job: Generation) -> AsyncIterator[Chunk]:
        text, finish_reason = replies[asked(job)]
        yield Chunk([Choice(0, Delta(role="assistant", content=text), finish_reason)], Usage(10, 8, 18))

    return generate


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    database = await Database.open(f"sqlite:///{tmp_path}/test.db")
    registry = Registry(database)
    await registry.load()
    await registry.add_model(ADMINISTRATOR, Model(name="ink", engine="echo", digest="sha256:one"))
    await registry.set_service(ADMINISTRATOR, Service(name="desk", models=("ink",)))
    yield registry
    await database.close()


async def test_a_model_that_answers_all_six_questions_serves(registry: Registry) -> None:
    certificate = await examine(registry, ADMINISTRATOR, "ink", answering(RIGHT))
    assert (certificate.passed, certificate.suite, certificate.digest) == (True, SUITE, "sha256:one")
    assert [answer.question for answer in certificate.answers] == list(RIGHT)
    assert registry.resolve("desk", ADMINISTRATOR).model.name == "ink"


@pytest.mark.parametrize(
    ("question", "reply", "detail"),
    [
        ("english", ("London", "stop"), "expected one of paris"),
        ("chinese", ("Beijing is the capital.", "stop"), "expected Chinese, 0 of"),
        ("arithmetic", ("forty", "stop"), "expected one of 42"),
        ("schema", ("Tokyo", "stop"), "could not parse"),
        ("schema", ('{"town": "Tokyo"}', "stop"), "the string `city`"),
        ("ceiling", ("Once upon a time", "stop"), "expected finish_reason 'length'"),
        ("stop", ("1 2 3 4 5", "stop"), "before the stop word"),
        ("stop", ("1 2 3 4", "length"), "expected finish_reason 'stop'"),
    ],
)
async def test_one_wrong_answer_fails_it_and_says_what_was_expected(
    registry: Registry, question: str, reply: tuple[str, str], detail: str
) -> None:
    certificate = await examine(registry, ADMINISTRATOR, "ink", answering({**RIGHT, question: reply}))
    failed = [answer for answer in certificate.answers if not answer.passed]
    assert [answer.question for answer in failed] == [question]
    assert detail in failed[0].detail
    assert registry.model("ink").state is State.FAILED


async def test_a_question_is_tried_twice_because_an_engine_may_be_warming(registry: Registry) -> None:
    tried: list[str] = []

    async def generate(job: Generation) -> AsyncIterator[Chunk]:
        tried.append(asked(job))
        if tried.count(asked(job)) == 1:
            raise EngineFailed("The engine is warming.")
        async for chunk in answering(RIGHT)(job):
            yield chunk

    assert (await examine(registry, ADMINISTRATOR, "ink", generate)).passed
    assert len(tried) == 2 * len(RIGHT)


async def test_an_engine_that_fails_fails_the_examination_with_its_code(registry: Registry) -> None:
    async def generate(job: Generation) -> AsyncIterator[Chunk]:
        if job.max_tokens:
            raise EngineFailed("The engine died.", code="engine_died")
        yield Chunk()

    certificate = await examine(registry, ADMINISTRATOR, "ink", generate)
    assert {answer.detail for answer in certificate.answers} == {"engine_died: The engine died."}


async def test_while_it_sits_the_model_does_not_serve_and_sits_only_once(registry: Registry) -> None:
    async def generate(job: Generation) -> AsyncIterator[Chunk]:
        assert registry.model("ink").state is State.EXAMINING
        with pytest.raises(NotServing, match="try again in a minute"):
            registry.resolve("desk", ADMINISTRATOR)
        with pytest.raises(Conflict, match="sits its examination already"):
            await examine(registry, ADMINISTRATOR, "ink", generate)
        async for chunk in answering(RIGHT)(job):
            yield chunk

    assert (await examine(registry, ADMINISTRATOR, "ink", generate)).passed
    assert registry.model("ink").state is State.APPROVED
