"""People, workspaces and what they sign in with. Times are Unix seconds, days ISO dates in UTC.

No password, key, session or link is stored: an argon2id hash of the first, SHA-256 of the others, which are random.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, String, Table, false

from hanlin.storage import metadata


def _person() -> Column[str]:
    return Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False)


def _workspace() -> Column[str]:
    return Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False)


people = Table(
    "people",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("folded_name", String(256), nullable=False, unique=True),
    Column("password_hash", String(256)),
    Column("language", String(8), nullable=False),
    Column("administrator", Boolean, nullable=False),
    Column("minor", Boolean, nullable=False, server_default=false()),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("folded_name", String(256), nullable=False, unique=True),
    Column("tokens_per_minute", BigInteger),
    Column("tokens_per_day", BigInteger),
    Column("created_at", BigInteger, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(16), nullable=False),
    Index("ix_memberships_workspace_id", "workspace_id"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    _workspace(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("expires_at", BigInteger, nullable=False),
)
"""One-time sign-in links, at most one a person."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(40), primary_key=True),
    _workspace(),
    _person(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("device", String(120), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Index("ix_sessions_person_id", "person_id"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(40), primary_key=True),
    _workspace(),
    _person(),
    Column("prefix", String(8), nullable=False, unique=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("name", String(64), nullable=False),
    Column("permissions", JSON, nullable=False),
    Column("services", JSON(none_as_null=True)),
    Column("requests_per_minute", BigInteger),
    Column("tokens_per_minute", BigInteger),
    Column("tokens_per_day", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("used_day", String(10)),
    Index("ix_keys_workspace_id", "workspace_id"),
    Index("ix_keys_person_id", "person_id"),
)

usage = Table(
    "usage",
    metadata,
    Column("workspace_id", String(40), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("person_id", String(40), primary_key=True),
    Column("key_id", String(40), primary_key=True),
    Column("service", String(200), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
)
"""Pseudonyms only, without foreign keys: what was used stays counted when a person is erased."""

usage_cursor = Table(
    "usage_cursor",
    metadata,
    Column("log", String(200), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
"""Up to which entry of which audit log `usage` counts."""
