"""Files that people bring, and uploads that are not finished."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, String

revision = "0008_files"
down_revision = "0007_jobs"


def upgrade() -> None:
    op.create_table(
        "files",
        Column("id", String(40), primary_key=True),
        Column("person", String(40), nullable=False),
        Column("workspace", String(40), nullable=False),
        Column("name", String(200), nullable=False),
        Column("media_type", String(100), nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("purpose", String(60), nullable=False),
        Column("blob", String(40), nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_index("ix_files_person_workspace", "files", ["person", "workspace", "id"])
    op.create_table(
        "uploads",
        Column("id", String(40), primary_key=True),
        Column("person", String(40), nullable=False),
        Column("workspace", String(40), nullable=False),
        Column("name", String(200), nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("received_bytes", BigInteger, nullable=False),
        Column("purpose", String(60), nullable=False),
        Column("file_id", String(40), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
    )
    op.create_index("ix_uploads_person", "uploads", ["person", "workspace"])
    op.create_index("ix_uploads_expires_at", "uploads", ["expires_at"])
    op.create_table(
        "upload_parts",
        Column("id", String(40), primary_key=True),
        Column("upload_id", String(40), ForeignKey("uploads.id", ondelete="CASCADE"), nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_index("ix_upload_parts_upload_id", "upload_parts", ["upload_id"])


def downgrade() -> None:
    for table in ("upload_parts", "uploads", "files"):
        op.drop_table(table)
