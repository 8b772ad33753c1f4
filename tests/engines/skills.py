"""Jobs of other skills than chat, and what comes of them."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hanlin import sound
from hanlin.engines.protocol import Engine
from hanlin.types import ChatRequest, Chunk, Detail, Generation, Media, Message, Model, Vectors, new_id

SHARED = Path(__file__).parents[3] / "shared/data"
WEIGHTS = Path.home() / ".cache/hanlin/weights"


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is absent")
    return path


def job(model: Model, *texts: str, media: Media | None = None) -> Generation:
    messages = [Message("user", text) for text in texts or ("",)]
    return Generation(new_id("req"), model, ChatRequest(model=model.name, messages=messages), 100, media)


async def collect(engine: Engine, asked: Generation) -> list[Chunk]:
    chunks: Any = engine.generate(asked)
    async with aclosing(chunks) as given:
        return [chunk async for chunk in given]


async def answer(engine: Engine, asked: Generation) -> tuple[str, Detail | None]:
    chunks = await collect(engine, asked)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert chunks[-1].usage is not None
    return text, chunks[-1].detail


async def vectors(engine: Engine, asked: Generation) -> npt.NDArray[np.float32]:
    _, detail = await answer(engine, asked)
    assert isinstance(detail, Vectors)
    rows = np.stack([np.frombuffer(row, "<f4") for row in detail.rows])
    assert rows.shape[1] == detail.dimensions
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
    return rows


def write(path: Path, *parts: npt.NDArray[np.float32]) -> str:
    with sound.create(str(path)) as file:
        file.writeframes((np.concatenate(parts) * 32_767).astype("<i2").tobytes())
    return str(path)
