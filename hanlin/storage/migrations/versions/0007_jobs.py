"""Jobs: long work that people start, watch and cancel."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Text

revision = "0007_jobs"
down_revision = "0006_review"


def upgrade() -> None:
    op.create_table(
        "jobs",
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
    )
    op.create_index("ix_jobs_person_workspace", "jobs", ["person", "workspace", "id"])
    op.create_index("ix_jobs_subject", "jobs", ["subject", "id"])
    op.create_index("ix_jobs_state", "jobs", ["state"])


def downgrade() -> None:
    op.drop_table("jobs")
