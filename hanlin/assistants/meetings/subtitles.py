"""Subtitles: SRT and WebVTT, with lines that can be read in the time they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from msgspec import Struct

from hanlin.assistants.meetings.aligning import aligned
from hanlin.assistants.meetings.records import SpokenWord, Utterance

LINE = {"wide": 20, "narrow": 42}
"""Characters of a line: Chinese, and scripts with an alphabet (the usual figures of broadcasters)."""
LINES = 2
CHARACTERS_A_SECOND = {"wide": 9, "narrow": 17}
"""Reading speed for adults, the same source."""
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 7.0
GAP_SECONDS = 0.08
"""Two frames between subtitles, so that the eye sees the change."""
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_BREAK_AFTER = re.compile(r"[,.?!;:，。？！；：、…]\s*$")


class Cue(Struct, frozen=True):
    start_seconds: float
    end_seconds: float
    speaker: str
    lines: tuple[str, ...]
    below: tuple[str, ...] = ()
    """The translation's lines."""


def cues(said: Sequence[Utterance], names: dict[str, str], translations: dict[str, str] | None = None) -> list[Cue]:
    """The transcript in subtitles of at most two lines (of each language) and seven seconds.

    A segment that is too long is parted between words; its translation with it, in proportion. What is read too fast
    stays as long as the next one lets it.
    """
    found: list[Cue] = []
    for one in said:
        words = one.words or aligned(one.text, (), one.start_seconds, one.end_seconds)
        groups = list(_groups(words)) or []
        parts = _shared((translations or {}).get(one.id, ""), [_text(group) for group in groups])
        for group, part in zip(groups, parts, strict=True):
            found.append(
                Cue(
                    group[0].start_seconds,
                    group[-1].end_seconds,
                    names.get(one.speaker, ""),
                    _lines(_text(group)),
                    _lines(part) if part else (),
                )
            )
    return _timed(found)


def labelled(cues: Sequence[Cue], label: str) -> list[Cue]:
    """With the label in view at the beginning: alone if there is time, else above the first words."""
    if not cues:
        return []
    first = cues[0]
    if first.start_seconds >= SHORTEST_SECONDS:
        return [Cue(0.0, min(first.start_seconds - GAP_SECONDS, 3.0), "", (label,)), *cues]
    return [Cue(first.start_seconds, first.end_seconds, first.speaker, (label, *first.lines), first.below), *cues[1:]]


def srt(cues: Sequence[Cue]) -> str:
    """SubRip. A speaker's name stands where it changes."""
    blocks = []
    for number, (cue, speaker) in enumerate(_with_changes(cues), 1):
        times = f"{_time(cue.start_seconds, ',')} --> {_time(cue.end_seconds, ',')}"
        lines = [*cue.lines, *cue.below]
        lines[0] = f"{speaker}: {lines[0]}" if speaker else lines[0]
        blocks.append("\n".join([str(number), times, *(line.replace("-->", "→") for line in lines)]))
    return "\n\n".join(blocks) + "\n"


def vtt(cues: Sequence[Cue]) -> str:
    """WebVTT, with the speaker as the voice of each cue."""
    blocks = ["WEBVTT"]
    for cue in cues:
        times = f"{_time(cue.start_seconds, '.')} --> {_time(cue.end_seconds, '.')}"
        text = "\n".join(escape(line, quote=False) for line in (*cue.lines, *cue.below))
        voice = re.sub(r"[<>&\n]", " ", cue.speaker)
        blocks.append(f"{times}\n<v {voice}>{text}" if voice else f"{times}\n{text}")
    return "\n\n".join(blocks) + "\n"


def _text(words: Sequence[SpokenWord]) -> str:
    return "".join(word.text for word in words).strip()


def _room(text: str) -> int:
    """Characters that two lines of this text's script hold."""
    return LINE[_script(text)] * LINES


def _script(text: str) -> str:
    return "wide" if len(_WIDE.findall(text)) * 2 > len(text) else "narrow"


def _groups(words: Sequence[SpokenWord]) -> Iterator[list[SpokenWord]]:
    """Words that fit one subtitle; parted behind a mark if one stands in the second half."""
    held: list[SpokenWord] = []
    for word in words:
        longer = [*held, word]
        text = _text(longer)
        if held and (len(text) > _room(text) or word.end_seconds - held[0].start_seconds > LONGEST_SECONDS):
            cut = _cut(held)
            yield held[:cut]
            held = [*held[cut:], word]
        else:
            held = longer
    if held:
        yield held


def _cut(words: Sequence[SpokenWord]) -> int:
    marks = [place for place, word in enumerate(words, 1) if _BREAK_AFTER.search(word.text)]
    late = [place for place in marks if place * 2 >= len(words)]
    return late[-1] if late else len(words)


def _lines(text: str) -> tuple[str, ...]:
    """One line, or two of about the same length, never through a word."""
    if len(text) <= LINE[_script(text)]:
        return (text,)
    words = [word.text for word in aligned(text, (), 0, 1)]
    places = range(1, len(words))
    best = min(places, key=lambda place: abs(len("".join(words[:place])) - len(text) / 2), default=0)
    lines = ("".join(words[:best]).strip(), "".join(words[best:]).strip())
    return tuple(line for line in lines if line)


def _shared(translation: str, texts: Sequence[str]) -> list[str]:
    """A translation in as many parts as there are texts, in proportion to their lengths, between words."""
    if len(texts) <= 1:
        return [translation] * len(texts)
    words = [word.text for word in aligned(translation, (), 0, 1)]
    total, parts, done, before = sum(map(len, texts)), [], 0, 0
    for text in texts:
        before += len(text)
        until = round(len(words) * before / total)
        parts.append("".join(words[done:until]).strip())
        done = until
    return parts


def _timed(found: list[Cue]) -> list[Cue]:
    """Each shown as long as it takes to read, as far as the next one lets it; none over another."""
    timed: list[Cue] = []
    for place, cue in enumerate(found):
        text = "".join(cue.lines)
        needed = max(SHORTEST_SECONDS, len(text) / CHARACTERS_A_SECOND[_script(text)])
        end = max(cue.end_seconds, cue.start_seconds + min(needed, LONGEST_SECONDS))
        if place + 1 < len(found):
            end = min(end, max(found[place + 1].start_seconds - GAP_SECONDS, cue.start_seconds + 0.2))
        timed.append(Cue(cue.start_seconds, end, cue.speaker, cue.lines, cue.below))
    return timed


def _with_changes(cues: Sequence[Cue]) -> Iterator[tuple[Cue, str]]:
    before = ""
    for cue in cues:
        yield cue, cue.speaker if cue.speaker != before else ""
        before = cue.speaker


def _time(seconds: float, mark: str) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}{mark}{whole % 1000:03}"
