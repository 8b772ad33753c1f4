"""Terms of a glossary in a segment: where the source has them, and whether the target has what they must become."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from hanlin.assistants.translate import markup
from hanlin.assistants.translate.languages import UNSPACED
from hanlin.assistants.translate.records import Term

ALTERNATIVES = re.compile(r"\s+[|:]\s+|\s*[;；]\s*")
"""Between the forms of one target, the preferred one first: `可传染 | 有传染性`, as TICO-19 `可传染 : 有传染性`."""
_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SUFFIX = r"(?:e?s|['’]s?|nya|lah)?"
"""What a Latin word may end in and still be the term: a plural, a possessive, Malay's and Indonesian's clitics."""


class Found(Struct, frozen=True):
    """A term in a source."""

    start: int
    end: int
    term: Term

    @property
    def preferred(self) -> str:
        return forms(self.term.target)[0]


def forms(target: str) -> list[str]:
    """What a term may become, the preferred form first."""
    return [form for form in ALTERNATIVES.split(target.strip()) if form] or [target]


class Matcher:
    """Finds the terms of a glossary: in any case of letters, in the plural, the longest first; earlier terms win."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._by_head: dict[str, list[tuple[re.Pattern[str], Term]]] = {}
        seen: set[str] = set()
        for term in terms:
            for form in forms(term.source):
                if form.casefold() not in seen:
                    seen.add(form.casefold())
                    self._by_head.setdefault(_head(form), []).append((_pattern(form), term))
        for candidates in self._by_head.values():
            candidates.sort(key=lambda candidate: -len(candidate[0].pattern))

    def __bool__(self) -> bool:
        return bool(self._by_head)

    def find(self, text: str) -> list[Found]:
        """In order, none overlapping another, none inside a marker."""
        found: list[Found] = []
        end = 0
        for start, head in _heads(text):
            if start < end:
                continue
            for pattern, term in self._by_head.get(head, ()):
                if match := pattern.match(text, start):
                    end = match.end()
                    found.append(Found(start, end, term))
                    break
        return found


def _heads(text: str) -> Iterable[tuple[int, str]]:
    """Where a term may begin, and what it is filed under: a word, or one character of a script without blanks."""
    without = markup.ANY.sub(lambda mark: " " * len(mark[0]), text)
    for word in _WORD.finditer(without):
        if not _WIDE.search(word[0]):
            yield word.start(), _stem(word[0])
            continue
        for place, letter in enumerate(word[0]):
            if _WIDE.match(letter):
                yield word.start() + place, letter
            elif place == 0 or _WIDE.match(word[0][place - 1]):
                run = re.match(r"[^\W_]*?(?=[\u0e01-\u9fff]|\Z)", word[0][place:])
                yield word.start() + place, _stem(run[0] if run else letter)


def _head(form: str) -> str:
    word = _WORD.search(form)
    if word is None:
        return form[:1]
    wide = _WIDE.search(word[0])
    if wide is None:
        return _stem(word[0])
    return word[0][0] if wide.start() == 0 else _stem(word[0][: wide.start()])


def _stem(word: str) -> str:
    """The same for a word and its plural; several words may share one."""
    return word.casefold()[:3]


def _pattern(form: str) -> re.Pattern[str]:
    """The term with any blanks between its words, as whole words, in singular or plural."""
    words = r"[\s\-]+".join(map(re.escape, form.split()))
    if not form[-1:].isalnum() or _WIDE.match(form[-1:]):
        return re.compile(words, re.IGNORECASE)
    if form.endswith("y"):
        return re.compile(rf"{words[:-1]}(?:y|ies|y['’]s)(?![^\W_])", re.IGNORECASE)
    return re.compile(rf"{words}{_SUFFIX}(?![^\W_])", re.IGNORECASE)


def holds(target: str, term: Term) -> bool:
    """Whether the target has one of the forms the term may take."""
    text = markup.plain(target)
    return any(_form_in(text, form) for form in forms(term.target))


def _form_in(text: str, form: str) -> bool:
    if _WIDE.search(form):
        return re.sub(r"\s", "", form).casefold() in re.sub(r"\s", "", text).casefold()
    words = r"[\s\-]+".join(map(re.escape, re.split(r"[\s\-]+", form)))
    return re.search(rf"(?<![^\W_]){words}{_SUFFIX}(?![^\W_])", text, re.IGNORECASE) is not None


def lost(found: Sequence[Found], target: str) -> list[Found]:
    """Terms of the source of which the target has no form."""
    return [one for one in found if not holds(target, one.term)]


def inlined(source: str, found: Sequence[Found], target_language: str) -> str:
    """The source with each term already in the target's words: a model copies what it need not translate."""
    pieces, position = [], 0
    for one in found:
        glued = target_language in UNSPACED and one.start and source[one.start - 1].isalnum()
        pieces += [source[position : one.start], " " if glued else "", one.preferred]
        position = one.end
    return "".join([*pieces, source[position:]])


def repaired(found: Sequence[Found], target: str) -> str:
    """The target with terms that it left in the source's words put into the wanted form: the one safe repair."""
    for one in lost(found, target):
        for form in forms(one.term.source):
            target = _pattern(form).sub(lambda _, wanted=one.preferred: wanted, target)  # type: ignore[misc]
    return target
