"""People, workspaces, links, sessions, keys and usage."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, LargeBinary, String

revision = "0001_accounts"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "people",
        Column("id", String(40), primary_key=True),
        Column("name", String(64), nullable=False),
        Column("folded_name", String(256), nullable=False, unique=True),
        Column("password_hash", String(256)),
        Column("language", String(8), nullable=False),
        Column("administrator", Boolean, nullable=False),
        Column("disabled", Boolean, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_table(
        "workspaces",
        Column("id", String(40), primary_key=True),
        Column("name", String(64), nullable=False),
        Column("folded_name", String(256), nullable=False, unique=True),
        Column("tokens_per_minute", BigInteger),
        Column("tokens_per_day", BigInteger),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_table(
        "memberships",
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
        Column("role", String(16), nullable=False),
    )
    op.create_table(
        "invitations",
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("token_hash", LargeBinary, nullable=False, unique=True),
        Column("expires_at", BigInteger, nullable=False),
    )
    op.create_table(
        "sessions",
        Column("id", String(40), primary_key=True),
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
        Column("token_hash", LargeBinary, nullable=False, unique=True),
        Column("device", String(120), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("used_at", BigInteger, nullable=False),
    )
    op.create_table(
        "keys",
        Column("id", String(40), primary_key=True),
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
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
    )
    op.create_table(
        "usage",
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
    op.create_table(
        "usage_cursor",
        Column("log", String(200), primary_key=True),
        Column("seq", BigInteger, nullable=False),
    )
    op.create_index("ix_memberships_workspace_id", "memberships", ["workspace_id"])
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_keys_workspace_id", "keys", ["workspace_id"])
    op.create_index("ix_keys_person_id", "keys", ["person_id"])
