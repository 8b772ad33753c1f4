"""Folding: many spellings of a word become one, so that a word list finds them all.

Width, case, compatibility forms, combining marks, traditional characters and letters that look Latin are levelled;
whatever is not a letter or digit (spaces, emoji, zero-width and bidi characters, variation selectors) goes.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

_Code = TypeVar("_Code", np.uint16, np.uint32)
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Hangul fillers: letters to Unicode, nothing to the eye."""
_LAST_CACHED = 0xFFFF
"""The table keeps the Basic Multilingual Plane only, so that no text can make it grow without bound."""
SPACED_SCRIPTS_END = "\u0530"
"""Latin, Greek and Cyrillic, folded, lie below the Armenian block."""
LONG_CHARACTERS = 2_000
"""From here on a text is folded in blocks by numpy; below, `str.translate` is faster."""
_BLOCK_CHARACTERS = 16_384
"""32 KiB of UTF-16: a block and what is made of it stay in the processor's cache."""

_FEWEST = 256
"""So small a part of a block is not folded by numpy."""

_LOOK_ALIKES = (
    "aаαɑᴀ bвβʙ cсᴄ dԁᴅ eеεᴇ fғϝꜰ gɡɢց hнһηʜհ iіιıɪ jјϳᴊ kкκᴋĸ lӏʟ mмμᴍ nпɴո oоοᴏօ pрρᴘ qԛգ rгʀ "
    "sѕꜱ tтτᴛ uυᴜս vνѵᴠ wԝωᴡա xхχ yуүγʏ zᴢζ đð"
)
"""First a Latin letter, then letters of other scripts and phonetic signs that pass for it in either case (UTS #39 lists
the surest as intentional). Both cases of a letter become one, so that Greek and Russian terms keep matching.
"""


def _simplified() -> dict[str, str]:
    lines = Path(__file__).with_name("simplified.txt").read_text(encoding="utf-8").splitlines()
    return {pair[0]: pair[1] for line in lines if not line.startswith("#") for pair in line.split()}


def _looks() -> dict[str, str]:
    return {look: word[0] for word in _LOOK_ALIKES.split() for look in word[1:]}


class _Table(dict[int, str | None]):
    """Code point -> what it folds to, None for nothing; filled as characters are met (for `str.translate`)."""

    def __init__(self) -> None:
        super().__init__()
        self._levelled = _simplified() | _looks()

    def __missing__(self, code: int) -> str | None:
        level = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        kept = (c for c in level if c.isalnum() and c not in _FILLERS)
        folded = "".join(self._levelled.get(c, c) for c in kept) or None
        if code <= _LAST_CACHED:
            self[code] = folded
        return folded


_TABLE = _Table()
_ASCII = bytes.maketrans(bytes(range(0x41, 0x5B)), bytes(range(0x61, 0x7B)))
_ASCII_REMOVED = bytes(code for code in range(128) if not chr(code).isalnum())

_UNKNOWN, _DROPPED, _OTHERWISE = 0, 1, 2
"""Values of the tables below that are no letters: not looked up yet, nothing, several characters (`_TABLE` knows)."""
_UNITS: NDArray[np.uint16] = np.zeros(0x10000, np.uint16)
"""UTF-16 unit -> the one it folds to, filled as characters are met. Half of a pair: `_OTHERWISE`."""
_UNITS[0xD800:0xE000] = _OTHERWISE
_CODES: NDArray[np.uint32] = np.zeros(0x110000, np.uint32)
"""The same for code points: for blocks that hold an emoji or another character beyond the plane."""


def fold(text: str) -> str:
    """The text with everything levelled that does not change which word it is. Idempotent, character by character."""
    if text.isascii():
        return text.encode().translate(_ASCII, _ASCII_REMOVED).decode()
    if len(text) < LONG_CHARACTERS:
        return text.translate(_TABLE)
    return "".join([_fold_block(block) for _, block in _blocks(text)])


def offsets(text: str) -> Sequence[int]:
    """For each character of `fold(text)`, the index of the character of `text` it came from. Slow: only after a hit."""
    if len(text) < LONG_CHARACTERS:
        return [index for index, character in enumerate(text) for _ in _TABLE[ord(character)] or ""]
    return BlockOffsets(text, block_offsets)


@lru_cache(4096)
def spaced(character: str) -> bool:
    """Whether it is a letter or digit of a script that sets words apart by spaces; False of the empty string."""
    return character.isalnum() and "" < fold(character)[:1] < SPACED_SCRIPTS_END


class BlockOffsets(Sequence[int]):
    """The offsets of a long text, block by block as they are asked for: hits are few, or come to their limit soon."""

    def __init__(self, text: str, offsets_of: Callable[[str], NDArray[np.int32]]) -> None:
        self._offsets_of = offsets_of
        self._blocks = _blocks(text)
        self._known: list[memoryview[int]] = []
        self._ends = [0]

    def __len__(self) -> int:
        while self._knows_more():
            pass
        return self._ends[-1]

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> list[int]: ...
    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, slice):
            return [self[index] for index in range(place.start, place.stop)]
        while place >= self._ends[-1] and self._knows_more():
            pass
        number = bisect_right(self._ends, place) - 1
        return self._known[number][place - self._ends[number]]

    def _knows_more(self) -> bool:
        start, block = next(self._blocks, (0, ""))
        if block:
            places = self._offsets_of(block) + np.int32(start)
            self._known.append(memoryview(places.data))
            self._ends.append(self._ends[-1] + len(places))
        return bool(block)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    for start in range(0, len(text), _BLOCK_CHARACTERS):
        yield start, text[start : start + _BLOCK_CHARACTERS]


def _fold_block(block: str) -> str:
    folded = _folded(block)
    if folded is None:  # only near the character that folds to several is it slow
        half = len(block) // 2
        return _fold_block(block[:half]) + _fold_block(block[half:]) if half > _FEWEST else block.translate(_TABLE)
    kept = folded[folded != _DROPPED]
    encoding = "utf-16-le" if kept.itemsize == _UNITS.itemsize else "utf-32-le"
    return str(kept.tobytes(), encoding)


def block_offsets(block: str) -> NDArray[np.int32]:
    """The offsets of a text as an array."""
    folded = _folded(block)
    if folded is None:
        half = len(block) // 2
        if half > _FEWEST:
            return np.concatenate([block_offsets(block[:half]), block_offsets(block[half:]) + np.int32(half)])
        counts = [len(_TABLE[ord(c)] or "") for c in block]
        return np.repeat(np.arange(len(block), dtype=np.int32), counts)
    return np.flatnonzero(folded != _DROPPED).astype(np.int32)


def _folded(block: str) -> NDArray[np.uint16] | NDArray[np.uint32] | None:
    """One value a character, `_DROPPED` for nothing; None if some character folds to several."""
    units = _look_up(np.frombuffer(block.encode("utf-16-le", "surrogatepass"), np.uint16), _UNITS)
    if not (units == _OTHERWISE).any():
        return units
    codes = _look_up(np.frombuffer(block.encode("utf-32-le", "surrogatepass"), np.uint32), _CODES)
    return None if (codes == _OTHERWISE).any() else codes


def _look_up(written: NDArray[_Code], table: NDArray[_Code]) -> NDArray[_Code]:
    folded = table[written]
    unknown = folded == _UNKNOWN
    if not unknown.any():
        return folded
    for code in np.unique(written[unknown]).tolist():
        letters = _TABLE[code] or chr(_DROPPED)
        fits = len(letters) == 1 and ord(letters) <= np.iinfo(table.dtype).max
        table[code] = ord(letters) if fits else _OTHERWISE
    return table[written]
