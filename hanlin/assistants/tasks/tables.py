"""Tasks, the due times that were run, and what came of them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

import hanlin.accounts  # noqa: F401 - declares the tables that the foreign keys name
from hanlin.storage import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("said", JSON, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("code", String(60), nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_tasks_person_id", "person_id", "workspace_id"),
    Index("ix_tasks_next_at", "next_at"),
)

task_runs = Table(
    "task_runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("task_id", String(40), ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("job_id", String(40), nullable=False),
    Column("delivered", String(20), nullable=False),
    UniqueConstraint("task_id", "due_at", name="uq_task_runs_task_id"),
    Index("ix_task_runs_job_id", "job_id"),
)
"""One row a due time, so that it is run once."""

task_sections = Table(
    "task_sections",
    metadata,
    Column("run_id", String(40), ForeignKey("task_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("title", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("request_ids", JSON, nullable=False),
    Column("service", String(200), nullable=False),
    Column("items", Integer, nullable=False),
)
