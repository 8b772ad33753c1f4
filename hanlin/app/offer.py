"""What the settings say is offered: models with their digests, services, and the engines that run them."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec.structs import replace

from hanlin.catalog import Store
from hanlin.engines.echo import EchoEngine
from hanlin.engines.llama_cpp import LlamaCppEngine
from hanlin.engines.openai import OpenAIEngine
from hanlin.engines.pool import Pool
from hanlin.net.connection import Limits
from hanlin.settings import Settings
from hanlin.types import Model, Service


def models(settings: Settings) -> tuple[Model, ...]:
    """What the settings file registers, and the embedded default model before it."""
    if settings.model == "none" or any(model.name == settings.model for model in settings.models):
        return settings.models
    default = Model(name=settings.model, engine="llama_cpp", options={"weights": settings.model})
    return (default, *settings.models)


def services(settings: Settings) -> tuple[Service, ...]:
    """What the settings file offers; without any, the default model as the service `assistant`."""
    if settings.services or settings.model == "none":
        return settings.services
    return (Service(name="assistant", title="Assistant", models=(settings.model,)),)


def identify(model: Model, store: Store, pool: Pool) -> Model:
    """The model with its digest and what the catalog knows of its weights.

    Weights are known by their SHA-256; an upstream's model by what is declared of it, so that a changed address or name
    asks for a new examination. BadRequest for options that its engine does not take, NotFound for unknown weights.
    """
    if model.engine == "llama_cpp":
        weights = store.find(str(model.options.get("weights", model.name)))
        model = replace(
            model,
            digest=f"sha256:{weights.sha256}",
            publisher=model.publisher or weights.publisher,
            licence=model.licence or weights.licence,
        )
    else:
        declared = msgspec.json.encode([model.engine, model.version, model.options], order="deterministic")
        model = replace(model, digest=f"sha256:{hashlib.sha256(declared).hexdigest()}")
    pool.check(model)
    return replace(model, code=model_code(model))


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
            "llama_cpp": lambda model: LlamaCppEngine(
                store.path(model.digest),
                threads=settings.engine_threads,
                slots=settings.engine_slots,
                context_tokens=settings.engine_context_tokens,
                memory_mib=settings.engine_memory_mib,
                prompt_cache_mib=settings.engine_prompt_cache_mib,
                generation_seconds=settings.generation_seconds,
            ),
            "openai": lambda model: OpenAIEngine(
                model,
                trusted=model.name in trusted,
                upstream_hosts=settings.upstream_hosts,
                limits=Limits(total_seconds=settings.generation_seconds),
            ),
        }
    )
