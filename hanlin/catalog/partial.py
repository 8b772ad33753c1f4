"""A download under way: a file that grows from its start, so that its size alone says where to go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from hanlin.catalog.stoppable import Stop

BLOCK_BYTES = 1 << 20


class MirrorFailed(Exception):
    """A mirror did not serve the weights; says why in a few words."""


class Partial:
    def __init__(self, path: Path, size_bytes: int, progress: Callable[[int], None], stop: Stop) -> None:
        self.path = path
        self.size_bytes = size_bytes
        """Size of the whole."""
        self.progress = progress
        """Takes the bytes there so far."""
        self.stop = stop

    @property
    def done_bytes(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def complete(self) -> bool:
        return self.done_bytes == self.size_bytes

    def truncate(self, done_bytes: int) -> None:
        with self.path.open("ab") as file:
            file.truncate(done_bytes)

    def append(self, blocks: Iterable[bytes]) -> None:
        """Write blocks as they come. Raises MirrorFailed when there are more bytes than the whole has."""
        done = self.done_bytes
        with self.path.open("ab", buffering=0) as file:
            for block in blocks:
                done += len(block)
                if done > self.size_bytes:
                    raise MirrorFailed(f"sends more than {self.size_bytes:,} bytes")
                file.write(block)
                self.progress(done)
                self.stop.check()
