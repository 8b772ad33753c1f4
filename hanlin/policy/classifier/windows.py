"""Cutting a text that may still grow into sentences, and each sentence's window: itself and what stands before it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from msgspec import Struct

from hanlin.policy.fold import fold

MOST_CHARACTERS = 200
"""Of a window, and of what may wait. The longest text of the training data has 192."""
LEAST_CHARACTERS = 12
"""A shorter sentence waits for the next one: hardly anything can be said of it, and texts of full stops stay cheap."""
_SENTENCE_END = re.compile(r"[。！？；…\n]|[.!?;](?=\s)")
_BLANK_LINE = "\n\n"
"""Between texts that are judged together; no window crosses one."""


class Window(Struct, frozen=True):
    """What is judged at once: (start, end) in characters of the whole text as it came, and in the folded ones given."""

    span: tuple[int, int]
    folded: tuple[int, int]


class Windows:
    """Takes a text in pieces; sentences and windows are the same however it was cut. `held` waits for its sentence."""

    def __init__(self) -> None:
        self.held = ""
        self.released_characters = 0
        self._last_character = ""
        self._folded = ""
        self._open: deque[tuple[int, int]] = deque()
        """Of each sentence that can still be context: its start in the text, and in `_folded`."""

    def take(self, text: str, *, last: bool = False) -> tuple[str, list[Window]]:
        """Folded text, and the windows in it of the sentences that ended; `held` is what did not end."""
        seen = self.held + text
        ends = list(_ends(self._last_character, seen, last=last))
        if not ends:
            self.held = seen
            return "", []
        parts, place = [self._folded], len(self._folded)
        windows: list[Window] = []
        start = 0
        for end in ends:
            sentence = fold(seen[start:end])
            window = self._window(end - start, place, place + len(sentence))
            if sentence:
                windows.append(window)
            parts.append(sentence)
            place += len(sentence)
            if (self._last_character + seen[start:end]).endswith(_BLANK_LINE):
                self._open.clear()
            self._last_character, start = seen[end - 1], end
        self.held = seen[start:]
        folded = "".join(parts)
        self._keep(folded)
        return folded, windows

    def _window(self, characters: int, folded_start: int, folded_end: int) -> Window:
        self._open.append((self.released_characters, folded_start))
        self.released_characters += characters
        while self.released_characters - self._open[0][0] > MOST_CHARACTERS:
            self._open.popleft()
        start, folded_from = self._open[0]
        return Window((start, self.released_characters), (folded_from, folded_end))

    def _keep(self, folded: str) -> None:
        """Only what may be context of a later sentence."""
        kept = self._open[0][1] if self._open else len(folded)
        self._folded = folded[kept:]
        self._open = deque((start, place - kept) for start, place in self._open)


def _ends(before: str, text: str, *, last: bool) -> Iterator[int]:
    """Where the sentences of a text end that follows the character `before`."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        while end - start > MOST_CHARACTERS:
            start += MOST_CHARACTERS
            yield start
        blank = (before + text[:1] if end == 1 else text[end - 2 : end]) == _BLANK_LINE
        if end - start >= LEAST_CHARACTERS or blank:
            start = end
            yield start
    while len(text) - start >= MOST_CHARACTERS:
        start += MOST_CHARACTERS
        yield start
    if last and start < len(text):
        yield len(text)
