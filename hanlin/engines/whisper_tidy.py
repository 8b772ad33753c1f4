"""What Whisper says that nobody said: loops, and the phrases of subtitles it was trained on."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from hanlin.types import Segment, Word

LOOP_WORDS = 12
"""Longest group of words looked for that comes again and again."""
LOOP_TIMES = 5
"""As often people hardly ever repeat themselves."""
KEPT_TIMES = 2
NEVER_SAID = (
    "amara.org",
    "字幕由",
    "字幕志愿者",
    "字幕製作",
    "字幕制作",
    "请不吝点赞",
    "請不吝點贊",
    "明镜与点点",
    "明鏡與點點",
    "subtitles by",
    "subtitled by",
    "transcription by castingwords",
    "www.zeoranger.co.uk",
)
"""In the credits of subtitles that Whisper learned from: never in what is said."""
SELDOM_SAID = frozenset(
    {
        "thank you",
        "thanks for watching",
        "thank you for watching",
        "bye",
        "you",
        "谢谢观看",
        "謝謝觀看",
        "谢谢大家",
        "優優獨播劇場",
    }
)
"""Alone in a segment and uncertain: what Whisper makes of noise."""
UNCERTAIN_LOG_PROBABILITY = -0.7
NO_SPEECH_PROBABILITY = 0.4


def has_loop(segment: Any) -> bool:
    """Whether a group of the segment's words comes again and again."""
    return _loop([word.word for word in segment.words or ()]) is not None


def without_loops(segments: list[Segment]) -> list[Segment]:
    """Loops cut down to two rounds; a segment that says the same as the two before it is dropped."""
    kept: list[Segment] = []
    for segment in segments:
        short = _shortened(segment)
        same = [one for one in kept[-KEPT_TIMES:] if _plain(one.text) == _plain(short.text)]
        if len(same) < KEPT_TIMES:
            kept.append(short)
    return kept


def drop_invented(segments: list[Segment], hint: str) -> list[Segment]:
    """Without the segments that nobody said, and without the hint given back in a silence."""
    return [segment for segment in segments if not _is_invented(segment, _plain(hint))]


def _is_invented(segment: Segment, hint: str) -> bool:
    text = segment.text.casefold()
    if not _plain(text) or any(phrase in text for phrase in NEVER_SAID):
        return True
    uncertain = (
        segment.no_speech_probability > NO_SPEECH_PROBABILITY
        or segment.mean_log_probability < UNCERTAIN_LOG_PROBABILITY
    )
    return uncertain and (_plain(text) in SELDOM_SAID or (len(_plain(text)) > 3 and _plain(text) in hint))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())


def _shortened(segment: Segment) -> Segment:
    words = list(segment.words)
    while (found := _loop([word.text for word in words])) is not None:
        place, width, times = found
        words = [*words[: place + width * KEPT_TIMES], *words[place + width * times :]]
    if len(words) == len(segment.words):
        return segment
    return replace(segment, words=tuple(words), text=_joined(words), end_seconds=words[-1].end_seconds)


def _joined(words: list[Word]) -> str:
    return "".join(word.text for word in words)


def _loop(words: list[str]) -> tuple[int, int, int] | None:
    """Place, width in words and rounds of the first loop."""
    plain = [_plain(word) or word for word in words]
    for width in range(1, min(LOOP_WORDS, len(plain) // LOOP_TIMES) + 1):
        place = 0
        while place + width * LOOP_TIMES <= len(plain):
            times = _rounds(plain, place, width)
            if times >= LOOP_TIMES:
                return place, width, times
            place += 1
    return None


def _rounds(words: list[str], place: int, width: int) -> int:
    group, times = words[place : place + width], 1
    while words[place + times * width : place + (times + 1) * width] == group:
        times += 1
    return times
