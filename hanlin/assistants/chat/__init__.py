"""Conversations with a model: kept, searched, stopped, asked again."""

from hanlin.assistants.chat.conversations import Conversations, Exchange
from hanlin.assistants.chat.records import Conversation, Message, State

__all__ = ["Conversation", "Conversations", "Exchange", "Message", "State"]
