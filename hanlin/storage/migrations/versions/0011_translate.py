"""Translations of files, their segments, glossaries with their terms, and the memory of each workspace."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Text, UniqueConstraint

revision = "0011_translate"
down_revision = "0010_meetings"


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "translations",
        Column("id", String(40), primary_key=True),
        *_owner(),
        Column("file_id", String(40), nullable=False),
        Column("name", String(255), nullable=False),
        Column("kind", String(8), nullable=False),
        Column("source", String(12), nullable=False),
        Column("target", String(12), nullable=False),
        Column("service", String(200), nullable=False),
        Column("glossaries", Text, nullable=False),
        Column("use_memory", Boolean, nullable=False),
        Column("read", Boolean, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
    )
    op.create_index("ix_translations_person_id", "translations", ["person_id", "workspace_id", "created_at"])
    op.create_index("ix_translations_file_id", "translations", ["file_id"])
    op.create_table(
        "translation_segments",
        Column("translation_id", String(40), ForeignKey("translations.id", ondelete="CASCADE"), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("place", String(200), nullable=False),
        Column("role", String(40), nullable=False),
        Column("source", Text, nullable=False),
        Column("source_hash", String(32), nullable=False),
        Column("target", Text, nullable=False),
        Column("language", String(12), nullable=False),
        Column("flags", String(200), nullable=False),
        Column("origin", String(8), nullable=False),
        Column("approved", Boolean, nullable=False),
        Column("service", String(200), nullable=False),
        Column("request_id", String(40), nullable=False),
    )
    op.create_index("ix_translation_segments_source_hash", "translation_segments", ["translation_id", "source_hash"])
    op.create_table(
        "glossaries",
        Column("id", String(40), primary_key=True),
        *_owner(),
        Column("name", String(120), nullable=False),
        Column("source", String(12), nullable=False),
        Column("target", String(12), nullable=False),
        Column("shared", Boolean, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
    )
    op.create_index("ix_glossaries_workspace_id", "glossaries", ["workspace_id", "name"])
    op.create_table(
        "glossary_terms",
        Column("glossary_id", String(40), ForeignKey("glossaries.id", ondelete="CASCADE"), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("source", String(400), nullable=False),
        Column("target", String(400), nullable=False),
        Column("note", String(400), nullable=False),
    )
    op.create_table(
        "translation_memory",
        Column("id", String(40), primary_key=True),
        *_owner(),
        Column("source_language", String(12), nullable=False),
        Column("target_language", String(12), nullable=False),
        Column("source_hash", String(32), nullable=False),
        Column("source", Text, nullable=False),
        Column("target", Text, nullable=False),
        Column("characters", Integer, nullable=False),
        Column("at", BigInteger, nullable=False),
        UniqueConstraint("workspace_id", "target_language", "source_hash", name="uq_translation_memory_source_hash"),
    )
    op.create_index(
        "ix_translation_memory_characters", "translation_memory", ["workspace_id", "target_language", "characters"]
    )


def downgrade() -> None:
    for table in ("translation_memory", "glossary_terms", "glossaries", "translation_segments", "translations"):
        op.drop_table(table)
