"""What a written file is made of."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Part(Struct, frozen=True):
    """One piece of a text, in reading order. Texts are plain: nothing in them is markup, whatever the file's kind."""

    kind: Literal["title", "heading", "text", "list", "table", "quote", "rule"]
    """`list` is one item; items that follow one another are one list."""
    text: str = ""
    level: int = 1
    """Of a heading (1 to 6) or of a list item (1 to 6); numbered from 1."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Of a table, the head first; short rows are filled up."""
    lead: str = ""
    """Words in bold before the text, as a speaker's name before what was said."""
