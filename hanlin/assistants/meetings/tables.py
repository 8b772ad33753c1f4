"""Rows of meetings. All of a recording's rows go with it, and it goes with its person or workspace."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table
from sqlalchemy import Text as LongText

import hanlin.accounts  # noqa: F401 - declares the tables that the foreign keys name
from hanlin.storage import metadata


def _of_recording() -> Column[str]:
    return Column(
        "recording_id", String(40), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False, primary_key=True
    )


recordings = Table(
    "recordings",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("title", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("language", String(8), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("held_on", String(10), nullable=False),
    Column("speakers", Integer, nullable=False),
    Column("channels", Boolean, nullable=False),
    Column("hot_words", JSON, nullable=False),
    Column("video", Boolean, nullable=False),
    Column("file", String(40), nullable=False),
    Column("notices", JSON, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
    Column("consent_by", String(40), nullable=False),
    Column("consent_at", BigInteger, nullable=False),
    Column("consent_notice", LongText, nullable=False),
    Column("consent_language", String(8), nullable=False),
    Column("participants", Integer, nullable=False),
    Column("service", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("edited_at", BigInteger, nullable=False),
    Column("indexed", Boolean, nullable=False),
    Index("ix_recordings_workspace_id", "workspace_id", "created_at"),
    Index("ix_recordings_person_id", "person_id"),
    Index("ix_recordings_file", "file"),
)

sounds = Table(
    "recording_sounds",
    metadata,
    _of_recording(),
    Column("channel", Integer, primary_key=True),
    Column("blob", String(40), nullable=False),
)
"""WAV files of 16 kHz: -1 is all channels in one, what people hear; others where each channel is a speaker."""

live_parts = Table(
    "recording_live_parts",
    metadata,
    _of_recording(),
    Column("start_bytes", BigInteger, primary_key=True),
    Column("size_bytes", Integer, nullable=False),
    Column("blob", String(40), nullable=False),
)
"""What was heard live, until it is put together."""

pieces = Table(
    "recording_pieces",
    metadata,
    _of_recording(),
    Column("channel", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("start_seconds", Float, nullable=False),
    Column("end_seconds", Float, nullable=False),
    Column("speech", LargeBinary, nullable=False),
    Column("spoken", LargeBinary, nullable=False),
    Column("voices", LargeBinary, nullable=False),
)
"""What a transcription has so far, in the order of time; gone when its transcript stands."""

speakers = Table(
    "recording_speakers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("recording_id", String(40), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", String(120), nullable=False),
    Index("ix_recording_speakers_recording_id", "recording_id", "number"),
)

segments = Table(
    "recording_segments",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("recording_id", String(40), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("speaker_id", String(40), ForeignKey("recording_speakers.id", ondelete="CASCADE"), nullable=False),
    Column("start_seconds", Float, nullable=False),
    Column("end_seconds", Float, nullable=False),
    Column("text", LongText, nullable=False),
    Column("original", LongText, nullable=False),
    Column("words", LargeBinary, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("corrected_by", String(40), nullable=False),
    Column("corrected_at", BigInteger, nullable=False),
    Index("ix_recording_segments_recording_id", "recording_id", "number"),
    Index("ix_recording_segments_speaker_id", "speaker_id"),
)

subtitles = Table(
    "recording_subtitles",
    metadata,
    Column("segment_id", String(40), ForeignKey("recording_segments.id", ondelete="CASCADE"), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("text", LongText, nullable=False),
    Column("flag", String(20), nullable=False),
    Column("request_id", String(40), nullable=False),
    Column("service", String(200), nullable=False),
)

notes = Table(
    "recording_notes",
    metadata,
    _of_recording(),
    Column("kind", String(20), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("items", LargeBinary, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("request_ids", JSON, nullable=False),
    Column("service", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

drafts = Table(
    "recording_drafts",
    metadata,
    _of_recording(),
    Column("job", String(40), primary_key=True),
    Column("step", String(80), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""What the steps of a job that writes notes hand on to one another; gone when it is done."""

slides = Table(
    "recording_slides",
    metadata,
    _of_recording(),
    Column("number", Integer, primary_key=True),
    Column("start_seconds", Float, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("blob", String(40), nullable=False),
)

hot_words = Table(
    "recording_hot_words",
    metadata,
    Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("word", String(60), primary_key=True),
)
"""Names and terms of a workspace, hints to every transcription in it."""
