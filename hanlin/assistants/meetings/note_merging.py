"""What the windows of a meeting gave, put together to one note of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from hanlin.assistants.meetings.note_tasks import Item
from hanlin.assistants.meetings.records import Speaker, Utterance
from hanlin.assistants.meetings.telling import name_of

KEY_SENTENCES, KEYWORDS = 10, 15


class Meeting(Struct, frozen=True):
    title: str
    language: str
    """Of the notes."""
    speakers: list[Speaker]
    windows: list[list[Utterance]]


def span(said: Sequence[Utterance]) -> Item:
    """Where a long stretch stands: its first and last segment."""
    return {
        "segments": [said[0].id, said[-1].id],
        "start_seconds": said[0].start_seconds,
        "end_seconds": said[-1].end_seconds,
    }


def merged(kind: str, items: list[Item], meeting: Meeting) -> list[Item]:
    """The items of one note."""
    merge = _MERGERS.get(kind)
    return merge(items, meeting) if merge else items


def _summaries(items: list[Item], _: Meeting) -> list[Item]:
    return [{key: value for key, value in item.items() if key != "speaker"} for item in items]


def _speakers(items: list[Item], meeting: Meeting) -> list[Item]:
    names = {speaker.id: name_of(speaker, meeting.language) for speaker in meeting.speakers}
    return [{**item, "name": names[item["speaker"]]} for item in items if item["speaker"] in names]


def _distinct(items: list[Item], _: Meeting) -> list[Item]:
    """Each text once: windows do not overlap, but people repeat themselves."""
    return list({item["text"].lower(): item for item in reversed(items)}.values())[::-1]


def _key_sentences(items: list[Item], meeting: Meeting) -> list[Item]:
    """The first choices of all windows before the second ones; in the order of the meeting."""
    chosen: dict[str, Item] = {}
    by_window: dict[int, list[Item]] = {}
    numbers = {one.id: number for number, window in enumerate(meeting.windows) for one in window}
    for item in items:
        by_window.setdefault(numbers.get(item["segments"][0], 0), []).append(item)
    for place in range(3):
        for group in by_window.values():
            if place < len(group) and len(chosen) < KEY_SENTENCES:
                chosen[group[place]["segments"][0]] = group[place]
    return sorted(chosen.values(), key=lambda item: float(item["start_seconds"]))


def _keywords(items: list[Item], _: Meeting) -> list[Item]:
    """Counted over the whole meeting, the most frequent first."""
    words: dict[str, Item] = {}
    for item in items:
        known = words.get(item["word"].lower())
        if known is None:
            words[item["word"].lower()] = dict(item)
        else:
            known["count"] += item["count"]
            known["segments"] = [*known["segments"], *item["segments"]][:20]
            known["end_seconds"] = item["end_seconds"]
    return sorted(words.values(), key=lambda item: -int(item["count"]))[:KEYWORDS]


def _mind_map(items: list[Item], meeting: Meeting) -> list[Item]:
    """One root with the meeting's title; topics of the same name are one."""
    topics: dict[str, Item] = {}
    for item in items:
        known = topics.setdefault(item["topic"].lower(), {**item, "children": []})
        known["children"] += item["children"]
    if not topics:
        return []
    first, last = meeting.windows[0][0], meeting.windows[-1][-1]
    return [{"topic": meeting.title, "children": list(topics.values()), **span((first, last))}]


_MERGERS: dict[str, Callable[[list[Item], Meeting], list[Item]]] = {
    "summary": _summaries,
    "speakers": _speakers,
    "decisions": _distinct,
    "todos": _distinct,
    "key_sentences": _key_sentences,
    "keywords": _keywords,
    "mind_map": _mind_map,
}
