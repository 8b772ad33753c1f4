"""Speech to text on this machine: Whisper's weights run by CTranslate2 (faster-whisper), one core, piece by piece.

The sound is cut where nobody speaks, into pieces of at most half a minute, which is what Whisper hears at once. So
memory is bounded, pieces of several requests take turns, and what was heard goes out while the rest is still to come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from hanlin.engines.child import Child
from hanlin.engines.options import read_options
from hanlin.engines.protocol import Health
from hanlin.engines.whisper_child import Asked, Heard, hear, plan
from hanlin.errors import BadRequest
from hanlin.sandbox import Ceilings
from hanlin.types import Choice, Chunk, Delta, Generation, Model, Segment, Skill, Spoken, Usage, Word

PIECE_SECONDS = 900
"""The longest that one piece of half a minute may take: a large model on a busy core."""
SPARE_MIB = 1536
"""For the work, above twice the weights: they are read, then turned into 8-bit numbers."""


class WhisperOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`options` of a model whose engine is `whisper`."""

    weights: str = ""
    """Name in the catalog; empty: the model's."""
    beam_size: Annotated[int, Meta(ge=1, le=10)] = 5
    threads: Annotated[int, Meta(ge=1, le=64)] = 1
    chinese: Literal["simplified", "traditional", "as_heard"] = "simplified"
    """The script of Mandarin; Whisper writes now one, now the other."""


class WhisperEngine:
    """`folder` gives the place of the weights when they are first needed; it raises NotServing without them."""

    def __init__(self, model: Model, folder: Callable[[], Path]) -> None:
        """Raises Misconfigured for options that are not `WhisperOptions`."""
        self._options = read_options(model, WhisperOptions, frozenset({Skill.TRANSCRIPTION}))
        self._name = model.name
        self._find = folder
        self._folder = ""
        self._child: Child | None = None

    async def start(self) -> None:
        """The weights are loaded by the first who asks."""

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.close()

    def health(self) -> Health:
        return Health(ready=True, detail="loaded at the first request" if self._child is None else "ready")

    async def generate(self, job: Generation) -> AsyncIterator[Chunk]:
        """A chunk for each segment, then one with the usage and the times. Tokens are counted as seconds of sound."""
        media = job.media
        if media is None:
            raise BadRequest("A transcription needs a sound file.", code="no_media", param="file")
        child = await self._open()
        asked = Asked(
            folder=self._folder,
            path=media.path,
            language=media.language,
            translate=media.translate,
            hint=next((one.text() for one in reversed(job.chat.messages) if one.role == "user"), ""),
            beam_size=self._options.beam_size,
            threads=self._options.threads,
            chinese=self._options.chinese,
        )
        pieces, seconds = await child.run(plan, media.path, media.start_seconds, media.end_seconds)
        told = Told(media.language)
        yield Chunk([Choice(0, Delta(role="assistant"))])
        for piece in pieces:
            heard = await child.run(hear, replace(asked, expected=told.likely), piece)
            for text in told.take(heard):
                yield Chunk([Choice(0, Delta(content=text))])
        spoken = Spoken(tuple(told.segments), told.likely or "", seconds)
        used = Usage(round(seconds), len(told.segments), round(seconds) + len(told.segments))
        yield Chunk([Choice(0, Delta(), "stop")], used, detail=spoken)

    async def _open(self) -> Child:
        if self._child is None:
            folder = await asyncio.to_thread(self._find)
            size = sum(file.stat().st_size for file in folder.iterdir())
            self._folder = str(folder)
            self._child = Child(self._name, Ceilings(PIECE_SECONDS, SPARE_MIB + 2 * size // 2**20))
        return self._child


class Told:
    """What has been told so far, and which language it mostly is in."""

    def __init__(self, language: str) -> None:
        self.segments: list[Segment] = []
        self._given = language
        self._seconds: dict[str, float] = {}

    @property
    def likely(self) -> str:
        """The language given, or the one most was said in; "" before anything was."""
        return self._given or max(self._seconds, key=lambda code: self._seconds[code], default="")

    def take(self, heard: Heard) -> list[str]:
        """Add the segments of a piece; their texts. The first of all begins without a blank."""
        segments = list(heard.segments)
        if segments and not self.segments:
            segments[0] = _without_blank(segments[0])
        self.segments += segments
        said = sum(one.end_seconds - one.start_seconds for one in segments)
        self._seconds[heard.language] = self._seconds.get(heard.language, 0) + said
        return [segment.text for segment in segments]


def _without_blank(segment: Segment) -> Segment:
    words = segment.words
    if words:
        words = (Word(words[0].text.lstrip(), *_times(words[0])), *words[1:])
    return replace(segment, text=segment.text.lstrip(), words=words)


def _times(word: Word) -> tuple[float, float, float]:
    return word.start_seconds, word.end_seconds, word.probability
