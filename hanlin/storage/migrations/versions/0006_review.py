"""Cases with their votes, incidents with their steps, sanctions and the attempts behind them."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String

revision = "0006_review"
down_revision = "0005_policy"


def upgrade() -> None:
    _create_cases()
    _create_incidents()
    _create_ladder()


def _create_cases() -> None:
    op.create_table(
        "review_cases",
        Column("id", String(40), primary_key=True),
        Column("kind", String(16), nullable=False),
        Column("state", String(16), nullable=False),
        Column("workspace_id", String(40), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
        Column("end_user", String(64), nullable=False),
        Column("request_id", String(40), nullable=False),
        Column("service", String(200), nullable=False),
        Column("policy", String(120), nullable=False),
        Column("rule", String(120), nullable=False),
        Column("category", String(20), nullable=False),
        Column("spans", LargeBinary, nullable=False),
        Column("text", LargeBinary, nullable=False),
        Column("note", LargeBinary, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("eyes", Integer, nullable=False),
        Column("opened_at", BigInteger, nullable=False),
        Column("due_at", BigInteger, nullable=False),
        Column("outcome", String(16), nullable=False),
        Column("decided_at", BigInteger, nullable=False),
    )
    op.create_index("ix_review_cases_person_id", "review_cases", ["person_id", "request_id", "kind"], unique=True)
    op.create_index("ix_review_cases_workspace_id", "review_cases", ["workspace_id", "id"])
    op.create_index("ix_review_cases_state", "review_cases", ["state", "due_at"])
    op.create_index("ix_review_cases_decided_at", "review_cases", ["decided_at"])
    op.create_table(
        "review_votes",
        Column("case_id", String(40), ForeignKey("review_cases.id", ondelete="CASCADE"), primary_key=True),
        Column("person_id", String(40), primary_key=True),
        Column("verdict", String(16), nullable=False),
        Column("reason", LargeBinary, nullable=False),
        Column("at", BigInteger, nullable=False),
    )


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        Column("id", String(40), primary_key=True),
        Column("workspace_id", String(40), nullable=False),
        Column("title", String(200), nullable=False),
        Column("service", String(200), nullable=False),
        Column("category", String(20), nullable=False),
        Column("request_id", String(40), nullable=False),
        Column("state", String(16), nullable=False),
        Column("opened_at", BigInteger, nullable=False),
        Column("stop_due_at", BigInteger, nullable=False),
        Column("report_due_at", BigInteger, nullable=False),
        Column("reported_at", BigInteger, nullable=False),
    )
    op.create_index("ix_incidents_workspace_id", "incidents", ["workspace_id", "id"])
    op.create_table(
        "incident_steps",
        Column("incident_id", String(40), ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
        Column("state", String(16), primary_key=True),
        Column("person_id", String(40), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("note", LargeBinary, nullable=False),
    )


def _create_ladder() -> None:
    op.create_table(
        "review_attempts",
        Column("request_id", String(40), primary_key=True),
        Column("person_id", String(40), nullable=False),
        Column("account", String(64), nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("overturned", Boolean, nullable=False),
        Column("changed_ms", BigInteger, nullable=False),
    )
    op.create_index("ix_review_attempts_changed_ms", "review_attempts", ["changed_ms"])
    op.create_table(
        "review_accounts",
        Column("person_id", String(40), primary_key=True),
        Column("account", String(64), primary_key=True),
        Column("clean_ms", BigInteger, nullable=False),
        Column("spent_ms", BigInteger, nullable=False),
        Column("changed_ms", BigInteger, nullable=False),
    )
    op.create_index("ix_review_accounts_changed_ms", "review_accounts", ["changed_ms"])
    op.create_table(
        "sanctions",
        Column("id", String(40), primary_key=True),
        Column("workspace_id", String(40), nullable=False),
        Column("person_id", String(40), nullable=False),
        Column("end_user", String(64), nullable=False),
        Column("step", String(16), nullable=False),
        Column("everywhere", Boolean, nullable=False),
        Column("rule", String(120), nullable=False),
        Column("category", String(20), nullable=False),
        Column("reason", String(1000), nullable=False),
        Column("requests", LargeBinary, nullable=False),
        Column("imposed_by", String(40), nullable=False),
        Column("imposed_at", BigInteger, nullable=False),
        Column("until", BigInteger, nullable=False),
        Column("lifted_by", String(40), nullable=False),
        Column("lifted_at", BigInteger, nullable=False),
        Column("lift_reason", String(1000), nullable=False),
        Column("changed_ms", BigInteger, nullable=False),
    )
    op.create_index("ix_sanctions_workspace_id", "sanctions", ["workspace_id", "id"])
    op.create_index("ix_sanctions_person_id", "sanctions", ["person_id"])
    op.create_index("ix_sanctions_changed_ms", "sanctions", ["changed_ms"])


def downgrade() -> None:
    for table in (
        "sanctions",
        "review_accounts",
        "review_attempts",
        "incident_steps",
        "incidents",
        "review_votes",
        "review_cases",
    ):
        op.drop_table(table)
