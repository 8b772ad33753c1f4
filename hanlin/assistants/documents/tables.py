"""Rows of the documents room. Every row names its workspace and its person, and goes when either goes.

The passages stand in the search index besides, each document a space of its own: what of them is searched is decided by
these rows alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

import hanlin.accounts  # noqa: F401 - declares the tables that the foreign keys name
from hanlin.storage import metadata


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("workspace", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    )


collections = Table(
    "document_collections",
    metadata,
    Column("id", String(40), primary_key=True),
    *_owner(),
    Column("name", String(120), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("personal", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("ix_document_collections_workspace", "workspace", "person"),
    Index("ix_document_collections_person", "person"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("collection", String(40), ForeignKey("document_collections.id", ondelete="CASCADE"), nullable=False),
    *_owner(),
    Column("file", String(40), nullable=False),
    Column("blob", String(40), nullable=False),
    Column("name", String(255), nullable=False),
    Column("title", String(300), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("pages", Integer, nullable=False),
    Column("characters", Integer, nullable=False),
    Column("passages", Integer, nullable=False),
    Column("scanned", Integer, nullable=False),
    Column("pictures", Boolean, nullable=False),
    Column("notices", Text, nullable=False),
    Column("code", String(60), nullable=False),
    Column("problem", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("job", String(40), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_documents_collection", "collection", "id"),
    Index("ix_documents_file", "file"),
    Index("ix_documents_person", "person"),
)
"""`file` is the owner's; readers of a shared collection come to its bytes by `blob`. `notices`: joined by blanks."""

contents = Table(
    "document_contents",
    metadata,
    Column("document", String(40), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""What was read of a document: JSON of `reading.Document`, compressed with zlib."""

readings = Table(
    "document_readings",
    metadata,
    Column("document", String(40), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("step", String(40), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""What the steps of reading a document gave, until it is read: recognised pages, vectors."""

results = Table(
    "document_results",
    metadata,
    Column("id", String(40), primary_key=True),
    *_owner(),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("thread", String(40), nullable=False),
    Column("job", String(40), nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_document_results_person", "person", "workspace", "id"),
    Index("ix_document_results_thread", "thread", "id"),
)
"""`data`: the Result as JSON."""

uses = Table(
    "document_uses",
    metadata,
    Column("result", String(40), ForeignKey("document_results.id", ondelete="CASCADE"), primary_key=True),
    Column("document", String(40), primary_key=True),
    Index("ix_document_uses_document", "document"),
)
"""Which documents a result rests on. It is shown only while all of them are there and may be read, so no foreign key:
a use of what is gone hides the result until it is deleted.
"""

makings = Table(
    "document_makings",
    metadata,
    Column("result", String(40), ForeignKey("document_results.id", ondelete="CASCADE"), primary_key=True),
    Column("step", String(40), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""What the steps of making a result gave, until it is made: notes on parts."""
