"""Plain text, CSV and subtitles."""

from __future__ import annotations

import csv
import io
import re

from hanlin.reading.document import Block, Document, Page, table
from hanlin.reading.package import broken

_QUOTED = re.compile(r'"[^"\n]*"')
_TIMES = re.compile(r"^\s*(?:\d+:)?\d+:\d\d[.,]\d+\s+-->\s+(?:\d+:)?\d+:\d\d[.,]\d+.*$")
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]{1,200})>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|<\d[\d:.]{1,20}>|\{\\[^{}]{0,100}\}")
_HEADING = re.compile(
    r"(第[一二三四五六七八九十百零\d]{1,6}[章节編编篇部卷]|(?:Chapter|CHAPTER|Part|PART|Bab|Chương)\s+[\dIVXLC]+).{0,60}\Z"
)
_CJK = "[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_WRAPPED = re.compile(rf"(?<={_CJK})\n(?={_CJK})")


def read_text(text: str) -> Document:
    """A block a paragraph; lines stay as they are, so that verses, addresses and logs keep their shape."""
    paragraphs = (part.strip("\n") for part in re.split(r"\n[ \t]*\n", text))
    blocks = [
        Block("heading" if _HEADING.match(part.strip()) else "text", part.rstrip(), level=0)
        for part in paragraphs
        if part.strip()
    ]
    blocks = [Block("heading", block.text.strip(), level=1) if block.kind == "heading" else block for block in blocks]
    return Document("", "text", (Page(1),), tuple(blocks))


def looks_like_csv(text: str) -> bool:
    """At least three lines, all with the same number of two or more of one separator."""
    lines = [_QUOTED.sub("", line) for line in text[:20_000].split("\n")[:30] if line.strip()]
    lines = lines[:-1] if len(text) > 20_000 else lines
    counts = ({line.count(mark) for line in lines} for mark in ",;\t")
    return len(lines) >= 3 and any(len(count) == 1 and count.pop() >= 2 for count in counts)


def read_csv(text: str) -> Document:
    head = [_QUOTED.sub("", line) for line in text[:20_000].split("\n")[:30]]
    mark = max(
        ",;\t|", key=lambda each: (sum(line.count(each) > 0 for line in head), sum(line.count(each) for line in head))
    )
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=mark))
    except csv.Error as error:
        raise broken("a table of separated values with cells of at most 128 KiB") from error
    return Document("", "csv", (Page(1),), (table(rows),))


def looks_like_subtitles(text: str) -> bool:
    return text.startswith("WEBVTT") or any(map(_TIMES.match, text[:2000].split("\n")[:8]))


def read_subtitles(text: str) -> Document:
    """A block a cue, without times and numbers; WebVTT's voice before what it says."""
    blocks, notes = [], ("NOTE", "STYLE", "REGION", "WEBVTT")
    for cue in re.split(r"\n[ \t]*\n", text):
        lines = cue.strip("\n").split("\n")
        at = next((number for number, line in enumerate(lines[:3]) if _TIMES.match(line)), -1)
        if at < 0 and not lines[0].startswith(notes) and cue.strip():
            blocks.append(Block("text", cue.strip()))
        elif at >= 0:
            words = _TAG.sub("", _VOICE.sub(r"\1: ", "\n".join(lines[at + 1 :]))).strip()
            blocks += [Block("text", words)] if words else []
        elif lines[0].startswith("NOTE"):
            blocks.append(Block("note", cue.strip().removeprefix("NOTE").strip()))
    return Document("", "subtitles", (Page(1),), tuple(block for block in blocks if block.text))
