"""Chinese with the punctuation that a transcription left out. Which characters are used is the engine's to decide."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from hanlin.types import Segment, Word

COMMA_SECONDS = 0.3
"""A pause this long within a segment is a comma."""
_PUNCTUATION = re.compile(r"[，。？！、；：,.?!;:]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_QUESTION = re.compile(r"(吗|呢|什么|怎么样|多少|为什么|谁|哪里|哪个|是不是|对不对|好不好)$")
_LONGEST_WITHOUT = 12
"""Characters of Chinese that no writer leaves without a mark."""


def written(segments: Sequence[Segment], language: str) -> list[Segment]:
    """The segments as they are shown; those of other languages unchanged."""
    if language not in ("zh", "yue"):
        return list(segments)
    text = "".join(segment.text for segment in segments)
    if _PUNCTUATION.search(text) or len(_HAN.findall(text)) < _LONGEST_WITHOUT:
        return list(segments)
    return [_punctuated(segment) for segment in segments]


def _punctuated(segment: Segment) -> Segment:
    """Marks by the pauses between words; a segment ends a sentence."""
    if not segment.words:
        return replace(segment, text=segment.text.rstrip() + _ending(segment.text))
    words: list[Word] = []
    for word, following in zip(segment.words, (*segment.words[1:], None), strict=True):
        mark = _ending(segment.text) if following is None else ""
        if following is not None and following.start_seconds - word.end_seconds >= COMMA_SECONDS:
            mark = "，"
        words.append(replace(word, text=word.text + mark))
    return replace(segment, text="".join(word.text for word in words), words=tuple(words))


def _ending(text: str) -> str:
    return "？" if _QUESTION.search(text.strip()) else "。"
