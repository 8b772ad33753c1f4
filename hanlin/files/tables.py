"""Files and unfinished uploads. Bytes lie in blobs, and until an upload is finished in a folder."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from hanlin.storage import metadata


def _owner() -> tuple[Column[str], Column[str]]:
    return Column("person", String(40), nullable=False), Column("workspace", String(40), nullable=False)


files = Table(
    "files",
    metadata,
    Column("id", String(40), primary_key=True),
    *_owner(),
    Column("name", String(200), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("purpose", String(60), nullable=False),
    Column("blob", String(40), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_files_person_workspace", "person", "workspace", "id"),
)
"""`person` and `workspace` are pseudonyms without foreign keys: whoever goes takes his blobs along (`erase_all`)."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(40), primary_key=True),
    *_owner(),
    Column("name", String(200), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("received_bytes", BigInteger, nullable=False),
    Column("purpose", String(60), nullable=False),
    Column("file_id", String(40), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_uploads_person", "person", "workspace"),
    Index("ix_uploads_expires_at", "expires_at"),
)
"""`file_id` is set when an upload has become a file; the row stays for a day, so that finishing twice is once."""

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("upload_id", String(40), ForeignKey("uploads.id", ondelete="CASCADE"), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_upload_parts_upload_id", "upload_id"),
)
"""Pieces that may come in any order; the order is said when the upload is completed."""
