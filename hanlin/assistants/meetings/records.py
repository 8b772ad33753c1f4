"""What a recording and all that is made of it are. Times of day are Unix seconds; `…_seconds` count from the beginning
of the recording.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Title = Annotated[str, Meta(max_length=200)]
HotWord = Annotated[str, Meta(min_length=1, max_length=60)]


class State(StrEnum):
    """How far a recording is."""

    WAITING = "waiting"
    """Consent is on record; the sound is still to come, as an upload or live."""
    LIVE = "live"
    TRANSCRIBING = "transcribing"
    """Its job says how far; a failed job leaves it here, and can be tried again."""
    READY = "ready"


class Consent(Struct, frozen=True, forbid_unknown_fields=True):
    """That everybody who is heard knows of the recording and agrees. Without it nothing is recorded or transcribed."""

    confirmed: bool
    """The person who asks states that the notice was given and nobody objected."""
    language: str = "en"
    """In which the notice was given: `en` or `zh`."""
    participants: Annotated[int, Meta(ge=0, le=1000)] = 0
    """How many were told; 0: not counted."""


class NewRecording(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for with a recording."""

    title: Title = ""
    """Empty: the file's name."""
    language: Annotated[str, Meta(pattern=r"^([a-z]{2,3})?\Z")] = ""
    """ISO 639-1 code of the speech; empty: to be found out."""
    speakers: Annotated[int, Meta(ge=0, le=20)] = 0
    """How many speak at most; 0: to be found out, 1: no telling apart."""
    channels: bool = False
    """Each channel of the file is one speaker."""
    held_on: Annotated[str, Meta(pattern=r"^(\d{4}-\d\d-\d\d)?\Z")] = ""
    """The day it took place, ISO 8601; to-dos are dated by it. Empty: today."""
    hot_words: Annotated[tuple[HotWord, ...], Meta(max_length=100)] = ()


class Recording(Struct, frozen=True):
    id: str
    """`rec_…`"""
    title: str
    state: State
    person: str
    """Its owner, the only one who changes it."""
    workspace: str
    shared: bool
    """Everybody in the workspace may read, hear, ask and export."""
    language: str
    seconds: float
    held_on: str
    speakers: int
    """As asked for; 0: found out."""
    channels: bool
    hot_words: tuple[str, ...]
    video: bool
    file: str
    """The upload it was made of, or empty: live, or erased since."""
    notices: tuple[str, ...]
    """Words for what could not be done: `no_voices` (one speaker), `no_embedding`, `damaged`, `no_speech`."""
    consent_by: str
    consent_at: int
    consent_notice: str
    """The text that was shown."""
    consent_language: str
    participants: int
    service: str
    """What transcribed it."""
    created_at: int
    changed_at: int
    edited_at: int
    """When its transcript was last written or corrected; 0 before there is one."""


class Speaker(Struct, frozen=True):
    """One voice. Which voice is whose is approximate: people name, merge and reassign."""

    id: str
    """`spk_…`"""
    number: int
    """From 1, in the order of their first words: the name until somebody gives one."""
    name: str
    """Empty until somebody gives one."""
    seconds: float
    """How long they speak in all."""


class Excerpt(Struct, frozen=True):
    """A passage to recognise a voice by."""

    segment: str
    start_seconds: float
    end_seconds: float
    text: str


class SpokenWord(Struct, frozen=True, array_like=True):
    text: str
    """With the blank before it, where its script has one."""
    start_seconds: float
    end_seconds: float
    probability: float


class Utterance(Struct, frozen=True):
    """A stretch of one speaker's speech, about a sentence: what the page shows as one segment."""

    id: str
    """`seg_…`"""
    number: int
    """From 1, in the order of time."""
    speaker: str
    """Id of the Speaker."""
    start_seconds: float
    end_seconds: float
    text: str
    original: str
    """What was recognised, when somebody corrected the text; else empty."""
    corrected_by: str
    corrected_at: int
    confidence: float
    """Mean probability of its words, 0 to 1."""
    words: tuple[SpokenWord, ...]


class Page(Struct, frozen=True):
    """Some of a transcript."""

    segments: tuple[Utterance, ...]
    speakers: tuple[Speaker, ...]
    """All of the recording's."""
    total: int
    """Segments of the recording, or that hold what was searched for."""
    next: int
    """Number to go on from; 0 at the end."""


NoteKind = Literal[
    "summary",
    "chapters",
    "speakers",
    "questions",
    "decisions",
    "todos",
    "key_sentences",
    "keywords",
    "mind_map",
]
NOTE_KINDS: tuple[NoteKind, ...] = (
    "summary",
    "chapters",
    "speakers",
    "questions",
    "decisions",
    "todos",
    "key_sentences",
    "keywords",
    "mind_map",
)


class Note(Struct, frozen=True):
    """One kind of note in one language."""

    kind: NoteKind
    language: str
    items: tuple[dict[str, Any], ...]
    """Each with `segments` (ids; of a long stretch the first and last) and `start_seconds`, `end_seconds` of what it
    comes from, and besides by kind:
    summary {text}; chapters {title, summary}; speakers {speaker, name, text}; questions {question, answer};
    decisions {text}; todos {text, owner, due: ISO date or ""}; key_sentences {text}; keywords {word, count};
    mind_map {topic, children: the same} (one root, at most four levels).
    """
    left_out: int
    """Pieces of the model's answers that failed their check twice."""
    request_ids: tuple[str, ...]
    service: str
    created_at: int
    stale: bool
    """The transcript was changed after it was made."""


class Cited(Struct, frozen=True):
    """Where in which recording an answer comes from."""

    number: int
    """As in the text: [1]."""
    recording: str
    title: str
    segments: tuple[str, ...]
    start_seconds: float
    end_seconds: float
    text: str


class Answer(Struct, frozen=True):
    text: str
    cited: tuple[Cited, ...]
    found: bool
    """False: the recordings do not say it, and `text` says so."""
    request_id: str
    service: str


class Slide(Struct, frozen=True):
    number: int
    start_seconds: float
    width: int
    height: int
    size_bytes: int


class Subtitle(Struct, frozen=True):
    """A segment in another language."""

    segment: str
    start_seconds: float
    end_seconds: float
    text: str
    """Of the transcript."""
    translation: str
    """Empty where none passed its check."""
    flag: str
    """What is doubtful: `untranslated`, `wrong_language`, `missing_number`, `missing`; empty when nothing is."""


class Caption(Struct, frozen=True):
    """What is heard live; a later one with the same number takes its place."""

    number: int
    start_seconds: float
    end_seconds: float
    text: str
    final: bool


class DigestItem(Struct, frozen=True):
    recording: str
    title: str
    held_on: str
    why: str
    """`mine`, `speaker` (my name is a speaker's) or `named` (my name is spoken)."""
    text: str


class Digest(Struct, frozen=True):
    """What a saved task sends: the meetings that concern a person."""

    title: str
    text: str
    request_ids: tuple[str, ...]
    service: str
    items: tuple[DigestItem, ...]
