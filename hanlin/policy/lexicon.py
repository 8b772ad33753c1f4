"""Word lists, compiled: which terms of which lists stand in a text, and what they come to together.

`passage` says when an occurrence stands. It is shielded where an exception of its list, or a wording of a list with
the action `allow`, lies over it.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter, itemgetter
from pathlib import Path

from hanlin.policy.about import ABOUT_ACTIONS, About
from hanlin.policy.compiled import EVERY_LIST, EXCEPTION, load
from hanlin.policy.decoding import decodings
from hanlin.policy.file import Scores, WordList
from hanlin.policy.judging import RANK, Hit
from hanlin.policy.passage import Passage, Place
from hanlin.policy.pinyin import Pinyin
from hanlin.policy.searching import Occurrence, Searched
from hanlin.policy.tally import MOST_SPANS, Find, Tally
from hanlin.types import Verdict

_NO_SCORES = Scores()


class Lexicon:
    """A `Rule` made of word lists."""

    def __init__(
        self,
        lists: Iterable[WordList],
        scores: Scores = _NO_SCORES,
        folder: Path | None = None,
        about: Iterable[str] = (),
    ) -> None:
        """Compile the lists, or take them out of a folder that keeps what was compiled (see `compiled.load`).

        Where a term stands in one of the wordings `about`, it is only spoken of (see `about`).
        """
        lists = tuple(lists)
        data = load(lists, folder)
        self.lists, self.scores = lists, scores
        self._weakness = [-RANK[Verdict(rule.action)] for rule in lists]
        self._scoring = {number for number, rule in enumerate(lists) if rule.action == "score"}
        self._about = About(about)
        self._spoken_of = {number for number, rule in enumerate(lists) if about and rule.action in ABOUT_ACTIONS}
        self._masking = {number for number, rule in enumerate(lists) if rule.action == "mask"}
        self._shields = any(rule.exceptions or rule.action == "allow" for rule in lists)
        self.plain = Searched(data.plain)
        self.pinyin: Searched | None = None
        self._spelt = data.spelt
        if data.pinyin:
            readings = dict(zip(data.readings[0], data.readings[1].split(), strict=True))
            self.pinyin = Searched(data.pinyin, Pinyin(readings))
        self.find, self.since = self.plain.find, self.plain.growing.since
        self._margin = max(self.plain.reach, self.pinyin.reach if self.pinyin else 0)

    @classmethod
    def load(cls, lists: Iterable[WordList], scores: Scores, folder: Path | None, about: Iterable[str] = ()) -> Lexicon:
        """The same as the constructor: milliseconds for 100,000 terms that the folder has."""
        return cls(lists, scores, folder, about)

    def judge(self, text: str) -> tuple[Hit, ...]:
        """One hit for each list that stands, by first span; and `score` when the terms of scoring lists add up.

        What is encoded in the text is read; the span is the encoded run then. At most 16 spans a list, the first to
        end; a list that masks has all of its spans.
        """
        finds = self.finds(Passage(text))
        for window in decodings(text, self._margin):
            finds += self.finds(Passage(text, window=window))
        standing = sorted(find for find in finds if not find.shielded)
        if not standing:
            return ()
        tally = Tally(self.lists, self.scores, most_masked=len(standing))
        for find in standing:
            tally.add(find)
        return tuple(tally.hits())

    def waits(self, passage: Passage) -> int:
        """From where a passage must wait for what follows, whatever was found in it; its length if it need not."""
        return min(
            layer.growing.since(layer.fold(passage.text), passage.text, passage.before)
            for layer in (self.plain, self.pinyin)
            if layer
        )

    def finds(self, passage: Passage) -> list[Find]:
        """The terms in a passage, in characters as they were written; of each list as many as make a hit."""
        read, shields = _Read(self.plain, passage), _Shields()
        if self._shields:
            shields = _Shields(self._shielding(read))
            if not passage.last:
                shields.since = self.plain.growing_exception.since(read.folded, passage.text, passage.before)
        finds = self._finds(read, shields)
        return finds + self._finds(_Read(self.pinyin, passage), shields) if self.pinyin else finds

    def _shielding(self, read: _Read) -> Iterator[tuple[int, Place]]:
        for start, end, pattern in read.found:
            if self.plain.terms[pattern] == EXCEPTION and (place := read.passage.place(read.offsets, start, end)):
                yield self.plain.lists[pattern], place

    def _finds(self, read: _Read, shields: _Shields) -> list[Find]:
        """What stands of one layer. Of a list no more is looked at than makes a hit, of one that scores each term."""
        finds: list[Find] = []
        counted: Counter[int] = Counter()
        terms, lists, weights = read.layer.terms, read.layer.lists, read.layer.weights
        for start, end, pattern in read.found:
            term = terms[pattern]
            if term == EXCEPTION:
                continue
            number = lists[pattern]
            counter = (term << 16) + number if number in self._scoring else ~number
            if counted[counter] < MOST_SPANS and (place := self._place(read, (start, end, pattern))):
                find = self._find(place, read.passage, (number, term, weights[pattern]), shields)
                finds.append(find)
                counted[counter] += find.settled and not find.shielded and number not in self._masking
        return finds

    def _place(self, read: _Read, occurrence: Occurrence) -> Place | None:
        start, end, pattern = occurrence
        pinyin = read.layer.pinyin
        if pinyin is None:
            return read.passage.place(read.offsets, start, end)
        if not read.layer.whole(read.offsets, start, end, len(read.folded)):
            return None
        place = read.passage.place(read.offsets, start, end)
        if place and pinyin.agrees(self._spelt[pattern], read.passage.text[place.start : place.end]):
            return place
        return None

    def _find(self, place: Place, passage: Passage, what: tuple[int, int, float], shields: _Shields) -> Find:
        number = what[0]
        shield = shields.over(number, place)
        spoken_of = self._about.over(passage, place) if number in self._spoken_of else False
        shielded = spoken_of is True or (shield is not None and shield.settled)
        undecided = shield is not None or spoken_of is None
        settled = shielded or (not undecided and place.settled and place.start < shields.since)
        hold = min(place.start, shield.start) if shield else place.start
        start, end = passage.written(place.start, place.end)
        return Find(end, self._weakness[number], start, *what, settled, shielded, passage.after(hold))


class _Read:
    """A passage as a layer reads it."""

    def __init__(self, layer: Searched, passage: Passage) -> None:
        self.layer, self.passage = layer, passage
        self.folded = layer.fold(passage.text)
        self.found = layer.find(self.folded)
        self.offsets: Sequence[int] = layer.offsets(passage.text) if self.found else ()


class _Shields:
    """Where exceptions lie in a passage, by the number of their list."""

    def __init__(self, places: Iterable[tuple[int, Place]] = ()) -> None:
        self.since = sys.maxsize
        """From where an exception may still come to lie."""
        self._unsettled: list[tuple[int, Place]] = []
        self._reaching: dict[int, list[Place]] = defaultdict(list)
        for number, place in sorted(places, key=itemgetter(1)):
            reaching = self._reaching[number]
            if not place.settled:
                self._unsettled.append((number, place))
            elif not reaching or place.end > reaching[-1].end:  # others lie under the one before
                reaching.append(place)

    def over(self, number: int, place: Place) -> Place | None:
        """An exception of the list, or of all, that covers the place; a settled one where there is one."""
        for exceptions in (number, EVERY_LIST):
            reaching = self._reaching.get(exceptions, ())
            before = bisect_right(reaching, place.start, key=attrgetter("start"))
            if before and reaching[before - 1].end >= place.end:
                return reaching[before - 1]
        for exceptions, other in self._unsettled:
            if exceptions in (number, EVERY_LIST) and other.start <= place.start and place.end <= other.end:
                return other
        return None
