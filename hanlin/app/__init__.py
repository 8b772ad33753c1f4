"""Wiring: the only room that knows all others."""

from hanlin.app.house import House, open_house
from hanlin.app.offer import models, services

__all__ = ["House", "models", "open_house", "services"]
