"""Versions of policies, which of them serves, who gets which, and the samples a change is previewed on."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Text, false

revision = "0005_policy"
down_revision = "0004_labels"


def upgrade() -> None:
    op.create_table(
        "policy_versions",
        Column("name", String(64), primary_key=True),
        Column("version", String(12), primary_key=True),
        Column("origin", String(8), nullable=False),
        Column("source", Text, nullable=False),
        Column("note", String(400), nullable=False),
        Column("person_id", String(40), nullable=False),
        Column("at", BigInteger, nullable=False),
    )
    op.create_table(
        "policy_serving",
        Column("name", String(64), primary_key=True),
        Column("version", String(12), nullable=False),
        Column("origin", String(8), nullable=False),
        Column("at", BigInteger, nullable=False),
    )
    op.create_table(
        "policy_assignments",
        Column("workspace_id", String(40), primary_key=True),
        Column("service", String(200), primary_key=True),
        Column("policy", String(64), nullable=False),
    )
    op.create_table(
        "policy_samples",
        Column("id", String(40), primary_key=True),
        Column("text", Text, nullable=False),
        Column("language", String(2), nullable=False),
        Column("expected", String(8), nullable=False),
        Column("category", String(8), nullable=False),
        Column("origin", String(8), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE")),
        Column("at", BigInteger, nullable=False),
    )
    op.add_column("people", Column("minor", Boolean, nullable=False, server_default=false()))


def downgrade() -> None:
    op.drop_column("people", "minor")
    for table in ("policy_samples", "policy_assignments", "policy_serving", "policy_versions"):
        op.drop_table(table)
