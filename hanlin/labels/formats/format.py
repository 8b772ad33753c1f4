"""One kind of file: how to know it, to read its labels and to write one. Each module of this folder makes some."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from hanlin.labels.found import Found
from hanlin.labels.imprint import Imprint

Piece = bytes | memoryview
"""Part of a file to be written: new bytes, or a view of the old ones, so that what is big is never copied."""


class Modality(StrEnum):
    PICTURE = "picture"
    SOUND = "sound"
    VIDEO = "video"
    TEXT = "text"


class Format(Struct, frozen=True):
    """What the room knows of one kind of file."""

    name: str
    """Short and lower-case, as people end file names: `png`, `m4a`, `docx`."""
    media_types: tuple[str, ...]
    """The first is the one we answer with."""
    modality: Modality
    read: Callable[[memoryview], list[Found]]
    """Every label in the file, in its order. Raises BadFile when the file is broken before its labels are known."""
    write: Callable[[memoryview, Imprint], list[Piece]]
    """The file with exactly this one label: others are replaced, everything else stays as it is, byte for byte where
    the format allows. Raises BadFile."""
