"""Watching a text while it is written: only what may still become a term waits, everything else leaves at once."""

from __future__ import annotations

from hanlin.policy.decoding import half_escape, may_escape, unescaped
from hanlin.policy.fold import fold
from hanlin.policy.judging import ENDING, Hit
from hanlin.policy.lexicon import Lexicon
from hanlin.policy.passage import CONTEXT_CHARACTERS, Passage
from hanlin.policy.tally import Find, Tally

_Key = tuple[int, int, int, int, int]


class LexiconWatcher:
    r"""A `Watcher` over a lexicon. Its verdict is that of the lexicon on the whole text, however it was cut in pieces.

    Finds are taken as they complete: by their end, the stronger verdict first, then by their start. The first that
    ends the text ends it, alone or as the one with which the scores reach their limit; the hit has the spans known by
    then. What has left is the text before its span, with what lies wholly before it masked, or less.

    Held is the longest end of the text that begins a term or an exception; on ordinary text about one character.
    Escapes (`\uXXXX`) are read; entities, percent-encoding and base64 are read in whole texts only.
    """

    __slots__ = ("_before", "_done", "_lexicon", "_masks", "_released_characters", "_tally", "held")

    def __init__(self, lexicon: Lexicon) -> None:
        self.held = ""
        self._lexicon = lexicon
        self._before = ""
        self._released_characters = 0
        self._done: _Key | None = None
        self._tally: Tally | None = None
        self._masks: list[tuple[int, int]] = []

    @property
    def hits(self) -> list[Hit]:
        """What was found and did not end the text."""
        return [hit for hit in self._tally.hits() if hit.verdict not in ENDING] if self._tally else []

    def push(self, text: str, *, last: bool = False) -> str | Hit:
        """What may leave of all that came, or the hit; see `Watcher`."""
        seen = self.held + text if self.held else text
        lexicon, folded, free = self._lexicon, fold(seen), len(seen)
        if lexicon.find(folded) or ("\\" in seen and may_escape(seen)):
            return self._weigh(seen, last)
        if not last:
            free = lexicon.since(folded, seen, self._before)
        if (pinyin := lexicon.pinyin) is not None:
            spelt = pinyin.fold(seen)
            if pinyin.find(spelt):
                return self._weigh(seen, last)
            free = free if last else min(free, pinyin.growing.since(spelt, seen, self._before))
        if not free:
            self.held = seen
            return ""
        if free < len(seen):
            self.held, seen = seen[free:], seen[:free]
        else:
            self.held = ""
        self._released_characters += free
        self._before = seen if free >= CONTEXT_CHARACTERS else self._before[-CONTEXT_CHARACTERS:] + seen
        return seen

    def _weigh(self, seen: str, last: bool) -> str | Hit:
        """The slow way, when a term or an exception occurs, or an escape."""
        passage = Passage(seen if last else seen[: half_escape(seen)], self._before, last=last)
        free = passage.after(len(passage.text) if last else self._lexicon.waits(passage))
        blocked = False
        for find in sorted(self._lexicon.finds(passage)):
            key = self._key(find)
            if self._done is not None and key <= self._done:
                continue
            blocked = blocked or not find.settled
            if blocked:
                free = min(free, find.hold)
                continue
            self._done = key
            if not find.shielded and (hit := self._take(find)):
                return hit
        released, free = self._covered(seen, free)
        read = unescaped(seen[:free])
        self._before = self._before[-CONTEXT_CHARACTERS:] + (read.text if read else seen[:free])
        self._released_characters += free
        self.held = seen[free:]
        return released

    def _covered(self, seen: str, free: int) -> tuple[str, int]:
        """What may leave with its masks on, and how much of `seen` that is; no mask is parted. As `judging.cover`."""
        if not self._masks:
            return seen[:free], free
        base, place = self._released_characters, 0
        pieces: list[str] = []
        waiting: list[tuple[int, int]] = []
        for mask in sorted(self._masks):
            start, end = mask[0] - base, -mask[1] - base
            if place <= start < free < end:
                free = start
            if start >= free:
                waiting.append(mask)
            elif start >= place:
                pieces += [seen[place:start], "*" * (end - start)]
                place = end
        self._masks = waiting
        return "".join([*pieces, seen[place:free]]), free

    def _take(self, find: Find) -> Hit | None:
        base = self._released_characters
        find = find._replace(start=base + find.start, end=base + find.end)
        rule = self._lexicon.lists[find.list]
        if rule.action == "mask":
            self._masks.append((find.start, -find.end))
        self._tally = self._tally or Tally(self._lexicon.lists, self._lexicon.scores)
        return self._tally.add(find)

    def _key(self, find: Find) -> _Key:
        base = self._released_characters
        return base + find.end, find.weakness, base + find.start, find.list, find.term
