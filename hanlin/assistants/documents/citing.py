"""Which sentence a claim rests on, decided by code: what a model names is a proposal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from math import log

from msgspec import Struct

from hanlin.assistants.documents.language import alike
from hanlin.reading import sentences
from hanlin.retrieval.terms import fold, terms

SUPPORT = 0.4
"""Share of a claim's weight of words that a sentence must hold to be cited for it."""
PROPOSED, ASKED = 0.25, 0.25
"""What a model's proposal, and all words of the question, add to a sentence's support when the best one is chosen."""
COVERED = 0.7
"""From here on nothing more is cited for it."""
QUOTED = 0.5
"""Share of the weight of a question's words that a sentence must hold to be quoted as its answer."""
MOST_CITED = 3
"""For one claim."""
SHORT_TERMS = 4
"""A claim of fewer terms ("Yes.", "1868.") is weighed together with its question."""
_MARK = re.compile(r"\s?[\[【［]\s*\d{1,3}(?:\s*[,，、;–-]\s*\d{1,3})*\s*[\]】］]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?:\D|$))")
_SPELT = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve".split(),  # noqa: SIM905
    "zh": "零 一 二 三 四 五 六 七 八 九 十 十一 十二".split(),  # noqa: SIM905
}
_WORDS = {word: str(number) for words in _SPELT.values() for number, word in enumerate(words)}
_WORDS |= {"两": "2", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90"}
_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much)\b|\b(?:what|which)\b[^?.]{0,30}\b(?:year|percentage|price|amount|number|fee|cost)\b"
    r"|\bberapa\b|\bbao nhiêu\b"
    r"|多少|几(?:个|年|天|次|人|名|月)|哪一?年|百分之几|กี่|เท่าไ",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.?!\s])\s+[A-Z][\w/&-]+|[A-Z]{2}[\w/&-]*|[A-Za-z]+\d[\w-]*")
_LATIN = re.compile(r"[A-Za-z]{2,}[\w-]*")

Weights = dict[str, float]


class Claim(Struct, frozen=True):
    """A sentence of an answer, and the numbers of the sentences that bear it."""

    text: str
    numbers: tuple[int, ...]


class Scales:
    """Weighs how much of a text's words sentences of the evidence hold; rare words weigh more."""

    def __init__(self, evidence: Sequence[str]) -> None:
        self._held = [set(terms(text)) for text in evidence]
        self._numbers = [_numbers(text) | _spelt(text) for text in evidence]
        common = Counter(term for held in self._held for term in held)
        self._weights = {term: log(1 + len(evidence) / count) for term, count in common.items()}
        self._unknown = log(1 + len(evidence))

    def wanted(self, claim: str, question: str = "") -> Weights:
        """What a sentence should hold: all terms of a claim, and those of a question that stand in the evidence."""
        known = {term: self._weights[term] for term in set(terms(question)) if term in self._weights}
        return known | {term: self._weights.get(term, self._unknown) for term in set(terms(claim))}

    def support(self, wanted: Weights, *numbers: int) -> float:
        """0 to 1: the share of what is wanted that some sentences (from 1) hold together."""
        held = set().union(*(self._held[number - 1] for number in numbers))
        return sum(weight for term, weight in wanted.items() if term in held) / (sum(wanted.values()) or 1)

    def best(self, text: str) -> int:
        """The sentence that says most of a text and holds all its numbers; 0 when none says enough."""
        numbers, wanted = _numbers(text), self.wanted(text)
        fit = [place for place, held in enumerate(self._numbers, 1) if numbers <= held]
        best = max(fit, key=lambda number: self.support(wanted, number), default=0)
        return best if best and self.support(wanted, best) >= SUPPORT else 0

    def holds(self, numbers: Collection[str], *sentences: int) -> set[str]:
        """Which of some numbers stand in some sentences."""
        return set(numbers) & set[str]().union(*(self._numbers[each - 1] for each in sentences))


def names_are_known(question: str, texts: Sequence[str]) -> bool:
    """Whether what a question names stands in one of the texts at least: else they are about something else.

    Names are words that begin with a capital within a sentence, and Latin words in a question of another script. Where
    the question is in Latin script and the texts are not, nothing can be said: they may be spelt in the other script.
    """
    latin = alike(question, "a")
    if latin and not any(alike(question, text) for text in texts):
        return True
    held = {term for text in texts for term in terms(text)}
    names = {term for found in (_NAME if latin else _LATIN).findall(question) for term in terms(found)}
    return not names or bool(names & held)


def without_marks(text: str) -> str:
    """A text without marks like [3], a model's own."""
    return _MARK.sub("", text)


def check(answer: str, question: str, evidence: Sequence[str], proposed: Sequence[int]) -> list[Claim]:
    """The claims of an answer that the evidence bears, each with its sentences; what nothing bears is left out.

    `proposed` by the model, the likeliest first. Across scripts words cannot be compared: there a sentence bears a
    claim that is proposed for it and holds its numbers. A question for a number is not answered by claims without one.
    """
    text = without_marks(answer)
    if lacks_number(question, text):
        return []
    places = [number for number in dict.fromkeys(proposed) if 1 <= number <= len(evidence)]
    weighing = _Weighing(question, evidence, places, Scales(evidence))
    claims = [text[start:end].strip() for start, end in sentences(text)]
    return [Claim(claim, numbers) for claim in claims if (numbers := weighing.bearing(claim))]


def quoted(question: str, evidence: Sequence[str]) -> Claim | None:
    """The sentence that says most of the question's words, as its answer; None when none says enough of them."""
    scales = Scales(evidence)
    wanted = scales.wanted(question)
    best = max(range(1, len(evidence) + 1), key=lambda number: scales.support(wanted, number), default=0)
    if not best or scales.support(wanted, best) < QUOTED or lacks_number(question, evidence[best - 1]):
        return None
    return Claim(evidence[best - 1], (best,)) if alike(question, evidence[best - 1]) else None


def lacks_number(question: str, text: str) -> bool:
    """Whether a question asks for a number that a text has not."""
    return bool(_ASKS_NUMBER.search(question)) and not (_numbers(text) | _spelt(text))


def annotated(text: str, evidence: Sequence[str]) -> tuple[str, list[int]]:
    """A text with marks behind what a sentence of the evidence says too, and the sentences' numbers in their order.

    Nothing is left out: what has no mark is the model's own. In lists and tables a line has one mark, at its end.
    """
    scales = Scales(evidence)
    numbers: list[int] = []
    marked = [_annotated(line, scales, numbers) for line in without_marks(text).splitlines()]
    return "\n".join(marked), numbers


def _annotated(line: str, scales: Scales, numbers: list[int]) -> str:
    whole = line.lstrip().startswith(("-", "*", "|", "#"))
    spans = [(0, len(line.rstrip()))] if whole else sentences(line)
    marks = []
    for start, end in spans:
        said = line[start:end]
        best = scales.best(said) if len(set(terms(said))) >= SHORT_TERMS else 0
        if best:
            numbers += [best] if best not in numbers else []
            marks.append((end - 1 if said.endswith("|") else end, f" [{numbers.index(best) + 1}]"))
    for place, mark in reversed(marks):
        line = line[:place].rstrip() + mark + line[place:].replace("|", " |", 1 if line[place:] == "|" else 0)
    return line


class _Weighing:
    """Which sentences bear the claims of one answer."""

    def __init__(self, question: str, evidence: Sequence[str], proposed: Sequence[int], scales: Scales) -> None:
        self._question = question
        self._evidence = evidence
        self._bonus = {number: PROPOSED - place / 100 for place, number in enumerate(proposed)}
        self._scales = scales
        self._asked = scales.wanted("", question)

    def bearing(self, claim: str) -> tuple[int, ...]:
        """The best sentence, with more where it lacks numbers or says too little; () if nothing bears the claim."""
        scales = self._scales
        short = len(set(terms(claim))) < SHORT_TERMS
        wanted = scales.wanted(claim, self._question if short else "")
        missing = _numbers(claim) - _numbers(self._question)
        chosen: list[int] = []
        while len(chosen) < MOST_CITED and not self._holds(wanted, missing, chosen, COVERED):
            rest = missing - scales.holds(missing, *chosen)
            others = [number for number in range(1, len(self._evidence) + 1) if number not in chosen]
            best = max(others, key=lambda number: self._worth(wanted, rest, [*chosen, number]), default=0)
            if chosen and not scales.holds(rest, best) and not self._adds(wanted, chosen, best):
                break
            chosen.append(best)
        return tuple(chosen) if chosen and self._is_borne(claim, wanted, missing, chosen) else ()

    def _worth(self, wanted: Weights, missing: set[str], chosen: list[int]) -> float:
        scales, last = self._scales, chosen[-1]
        held = len(scales.holds(missing, last)) / len(missing) if missing else 0.0
        asked = ASKED * scales.support(self._asked, last)
        return scales.support(wanted, *chosen) + self._bonus.get(last, 0.0) + asked + held

    def _adds(self, wanted: Weights, chosen: list[int], more: int) -> bool:
        """Whether a proposed sentence says something of a claim that the chosen ones do not."""
        support = self._scales.support
        return more in self._bonus and support(wanted, *chosen, more) > support(wanted, *chosen)

    def _holds(self, wanted: Weights, missing: set[str], chosen: list[int], share: float) -> bool:
        return missing <= self._scales.holds(missing, *chosen) and self._scales.support(wanted, *chosen) >= share

    def _is_borne(self, claim: str, wanted: Weights, missing: set[str], chosen: list[int]) -> bool:
        if self._holds(wanted, missing, chosen, SUPPORT):
            return True
        across = chosen[0] in self._bonus and not alike(claim, self._evidence[chosen[0] - 1])
        return across and missing <= self._scales.holds(missing, *chosen)


def _numbers(text: str) -> set[str]:
    """The numbers of a text in digits, without separators of thousands."""
    return {_THOUSANDS.sub("", found) for found in _NUMBER.findall(text)}


def _spelt(text: str) -> set[str]:
    """Small numbers of a text in words."""
    words = set(fold(text).split())
    return {digits for word, digits in _WORDS.items() if word in words or (word > "一" and word in text)}
