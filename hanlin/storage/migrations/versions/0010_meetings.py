"""Recordings with their sound, transcript, notes, subtitles and slides; hot words."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Integer, LargeBinary, String, Text

revision = "0010_meetings"
down_revision = "0009_documents"


def upgrade() -> None:
    _create_recordings()
    _create_sound()
    _create_transcripts()
    _create_made()
    op.create_table(
        "recording_hot_words",
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
        Column("word", String(60), primary_key=True),
    )


def _create_recordings() -> None:
    op.create_table(
        "recordings",
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
        Column("consent_notice", Text, nullable=False),
        Column("consent_language", String(8), nullable=False),
        Column("participants", Integer, nullable=False),
        Column("service", String(200), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
        Column("edited_at", BigInteger, nullable=False),
        Column("indexed", Boolean, nullable=False),
    )
    op.create_index("ix_recordings_workspace_id", "recordings", ["workspace_id", "created_at"])
    op.create_index("ix_recordings_person_id", "recordings", ["person_id"])
    op.create_index("ix_recordings_file", "recordings", ["file"])


def _create_sound() -> None:
    op.create_table(
        "recording_sounds",
        _of_recording(),
        Column("channel", Integer, primary_key=True),
        Column("blob", String(40), nullable=False),
    )
    op.create_table(
        "recording_live_parts",
        _of_recording(),
        Column("start_bytes", BigInteger, primary_key=True),
        Column("size_bytes", Integer, nullable=False),
        Column("blob", String(40), nullable=False),
    )
    op.create_table(
        "recording_pieces",
        _of_recording(),
        Column("channel", Integer, primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("start_seconds", Float, nullable=False),
        Column("end_seconds", Float, nullable=False),
        Column("speech", LargeBinary, nullable=False),
        Column("spoken", LargeBinary, nullable=False),
        Column("voices", LargeBinary, nullable=False),
    )


def _create_transcripts() -> None:
    op.create_table(
        "recording_speakers",
        Column("id", String(40), primary_key=True),
        Column("recording_id", String(40), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
        Column("number", Integer, nullable=False),
        Column("name", String(120), nullable=False),
    )
    op.create_index("ix_recording_speakers_recording_id", "recording_speakers", ["recording_id", "number"])
    op.create_table(
        "recording_segments",
        Column("id", String(40), primary_key=True),
        Column("recording_id", String(40), ForeignKey("recordings.id", ondelete="CASCADE"), nullable=False),
        Column("number", Integer, nullable=False),
        Column("speaker_id", String(40), ForeignKey("recording_speakers.id", ondelete="CASCADE"), nullable=False),
        Column("start_seconds", Float, nullable=False),
        Column("end_seconds", Float, nullable=False),
        Column("text", Text, nullable=False),
        Column("original", Text, nullable=False),
        Column("words", LargeBinary, nullable=False),
        Column("confidence", Float, nullable=False),
        Column("corrected_by", String(40), nullable=False),
        Column("corrected_at", BigInteger, nullable=False),
    )
    op.create_index("ix_recording_segments_recording_id", "recording_segments", ["recording_id", "number"])
    op.create_index("ix_recording_segments_speaker_id", "recording_segments", ["speaker_id"])
    op.create_table(
        "recording_subtitles",
        Column("segment_id", String(40), ForeignKey("recording_segments.id", ondelete="CASCADE"), primary_key=True),
        Column("language", String(8), primary_key=True),
        Column("text", Text, nullable=False),
        Column("flag", String(20), nullable=False),
        Column("request_id", String(40), nullable=False),
        Column("service", String(200), nullable=False),
    )


def _create_made() -> None:
    op.create_table(
        "recording_notes",
        _of_recording(),
        Column("kind", String(20), primary_key=True),
        Column("language", String(8), primary_key=True),
        Column("items", LargeBinary, nullable=False),
        Column("left_out", Integer, nullable=False),
        Column("request_ids", JSON, nullable=False),
        Column("service", String(200), nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_table(
        "recording_drafts",
        _of_recording(),
        Column("job", String(40), primary_key=True),
        Column("step", String(80), primary_key=True),
        Column("content", LargeBinary, nullable=False),
    )
    op.create_table(
        "recording_slides",
        _of_recording(),
        Column("number", Integer, primary_key=True),
        Column("start_seconds", Float, nullable=False),
        Column("width", Integer, nullable=False),
        Column("height", Integer, nullable=False),
        Column("size_bytes", Integer, nullable=False),
        Column("blob", String(40), nullable=False),
    )


def _of_recording() -> Column[str]:
    return Column("recording_id", String(40), ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True)


def downgrade() -> None:
    for table in (
        "recording_hot_words",
        "recording_slides",
        "recording_drafts",
        "recording_notes",
        "recording_subtitles",
        "recording_segments",
        "recording_speakers",
        "recording_pieces",
        "recording_live_parts",
        "recording_sounds",
        "recordings",
    ):
        op.drop_table(table)
