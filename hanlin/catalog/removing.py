"""Take weights out of the store."""

from __future__ import annotations

from hanlin.catalog.stoppable import in_thread
from hanlin.catalog.store import Store


async def remove(store: Store, name: str) -> int:
    """Delete the named weights and what is left of their downloads; the bytes freed. Imported weights lose their entry.

    An engine that has the file open keeps it until it stops. Raises NotFound for a name that no entry has.
    """
    return await in_thread(lambda stop: store.remove(name, stop))
