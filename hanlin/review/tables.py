"""Rows of the review: cases with their votes, incidents with their steps, sanctions and the attempts behind them.

A case goes with its person. Texts are bytes, because PostgreSQL takes no U+0000 in a string and people send them.
Attempts and sanctions are pseudonyms without foreign keys: what was imposed stays known when a person is erased.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

import hanlin.accounts  # noqa: F401 - declares the table that the foreign key names
from hanlin.storage import metadata

cases = Table(
    "review_cases",
    metadata,
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
    Index("ix_review_cases_person_id", "person_id", "request_id", "kind", unique=True),
    Index("ix_review_cases_workspace_id", "workspace_id", "id"),
    Index("ix_review_cases_state", "state", "due_at"),
    Index("ix_review_cases_decided_at", "decided_at"),
)

votes = Table(
    "review_votes",
    metadata,
    Column("case_id", String(40), ForeignKey("review_cases.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", String(40), primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("reason", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
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
    Index("ix_incidents_workspace_id", "workspace_id", "id"),
)

incident_steps = Table(
    "incident_steps",
    metadata,
    Column("incident_id", String(40), ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("state", String(16), primary_key=True),
    Column("person_id", String(40), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),
)

attempts = Table(
    "review_attempts",
    metadata,
    Column("request_id", String(40), primary_key=True),
    Column("person_id", String(40), nullable=False),
    Column("account", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("overturned", Boolean, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("ix_review_attempts_changed_ms", "changed_ms"),
)
"""Refused attempts that count. `account` tells apart what goes on under one person; see `sanctions.Attempt.account`."""

accounts = Table(
    "review_accounts",
    metadata,
    Column("person_id", String(40), primary_key=True),
    Column("account", String(64), primary_key=True),
    Column("clean_ms", BigInteger, nullable=False),
    Column("spent_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("ix_review_accounts_changed_ms", "changed_ms"),
)
"""Up to when attempts no longer stand in a row, and up to when they have been answered by a sanction or a case."""

sanctions = Table(
    "sanctions",
    metadata,
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
    Index("ix_sanctions_workspace_id", "workspace_id", "id"),
    Index("ix_sanctions_person_id", "person_id"),
    Index("ix_sanctions_changed_ms", "changed_ms"),
)
