"""What is searched and cited: a few sentences of a source, with their place in it."""

from __future__ import annotations

from msgspec import Struct


class Passage(Struct, frozen=True, omit_defaults=True):
    """A stretch of one source. Places that a source does not have (pages, seconds) are 0."""

    id: str
    """`<source>.<number from 0>`: the same each time the same source is chunked."""
    source: str
    """Id of the document, recording or product it comes from."""
    text: str
    heading: str = ""
    """The headings it stands under, outermost first, joined by ` › `."""
    page: int = 0
    """From 1. A passage never runs over two pages."""
    first_block: int = 0
    last_block: int = 0
    """Numbers (`Piece.block`) of the first and last block it holds something of."""
    start_seconds: float = 0
    end_seconds: float = 0

    @property
    def with_heading(self) -> str:
        """What an embedding is made of, and what a model reads: a text says little without what it stands under."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text
