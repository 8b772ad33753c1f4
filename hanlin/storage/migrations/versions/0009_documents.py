"""Collections, documents with what was read of them, results with what they rest on."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Text

revision = "0009_documents"
down_revision = "0008_files"


def upgrade() -> None:
    _create_collections()
    _create_documents()
    _create_results()


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("workspace", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    )


def _create_collections() -> None:
    op.create_table(
        "document_collections",
        Column("id", String(40), primary_key=True),
        *_owner(),
        Column("name", String(120), nullable=False),
        Column("shared", Boolean, nullable=False),
        Column("personal", Boolean, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
    )
    op.create_index("ix_document_collections_workspace", "document_collections", ["workspace", "person"])
    op.create_index("ix_document_collections_person", "document_collections", ["person"])


def _create_documents() -> None:
    op.create_table(
        "documents",
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
    )
    op.create_index("ix_documents_collection", "documents", ["collection", "id"])
    op.create_index("ix_documents_file", "documents", ["file"])
    op.create_index("ix_documents_person", "documents", ["person"])
    op.create_table(
        "document_contents",
        Column("document", String(40), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
        Column("data", LargeBinary, nullable=False),
    )
    op.create_table(
        "document_readings",
        Column("document", String(40), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
        Column("step", String(40), primary_key=True),
        Column("data", LargeBinary, nullable=False),
    )


def _create_results() -> None:
    op.create_table(
        "document_results",
        Column("id", String(40), primary_key=True),
        *_owner(),
        Column("kind", String(16), nullable=False),
        Column("state", String(16), nullable=False),
        Column("thread", String(40), nullable=False),
        Column("job", String(40), nullable=False),
        Column("data", LargeBinary, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_index("ix_document_results_person", "document_results", ["person", "workspace", "id"])
    op.create_index("ix_document_results_thread", "document_results", ["thread", "id"])
    op.create_table(
        "document_uses",
        Column("result", String(40), ForeignKey("document_results.id", ondelete="CASCADE"), primary_key=True),
        Column("document", String(40), primary_key=True),
    )
    op.create_index("ix_document_uses_document", "document_uses", ["document"])
    op.create_table(
        "document_makings",
        Column("result", String(40), ForeignKey("document_results.id", ondelete="CASCADE"), primary_key=True),
        Column("step", String(40), primary_key=True),
        Column("data", LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "document_makings",
        "document_uses",
        "document_results",
        "document_readings",
        "document_contents",
        "documents",
        "document_collections",
    ):
        op.drop_table(table)
