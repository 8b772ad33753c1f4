"""What the settings say is offered: models with their digests, services, and the engines that run them."""

from __future__ import annotations

import hashlib
from functools import partial

import msgspec
from msgspec.structs import replace

from hanlin.app.embedded import embedded_models, embedded_services
from hanlin.catalog import Store, Weights
from hanlin.engines import e5, rapidocr
from hanlin.engines.e5 import E5Engine
from hanlin.engines.echo import EchoEngine
from hanlin.engines.llama_cpp import LlamaCppEngine
from hanlin.engines.openai import OpenAIEngine
from hanlin.engines.pool import Pool
from hanlin.engines.rapidocr import RapidOCREngine
from hanlin.engines.voices import VoicesEngine
from hanlin.engines.whisper import WhisperEngine
from hanlin.errors import BadRequest, Misconfigured
from hanlin.net.connection import Limits
from hanlin.settings import Settings
from hanlin.types import Model, Service, Skill

FORMATS = {"llama_cpp": "gguf", "whisper": "ctranslate2", "voices": "torch"}
"""The engines that run weights of the catalog, and the format each reads."""
PACKAGED = {"e5": e5.digest, "rapidocr": rapidocr.digest}
"""The engines whose weights come in their package."""


def models(settings: Settings) -> tuple[Model, ...]:
    """What the settings file registers, the embedded default model before it and the other embedded ones behind it."""
    more = (*settings.models, *embedded_models(settings))
    if settings.model == "none" or any(model.name == settings.model for model in settings.models):
        return more
    default = Model(name=settings.model, engine="llama_cpp", options={"weights": settings.model})
    return (default, *more)


def services(settings: Settings) -> tuple[Service, ...]:
    """What the settings file offers, or the default model as the service `assistant`; then the embedded services."""
    if settings.model == "none":
        return settings.services
    default = (Service(name="assistant", title="Assistant", models=(settings.model,)),)
    return (*(settings.services or default), *embedded_services(settings))


def weights_of(model: Model) -> str:
    """The name in the catalog of what this model needs in the store; "" when it needs nothing there."""
    return str(model.options.get("weights") or model.name) if model.engine in FORMATS else ""


def identify(model: Model, store: Store, pool: Pool) -> Model:
    """The model with its digest and what the catalog knows of its weights.

    Weights are known by their SHA-256; an upstream's model by what is declared of it, so that a changed address or name
    asks for a new examination. BadRequest for options or a skill that its engine does not take, NotFound for unknown
    weights.
    """
    if model.engine in FORMATS:
        model = _with_weights(model, store.find(weights_of(model)))
    elif model.engine in PACKAGED:
        model = replace(model, digest=PACKAGED[model.engine]())
    else:
        declared: list[object] = [model.engine, model.version, model.options]
        if model.skill is not Skill.CHAT:
            declared.append(model.skill)
        encoded = msgspec.json.encode(declared, order="deterministic")
        model = replace(model, digest=f"sha256:{hashlib.sha256(encoded).hexdigest()}")
    pool.check(model)
    return replace(model, code=model_code(model))


def _with_weights(model: Model, weights: Weights) -> Model:
    if weights.format != FORMATS[model.engine]:
        raise BadRequest(
            f"The engine {model.engine!r} runs {FORMATS[model.engine]} weights, {weights.name!r} are {weights.format}.",
            action="Name other weights or another engine.",
            param="options",
        )
    return replace(
        model,
        digest=f"sha256:{weights.sha256}",
        publisher=model.publisher or weights.publisher,
        licence=model.licence or weights.licence,
    )


def model_code(model: Model) -> str:
    """The four characters that name a model in labels: its own, or made from its name."""
    if model.code != "0000":
        return model.code
    return base36(int(hashlib.sha256(model.name.encode()).hexdigest(), 16) % 36**4)


def base36(number: int) -> str:
    """Four characters 0-9A-Z."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(digits[number // 36**place % 36] for place in (3, 2, 1, 0))


def engines(settings: Settings) -> Pool:
    """Every kind of engine, in one table."""
    store = Store(settings.weights_folder)
    trusted = {model.name for model in settings.models}
    return Pool(
        {
            "echo": EchoEngine,
            "e5": E5Engine,
            "llama_cpp": lambda model: llama_cpp(settings, store, model),
            "openai": lambda model: OpenAIEngine(
                model,
                trusted=model.name in trusted,
                upstream_hosts=settings.upstream_hosts,
                limits=Limits(total_seconds=settings.generation_seconds),
            ),
            "rapidocr": RapidOCREngine,
            "voices": lambda model: VoicesEngine(model, partial(store.require, weights_of(model))),
            "whisper": lambda model: WhisperEngine(model, partial(store.view, weights_of(model))),
        }
    )


def llama_cpp(settings: Settings, store: Store, model: Model) -> LlamaCppEngine:
    if model.skill is not Skill.CHAT:
        raise Misconfigured(
            f"The engine 'llama_cpp' is for chat, not for {model.skill.value}.", action="Choose another engine."
        )
    return LlamaCppEngine(
        store.path(model.digest),
        threads=settings.engine_threads,
        slots=settings.engine_slots,
        context_tokens=settings.engine_context_tokens,
        memory_mib=settings.engine_memory_mib,
        prompt_cache_mib=settings.engine_prompt_cache_mib,
        generation_seconds=settings.generation_seconds,
    )
