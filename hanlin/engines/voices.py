"""Stretches of sound to vectors of the voice: GE2E on this machine, for telling speakers apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from msgspec import Struct

from hanlin.engines.child import Child
from hanlin.engines.ge2e import UNITS, embed
from hanlin.engines.options import read_options
from hanlin.engines.protocol import Health
from hanlin.errors import BadRequest
from hanlin.sandbox import Ceilings
from hanlin.types import Choice, Chunk, Delta, Generation, Model, Skill, Usage, Vectors

WINDOWS_AT_ONCE = 200
CEILINGS = Ceilings(seconds=300, memory_mib=1024)


class VoicesOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`options` of a model whose engine is `voices`."""

    weights: str = ""
    """Name in the catalog; empty: the model's."""


class VoicesEngine:
    """`find` gives the file of weights, when it is first needed; it raises NotServing while that is missing."""

    def __init__(self, model: Model, find: Callable[[], Path]) -> None:
        """Raises Misconfigured for options that are not `VoicesOptions`."""
        read_options(model, VoicesOptions, frozenset({Skill.VOICES}))
        self._find = find
        self._child = Child(model.name, CEILINGS)

    async def start(self) -> None:
        """The weights are loaded by the first who asks."""

    async def stop(self) -> None:
        await self._child.close()

    def health(self) -> Health:
        return Health(ready=True, detail="ready")

    async def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        """One chunk with a vector for each window, in order. Tokens are counted as windows."""
        media = job.media
        if media is None:
            raise BadRequest("Telling voices apart needs a sound file.", code="no_media", param="file")
        weights = str(await asyncio.to_thread(self._find))
        rows: list[bytes] = []
        for at in range(0, len(media.windows), WINDOWS_AT_ONCE):
            rows += await self._child.run(embed, weights, media.path, media.windows[at : at + WINDOWS_AT_ONCE])
        usage = Usage(len(rows), 0, len(rows))
        yield Chunk([Choice(0, Delta(role="assistant"), "stop")], usage, detail=Vectors(tuple(rows), UNITS))
