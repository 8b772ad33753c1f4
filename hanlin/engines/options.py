"""Reading a model's `options` into the engine's own struct."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from hanlin.errors import Misconfigured
from hanlin.types import Model, Skill

T = TypeVar("T")


def read_options(model: Model, kind: type[T], skills: frozenset[Skill]) -> T:
    """The options of `model`, every field checked. Raises Misconfigured, also for a skill the engine does not have."""
    if model.skill not in skills:
        raise Misconfigured(
            f"The engine {model.engine!r} is not for {model.skill.value}, which model {model.name!r} says it does.",
            action=f"Set `skill` to {' or '.join(sorted(skill.value for skill in skills))}, or choose another engine.",
        )
    try:
        return msgspec.convert(model.options, kind)
    except msgspec.ValidationError as error:
        raise Misconfigured(
            f"Options of model {model.name!r} for the engine {model.engine!r}: {error}.",
            action="Mend the model's options.",
        ) from None
