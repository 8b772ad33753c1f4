"""What the endpoints need of the house, as one frozen bundle that `app` fills."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hanlin.api.asgi import Header
from hanlin.registry import ServiceRecord
from hanlin.service import Pipeline, Seals
from hanlin.types import Actor


@dataclass(frozen=True, slots=True)
class Rooms:
    pipeline: Pipeline
    known_key: Callable[[str], Actor | None]
    """The actor of a key seen within the last seconds: a dictionary look-up."""
    authenticate: Callable[[str], Awaitable[Actor]]
    services: Callable[[Actor], list[ServiceRecord]]
    limit_headers: Callable[[Actor], list[Header]]
    seals: Seals
    operator: str
    started_at: int
    request_bytes: int
