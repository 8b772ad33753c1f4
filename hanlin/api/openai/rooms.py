"""What the endpoints need of the house, as one frozen bundle that `app` fills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from hanlin.api.asgi import Header
from hanlin.files import Files
from hanlin.policy import Judgement
from hanlin.policy.pictures import PictureVerdict
from hanlin.policy.ruleset import Where
from hanlin.registry import ServiceRecord
from hanlin.sandbox import Sandbox
from hanlin.service import Pipeline, Seals
from hanlin.types import Actor, Service


class Moderate(Protocol):
    """Judges a text by a policy's input or output rules; "" is the policy that holds for the actor.

    Raises NotFound for an unknown policy.
    """

    async def __call__(self, actor: Actor, policy: str, text: str, where: Where = "input", /) -> Judgement: ...


@dataclass(frozen=True, slots=True)
class Rooms:
    pipeline: Pipeline
    known_key: Callable[[str], Actor | None]
    """The actor of a key seen within the last seconds: a dictionary look-up."""
    authenticate: Callable[[str], Awaitable[Actor]]
    services: Callable[[Actor], list[ServiceRecord]]
    limit_headers: Callable[[Actor], list[Header]]
    seals: Seals
    files: Files
    listening: Sandbox
    """Where sound of strangers is decoded."""
    operator: str
    started_at: int
    request_bytes: int
    moderate: Moderate
    policy_of: Callable[[Service, Actor], str] = lambda service, _: service.policy
    """The name of the policy that judges what an actor asks of a service."""
    look: Callable[[bytes], Awaitable[PictureVerdict]] | None = None
    """None where the extra `pictures` is not installed."""
