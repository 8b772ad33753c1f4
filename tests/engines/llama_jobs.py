"""Generations as the tests write them."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from hanlin.types import ChatRequest, Chunk, Generation, Model

MODEL = Model(name="m", engine="llama_cpp")


def job(text: str = "say", *, ceiling: int = 16, **fields: Any) -> Generation:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **fields}
    return Generation("req_1", MODEL, msgspec.convert(body, ChatRequest), ceiling)


async def collect(chunks: AsyncIterator[Chunk]) -> list[Chunk]:
    return [chunk async for chunk in chunks]


def text_of(chunks: list[Chunk], index: int = 0) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices if choice.index == index)


def finish_of(chunks: list[Chunk], index: int = 0) -> list[str]:
    """Every finish_reason the choice got: there must be one."""
    return [c.finish_reason for chunk in chunks for c in chunk.choices if c.index == index and c.finish_reason]
