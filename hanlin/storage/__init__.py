"""One database for every room, and the folder that one server owns."""

from hanlin.storage.database import Database, metadata
from hanlin.storage.lock import DataFolder
from hanlin.storage.uploads import Upload, receive

__all__ = ["DataFolder", "Database", "Upload", "metadata", "receive"]
