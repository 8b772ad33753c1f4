"""From segments to a finished file: patched in place, or written anew with both languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal

from hanlin import writing
from hanlin.assistants.translate import checking, formats, markup
from hanlin.assistants.translate.records import Segment, Translation
from hanlin.sandbox import Sandbox
from hanlin.writing import Part

Paper = Literal["docx", "html"]
"""What a file that is written anew becomes."""
SUBTITLES = frozenset({"srt", "vtt"})


def name_of(translation: Translation, *, bilingual: bool, paper: Paper) -> str:
    """`report.docx` in Vietnamese is `report.vi.docx`."""
    stem, _, ending = translation.name.rpartition(".")
    anew = is_anew(translation, bilingual=bilingual)
    return f"{stem or translation.name}.{translation.target}.{paper if anew else ending or translation.kind}"


def is_anew(translation: Translation, *, bilingual: bool) -> bool:
    """Whether the file is written anew: what cannot be patched, and most files that are to hold both languages."""
    patched = translation.kind in formats.KINDS
    return not patched or (bilingual and translation.kind not in SUBTITLES)


def usable(segment: Segment) -> str:
    """What goes into the file for a segment: its target, or "" (the source stays) where that says nothing."""
    if not segment.approved and checking.GRAVE & set(segment.flags):
        return ""
    return segment.target


async def patch(
    sandbox: Sandbox, path: Path, target: Path, kind: str, segments: Sequence[Segment], *, bilingual: bool
) -> None:
    """The file at `path` with its segments' targets; subtitles may hold both languages, the target above."""
    texts = [usable(segment) for segment in segments]
    if bilingual:
        texts = [_both(text, segment.source) for text, segment in zip(texts, segments, strict=True)]
    await sandbox.run(formats.patch, str(path), str(target), kind, texts)


def _both(target: str, source: str) -> str:
    return f"{target}\n{markup.plain(source)}" if target and target != source else target


async def write(path: Path, paper: Paper, translation: Translation, rows: Sequence[tuple[Segment, str]]) -> None:
    """A document of headings, paragraphs and tables, each followed by its source."""
    parts = list(_parts(rows))
    await writing.write(parts, paper, path, title=translation.name, language=translation.target)


def _parts(rows: Sequence[tuple[Segment, str]]) -> Iterator[Part]:
    for table, group in groupby(rows, key=lambda row: row[1].split(":")[1] if row[1].startswith("cell:") else ""):
        if table:
            cells = list(group)
            yield _table(cells, lambda segment: usable(segment) or segment.source)
            yield _table(cells, lambda segment: segment.source)
        else:
            for segment, role in group:
                yield from _paragraph(segment, role)


def _paragraph(segment: Segment, role: str) -> Iterator[Part]:
    kind, _, level = role.partition(":")
    source = markup.plain(segment.source)
    target = markup.plain(usable(segment)) or source
    number = min(6, int(level)) if level else 1
    if kind == "title":
        yield Part("title", target)
    elif kind == "heading":
        yield Part("heading", target, number)
    elif kind == "list":
        yield Part("list", target, number)
    else:
        yield Part("text", target)
    if source != target:
        yield Part("quote", source)


def _table(cells: Sequence[tuple[Segment, str]], text: object) -> Part:
    assert callable(text)
    rows = [
        tuple(markup.plain(text(segment)) for segment, _ in row)
        for _, row in groupby(cells, key=lambda cell: cell[1].split(":")[2])
    ]
    return Part("table", rows=tuple(rows))
