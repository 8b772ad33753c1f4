"""The register: models, services, suspensions, certificates."""

import sqlalchemy as sa
from alembic import op

revision = "0002_registry"
down_revision = "0001_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("model", sa.LargeBinary, nullable=False),
        sa.Column("added_by", sa.String(40), nullable=False),
        sa.Column("added_at", sa.Integer, nullable=False),
    )
    op.create_table(
        "services",
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("service", sa.LargeBinary, nullable=False),
        sa.Column("changed_by", sa.String(40), nullable=False),
        sa.Column("changed_at", sa.Integer, nullable=False),
    )
    op.create_table(
        "suspensions",
        sa.Column("model", sa.String(120), primary_key=True),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
    )
    op.create_table(
        "certificates",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("basis", sa.String(20), nullable=False),
        sa.Column("suite", sa.String(80), nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("report", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("issued_by", sa.String(40), nullable=False),
        sa.Column("issued_at", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Integer, nullable=False),
    )
    op.create_index("ix_certificates_model", "certificates", ["model"])


def downgrade() -> None:
    for table in ("certificates", "suspensions", "services", "models"):
        op.drop_table(table)
