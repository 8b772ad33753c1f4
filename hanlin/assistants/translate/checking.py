"""The flags of a segment: what code can tell of a translation without understanding it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from hanlin.assistants.translate import markup, numbers, shield, terminology
from hanlin.assistants.translate.languages import detect
from hanlin.assistants.translate.records import Flag
from hanlin.assistants.translate.terminology import Found

GRAVE = frozenset({Flag.EMPTY, Flag.REFUSED, Flag.UNTRANSLATED, Flag.WRONG_LANGUAGE, Flag.REPEATED})
"""A segment with one of these says nothing a reader can use."""
LIKENESS = 0.85
"""From here on two texts are a copy (difflib's ratio, letters only)."""
SURE = 0.75
"""Least share at which another language than the wanted one counts; Indonesian and Malay are often below it."""
_LOOP = re.compile(r"(\S.{1,79}?)(?:[\s,，、。.]{0,3}\1){3}", re.DOTALL)
_RUN = re.compile(r"(.)\1{11}")
_LETTERS = re.compile(r"[^\W\d_]+")
_HEAVY = re.compile(r"[\u3400-\u9fff\uac00-\ud7af\u3040-\u30ff]")
HEAVY_WEIGHT = 2.6
"""Letters of English that one Chinese character stands for: mean of TICO-19 en-zh, 3,071 pairs."""
SHORT = 20
"""Weight below which a length says nothing."""
RATIOS = (0.4, 2.5)
"""Least and greatest weight of a target by its source's: outside lies below 1 % of TICO-19's pairs."""


def flags(source: str, target: str, language: str, found: Sequence[Found] = (), *, marked: bool = True) -> list[Flag]:
    """What is wrong with a target in `language`; `found`: the terms of the source, `marked`: markers must be there."""
    words, said = markup.plain(source), markup.plain(target)
    if not said.strip():
        return [Flag.EMPTY]
    bare = _without(said, found)
    checks = (
        (Flag.UNTRANSLATED, is_copy(_without(words, ()), bare, language)),
        (Flag.WRONG_LANGUAGE, is_foreign(bare, language)),
        (Flag.REPEATED, is_looping(words, said)),
        (Flag.MISSING_NUMBER, bool(numbers.missing(_numbered(words, found), _numbered(said, ())))),
        (Flag.GLOSSARY_BROKEN, bool(terminology.lost(found, target))),
        (Flag.PLACEHOLDER_LOST, shield.lost(source, target) or (marked and not markup.intact(source, target))),
        (Flag.LENGTH_ODD, is_odd(words, said)),
    )
    found_flags = [flag for flag, holds in checks if holds]
    if Flag.UNTRANSLATED in found_flags and Flag.WRONG_LANGUAGE in found_flags:
        found_flags.remove(Flag.WRONG_LANGUAGE)  # one fault, one flag
    return found_flags


def is_copy(source: str, target: str, language: str) -> bool:
    """Whether a target is its source again. Names and codes are the same everywhere, so a few capital words may be."""
    one, other = ("".join(_LETTERS.findall(text)).casefold() for text in (source, target))
    if not one or not other:
        return False
    if detect(source).code == language:
        return False
    if len(one) < 4 or _is_name(source):
        return False
    if one == other:
        return True
    return len(one) >= 12 and SequenceMatcher(None, one[:2000], other[:2000], autojunk=False).ratio() >= LIKENESS


def _is_name(text: str) -> bool:
    """At most four Latin words that all begin with a capital."""
    words = _LETTERS.findall(text)
    return len(words) <= 4 and all(word[0].isupper() and not _HEAVY.match(word) for word in words)


def is_foreign(text: str, language: str) -> bool:
    """Whether a text is in another language than the wanted one."""
    letters = "".join(_LETTERS.findall(text))
    if weight(letters) < 8 or _is_name(text):
        return False
    found = detect(text)
    if found.code == language or not found.code:
        return False
    if {found.code, language} == {"zh", "zh-Hant"}:
        return False
    return found.share >= SURE or in_other_script(text, language)


def in_other_script(text: str, language: str) -> bool:
    """Whether most letters are of a script that the language is not written in."""
    heavy = len(_HEAVY.findall(text))
    wide = language in {"zh", "zh-Hant", "ja", "ko"}
    total = sum(map(len, _LETTERS.findall(text)))
    return heavy * HEAVY_WEIGHT < 0.4 * (total - heavy) if wide else heavy > 0.3 * total


def is_looping(source: str, target: str) -> bool:
    """Whether the target says the same four times in a row and the source does not."""
    if _LOOP.search(source) or _RUN.search(source):
        return False
    loop = _LOOP.search(target)
    return bool(loop and any(letter.isalpha() for letter in loop[1])) or _RUN.search(target) is not None


def is_odd(source: str, target: str) -> bool:
    one, other = weight(source), weight(target)
    if one < SHORT:
        return other > 6 * SHORT
    return not RATIOS[0] <= other / one <= RATIOS[1]


def weight(text: str) -> float:
    """A length that can be compared between languages: letters and digits, a Chinese character as several."""
    heavy = len(_HEAVY.findall(text))
    return sum(1 for letter in text if letter.isalnum()) + heavy * (HEAVY_WEIGHT - 1)


def _without(text: str, found: Sequence[Found]) -> str:
    """The text without what stays the same in every language: addresses, placeholders, the glossary's words."""
    text = shield.KEEP.sub(" ", text)
    for one in found:
        text = re.sub(re.escape(one.preferred), " ", text, flags=re.IGNORECASE)
    return text


def _numbered(text: str, found: Sequence[Found]) -> str:
    """The text whose numbers are compared: those within a term are the glossary's business."""
    for one in reversed(found):
        text = text.replace(one.preferred, " ")
    return shield.KEEP.sub(" ", text)
