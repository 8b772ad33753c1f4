"""The register: what may answer, and the sentence when it may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hanlin.errors import BadRequest, Conflict, NotFound, NotServing
from hanlin.registry import Registry, State
from hanlin.registry.records import Answer
from hanlin.storage import Database
from hanlin.types import Actor, Facts, Filing, Model, Permission, Role, Scope, Service

ADMINISTRATOR = Actor("per_a", "ws_a", Role.OWNER, frozenset(Permission), administrator=True)
LIMITED = Actor("per_b", "ws_a", Role.MEMBER, frozenset({Permission.GENERATE}), services=frozenset({"other"}))
MODEL = Model(name="ink", engine="echo", digest="sha256:one")
PASSED = (Answer("english", passed=True, detail=""),)
FAILED = (Answer("english", passed=False, detail="expected one of paris"),)


class Announced(list[tuple[str, str]]):
    async def __call__(self, event: str, actor: Actor | None, facts: Facts) -> None:
        assert actor is not None
        self.append((event, actor.person))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(f"sqlite:///{tmp_path}/test.db")
    yield database
    await database.close()


@pytest.fixture
def announced() -> Announced:
    return Announced()


@pytest.fixture
async def registry(database: Database, announced: Announced) -> Registry:
    registry = Registry(database, announce=announced)
    await registry.load()
    await registry.add_model(ADMINISTRATOR, MODEL)
    await registry.set_service(ADMINISTRATOR, Service(name="desk", models=("ink",)))
    return registry


async def test_an_untested_model_does_not_serve(registry: Registry) -> None:
    with pytest.raises(NotServing, match="registered but has not been tested"):
        registry.resolve("desk", ADMINISTRATOR)


async def test_a_model_that_passed_serves_under_service_model_and_both(registry: Registry) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    for name in ("desk", "ink", "desk/ink"):
        route = registry.resolve(name, ADMINISTRATOR)
        assert (route.service.name, route.model.name) == ("desk", "ink")


async def test_one_wrong_answer_fails_the_examination(registry: Registry) -> None:
    certificate = await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED + FAILED)
    assert not certificate.passed
    assert registry.model("ink").state is State.FAILED
    with pytest.raises(NotServing, match="has not passed its examination"):
        registry.resolve("desk", ADMINISTRATOR)


async def test_an_examination_without_answers_is_not_passed(registry: Registry) -> None:
    assert not (await registry.certify(ADMINISTRATOR, "ink", "entrance-1", ())).passed


async def test_other_weights_under_the_same_name_must_be_tested_anew(registry: Registry) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    await registry.add_model(ADMINISTRATOR, Model(name="ink", engine="echo", digest="sha256:two"))
    assert registry.model("ink").state is State.UNTESTED


async def test_a_certificate_ends(database: Database, announced: Announced) -> None:
    now = 1_000_000.0
    registry = Registry(database, announce=announced, clock=lambda: now)
    await registry.load()
    await registry.add_model(ADMINISTRATOR, MODEL)
    await registry.set_service(ADMINISTRATOR, Service(name="desk", models=("ink",)))
    certificate = await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    registry.resolve("desk", ADMINISTRATOR)
    now = certificate.expires_at
    with pytest.raises(NotServing, match="not been tested"):
        registry.resolve("desk", ADMINISTRATOR)


async def test_suspension_stops_at_once_says_why_and_ends(registry: Registry) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    await registry.suspend(ADMINISTRATOR, "ink", "It praises itself.")
    with pytest.raises(NotServing, match="suspended: It praises itself"):
        registry.resolve("desk", ADMINISTRATOR)
    await registry.resume(ADMINISTRATOR, "ink")
    assert registry.resolve("desk", ADMINISTRATOR).model == MODEL


async def test_a_public_service_needs_filing_provider_code_and_an_examination(
    database: Database, announced: Announced
) -> None:
    registry = Registry(database, announce=announced)
    await registry.load()
    await registry.add_model(ADMINISTRATOR, MODEL)
    await registry.declare(ADMINISTRATOR, "ink", "It only repeats what it is told.")
    record = await registry.set_service(ADMINISTRATOR, Service(name="desk", models=("ink",), scope=Scope.PUBLIC))
    assert [problem.split(" ")[0] for problem in record.problems] == ["Model", "A", "A"]

    registry = Registry(database, announce=announced, provider_code=True)
    await registry.load()
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    filing = Filing(kind="filing", number="Beijing-Ink-20261124", model_name="Ink")
    service = Service(name="desk", models=("ink",), scope=Scope.PUBLIC, filing=filing)
    assert (await registry.set_service(ADMINISTRATOR, service)).serves


async def test_a_service_under_a_policy_that_is_not_there_does_not_answer(
    database: Database, announced: Announced
) -> None:
    registry = Registry(database, announce=announced, policy_exists=lambda name: name == "default")
    await registry.load()
    await registry.add_model(ADMINISTRATOR, MODEL)
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    record = await registry.set_service(ADMINISTRATOR, Service(name="desk", models=("ink",), policy="strict"))
    assert record.problems == ("There is no policy 'strict'.",)
    with pytest.raises(NotServing, match="no policy 'strict'"):
        registry.resolve("desk", ADMINISTRATOR)
    assert (await registry.set_service(ADMINISTRATOR, Service(name="desk", models=("ink",)))).serves


async def test_a_declaration_needs_a_real_reason(registry: Registry) -> None:
    with pytest.raises(BadRequest, match="at least 10 characters"):
        await registry.declare(ADMINISTRATOR, "ink", "ok")


async def test_unknown_and_not_allowed_are_told_apart_by_nobody(registry: Registry) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    with pytest.raises(NotFound) as unknown:
        registry.resolve("desl", LIMITED)
    with pytest.raises(NotFound) as hidden:
        registry.resolve("desk", LIMITED)
    assert str(unknown.value).replace("desl", "desk") == str(hidden.value)
    assert unknown.value.code == hidden.value.code == "model_not_found"


async def test_a_model_of_two_services_answers_through_the_one_a_key_may_use(registry: Registry) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    await registry.set_service(ADMINISTRATOR, Service(name="other", models=("ink",)))
    assert registry.resolve("ink", ADMINISTRATOR).service.name == "desk"
    assert registry.resolve("ink", LIMITED).service.name == "other"


async def test_a_misspelt_name_gets_the_nearest(registry: Registry) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    with pytest.raises(NotFound, match="Known: desk"):
        registry.resolve("dessk", ADMINISTRATOR)


async def test_what_the_console_registered_is_there_after_a_restart(
    registry: Registry, database: Database, announced: Announced
) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    again = Registry(database, announce=announced)
    await again.load()
    assert again.resolve("desk", ADMINISTRATOR) == registry.resolve("desk", ADMINISTRATOR)
    assert again.model("ink") == registry.model("ink")


async def test_what_the_settings_file_says_wins_and_cannot_be_changed_on_the_console(
    registry: Registry, database: Database, announced: Announced
) -> None:
    ours = Model(name="ink", engine="echo", digest="sha256:file")
    again = Registry(database, announce=announced, models=[ours], services=[Service(name="desk", models=("ink",))])
    await again.load()
    assert again.model("ink").model == ours
    with pytest.raises(Conflict, match="settings file"):
        await again.add_model(ADMINISTRATOR, MODEL)
    with pytest.raises(Conflict, match="settings file"):
        await again.remove_service(ADMINISTRATOR, "desk")


async def test_a_model_in_use_is_not_removed(registry: Registry) -> None:
    with pytest.raises(Conflict, match="offered by desk"):
        await registry.remove_model(ADMINISTRATOR, "ink")
    await registry.remove_service(ADMINISTRATOR, "desk")
    await registry.remove_model(ADMINISTRATOR, "ink")
    with pytest.raises(NotFound):
        registry.model("ink")


@pytest.mark.parametrize("name", ["", "-ink", "ink well", "墨", "a/b", "x" * 101, "ink'; DROP TABLE models"])
async def test_names_are_plain(registry: Registry, name: str) -> None:
    with pytest.raises(BadRequest, match="letters, digits"):
        await registry.add_model(ADMINISTRATOR, Model(name=name, engine="echo"))


async def test_every_change_is_announced_with_who_did_it(registry: Registry, announced: Announced) -> None:
    await registry.certify(ADMINISTRATOR, "ink", "entrance-1", PASSED)
    await registry.suspend(ADMINISTRATOR, "ink", "a reason")
    await registry.resume(ADMINISTRATOR, "ink")
    await registry.remove_service(ADMINISTRATOR, "desk")
    await registry.remove_model(ADMINISTRATOR, "ink")
    events = ["model:registered", "service:changed", "model:certified", "model:suspended", "model:resumed"]
    assert announced == [(event, "per_a") for event in [*events, "service:removed", "model:removed"]]
