"""Jobs as people see them. Which steps are done stands with DBOS, under the same id."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from hanlin.storage import metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(60), nullable=False),
    Column("person", String(40), nullable=False),
    Column("workspace", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("light", Boolean, nullable=False),
    Column("state", String(16), nullable=False),
    Column("starts", Integer, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("note", String(60), nullable=False),
    Column("code", String(60), nullable=False),
    Column("problem", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Index("ix_jobs_person_workspace", "person", "workspace", "id"),
    Index("ix_jobs_subject", "subject", "id"),
    Index("ix_jobs_state", "state"),
)
"""`person` and `workspace` are pseudonyms without foreign keys, for this room lies below accounts; `erase` deletes.
`scope` is what the key that started it was confined to; `starts` counts starts since the last progress.
"""
