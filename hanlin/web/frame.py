"""What every page shows around its content: language, appearance, who looks at it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in person, as the page addresses them."""

    id: str
    name: str
    role: str
    chats: bool
    """Whether this person may use the chat."""
    console: tuple[str, ...]
    """Console pages this person may open, in order."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The variables of layout.html."""

    language: str
    theme: str
    """`light`, `dark`, or "" for what the system prefers."""
    path: str
    csrf: str
    operator: str
    viewer: Viewer | None = None
    notice: str = ""
