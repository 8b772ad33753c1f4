"""Where the words of a query stand in a passage, for the eye."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from hanlin.retrieval.terms import fold, is_pair, is_single, places, words

Span = tuple[int, int]


def marks(text: str, asked: Collection[str], stemmed: Callable[[Iterable[str]], list[str]]) -> tuple[Span, ...]:
    """(start, end) in characters, in order, none touching another. `asked` are stemmed terms of the query.

    A single Chinese character is marked only if the query is nothing more: alone it stands nearly everywhere.
    """
    wanted = {term for term in asked if not is_single(term)} or set(asked)
    folded = fold(text)
    spans = sorted((*_pairs(folded, wanted), *_words(folded, wanted, stemmed)))
    place = places(text) if spans else ()
    return tuple(_united((place[start], place[end - 1] + 1) for start, end in spans))


def _pairs(folded: str, wanted: Iterable[str]) -> Iterator[Span]:
    pairs = [re.escape(term) for term in wanted if is_pair(term)]
    if pairs:
        found = re.finditer(f"(?=({'|'.join(pairs)}))", folded)  # looking ahead finds pairs that overlap
        yield from (mark.span(1) for mark in found)


def _words(folded: str, wanted: Collection[str], stemmed: Callable[[Iterable[str]], list[str]]) -> Iterator[Span]:
    found = list(words(folded))
    stems = stemmed(word[0] for word in found)
    yield from (word.span() for word, stem in zip(found, stems, strict=True) if stem in wanted)


def _united(spans: Iterable[Span]) -> Iterator[Span]:
    held: Span | None = None
    for start, end in spans:
        if held is not None and start <= held[1]:
            held = (held[0], max(held[1], end))
            continue
        if held is not None:
            yield held
        held = (start, end)
    if held is not None:
        yield held
