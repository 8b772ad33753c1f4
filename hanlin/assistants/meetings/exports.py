"""A recording as a file: transcript and notes as a document, subtitles, everything as JSON."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hanlin import writing
from hanlin.assistants.meetings import subtitles
from hanlin.assistants.meetings.records import Note, Recording, Speaker, Subtitle, Utterance
from hanlin.assistants.meetings.telling import clock, name_of
from hanlin.errors import BadRequest, nearest
from hanlin.writing import KINDS, Part, write

SUBTITLES = ("srt", "vtt")
FORMATS = (*KINDS, *SUBTITLES, "json")
SEALED = frozenset({*KINDS, "json"})
"""What can carry the marks of a file; subtitles say it in their first words instead."""
MEDIA_TYPES: dict[str, str] = {
    **{str(kind): media_type for kind, media_type in writing.MEDIA_TYPES.items()},
    "srt": "application/x-subrip",
    "vtt": "text/vtt; charset=utf-8",
    "json": "application/json",
}
PARTS = ("notes", "transcript")
_UNSAFE = re.compile(r"[^\w .()+\-]")

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "transcript": "Transcript",
        "summary": "Summary",
        "chapters": "Chapters",
        "speakers": "What each speaker said",
        "questions": "Questions and answers",
        "decisions": "Decisions",
        "todos": "To do",
        "key_sentences": "Key sentences",
        "keywords": "Keywords",
        "mind_map": "Mind map",
        "owner": "Who",
        "due": "By",
        "task": "What",
        "voices": "Which voice is whose was told apart by software and is approximate.",
    },
    "zh": {
        "transcript": "文字记录",
        "summary": "摘要",
        "chapters": "章节",
        "speakers": "发言总结",
        "questions": "问答",
        "decisions": "决定",
        "todos": "待办",
        "key_sentences": "重点语句",
        "keywords": "关键词",
        "mind_map": "思维导图",
        "owner": "负责人",
        "due": "期限",
        "task": "事项",
        "voices": "说话人由软件区分，仅供参考。",
    },
}


_LABELS = {"en": "AI-generated content", "zh": "本内容由人工智能生成"}
"""As on files that carry a visible label (GB 45438-2025, 5.4)."""


class Content(Struct, frozen=True):
    """All that can be exported of a recording."""

    recording: Recording
    speakers: tuple[Speaker, ...]
    said: tuple[Utterance, ...]
    notes: tuple[Note, ...] = ()
    translations: tuple[Subtitle, ...] = ()
    """In the language asked for; empty when none was."""
    label: str = "en"
    """Language of the sentence by which subtitles say that a model made them."""

    @property
    def names(self) -> dict[str, str]:
        return {speaker.id: name_of(speaker, self.recording.language) for speaker in self.speakers}


async def export(content: Content, kind: str, parts: Sequence[str], path: Path) -> str:
    """Write a file of this kind and return its name."""
    if kind not in FORMATS:
        raise BadRequest(f"A recording is not exported as {kind[:20]!r}.", action=nearest(kind, FORMATS), param="kind")
    if unknown := [part for part in parts if part not in PARTS]:
        raise BadRequest(f"`parts` are {', '.join(PARTS)}; got {unknown[0][:20]!r}.", param="parts")
    wanted = parts or PARTS
    if kind in SUBTITLES:
        await asyncio.to_thread(path.write_text, _subtitles(content, kind), "utf-8")
    elif kind == "json":
        await asyncio.to_thread(path.write_bytes, _json(content, wanted))
    else:
        title = content.recording.title
        pieces = list(document(content, wanted))
        await write(pieces, kind, path, title=title, language=content.recording.language or "en")  # type: ignore[arg-type]
    return f"{_UNSAFE.sub('_', content.recording.title).strip()[:80] or 'recording'}.{kind}"


def document(content: Content, parts: Sequence[str] = PARTS) -> Iterator[Part]:
    """The recording as a text with headings."""
    recording = content.recording
    language = content.notes[0].language if content.notes else recording.language
    words = _WORDS["zh" if language[:2] == "zh" else "en"]
    yield Part("title", recording.title)
    yield Part("text", f"{recording.held_on} · {clock(recording.seconds)} · {', '.join(content.names.values())}")
    if "notes" in parts:
        for note in content.notes:
            if note.items:
                yield Part("heading", words[note.kind])
                yield from _NOTES[note.kind](note.items, words)
    if "transcript" in parts:
        yield Part("heading", words["transcript"])
        if len(content.speakers) > 1:
            yield Part("quote", words["voices"])
        yield from _transcript(content)


def _transcript(content: Content) -> Iterator[Part]:
    """One paragraph for what a speaker says in a row; the translation of each segment below it."""
    translated = {one.segment: one.translation for one in content.translations}
    names, held = content.names, list[Utterance]()
    for one, following in zip(content.said, (*content.said[1:], None), strict=True):
        held.append(one)
        long = sum(len(segment.text) for segment in held) > 600
        if following is None or following.speaker != one.speaker or long or translated:
            lead = f"[{clock(held[0].start_seconds)}] {names.get(one.speaker, '')}"
            yield Part("text", _joined([segment.text for segment in held]), lead=lead.strip())
            if translation := translated.get(one.id):
                yield Part("quote", translation)
            held = []


def _joined(texts: Sequence[str]) -> str:
    """Sentences in a row: with a blank between them where their script has blanks."""
    text = ""
    for piece in texts:
        text += f" {piece}" if text and text[-1].isascii() else piece
    return text


def _plain(items: Sequence[Mapping[str, Any]], _: Mapping[str, str]) -> Iterator[Part]:
    for item in items:
        yield Part("text", item["text"])


def _listed(items: Sequence[Mapping[str, Any]], _: Mapping[str, str]) -> Iterator[Part]:
    for item in items:
        yield Part("list", item["text"], lead=f"[{clock(item['start_seconds'])}]")


def _chapters(items: Sequence[Mapping[str, Any]], _: Mapping[str, str]) -> Iterator[Part]:
    for item in items:
        yield Part("heading", f"[{clock(item['start_seconds'])}] {item['title']}", level=2)
        yield Part("text", item["summary"])


def _speakers(items: Sequence[Mapping[str, Any]], _: Mapping[str, str]) -> Iterator[Part]:
    for item in items:
        yield Part("text", item["text"], lead=item["name"])


def _questions(items: Sequence[Mapping[str, Any]], _: Mapping[str, str]) -> Iterator[Part]:
    for item in items:
        yield Part("text", item["answer"], lead=f"[{clock(item['start_seconds'])}] {item['question']}")


def _todos(items: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> Iterator[Part]:
    head = (words["task"], words["owner"], words["due"])
    yield Part("table", rows=(head, *((item["text"], item["owner"], item["due"]) for item in items)))


def _keywords(items: Sequence[Mapping[str, Any]], _: Mapping[str, str]) -> Iterator[Part]:
    yield Part("text", " · ".join(item["word"] for item in items))


def _mind_map(items: Sequence[Mapping[str, Any]], _: Mapping[str, str], level: int = 1) -> Iterator[Part]:
    for item in items:
        yield Part("list", item["topic"], level=level)
        yield from _mind_map(item["children"], _, level + 1)


_NOTES: dict[str, Any] = {
    "summary": _plain,
    "chapters": _chapters,
    "speakers": _speakers,
    "questions": _questions,
    "decisions": _listed,
    "todos": _todos,
    "key_sentences": _listed,
    "keywords": _keywords,
    "mind_map": _mind_map,
}


def _subtitles(content: Content, kind: str) -> str:
    names = content.names if len(content.speakers) > 1 else {}
    translations = {one.segment: one.translation for one in content.translations}
    found = subtitles.labelled(subtitles.cues(content.said, names, translations), _LABELS[content.label])
    return subtitles.srt(found) if kind == "srt" else subtitles.vtt(found)


def _json(content: Content, parts: Sequence[str]) -> bytes:
    names = content.names
    recording = content.recording
    translated = {one.segment: one for one in content.translations}
    made: dict[str, Any] = {
        "title": recording.title,
        "held_on": recording.held_on,
        "language": recording.language,
        "seconds": recording.seconds,
        "speakers": [{"id": one.id, "name": names[one.id], "seconds": one.seconds} for one in content.speakers],
    }
    if "transcript" in parts:
        made["segments"] = [_segment(one, names, translated.get(one.id)) for one in content.said]
    if "notes" in parts:
        made["notes"] = content.notes
    return msgspec.json.format(msgspec.json.encode(made), indent=2)


def _segment(one: Utterance, names: Mapping[str, str], translation: Subtitle | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": one.id,
        "speaker": one.speaker,
        "name": names.get(one.speaker, ""),
        "start_seconds": one.start_seconds,
        "end_seconds": one.end_seconds,
        "text": one.text,
        "confidence": one.confidence,
        "corrected": bool(one.corrected_by),
        "words": [
            {"text": word.text, "start": word.start_seconds, "end": word.end_seconds, "probability": word.probability}
            for word in one.words
        ],
    }
    if translation is not None:
        made |= {"translation": translation.translation, "flag": translation.flag}
    return made
