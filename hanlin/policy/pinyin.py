"""Pinyin: terms whose characters are written as homophones or in Latin letters.

The same engine finds them: in a second layer every Han character stands as its toneless syllable, Latin letters stay.
Ordinary text is full of homophones, so only terms of four syllables or more are looked for, and a find must agree with
the term syllable by syllable. Four syllables are few: there one character at least must be the term's own, or all of
them be typed in Latin letters. On 3 million ordinary characters no more is found by chance than without the layer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hanlin.errors import Misconfigured
from hanlin.policy.fold import LONG_CHARACTERS, BlockOffsets, block_offsets, fold, offsets

LEAST_SYLLABLES = 4
_SURE_SYLLABLES = 5
"""From here on homophones alone will do."""
_FIRST_HAN, _LAST_HAN = 0x3400, 0x9FFF


def syllables() -> dict[str, str]:
    """Han character -> its first reading, without tone, ü as v. From the package pypinyin, characters only.

    Raises Misconfigured where the package is missing.
    """
    try:
        from pypinyin.pinyin_dict import pinyin_dict
    except ImportError:
        raise Misconfigured(
            "A word list asks for the variant `pinyin`, which needs the package pypinyin.",
            action="Run `pip install pypinyin`, or take the variant out.",
        ) from None
    readings = ((chr(code), reading) for code, reading in pinyin_dict.items() if _FIRST_HAN <= code <= _LAST_HAN)
    return {han: _toneless(reading.partition(",")[0]) for han, reading in readings if fold(han) == han}


def _toneless(reading: str) -> str:
    letters = unicodedata.normalize("NFD", reading).replace("u\u0308", "v")
    return "".join(c for c in letters if c.isascii() and c.isalpha())


class _Table(dict[int, str]):
    """Code point of a folded character -> its letters; filled as characters are met."""

    def __init__(self, readings: Mapping[str, str]) -> None:
        super().__init__()
        self._readings = readings

    def __missing__(self, code: int) -> str:
        letters = self[code] = self._readings.get(chr(code), chr(code))
        return letters


class Pinyin:
    """The second layer: `fold` and `offsets` of it, and what counts as a find there."""

    def __init__(self, readings: Mapping[str, str]) -> None:
        self._readings = readings
        self._table = _Table(readings)

    def fold(self, text: str) -> str:
        """The folded text with every Han character as its syllable."""
        return fold(text).translate(self._table)

    def offsets(self, text: str) -> Sequence[int]:
        """For each letter of `fold(text)`, the index of the character of `text` it came from."""
        if len(text) >= LONG_CHARACTERS:
            return BlockOffsets(text, self._block_offsets)
        folded = zip(offsets(text), fold(text), strict=True)
        return [place for place, character in folded for _ in self._table[ord(character)]]

    def _block_offsets(self, block: str) -> NDArray[np.int32]:
        return np.repeat(block_offsets(block), [len(self._table[code]) for code in map(ord, fold(block))])

    def spell(self, folded_term: str) -> str | None:
        """The letters of a term that is long enough to be looked for so; None for others."""
        known = sum(character in self._readings for character in folded_term)
        return folded_term.translate(self._table) if known >= LEAST_SYLLABLES else None

    def agrees(self, folded_term: str, written: str) -> bool:
        """Whether `written` spells the term syllable by syllable, and is no chance."""
        folded, place = fold(written), 0
        own = homophones = syllables = 0
        for character in folded_term:
            reading = self._readings.get(character)
            syllables += reading is not None
            here = folded[place : place + 1]
            if here == character:
                own += reading is not None
                place += 1
            elif reading is not None and self._readings.get(here) == reading:
                homophones += 1
                place += 1
            elif reading is not None and folded.startswith(reading, place):
                place += len(reading)
            else:
                return False
        return place == len(folded) and (syllables >= _SURE_SYLLABLES or own > 0 or homophones == 0)
