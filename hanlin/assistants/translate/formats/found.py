"""What a file is read into, and the bounds of that."""

from __future__ import annotations

from msgspec import Struct

from hanlin.errors import BadFile

SEGMENTS = 20_000
CHARACTERS = 3_000_000
"""Of all segments of one file: about 1,000 pages."""


class Found(Struct, frozen=True):
    """A segment of a file; its number is its place in the list, from 1."""

    place: str
    """For people: `slide 3`, `Sheet1!B4`; may be empty."""
    source: str


def bounded(found: list[Found]) -> list[Found]:
    """The same, or BadFile when it is more than one translation takes."""
    characters = sum(len(one.source) for one in found)
    if len(found) > SEGMENTS or characters > CHARACTERS:
        raise BadFile(
            f"The file has {len(found):,} segments with {characters:,} characters; one translation takes at most "
            f"{SEGMENTS:,} and {CHARACTERS:,}.",
            action="Split it, and translate the parts.",
            code="too_long",
        )
    return found


def worth_it(text: str) -> bool:
    """Whether there is anything to translate: a letter."""
    return any(letter.isalpha() for letter in text)
