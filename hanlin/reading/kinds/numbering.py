"""The numbers Word puts before entries and headings (ECMA-376 part 1, §17.9): "2.1", "(b)", "第三条"."""

from __future__ import annotations

import re
from typing import Any

from hanlin.reading.package import attribute, local

_CHINESE = "零一二三四五六七八九十"
_PLACE = re.compile(r"%(\d)")


class Numbering:
    """Counts the entries of each list as the document is walked."""

    def __init__(self, root: Any) -> None:
        self._levels: dict[str, dict[int, tuple[str, str, int]]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._abstract: dict[str, str] = {}
        for element in () if root is None else root:
            if local(element) == "abstractNum":
                self._levels[attribute(element, "abstractNumId")] = dict(map(_level, _children(element, "lvl")))
            elif local(element) == "num":
                reference = next(iter(_children(element, "abstractNumId")), None)
                self._abstract[attribute(element, "numId")] = attribute(reference, "val")

    def label(self, list_id: str, depth: int) -> str:
        """The next entry's number; "" for bullets and for what is in no list."""
        abstract = self._abstract.get(list_id, "")
        levels = self._levels.get(abstract, {})
        if depth not in levels:
            return ""
        counts = self._counts.setdefault(abstract, {})
        counts[depth] = counts.get(depth, levels[depth][2] - 1) + 1
        for deeper in [level for level in counts if level > depth]:
            del counts[deeper]
        shape, pattern, _ = levels[depth]
        return (
            ""
            if shape in {"bullet", "none"}
            else _PLACE.sub(lambda place: self._number(levels, counts, place), pattern)
        )

    @staticmethod
    def _number(levels: dict[int, tuple[str, str, int]], counts: dict[int, int], place: re.Match[str]) -> str:
        level = int(place[1]) - 1
        shape, _, start = levels.get(level, ("decimal", "", 1))
        return _written(counts.get(level, start), shape)


def _children(element: Any, name: str) -> list[Any]:
    return [each for each in element if local(each) == name]


def _level(element: Any) -> tuple[int, tuple[str, str, int]]:
    values = {local(each): attribute(each, "val") for each in element}
    start, depth = values.get("start", "1"), attribute(element, "ilvl")
    shape = values.get("numFmt", "decimal")
    return int(depth) if depth.isdigit() else 0, (
        shape,
        values.get("lvlText", "")[:64],
        int(start) if start.isdigit() else 1,
    )


def _written(number: int, shape: str) -> str:
    if shape in {"lowerLetter", "upperLetter"} and number > 0:
        letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 8)
        return letter.upper() if shape == "upperLetter" else letter
    if shape in {"lowerRoman", "upperRoman"} and 0 < number < 4000:
        return _roman(number) if shape == "upperRoman" else _roman(number).lower()
    if shape.startswith(("chinese", "japaneseCounting")) and 0 < number < 100:
        return _chinese(number)
    return str(number)


def _roman(number: int) -> str:
    units = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"],
        strict=True,
    )
    written = ""
    for value, letters in units:
        written += letters * (number // value)
        number %= value
    return written


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    head = ("" if tens == 1 else _CHINESE[tens]) + "十" if tens else ""
    return head + (_CHINESE[ones] if ones or not tens else "")
