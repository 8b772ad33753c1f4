"""A transcript in parts that a model reads at once, as numbered lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from hanlin.assistants.meetings.records import Speaker, Utterance
from hanlin.assistants.meetings.telling import name_of, tokens_of

LEAST_TOKENS, MOST_TOKENS = 1000, 12_000
SHARE = 3
"""A window takes a third of what a model reads: small models lose the middle of more, and the answer needs room."""
_HAN_PAIR = re.compile(r"(?=([\u4e00-\u9fff]{2}))")
_WORD = re.compile(r"[^\W\d_]{4,}")
_NUMBER = re.compile(r"\d+")


class Window(Struct, frozen=True):
    """Lines of the transcript; a line's number is its segment's."""

    said: tuple[Utterance, ...]
    names: dict[str, str]
    """By id of the speaker."""

    @property
    def text(self) -> str:
        """The lines as a model reads them."""
        return "\n".join(_line(one, self.names) for one in self.said)

    def line(self, number: int) -> Utterance | None:
        first = self.said[0].number
        near = self.said[number - first] if 0 <= number - first < len(self.said) else None
        if near is not None and near.number == number:
            return near
        return next((one for one in self.said if one.number == number), None)

    def between(self, first: int, last: int) -> list[Utterance]:
        return [one for one in self.said if first <= one.number <= last]


def windows(said: Sequence[Utterance], speakers: Sequence[Speaker], language: str, context_tokens: int) -> list[Window]:
    """The whole transcript in windows that this model reads; no line is left out."""
    names = {speaker.id: name_of(speaker, language) for speaker in speakers}
    budget = min(max(context_tokens // SHARE, LEAST_TOKENS), MOST_TOKENS)
    return [Window(tuple(part), names) for part in _parts(said, names, budget)]


def _parts(said: Iterable[Utterance], names: dict[str, str], budget: int) -> Iterator[list[Utterance]]:
    held: list[Utterance] = []
    used = 0
    for one in said:
        tokens = tokens_of(_line(one, names)) + 1
        if held and used + tokens > budget:
            yield held
            held, used = [], 0
        held.append(one)
        used += tokens
    if held:
        yield held


def _line(one: Utterance, names: dict[str, str]) -> str:
    return f"{one.number} {names.get(one.speaker, '?')}: {' '.join(one.text.split())}"


def grounded(text: str, source: str, *, same_language: bool) -> bool:
    """Whether a text can come from a source: its numbers stand there, and a quarter of its words do.

    Words are compared where both are of one language; Chinese by pairs of characters.
    """
    numbers = set(_NUMBER.findall(source))
    if any(number not in numbers for number in _NUMBER.findall(text)):
        return False
    if not same_language:
        return True
    wanted, there = grams(text), grams(source)
    return not wanted or len(wanted & there) * 4 >= len(wanted)


def grams(text: str) -> set[str]:
    """What a text is about: its words of four letters and more (their first six letters), and pairs of characters."""
    return {word[:6] for word in _WORD.findall(text.lower())} | set(_HAN_PAIR.findall(text))
