"""Speaking about a thing: wordings around a term that make it news, law or prevention, and no use of it."""

from __future__ import annotations

from collections.abc import Iterable

from hanlin.policy.fold import fold
from hanlin.policy.passage import CONTEXT_CHARACTERS, Passage, Place

TERM = "…"
"""What stands for any term in a wording, as in `举报…` or `is … illegal`."""
ABOUT_ACTIONS = frozenset({"score", "hold", "refuse"})
"""The actions of the lists that such a wording silences; a mask or an instruction stays."""
_AHEAD_CHARACTERS = 24
"""How far behind a term a wording is looked for, spaces and signs included."""


class About:
    """The wordings of one policy."""

    def __init__(self, wordings: Iterable[str]) -> None:
        parted = [wording.partition(TERM) for wording in wordings]
        frames = {(fold(before), fold(after)) for before, _, after in parted}
        self._alone = tuple({before for before, after in frames if not after})
        """What needs nothing behind the term."""
        self._framed = [(before, after) for before, after in frames if after]

    def over(self, passage: Passage, place: Place) -> bool | None:
        """Whether a wording lies around the place; None while what follows may still make one.

        Looks at 8 characters before and 24 behind, however the text comes, so that a stream and a whole text agree.
        """
        start = place.start
        left = passage.text[max(0, start - CONTEXT_CHARACTERS) : start]
        if start < CONTEXT_CHARACTERS:
            left = (passage.before + left)[-CONTEXT_CHARACTERS:]
        before = fold(left)
        if self._alone and before.endswith(self._alone):
            return True
        behind = passage.text[place.end : place.end + _AHEAD_CHARACTERS]
        after = fold(behind)
        open_ended = not passage.last and len(behind) < _AHEAD_CHARACTERS
        undecided = False
        for prefix, suffix in self._framed:
            if before.endswith(prefix):
                if after.startswith(suffix):
                    return True
                undecided = undecided or (open_ended and suffix.startswith(after))
        return None if undecided else False
