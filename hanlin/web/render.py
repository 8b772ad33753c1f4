"""Templates to text. A page's context is a frozen dataclass; its fields are all the variables its template has."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hanlin.web.frame import Frame
from hanlin.web.words import WORDS

HERE = Path(__file__).parent
STATIC = HERE / "static"


class Context(Protocol):
    """A frozen dataclass with the page's variables."""

    @property
    def frame(self) -> Frame: ...


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the file's bytes, so that browsers may keep it for ever."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset
    return environment


environment = _environment()


def render(template: str, context: Context, block: str = "") -> str:
    """The page, or only its named `block` (what htmx swaps)."""
    values: dict[str, Any] = {field.name: getattr(context, field.name) for field in fields(context)}  # type: ignore[arg-type]
    values["t"] = WORDS[context.frame.language]
    page = environment.get_template(template)
    if not block:
        return page.render(values)
    return "".join(page.blocks[block](page.new_context(values)))
