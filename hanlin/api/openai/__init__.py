"""OpenAI's wire format: one file per endpoint, plain ASGI."""

from hanlin.api.openai.rooms import Rooms
from hanlin.api.openai.routes import OpenAI

__all__ = ["OpenAI", "Rooms"]
