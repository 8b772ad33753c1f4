"""Rows of the fingerprint index and of what was handed out unlabelled.

Persons are ids without a foreign key: an erased person's fingerprints go by `Index.erase`, and the log of recipients
outlives the account for as long as it must be kept.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from hanlin.storage import metadata

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up only an INTEGER, which has 64 bits there."""

fingerprints = Table(
    "fingerprints",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("produce_id", String(64), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("request_id", String(40), nullable=False),
    Column("workspace_id", String(40), nullable=False),
    Column("person_id", String(40), nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("watermark", BigInteger),
    Column("value", LargeBinary, nullable=False),
    Column("buckets", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("ix_fingerprints_produce_id", "produce_id", "kind", unique=True),
    Index("ix_fingerprints_watermark", "watermark"),
    Index("ix_fingerprints_person_id", "person_id"),
    Index("ix_fingerprints_made_at", "made_at"),
)
"""`buckets` repeats the entry's rows in `fingerprint_buckets`, which are deleted by it: they have no index by entry."""

fingerprint_buckets = Table(
    "fingerprint_buckets",
    metadata,
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("fingerprint", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which entries have a key. The greater part of the index, so a row is two numbers."""

agreements = Table(
    "label_agreements",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", String(40), nullable=False),
    Column("person_id", String(40), nullable=False),
    Column("text_version", String(80), nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_by", String(40)),
    Index("ix_label_agreements_workspace_id", "workspace_id"),
)

handouts = Table(
    "label_handouts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", String(40), nullable=False),
    Column("person_id", String(40), nullable=False),
    Column("agreement_id", String(40), nullable=False),
    Column("produce_id", String(64), nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("recipient", String(400), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_label_handouts_workspace_id", "workspace_id", "id"),
    Index("ix_label_handouts_at", "at"),
)
"""To whom something went without its visible label (Measures, art. 9: kept for at least six months)."""
