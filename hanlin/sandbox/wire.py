"""What parent and child say to one another, a line of JSON each."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct


class Call(Struct):
    function: str
    """`package.module:name`."""
    arguments: list[Any]


class Answer(Struct):
    value: Raw = Raw(b"null")
    error: tuple[str, str, str] | None = None
    """Code, message, action."""
