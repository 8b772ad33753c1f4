"""The fingerprint index, agreements to the duties of labelling, and the log of what was handed out unlabelled."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String

revision = "0004_labels"
down_revision = "0003_chat"


def upgrade() -> None:
    _create_index()
    _create_agreements()


def _create_index() -> None:
    number = BigInteger().with_variant(Integer, "sqlite")
    op.create_table(
        "fingerprints",
        Column("id", number, primary_key=True, autoincrement=True),
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
    )
    op.create_index("ix_fingerprints_produce_id", "fingerprints", ["produce_id", "kind"], unique=True)
    op.create_index("ix_fingerprints_watermark", "fingerprints", ["watermark"])
    op.create_index("ix_fingerprints_person_id", "fingerprints", ["person_id"])
    op.create_index("ix_fingerprints_made_at", "fingerprints", ["made_at"])
    op.create_table(
        "fingerprint_buckets",
        Column("bucket", BigInteger, primary_key=True, autoincrement=False),
        Column("fingerprint", BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _create_agreements() -> None:
    op.create_table(
        "label_agreements",
        Column("id", String(40), primary_key=True),
        Column("workspace_id", String(40), nullable=False),
        Column("person_id", String(40), nullable=False),
        Column("text_version", String(80), nullable=False),
        Column("accepted_at", BigInteger, nullable=False),
        Column("withdrawn_at", BigInteger),
        Column("withdrawn_by", String(40)),
    )
    op.create_index("ix_label_agreements_workspace_id", "label_agreements", ["workspace_id"])
    op.create_table(
        "label_handouts",
        Column("id", String(40), primary_key=True),
        Column("workspace_id", String(40), nullable=False),
        Column("person_id", String(40), nullable=False),
        Column("agreement_id", String(40), nullable=False),
        Column("produce_id", String(64), nullable=False),
        Column("media_type", String(120), nullable=False),
        Column("recipient", String(400), nullable=False),
        Column("at", BigInteger, nullable=False),
    )
    op.create_index("ix_label_handouts_workspace_id", "label_handouts", ["workspace_id", "id"])
    op.create_index("ix_label_handouts_at", "label_handouts", ["at"])


def downgrade() -> None:
    for table in ("label_handouts", "label_agreements", "fingerprint_buckets", "fingerprints"):
        op.drop_table(table)
