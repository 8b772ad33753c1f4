"""Mandarin in one script: what Whisper wrote, in simplified or in traditional characters."""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec.structs import replace

from hanlin.types import Segment


def simplify(segment: Segment, *, traditional: bool = False) -> Segment:
    """The segment in simplified characters, or in traditional ones; its words stay the parts of its text."""
    converter = _converter("s2t" if traditional else "t2s")
    text = converter.convert(segment.text)
    if len(text) != len(segment.text):
        words = [replace(word, text=converter.convert(word.text)) for word in segment.words]
        return replace(segment, text="".join(word.text for word in words) or text, words=tuple(words))
    words, place = [], 0
    for word in segment.words:
        words.append(replace(word, text=text[place : place + len(word.text)]))
        place += len(word.text)
    return replace(segment, text=text, words=tuple(words))


@cache
def _converter(direction: str) -> Any:
    from opencc import OpenCC

    return OpenCC(direction)
