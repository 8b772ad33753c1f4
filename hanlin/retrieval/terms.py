"""Texts as search terms: what is written alike in another width, case, script or form becomes one term.

Scripts without blanks between words are searched by characters and pairs of neighbouring characters: better than a
dictionary's words on Chinese passages (CMRC 2018, `benchmarks/bench_retrieval.py`), and nothing to keep up to date.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from operator import add

from hanlin.policy.fold import fold as fold_word

LONGEST_TERM = 40
_DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, Hangul, kana, Chinese: cut into pairs."""
_SINGLE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
"""Characters that are words of their own."""
_RUNS = re.compile(f"(?P<dense>[{_DENSE}]+)|(?P<word>[^\\s{_DENSE}]+)")
_DENSE_START = re.compile(f"[{_DENSE}]")
_LAST_CACHED = 0xFFFF


class _Table(dict[int, str]):
    """Code point -> what it is searched as, filled as characters are met (for `str.translate`)."""

    def __missing__(self, code: int) -> str:
        folded = _folded(chr(code))
        if code <= _LAST_CACHED:
            self[code] = folded
        return folded


def _folded(character: str) -> str:
    levelled = unicodedata.normalize("NFKC", character).casefold()
    return "".join(_letter(each) for each in levelled)


def _letter(character: str) -> str:
    if _SINGLE.match(character):
        return fold_word(character)  # traditional to simplified
    if unicodedata.category(character)[0] not in "LMN":
        return " "
    if "\u0e00" <= character < "\u1e00" or character >= "\u2000":
        return character
    bare = "".join(each for each in unicodedata.normalize("NFD", character) if not "\u0300" <= each < "\u0370")
    return bare.replace("đ", "d")


_TABLE = _Table()


def fold(text: str) -> str:
    """Character by character: simplified, in lower case, without accents; what is no letter or digit is a blank."""
    return text.translate(_TABLE)


def terms(text: str) -> list[str]:
    """Each as often as it stands in the text, in no useful order. Words are not stemmed yet: `words.py` does that."""
    found: list[str] = []
    for run in _RUNS.finditer(fold(text)):
        characters = run[0]
        if run.lastgroup == "word":
            found.append(characters[:LONGEST_TERM])
        elif len(characters) == 1:
            found.append(characters)
        else:
            found += map(add, characters, characters[1:])
            found += _SINGLE.findall(characters)
    return found


def places(text: str) -> Sequence[int]:
    """For each character of `fold(text)`, and for its end, the index of the character of `text` it came from."""
    found = [place for place, character in enumerate(text) for _ in _TABLE[ord(character)]]
    return [*found, len(text)]


def words(folded: str) -> Iterator[re.Match[str]]:
    """The words of a folded text, without those of scripts that are cut into pairs."""
    return (run for run in _RUNS.finditer(folded) if run.lastgroup == "word")


def is_pair(term: str) -> bool:
    """Whether it is of a script without blanks between words."""
    return _DENSE_START.match(term) is not None


def is_single(term: str) -> bool:
    """Whether it is one Chinese character: it finds what pairs miss, and says little."""
    return len(term) == 1 and _SINGLE.match(term) is not None
