"""Meetings: recordings with consent, transcripts with speakers, notes, questions, subtitles, exports."""

from hanlin.assistants.meetings.consent import NOTICE_LANGUAGES, notice
from hanlin.assistants.meetings.exports import MEDIA_TYPES as EXPORTS
from hanlin.assistants.meetings.exports import SEALED
from hanlin.assistants.meetings.meetings import PURPOSE, Meetings
from hanlin.assistants.meetings.ranges import byte_range
from hanlin.assistants.meetings.records import (
    NOTE_KINDS,
    Answer,
    Caption,
    Cited,
    Consent,
    Digest,
    DigestItem,
    Excerpt,
    NewRecording,
    Note,
    NoteKind,
    Page,
    Recording,
    Slide,
    Speaker,
    SpokenWord,
    State,
    Subtitle,
    Utterance,
)

__all__ = [
    "EXPORTS",
    "NOTE_KINDS",
    "NOTICE_LANGUAGES",
    "PURPOSE",
    "SEALED",
    "Answer",
    "Caption",
    "Cited",
    "Consent",
    "Digest",
    "DigestItem",
    "Excerpt",
    "Meetings",
    "NewRecording",
    "Note",
    "NoteKind",
    "Page",
    "Recording",
    "Slide",
    "Speaker",
    "SpokenWord",
    "State",
    "Subtitle",
    "Utterance",
    "byte_range",
    "notice",
]
