"""Rows of the policies' versions, of who gets which, and of the samples.

The author of a version is an id without a foreign key: the version stays in the history when its author has gone. A
sample that is a person's own text goes with the person.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text

from hanlin.storage import metadata

versions = Table(
    "policy_versions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", String(12), primary_key=True),
    Column("origin", String(8), nullable=False),
    Column("source", Text, nullable=False),
    Column("note", String(400), nullable=False),
    Column("person_id", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
)

serving = Table(
    "policy_serving",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", String(12), nullable=False),
    Column("origin", String(8), nullable=False),
    Column("at", BigInteger, nullable=False),
)

assignments = Table(
    "policy_assignments",
    metadata,
    Column("workspace_id", String(40), primary_key=True),
    Column("service", String(200), primary_key=True),
    Column("policy", String(64), nullable=False),
)

samples = Table(
    "policy_samples",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("text", Text, nullable=False),
    Column("language", String(2), nullable=False),
    Column("expected", String(8), nullable=False),
    Column("category", String(8), nullable=False),
    Column("origin", String(8), nullable=False),
    Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE")),
    Column("at", BigInteger, nullable=False),
)
