"""What a file of weights says about itself, and how a file is refused that does not keep its format's rules."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from hanlin.errors import BadRequest

MAX_TENSORS = 1 << 17
"""More than the largest models have; a bound on the work a hostile file can ask for."""


class Header(Struct, frozen=True):
    format: Literal["gguf", "safetensors", "ctranslate2"]
    architecture: str
    """As in the file (`qwen2`); empty when it says nothing."""
    name: str
    parameters: int
    """Elements of all tensors together."""
    quantisation: str
    """`Q4_K_M`, `BF16` …: what the file states, or the type most of its elements have."""
    context_tokens: int
    """Context the model was made for; 0 when the file says nothing."""
    chat_template: bool
    tensors: int
    parts: int = 1
    """More than 1: this file is only one part of the weights."""


def malformed(reason: str) -> BadRequest:
    """The refusal of a file that breaks its format's rules."""
    return BadRequest(
        f"The weights' header is malformed: {reason}.",
        action="Fetch the file again from its publisher; do not load it.",
        code="malformed_weights",
    )


def plain(text: str) -> str:
    """Text from a file, safe to print on one line: printable characters, at most 120."""
    return "".join(character for character in text[:480] if character.isprintable())[:120]
