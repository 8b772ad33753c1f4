"""Saved tasks, their runs and what came of them."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, String, Text, UniqueConstraint

revision = "0012_tasks"
down_revision = "0011_translate"


def upgrade() -> None:
    op.create_table(
        "tasks",
        Column("id", String(40), primary_key=True),
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
        Column("said", JSON, nullable=False),
        Column("scope", JSON, nullable=False),
        Column("enabled", Boolean, nullable=False),
        Column("code", String(60), nullable=False),
        Column("next_at", BigInteger, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_index("ix_tasks_person_id", "tasks", ["person_id", "workspace_id"])
    op.create_index("ix_tasks_next_at", "tasks", ["next_at"])
    op.create_table(
        "task_runs",
        Column("id", String(40), primary_key=True),
        Column("task_id", String(40), ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
        Column("due_at", BigInteger, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("job_id", String(40), nullable=False),
        Column("delivered", String(20), nullable=False),
        UniqueConstraint("task_id", "due_at", name="uq_task_runs_task_id"),
    )
    op.create_index("ix_task_runs_job_id", "task_runs", ["job_id"])
    op.create_table(
        "task_sections",
        Column("run_id", String(40), ForeignKey("task_runs.id", ondelete="CASCADE"), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("title", String(200), nullable=False),
        Column("text", Text, nullable=False),
        Column("request_ids", JSON, nullable=False),
        Column("service", String(200), nullable=False),
        Column("items", Integer, nullable=False),
    )


def downgrade() -> None:
    for table in ("task_sections", "task_runs", "tasks"):
        op.drop_table(table)
