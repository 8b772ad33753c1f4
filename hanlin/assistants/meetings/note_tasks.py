"""What a model is asked of one window of a transcript for each kind of note, and what of its answer stands up.

Whatever a model says here must be in the transcript: lines are named by number, people and dates and keywords must be
spoken, numbers must occur. What does not hold is dropped, piece by piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct

from hanlin.assistants.meetings.dates import due
from hanlin.assistants.meetings.records import NoteKind, Utterance
from hanlin.assistants.meetings.telling import schema_object
from hanlin.assistants.meetings.windows import Window, grounded

TEXT_CHARACTERS = 400
"""Longest text of one item."""
NEAR = 3
"""Lines on either side of the one that a model names; small models count inexactly."""
_HAN = re.compile(r"[\u4e00-\u9fff]")
_PRONOUNS = frozenset(
    {"i", "you", "we", "he", "she", "they", "it", "me", "us", "我", "你", "他", "她", "我们", "你们", "他们", "大家"}
)

Item = dict[str, Any]


class Wanted(Struct, frozen=True):
    """What holds for all windows of one recording."""

    language: str
    """Of the notes."""
    spoken: str
    """Of the meeting."""
    held_on: date

    @property
    def same_language(self) -> bool:
        return self.language[:2] == self.spoken[:2]


class Task(Struct, frozen=True):
    ask: str
    shape: dict[str, object]
    reply: type[Any]
    check: Callable[[Any, Window, Wanted], tuple[list[Item], int]]
    """The items that hold, and how many do not."""
    tokens: int = 900


class Titled(Struct, frozen=True):
    line: int
    title: str
    summary: str


class Asked(Struct, frozen=True):
    line: int
    question: str
    answer: str


class Told(Struct, frozen=True):
    line: int
    text: str


class Duty(Struct, frozen=True):
    line: int
    text: str
    owner: str
    due: str


class Branch(Struct, frozen=True):
    line: int
    topic: str
    points: list[str] = []


class Chapters(Struct, frozen=True):
    chapters: list[Titled]


class Questions(Struct, frozen=True):
    questions: list[Asked]


class Decisions(Struct, frozen=True):
    decisions: list[Told]


class Duties(Struct, frozen=True):
    todos: list[Duty]


class Lines(Struct, frozen=True):
    lines: list[int]


class Keywords(Struct, frozen=True):
    keywords: list[str]


class Branches(Struct, frozen=True):
    topics: list[Branch]


def _list(name: str, most: int, **properties: object) -> dict[str, object]:
    return schema_object(**{name: {"type": "array", "items": schema_object(**properties), "maxItems": most}})


_TEXT = {"type": "string", "maxLength": TEXT_CHARACTERS}
_SHORT = {"type": "string", "maxLength": 60}
_LINE = {"type": "integer"}


def _chapters(reply: Chapters, window: Window, wanted: Wanted) -> tuple[list[Item], int]:
    """In order, each up to the next one; the first begins with the window, so that no line is in none."""
    good = [
        one
        for one in reply.chapters
        if window.line(one.line)
        and _says(one.title, wanted)
        and _says(one.summary, wanted)
        and _holds(one.summary, window.text, wanted)
    ]
    found = sorted(good, key=lambda one: one.line)
    starts = [window.said[0].number, *(one.line for one in found[1:])]
    ends = [*(start - 1 for start in starts[1:]), window.said[-1].number]
    items = [
        {
            "title": one.title.strip(),
            "summary": one.summary.strip(),
            **_places(window.between(first, max(first, last))),
        }
        for one, first, last in zip(found, starts, ends, strict=False)
    ]
    return items, len(reply.chapters) - len(items)


def _questions(reply: Questions, window: Window, wanted: Wanted) -> tuple[list[Item], int]:
    items = []
    for one in reply.questions:
        said = _around(window, one.line, after=8)
        text = f"{one.question} {one.answer}"
        if said and _says(one.question, wanted) and _says(one.answer, wanted) and _holds(text, _text(said), wanted):
            items.append({"question": one.question.strip(), "answer": one.answer.strip(), **_places(said[: NEAR * 2])})
    return items, len(reply.questions) - len(items)


def _decisions(reply: Decisions, window: Window, wanted: Wanted) -> tuple[list[Item], int]:
    items = []
    for one in reply.decisions:
        said = _around(window, one.line)
        if said and _says(one.text, wanted) and _holds(one.text, _text(said), wanted):
            items.append({"text": one.text.strip(), **_places([_of(window, one.line)])})
    return items, len(reply.decisions) - len(items)


def _todos(reply: Duties, window: Window, wanted: Wanted) -> tuple[list[Item], int]:
    """An owner who is no speaker and is not named near the line is none; so is a date that nobody says."""
    items = []
    for one in reply.todos:
        said = _around(window, one.line)
        if not said or not _says(one.text, wanted) or not _holds(one.text, _text(said), wanted):
            continue
        item = {"text": one.text.strip(), "owner": _owner(one.owner, window, said)}
        items.append(item | {"due": _due(one.due, _text(said), wanted), **_places([_of(window, one.line)])})
    return items, len(reply.todos) - len(items)


def _key_sentences(reply: Lines, window: Window, _: Wanted) -> tuple[list[Item], int]:
    said = [one for number in dict.fromkeys(reply.lines) if (one := window.line(number)) is not None]
    items = [{"text": one.text, "speaker": window.names.get(one.speaker, ""), **_places([one])} for one in said]
    return items, len(set(reply.lines)) - len(items)


def _keywords(reply: Keywords, window: Window, _: Wanted) -> tuple[list[Item], int]:
    items = []
    wanted = dict.fromkeys(" ".join(word.split()) for word in reply.keywords)
    for word in wanted:
        said = [one for one in window.said if word.lower() in one.text.lower()]
        if said and len(word) > 1:
            items.append({"word": word, "count": sum(_count(word, one.text) for one in said), **_places(said[:20])})
    return items, len(wanted) - len(items)


def _branches(reply: Branches, window: Window, wanted: Wanted) -> tuple[list[Item], int]:
    items = []
    for one in reply.topics:
        said = _around(window, one.line, after=8)
        if not said or not _says(one.topic, wanted):
            continue
        points = [point.strip() for point in one.points if _says(point, wanted) and _holds(point, window.text, wanted)]
        leaves: list[Item] = [{"topic": point, "children": [], **_places(said)} for point in dict.fromkeys(points)]
        items.append({"topic": one.topic.strip(), "children": leaves, **_places(said)})
    return items, len(reply.topics) - len(items)


TASKS: dict[NoteKind, Task] = {
    "chapters": Task(
        "Part this stretch of a meeting into one to four chapters. For each give the number of its first line, a short "
        "title, and a summary of one or two sentences.",
        _list("chapters", 4, line=_LINE, title=_SHORT, summary=_TEXT),
        Chapters,
        _chapters,
    ),
    "questions": Task(
        "Find questions that were asked and answered in this stretch of a meeting, at most five. For each give the "
        "number of the line where it was asked, the question, and the answer in one sentence. None is a good answer "
        "too.",
        _list("questions", 5, line=_LINE, question=_TEXT, answer=_TEXT),
        Questions,
        _questions,
    ),
    "decisions": Task(
        "Find what was decided in this stretch of a meeting, at most five. For each give the number of the line and "
        "the decision in one sentence. What was only proposed or talked about is none. None is a good answer too.",
        _list("decisions", 5, line=_LINE, text=_TEXT),
        Decisions,
        _decisions,
    ),
    "todos": Task(
        "Find tasks that somebody took on or was given in this stretch of a meeting, at most six. For each give the "
        "number of the line, the task in one sentence, who does it (a name from the transcript, or empty), and until "
        "when (the words that were said, or empty). None is a good answer too.",
        _list("todos", 6, line=_LINE, text=_TEXT, owner=_SHORT, due=_SHORT),
        Duties,
        _todos,
    ),
    "key_sentences": Task(
        "Choose the one to three lines of this stretch of a meeting that matter most. Give their numbers.",
        schema_object(lines={"type": "array", "items": _LINE, "minItems": 1, "maxItems": 3}),
        Lines,
        _key_sentences,
        tokens=60,
    ),
    "keywords": Task(
        "Name three to eight keywords of this stretch of a meeting: names, terms, things it is about. Copy them as "
        "they stand in the transcript.",
        schema_object(keywords={"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 8}),
        Keywords,
        _keywords,
        tokens=200,
    ),
    "mind_map": Task(
        "List the one to four topics of this stretch of a meeting for a mind map. For each give the number of the line "
        "where it begins, the topic in a few words, and up to four points about it in a few words each.",
        _list(
            "topics",
            4,
            line=_LINE,
            topic=_SHORT,
            points={"type": "array", "items": {"type": "string", "maxLength": 80}, "maxItems": 4},
        ),
        Branches,
        _branches,
    ),
}


def checked(task: Task, answer: str, window: Window, wanted: Wanted) -> tuple[list[Item], int] | None:
    """The items of an answer that hold and how many do not; None when it is no answer to the task at all."""
    try:
        reply = msgspec.json.decode(answer, type=task.reply)
    except msgspec.DecodeError:
        return None
    return task.check(reply, window, wanted)


def says(text: str, language: str) -> bool:
    """Whether a text is one, and written in letters of its language."""
    stripped = text.strip()
    if not stripped:
        return False
    chinese = len(_HAN.findall(stripped))
    if language[:2] == "zh":
        return chinese * 4 >= len(stripped)
    return language[:2] == "ja" or chinese * 4 < len(stripped)


def _says(text: str, wanted: Wanted) -> bool:
    return says(text, wanted.language)


def _holds(text: str, source: str, wanted: Wanted) -> bool:
    return grounded(text, source, same_language=wanted.same_language)


def _text(said: list[Utterance]) -> str:
    return "\n".join(one.text for one in said)


def _of(window: Window, number: int) -> Utterance:
    found = window.line(number)
    assert found is not None
    return found


def _around(window: Window, number: int, *, after: int = NEAR) -> list[Utterance]:
    """Lines about the named one, itself first in mind; none when there is no such line."""
    return window.between(number - NEAR, number + after) if window.line(number) else []


def _places(said: list[Utterance]) -> Item:
    return {
        "segments": [one.id for one in said],
        "start_seconds": said[0].start_seconds,
        "end_seconds": said[-1].end_seconds,
    }


def _owner(name: str, window: Window, said: list[Utterance]) -> str:
    """A speaker of the window, or somebody whose name is spoken near the line; else nobody."""
    wanted = " ".join(name.split()).lower()
    for known in window.names.values():
        if known.lower() == wanted:
            return known
    if not wanted or wanted in _PRONOUNS:
        return ""
    whole = rf"(?<!\w){re.escape(wanted)}(?!\w)" if wanted.isascii() else re.escape(wanted)
    return " ".join(name.split()) if re.search(whole, _text(said).lower()) else ""


def _due(phrase: str, source: str, wanted: Wanted) -> str:
    spoken = " ".join(phrase.lower().split())
    if not spoken or spoken not in " ".join(source.lower().split()):
        return ""
    day = due(spoken, wanted.held_on)
    return day.isoformat() if day else ""


def _count(word: str, text: str) -> int:
    return text.lower().count(word.lower())
