"""Rows of translations. Every row names its workspace and person, or hangs on one that does; it goes with them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

import hanlin.accounts  # noqa: F401 - declares the tables that the foreign keys name
from hanlin.storage import metadata


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    )


translations = Table(
    "translations",
    metadata,
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
    Index("ix_translations_person_id", "person_id", "workspace_id", "created_at"),
    Index("ix_translations_file_id", "file_id"),
)

segments = Table(
    "translation_segments",
    metadata,
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
    Index("ix_translation_segments_source_hash", "translation_id", "source_hash"),
)

glossaries = Table(
    "glossaries",
    metadata,
    Column("id", String(40), primary_key=True),
    *_owner(),
    Column("name", String(120), nullable=False),
    Column("source", String(12), nullable=False),
    Column("target", String(12), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("ix_glossaries_workspace_id", "workspace_id", "name"),
)

terms = Table(
    "glossary_terms",
    metadata,
    Column("glossary_id", String(40), ForeignKey("glossaries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("source", String(400), nullable=False),
    Column("target", String(400), nullable=False),
    Column("note", String(400), nullable=False),
)

memory = Table(
    "translation_memory",
    metadata,
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
    Index("ix_translation_memory_characters", "workspace_id", "target_language", "characters"),
)
