"""Rows of the chat. Every row names its workspace and its person; both go when the person or the conversation goes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

import hanlin.accounts  # noqa: F401 - declares the tables that the foreign keys name
from hanlin.storage import metadata


def _owner() -> tuple[Column[str], Column[str]]:
    return (
        Column("workspace_id", String(40), ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
        Column("person_id", String(40), ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    )


conversations = Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    *_owner(),
    Column("title", String(120), nullable=False),
    Column("service", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("ix_conversations_person_id", "person_id", "workspace_id", "changed_at"),
)

messages = Table(
    "messages",
    metadata,
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
    Index("ix_messages_conversation_id", "conversation_id", "position"),
    Index("ix_messages_state", "state"),
)
