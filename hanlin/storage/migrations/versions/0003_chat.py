"""Conversations and their messages."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Text

revision = "0003_chat"
down_revision = "0002_registry"


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "conversations",
        Column("id", String(40), primary_key=True),
        *_owner(),
        Column("title", String(120), nullable=False),
        Column("service", String(200), nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("changed_at", BigInteger, nullable=False),
    )
    op.create_index("ix_conversations_person_id", "conversations", ["person_id", "workspace_id", "changed_at"])
    op.create_table(
        "messages",
        Column("id", String(40), primary_key=True),
        Column("conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
        *_owner(),
        Column("position", Integer, nullable=False),
        Column("role", String(16), nullable=False),
        Column("state", String(16), nullable=False),
        Column("text", Text, nullable=False),
        Column("service", String(200), nullable=False),
        Column("request_id", String(40), nullable=False),
        Column("rule", String(200), nullable=False),
        Column("code", String(60), nullable=False),
        Column("problem", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("tokens", Integer, nullable=False),
        Column("milliseconds", BigInteger, nullable=False),
        Column("created_at", BigInteger, nullable=False),
    )
    op.create_index("ix_messages_conversation_id", "messages", ["conversation_id", "position"])
    op.create_index("ix_messages_state", "messages", ["state"])


def downgrade() -> None:
    op.drop_table("messages")
    op.drop_table("conversations")
