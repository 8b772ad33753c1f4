"""What every engine offers: generate, and say whether it can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from hanlin.types import Chunk, Generation


class Health(Struct, frozen=True):
    """Whether the engine takes work now, and in words what it is doing or why it does not."""

    ready: bool
    detail: str = ""


class Engine(Protocol):
    """What generates for one model.

    Each choice of an answer gets exactly one `finish_reason`; the last chunk carries `usage`; a streaming request gives
    many chunks, any other one. Closing the iterator stops the work within a second.
    """

    def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        """The answer. Raises BadRequest, TooMany, NotServing, EngineFailed or EngineTimeout from the iterator."""
        ...

    async def start(self) -> None:
        """Begin to get ready; returns at once, and `health` says how it goes."""
        ...

    async def stop(self) -> None:
        """End all work and give back what is held."""
        ...

    def health(self) -> Health: ...
