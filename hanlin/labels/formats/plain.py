"""The label in text that has no room for metadata: plain text, JSON and event streams.

No guide names a place for these. In plain text the label is the last line, `AIGC: {…}`, in full view: nothing is hidden
in what people read. In a JSON object and in the first and last event of a stream it is the key `AIGC`, as in answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.xmp import spliced
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

EDGE_BYTES = 64 * 1024
"""How far from the beginning and the end of a text a line with a label is looked for."""
EVENTS = 200_000
"""Most events of a stream."""
JSON_BYTES = 16 * 1024 * 1024
"""Longest JSON or event stream; every bracket of it is looked at."""
LABELS = 64
"""Most labels that one object, text or stream may hold."""

_LINE = re.compile(rb"[ \t]*+(?:AIGC[ \t]*+[:=]?[ \t]*+)?(\{[^\n]*+)(?:\n|\Z)")
_JSON_KEY = re.compile(rb'[\s,]*+("(?:[^"\\]++|\\.)*+")\s*+:\s*+')
_JSON_SCALAR = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^\s,{}\[\]]++')
_JSON_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]')
_EVENT = re.compile(rb"^data:[ \t]*+(?P<value>\{[^\r\n]*+)", re.MULTILINE)
_SPACE = re.compile(rb"[ \t\r\n]*+")


class _Member(msgspec.Struct, frozen=True):
    """One key of an object with its value, in bytes of the text."""

    key: bytes
    start: int
    value: int
    end: int


def read_text(file: memoryview) -> list[Found]:
    return [found for _, _, found in _lines(file)]


def write_text(file: memoryview, imprint: Imprint) -> list[Piece]:
    if bytes(file[:2]) in (b"\xff\xfe", b"\xfe\xff"):
        raise BadFile("Expected text in an extension of ASCII, got UTF-16.", action="Save it as UTF-8.")
    edits = [(start, end, b"") for start, end, _ in _lines(file)]
    if len(edits) > LABELS:
        raise BadFile(f"The text holds {len(edits)} labels, expected one.", action="Check where it comes from.")
    newline = b"\r\n" if b"\r\n" in bytes(file[:EDGE_BYTES]) else b"\n"
    last = edits[-1][0] if edits and edits[-1][1] == len(file) else len(file)
    before = b"" if last == 0 or bytes(file[last - 1 : last]) == b"\n" else newline
    line = before + b"AIGC: " + msgspec.json.encode(imprint.label) + newline
    return spliced(file, [*edits, (len(file), len(file), line)])


def read_json(file: memoryview) -> list[Found]:
    data = _json(file)
    found = [_found(data, member) for member in _labelled(data, *_extent(data))]
    if not found and (bare := parse(data, "JSON", usual=False) if len(data) < TEXT_BYTES else None):
        return [bare]
    return [one for one in found if one]


def write_json(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The label becomes the last key of the object, or takes the place of the one that is there.

    Raises BadFile for an array or a bare value: whatever held its label would change its shape.
    """
    data = _json(file)
    start, end = _extent(data)
    if data[start : start + 1] != b"{":
        raise BadFile("Expected a JSON object, got an array or a bare value.", action="Put it into an object first.")
    return spliced(file, _edits(data, start, end, msgspec.json.encode(imprint.label)))


def read_events(file: memoryview) -> list[Found]:
    """The same label in the first and the last event, as the standard's wire form has it, is one."""
    data = _bounded(file)
    found: list[Found] = []
    for start, end in _events(data):
        if len(found) > LABELS:
            break
        found += [one for member in _labelled(data, start, end) if (one := _found(data, member))]
    same = len(found) == 2 and found[0].label == found[1].label
    return found[:1] if same else found


def write_events(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The first and the last event that is an object get the label; those between lose theirs.

    Raises BadFile when no event holds an object.
    """
    data = _bounded(file)
    events = list(_events(data))
    if not events:
        raise BadFile("Expected events with JSON objects, got none.", action="Send it as plain text.")
    label = msgspec.json.encode(imprint.label)
    edits: list[tuple[int, int, bytes]] = []
    for start, end in events:
        edits += _edits(data, start, end, label if (start, end) in (events[0], events[-1]) else b"")
    return spliced(file, edits)


def _lines(file: memoryview) -> list[tuple[int, int, Found]]:
    """Lines near the beginning and the end that are a label: where they stand, and what they say."""
    found = {}
    for beginning in {0, max(0, len(file) - EDGE_BYTES)}:
        edge = bytes(file[beginning : beginning + EDGE_BYTES])
        for line in re.finditer(rb"^[^\n]*+(?:\n|\Z)", edge, re.MULTILINE):
            inside = _LINE.match(line[0]) if b"Label" in line[0] else None
            if inside and (one := parse(inside[1], "text line")):
                found[beginning + line.start()] = (beginning + line.start(), beginning + line.end(), one)
    return [found[start] for start in sorted(found)]


def _bounded(file: memoryview) -> bytes:
    if len(file) > JSON_BYTES:
        raise BadFile(f"Expected at most {JSON_BYTES} bytes, got {len(file)}.", action="Label it in parts.")
    return bytes(file)


def _json(file: memoryview) -> bytes:
    data = _bounded(file)
    try:
        msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadFile("Expected JSON in UTF-8, got something else.", action="Check it with a JSON tool.") from error
    return data


def _extent(data: bytes) -> tuple[int, int]:
    """Where the value begins and ends, without mark and blanks."""
    start = _blanks(data, 3 if data.startswith(b"\xef\xbb\xbf") else 0)
    return start, len(data.rstrip(b" \t\r\n"))


def _blanks(data: bytes, position: int) -> int:
    blank = _SPACE.match(data, position)
    return blank.end() if blank else position


def _events(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the data of each event begins and ends, as far as it is a JSON object on one line."""
    for number, event in enumerate(_EVENT.finditer(data)):
        if number >= EVENTS:
            raise BadFile(f"The stream has more than {EVENTS} events.", action="Label it in parts.")
        try:
            msgspec.json.decode(event["value"], type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError):
            continue
        yield event.start("value"), event.start("value") + len(event["value"].rstrip())


def _members(data: bytes, start: int, end: int) -> Iterator[_Member]:
    """The keys of an object that is known to be JSON."""
    position = start + 1
    while key := _JSON_KEY.match(data, position, end):
        position = _value_end(data, key.end(), end)
        yield _Member(key[1], key.start(1), key.end(), position)


def _value_end(data: bytes, start: int, end: int) -> int:
    """Only brackets and texts are looked at, one after the other, so that depth costs nothing."""
    if scalar := _JSON_SCALAR.match(data, start, end):
        return scalar.end()
    depth = 0
    for token in _JSON_BRACKET.finditer(data, start, end):
        depth += (token[0] in b"{[") - (token[0] in b"}]")
        if depth == 0:
            return token.end()
    raise BadFile("Expected JSON, got brackets that do not match.", action="Check it with a JSON tool.")


def _labelled(data: bytes, start: int, end: int) -> list[_Member]:
    if data[start : start + 1] != b"{" or b"AIGC" not in data[start:end]:
        return []
    return [member for member in _members(data, start, end) if member.key == b'"AIGC"'][:LABELS]


def _found(data: bytes, member: _Member) -> Found | None:
    return parse(data[member.value : member.end], "JSON AIGC")


def _edits(data: bytes, start: int, end: int, label: bytes) -> list[tuple[int, int, bytes]]:
    """How an object gets its one label, or none when that is empty. All else keeps its bytes."""
    members = list(_members(data, start, end))
    labels = [number for number, member in enumerate(members) if member.key == b'"AIGC"']
    if len(labels) > LABELS:
        raise BadFile(f"An object holds {len(labels)} labels, expected one.", action="Check where it comes from.")
    if labels and label:
        kept = members[labels[0]]
        return [(kept.value, kept.end, label), *(_removal(members, number) for number in labels[1:])]
    if labels or not label:
        return [_removal(members, number) for number in labels]
    pair = b'"AIGC":' + label
    if not members:
        return [(start + 1, start + 1, pair)]
    return [(members[-1].end, members[-1].end, b"," + data[start + 1 : members[0].start] + pair)]


def _removal(members: list[_Member], number: int) -> tuple[int, int, bytes]:
    """Takes a member with the comma before it, or the one behind it when it is the first."""
    if number:
        return members[number - 1].end, members[number].end, b""
    following = members[1].start if len(members) > 1 else members[0].end
    return members[0].start, following, b""


FORMATS = (
    Format("txt", ("text/plain",), Modality.TEXT, read_text, write_text),
    Format("json", ("application/json",), Modality.TEXT, read_json, write_json),
    Format("sse", ("text/event-stream",), Modality.TEXT, read_events, write_events),
)
