"""What collections, documents and results are. Times are Unix seconds, lengths characters, boxes shares of a page."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, 0 to 1 from the page's upper left corner."""
Length = Literal["short", "medium", "long"]
Shape = Literal["paragraph", "bullets", "table", "simple", "executive"]
"""`simple`: for a child or a newcomer; `executive`: what is to be decided comes first."""
Genre = Literal["letter", "report", "notice", "mail", "speech", "minutes", "plan", "post"]
Tone = Literal["formal", "friendly", "concise", "expand", "simple", "persuasive", "correct"]
"""How a text is to sound; `correct` only mends errors, `expand` and `concise` change its length."""


class DocumentState(StrEnum):
    WAITING = "waiting"
    """Its job has not begun."""
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


class ResultState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ResultKind(StrEnum):
    SUMMARY = "summary"
    POINTS = "points"
    OUTLINE = "outline"
    ANSWER = "answer"
    DRAFT = "draft"
    POLISH = "polish"
    COMPARISON = "comparison"


class Collection(Struct, frozen=True, kw_only=True):
    """Documents that belong together; read by its owner, and by everybody of the workspace when it is shared."""

    id: str
    """`coll_…`"""
    name: str
    """Empty for the personal one: a page shows its own word for "my files"."""
    person: str
    """Who owns it: adds, removes, renames, shares."""
    shared: bool
    personal: bool
    """The one that everybody has without asking; never shared, never removed."""
    documents: int
    created_at: int
    changed_at: int


class Document(Struct, frozen=True, kw_only=True):
    """A file in a collection, and how far it has been read."""

    id: str
    """`doc_…`"""
    collection: str
    person: str
    file: str
    """Id of the file; empty for a pasted text."""
    name: str
    title: str
    """What the document calls itself; may be empty."""
    kind: str
    """`pdf`, `docx` …, as in `reading.Document.kind`; empty until it has been read."""
    media_type: str
    size_bytes: int
    state: DocumentState
    pages: int = 0
    characters: int = 0
    passages: int = 0
    scanned: int = 0
    """Pages that are pictures of text and that nobody could recognise."""
    pictures: bool = False
    """Whether `picture` shows its pages."""
    notices: tuple[str, ...] = ()
    """Keys of the words table: `ocr_missing`, `no_vectors`, and those of `reading.Document.notices`."""
    code: str = ""
    """Code of the error that ended its reading; `problem` and `action` are its sentences."""
    problem: str = ""
    action: str = ""
    job: str = ""
    """Id of the job that reads it."""
    created_at: int


class Citation(Struct, frozen=True, kw_only=True):
    """The sentence that a part of an answer rests on, and where it stands."""

    number: int
    """As it stands in the text: `[2]`."""
    document: str
    name: str
    page: int
    """0 for a document without pages."""
    block: int
    sentence: str
    boxes: tuple[Box, ...] = ()
    """Its lines in the page's picture; empty where the page has none."""


class Change(Struct, frozen=True, kw_only=True):
    """One place in which two versions differ; an empty side was added or taken away."""

    before: str
    after: str
    page_before: int = 0
    page_after: int = 0
    words: str = ""
    """What changed, in a sentence of the model's."""


class Piece(Struct, frozen=True):
    """A run of text in a word-by-word difference."""

    kind: Literal["same", "added", "removed"]
    text: str


class Result(Struct, frozen=True, kw_only=True):
    """Something made of documents, while it is made and after."""

    id: str
    """`work_…`"""
    kind: ResultKind
    state: ResultState
    asked: str = ""
    """The question or instruction; of a polish the text as it was."""
    text: str = ""
    """Markdown with marks `[1]` that `citations` resolves; no link or picture that does not stand in the documents."""
    documents: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    changes: tuple[Change, ...] = ()
    """Of a comparison."""
    pieces: tuple[Piece, ...] = ()
    """Of a polish: the text as it was and as it is, word by word."""
    found: bool = True
    """Of an answer: False when it is not in the documents."""
    thread: str = ""
    """Of an answer: the id of the first answer of its conversation."""
    scope: tuple[str, ...] = ()
    """Of an answer: the documents it was looked for in; empty with an empty `collection`: in all that may be read."""
    collection: str = ""
    notices: tuple[str, ...] = ()
    """Keys of the words table: `cut` (with what the ceiling left out, see `left_out`), `quick`, `no_vectors` …"""
    left_out: int = 0
    """Characters that the ceiling kept out of reading; 0 when everything was read."""
    service: str = ""
    request_ids: tuple[str, ...] = ()
    """Names the receipts of everything the model was asked for it."""
    job: str = ""
    """Id of the job that makes it; empty when it was made at once."""
    code: str = ""
    problem: str = ""
    action: str = ""
    created_at: int


class Hit(Struct, frozen=True, kw_only=True):
    """A passage that was searched for."""

    document: str
    name: str
    collection: str
    page: int
    heading: str
    text: str
    marks: tuple[tuple[int, int], ...]
    """(start, end) in `text` of what matches the words of the query."""
    score: float


class Table(Struct, frozen=True, kw_only=True):
    """A table as it stands in a document."""

    document: str
    page: int
    block: int
    title: str
    """The caption or heading before it; may be empty."""
    rows: tuple[tuple[str, ...], ...]


class Part(Struct, frozen=True, kw_only=True):
    """A block of a document as it is shown beside the page."""

    block: int
    kind: str
    text: str
    level: int
    page: int
    box: Box | None = None
    rows: tuple[tuple[str, ...], ...] = ()


class Entry(Struct, frozen=True):
    """A line of an outline."""

    text: str
    level: int
    page: int
    block: int


class Summary(Struct, frozen=True, kw_only=True):
    """What kind of summary is asked for."""

    length: Length = "medium"
    characters: Annotated[int, Meta(ge=0, le=5000)] = 0
    """About so many characters instead of `length`; 0: as `length` says."""
    shape: Shape = "paragraph"
    language: str = ""
    """`zh`, `en` …; empty: the documents' own."""
    focus: Annotated[str, Meta(max_length=500)] = ""
    """What it should attend to."""
    quick: bool = False
    """Only the best passages go to the model; else every page does."""


class Digest(Struct, frozen=True, kw_only=True):
    """What a saved task gives: one text about what is new."""

    title: str
    text: str
    request_ids: tuple[str, ...]
    service: str
    items: int
    """How many documents it is about; 0: nothing is new, and `text` is empty."""
