"""One database for every room, and the folder that one server owns."""

from hanlin.storage.database import Database, metadata
from hanlin.storage.lock import DataFolder

__all__ = ["DataFolder", "Database", "metadata"]
