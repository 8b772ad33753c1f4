"""Watching a text while it is written: only what may still become a term waits, everything else leaves at once."""

from __future__ import annotations

from hanlin.policy.fold import fold
from hanlin.policy.judging import Hit
from hanlin.policy.lexicon import CONTEXT_CHARACTERS, Lexicon, Passage


class LexiconWatcher:
    """A `Watcher` over a lexicon. Its verdict is that of the lexicon on the whole text, however it was cut in pieces.

    Held is the longest end of the text that begins a term (or an exception); on ordinary text about one character.
    """

    __slots__ = ("_before", "_lexicon", "_released_characters", "held")

    def __init__(self, lexicon: Lexicon) -> None:
        self.held = ""
        self._lexicon = lexicon
        self._before = ""
        self._released_characters = 0

    def push(self, text: str, *, last: bool = False) -> str | Hit:
        """What may leave of all that came, or the hit; see `Watcher`."""
        seen = self.held + text if self.held else text
        folded = fold(seen)
        lexicon, free = self._lexicon, len(seen)
        if len(folded) >= lexicon.shortest and (found := lexicon.find(folded)):
            hit, free = lexicon.weigh(folded, found, Passage(seen, self._before, last=last))
            if hit:
                return self._absolute(hit)
        elif not last and lexicon.begins(folded, seen if free > 3 else self._before + seen):
            free = lexicon.wait(folded, Passage(seen, self._before, last=False))
        released = seen[:free]
        self.held = seen[free:]
        self._released_characters += free
        self._before = released if free >= CONTEXT_CHARACTERS else (self._before + released)[-CONTEXT_CHARACTERS:]
        return released

    def _absolute(self, hit: Hit) -> Hit:
        base = self._released_characters
        return Hit(hit.rule, hit.reason, tuple((base + start, base + end) for start, end in hit.spans))
