"""Several watchers made into one."""

from __future__ import annotations

from collections.abc import Iterable

from hanlin.policy.judging import Hit, Watcher


class Chain:
    """Several watchers one behind the other: what the first lets go the second watches."""

    __slots__ = ("_watchers",)

    def __init__(self, watchers: Iterable[Watcher]) -> None:
        self._watchers = list(watchers)

    @property
    def held(self) -> str:
        """What waits, the oldest first."""
        return "".join(watcher.held for watcher in reversed(self._watchers))

    @property
    def hits(self) -> list[Hit]:
        """What all of them found; spans count characters of the text as it came to the one that found it."""
        return [hit for watcher in self._watchers for hit in watcher.hits]

    def push(self, text: str, *, last: bool = False) -> str | Hit:
        """What all of them let go; see `Watcher`."""
        for watcher in self._watchers:
            passed = watcher.push(text, last=last)
            if isinstance(passed, Hit):
                return passed
            text = passed
        return text
