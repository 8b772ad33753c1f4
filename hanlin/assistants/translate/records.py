"""What a translation, a segment and a glossary are. Times are Unix seconds."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

Code = Annotated[str, Meta(max_length=12)]
"""A language: one of `languages.LANGUAGES`."""


class Flag(StrEnum):
    """Why a segment is doubtful. Found by code, never by the model; a person's approval takes it away."""

    EMPTY = "empty"
    """The model gave nothing."""
    UNTRANSLATED = "untranslated"
    """A copy of the source, or most of one."""
    WRONG_LANGUAGE = "wrong_language"
    MISSING_NUMBER = "missing_number"
    """A number of the source is not in the target, or one stands there that the source has not."""
    GLOSSARY_BROKEN = "glossary_broken"
    PLACEHOLDER_LOST = "placeholder_lost"
    """An address, a placeholder such as `{0}`, or a marker of formatting is gone or doubled."""
    LENGTH_ODD = "length_odd"
    """Much shorter or longer than translations between these languages are."""
    REPEATED = "repeated"
    """The model went round in a loop."""
    REFUSED = "refused"
    """The policy let the text not in, or the answer not out."""


class Origin(StrEnum):
    """Where a target came from."""

    NONE = ""
    """Not translated yet."""
    MODEL = "model"
    MEMORY = "memory"
    """Word for word from the workspace's memory: a person approved it before."""
    REPEAT = "repeat"
    """As an equal segment of the same file."""
    COPY = "copy"
    """Nothing to translate: numbers, addresses, codes, or a text already in the target language."""
    PERSON = "person"


class Filter(StrEnum):
    """Which segments of a translation are listed."""

    ALL = "all"
    FLAGGED = "flagged"
    OPEN = "open"
    """Not approved by a person."""


class Order(Struct, frozen=True):
    """What is wanted of a translation."""

    target: Code
    source: Code = ""
    """"": found out segment by segment."""
    service: Annotated[str, Meta(max_length=200)] = ""
    """"": the first chat service."""
    glossaries: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=16)] = ()
    """Ids. Terms of an earlier one win."""
    use_memory: bool = True


class Segment(Struct, frozen=True, kw_only=True):
    """About a paragraph: what is translated, shown and corrected as one.

    Source and target may hold markers: `<g1>…</g1>` for a stretch with formatting of its own (bold, a link), `<x1/>`
    for what stands in the line and is no text (a picture, a line break, a footnote mark). They must stay.
    """

    number: int
    """From 1, in the order of the file."""
    place: str = ""
    """Where it stands, for people: `slide 3`, `Sheet1!B4`, `00:01:07,200`; may be empty."""
    source: str
    target: str = ""
    language: str = ""
    """Of the source."""
    flags: tuple[Flag, ...] = ()
    origin: Origin = Origin.NONE
    approved: bool = False
    """By a person, as it stands."""
    service: str = ""
    """The one that answered last."""
    request_id: str = ""
    """Names the receipt."""


class Translated(Struct, frozen=True):
    """A text's translation: `text` is its segments joined as the source's were."""

    text: str
    source: str
    target: str
    segments: tuple[Segment, ...]
    done: bool = True
    """False: still being written, and not checked."""

    @property
    def flagged(self) -> int:
        return sum(1 for segment in self.segments if segment.flags)


class Translation(Struct, frozen=True, kw_only=True):
    """A file being translated, or translated; its job is `jobs.of(id)`."""

    id: str
    """`trn_…`"""
    file: str
    """Id of the file it was made of; it goes when the file goes."""
    name: str
    """The file's."""
    kind: str
    """`docx`, `pptx`, `xlsx`, `srt`, `vtt`, `md`, `html`, `txt`, `pdf`."""
    source: str
    """As ordered; "": found out segment by segment."""
    target: str
    service: str
    glossaries: tuple[str, ...]
    use_memory: bool
    read: bool
    """Its segments are known."""
    segments: int
    translated: int
    flagged: int
    approved: int
    created_at: int
    changed_at: int


class Term(Struct, frozen=True, omit_defaults=True):
    """What a glossary wants one expression to be."""

    source: Annotated[str, Meta(min_length=1, max_length=400)]
    target: Annotated[str, Meta(min_length=1, max_length=400)]
    note: Annotated[str, Meta(max_length=400)] = ""


class GlossaryForm(Struct, frozen=True):
    """What its makers say of a glossary."""

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    source: Code
    target: Code
    shared: bool = False
    """With the workspace; else it is its maker's alone."""


class Glossary(Struct, frozen=True, kw_only=True):
    id: str
    """`gls_…`"""
    name: str
    source: str
    target: str
    shared: bool
    mine: bool
    """The asker made it, and may change it; so may an owner of the workspace when it is shared."""
    terms: int
    changed_at: int


class Suggestion(Struct, frozen=True):
    """A segment of the memory that is like one."""

    source: str
    target: str
    likeness: float
    """0.75 to 1; 1 is the same text."""


class Remembered(Struct, frozen=True, kw_only=True):
    """One entry of the workspace's memory."""

    id: str
    """`mem_…`"""
    source_language: str
    target_language: str
    source: str
    target: str
    mine: bool
    at: int
