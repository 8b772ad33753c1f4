"""The entrance examinations of models that do something else than chat: made-up sounds, pictures and a few sentences.

Each asks what can be judged without a person: a right shape, the same answer twice, near things nearer than far ones.
They say nothing of how well a model hears or reads; `benchmarks/` measures that.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hanlin import sound
from hanlin.errors import HanlinError
from hanlin.registry.records import Answer
from hanlin.types import (
    ChatRequest,
    Chunk,
    Detail,
    Generation,
    Media,
    Message,
    Model,
    Recognised,
    Skill,
    Spoken,
    Vectors,
    new_id,
)

SUITES = {
    Skill.TRANSCRIPTION: "transcription-1",
    Skill.EMBEDDING: "embedding-1",
    Skill.RECOGNITION: "recognition-1",
    Skill.VOICES: "voices-1",
}
PAIRS = (
    ("猫在沙发上睡着了。", "The cat fell asleep on the sofa."),
    ("股票市场今天大跌。", "The stock market fell sharply today."),
    ("明天下午会下大雨。", "Heavy rain is expected tomorrow afternoon."),
)
DRAWN = "HANLIN 2026"

Generate = Callable[[Generation], AsyncIterator[Chunk]]
Floats = npt.NDArray[np.float32]


class Candidate:
    """The model that is examined, and a folder for what it is shown."""

    def __init__(self, model: Model, generate: Generate, folder: Path) -> None:
        self._model = model
        self._generate = generate
        self.folder = folder

    async def ask(self, texts: Sequence[str] = ("",), media: Media | None = None) -> tuple[str, Detail | None]:
        """The text and the detail of an answer."""
        messages = [Message("user", text) for text in texts]
        chat = ChatRequest(model=self._model.name, messages=messages, temperature=0)
        job = Generation(new_id("req"), self._model, chat, self._model.max_output_tokens, media)
        text: list[str] = []
        detail: Detail | None = None
        async with aclosing(self._generate(job)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                text += [choice.delta.content for choice in chunk.choices if choice.delta.content]
                detail = chunk.detail or detail
        return "".join(text), detail

    async def vectors(self, texts: Sequence[str] = ("",), media: Media | None = None) -> Floats:
        _, detail = await self.ask(texts, media)
        rows = detail.rows if isinstance(detail, Vectors) else ()
        return np.stack([np.frombuffer(row, "<f4") for row in rows]) if rows else np.zeros((0, 1), np.float32)

    def sound(self, samples: Floats) -> str:
        path = str(self.folder / "sound.wav")
        with sound.create(path) as file:
            file.writeframes((samples * 32_000).astype("<i2").tobytes())
        return path


Judge = Callable[[Candidate], Awaitable[str]]
"""Returns "" when the model does as it should, else what is wrong. Never quotes an answer."""


async def sit(model: Model, generate: Generate) -> tuple[Answer, ...]:
    """The answers of `model` to the examination of its skill, one after another, each tried twice if need be."""
    with tempfile.TemporaryDirectory(prefix="hanlin-examination-") as folder:
        candidate = Candidate(model, generate, Path(folder))
        return tuple([await _judged(name, judge, candidate) for name, judge in QUESTIONS[model.skill]])


async def _judged(name: str, judge: Judge, candidate: Candidate) -> Answer:
    fault = ""
    for _ in range(2):
        try:
            fault = await judge(candidate)
        except HanlinError as error:
            fault = f"{error.code}: {error.message}"
        if not fault:
            return Answer(name, passed=True, detail="")
    return Answer(name, passed=False, detail=fault)


def tone(hertz: float, seconds: float, formant_hertz: float) -> Floats:
    """Something like a held vowel: harmonics of a pitch, loudest round one formant, rising and falling."""
    times = np.arange(int(seconds * sound.SAMPLE_RATE)) / sound.SAMPLE_RATE
    harmonics = np.arange(hertz, 4000, hertz)
    loudness = 1 / (1 + ((harmonics - formant_hertz) / 200) ** 2)
    waves = (loudness[:, None] * np.sin(2 * np.pi * harmonics[:, None] * times)).sum(axis=0)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 3 * times)
    made: Floats = (0.5 * swell * waves / np.abs(waves).max()).astype(np.float32)
    return made


async def _silent(candidate: Candidate) -> str:
    path = candidate.sound(np.zeros(3 * sound.SAMPLE_RATE, np.float32))
    text, detail = await candidate.ask(media=Media(path))
    if not isinstance(detail, Spoken):
        return "expected the times of a transcription, got none"
    return f"expected no words in silence, got {len(text)} characters" if text.strip() else ""


async def _shaped(candidate: Candidate) -> str:
    path = candidate.sound(tone(140, 4, 700))
    text, detail = await candidate.ask(media=Media(path, language="en"))
    if not isinstance(detail, Spoken):
        return "expected the times of a transcription, got none"
    if detail.text != text:
        return "expected the segments to hold the text that was answered"
    times = [time for one in detail.segments for time in (one.start_seconds, one.end_seconds)]
    inside = all(0 <= time <= 4.5 for time in times)
    return "" if inside and times == sorted(times) else "expected times in order and within the sound"


async def _same_words(candidate: Candidate) -> str:
    path = candidate.sound(tone(180, 3, 900))
    first, second = [await candidate.ask(media=Media(path, language="en")) for _ in range(2)]
    return "" if first == second else "expected the same answer to the same sound"


async def _length(candidate: Candidate) -> str:
    vectors = await candidate.vectors([text for pair in PAIRS for text in pair])
    if len(vectors) != 2 * len(PAIRS):
        return f"expected {2 * len(PAIRS)} vectors, got {len(vectors)}"
    return "" if np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3) else "expected vectors of length 1"


async def _nearness(candidate: Candidate) -> str:
    vectors = await candidate.vectors([text for pair in PAIRS for text in pair])
    if len(vectors) != 2 * len(PAIRS):
        return f"expected {2 * len(PAIRS)} vectors, got {len(vectors)}"
    nearest = (vectors[0::2] @ vectors[1::2].T).argmax(axis=1)
    right = int((nearest == np.arange(len(PAIRS))).sum())
    return "" if right == len(PAIRS) else f"expected {len(PAIRS)} sentences nearest their translations, {right} are"


async def _same_vectors(candidate: Candidate) -> str:
    first, second = [await candidate.vectors([PAIRS[0][0]]) for _ in range(2)]
    same = len(first) == len(second) == 1 and np.allclose(first, second, atol=1e-3)
    return "" if same else "expected the same vector"


async def _drawn(candidate: Candidate) -> str:
    path = await asyncio.to_thread(_draw, candidate.folder, DRAWN)
    text, detail = await candidate.ask(media=Media(path))
    if not isinstance(detail, Recognised):
        return "expected the lines of a recognition, got none"
    return "" if "".join(text.split()) == "".join(DRAWN.split()) else f"expected {DRAWN!r}, read something else"


async def _blank(candidate: Candidate) -> str:
    path = await asyncio.to_thread(_draw, candidate.folder, "")
    text, _ = await candidate.ask(media=Media(path))
    return "" if not text.strip() else f"expected no text in an empty picture, got {len(text)} characters"


def _draw(folder: Path, text: str) -> str:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (480, 120), "white")
    ImageDraw.Draw(picture).text((30, 30), text, fill="black", font=ImageFont.load_default(48))
    path = folder / "drawn.png"
    picture.save(path)
    return str(path)


async def _same_voice(candidate: Candidate) -> str:
    """One made-up voice twice, and another one between."""
    path = candidate.sound(np.concatenate([tone(110, 2, 500), tone(230, 2, 1800), tone(110, 2, 500)]))
    vectors = await candidate.vectors(media=Media(path, windows=((0, 2), (2, 4), (4, 6))))
    if len(vectors) != 3 or not np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3):
        return f"expected 3 vectors of length 1, got {len(vectors)}"
    same, other = float(vectors[0] @ vectors[2]), float(vectors[0] @ vectors[1])
    return "" if same > other else "expected a voice nearer to itself than to another one"


QUESTIONS: dict[Skill, tuple[tuple[str, Judge], ...]] = {
    Skill.TRANSCRIPTION: (("silence", _silent), ("shape", _shaped), ("repeated", _same_words)),
    Skill.EMBEDDING: (("length", _length), ("nearness", _nearness), ("repeated", _same_vectors)),
    Skill.RECOGNITION: (("drawn", _drawn), ("blank", _blank)),
    Skill.VOICES: (("voices", _same_voice),),
}
