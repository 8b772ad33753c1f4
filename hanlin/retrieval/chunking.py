"""A source's blocks as passages: a few sentences each, cut where the text itself is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct, structs

from hanlin.reading import Document, sentences
from hanlin.retrieval.passages import Passage

TARGET_CHARACTERS = 400
"""Of Chinese: a passage this long is closed at the next block. About 150 words of English weigh the same."""
LONGEST_CHARACTERS = 600
OVERLAP_CHARACTERS = 80
"""Where a paragraph is cut, its last sentence before the cut is repeated behind it unless it weighs more than this."""
NARROW = 0.45
"""What a character of a script with an alphabet weighs beside a Chinese one: 150 words are about 900 characters."""
HEADING_CHARACTERS = 200
"""A path of headings is cut to this; the innermost stays. A block that is longer is text, whatever it is called."""
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


class Piece(Struct, frozen=True):
    """What a source is made of, in reading order: a paragraph, a heading, a table, a stretch of speech."""

    text: str
    kind: str = "text"
    """`title` and `heading` are not passages themselves, they travel with what follows; a `table` has a row a line."""
    level: int = 1
    """Of a heading: 1 is the highest."""
    page: int = 0
    block: int = 0
    start_seconds: float = 0
    end_seconds: float = 0


def pieces(document: Document) -> list[Piece]:
    """The blocks of a document that was read; `block` is the place in `Document.blocks`."""
    return [
        Piece(block.text, block.kind, 0 if block.kind == "title" else block.level, block.page, number)
        for number, block in enumerate(document.blocks)
    ]


def chunk(source: str, pieces: Iterable[Piece]) -> list[Passage]:
    """The passages of a source, in order.

    None runs over a heading or a page. A paragraph is cut only if it alone is longer than a passage may be, and then
    between sentences; a table between rows, with its first row repeated. A heading with nothing under it is a passage.
    """
    open_passage = _Open(source)
    for piece in pieces:
        if piece.kind in {"title", "heading"} and _weight(piece.text) <= HEADING_CHARACTERS:
            open_passage.enter(piece)
        else:
            open_passage.add(piece)
    return open_passage.finished()


class _Open:
    """The passages so far, the one that is being filled, and the headings that it stands under."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._done: list[Passage] = []
        self._pieces: list[Piece] = []
        self._weight = 0.0
        self._headings: list[Piece] = []
        self._bare = False

    def enter(self, heading: Piece) -> None:
        deeper = bool(self._headings) and heading.level > self._headings[-1].level
        self._close(keep_bare=deeper)
        self._headings = [outer for outer in self._headings if outer.level < heading.level] + [heading]
        self._bare = bool(heading.text.strip())

    def add(self, piece: Piece) -> None:
        parts = list(_parts(piece)) if piece.text.strip() else []
        for part in parts:
            weight = _weight(part.text)
            full = self._weight + weight > LONGEST_CHARACTERS
            if full or len(parts) > 1 or (self._pieces and part.page != self._pieces[0].page):
                self._close()
            self._pieces.append(part)
            self._weight += weight
        if self._weight >= TARGET_CHARACTERS:
            self._close()

    def finished(self) -> list[Passage]:
        self._close()
        return self._done

    def _close(self, *, keep_bare: bool = False) -> None:
        held, headings = self._pieces, self._headings
        if not held and self._bare and not keep_bare:
            held, headings = headings[-1:], headings[:-1]
        if held:
            self._done.append(_passage(f"{self._source}.{len(self._done)}", self._source, held, headings))
            self._bare = False
        self._pieces, self._weight = [], 0.0


def _passage(name: str, source: str, held: Sequence[Piece], headings: Sequence[Piece]) -> Passage:
    return Passage(
        id=name,
        source=source,
        text="\n".join(piece.text.strip() for piece in held),
        heading=" › ".join(_line(heading.text) for heading in headings)[-HEADING_CHARACTERS:],
        page=held[0].page,
        first_block=held[0].block,
        last_block=held[-1].block,
        start_seconds=held[0].start_seconds,
        end_seconds=held[-1].end_seconds,
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _weight(text: str) -> float:
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide) * NARROW


def _parts(piece: Piece) -> Iterator[Piece]:
    """The piece, or what it is cut into. Each part is a stretch of its text, a table's with the first row before it."""
    if _weight(piece.text) <= LONGEST_CHARACTERS:
        yield piece
        return
    by_line = piece.kind in {"table", "code"}
    spans = list(_lines(piece.text)) if by_line else sentences(piece.text)
    head = piece.text[slice(*spans[0])] if piece.kind == "table" else ""
    if _weight(head) > OVERLAP_CHARACTERS:
        head = ""
    for number, (start, end) in enumerate(_groups(piece.text, spans, overlapping=not by_line)):
        text = piece.text[start:end]
        yield structs.replace(piece, text=f"{head}\n{text}" if head and number else text)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    for line in re.finditer(r"[^\n]+", text):
        if _weight(line[0]) <= LONGEST_CHARACTERS:
            yield line.span()
        else:
            yield from ((line.start() + start, line.start() + end) for start, end in sentences(line[0]))


def _groups(text: str, spans: Sequence[tuple[int, int]], *, overlapping: bool) -> Iterator[tuple[int, int]]:
    """Neighbouring spans together, up to the target."""
    first, weight = 0, 0.0
    for number, (start, end) in enumerate(spans):
        own = _weight(text[start:end])
        if number > first and weight + own > TARGET_CHARACTERS:
            yield spans[first][0], spans[number - 1][1]
            last = _weight(text[slice(*spans[number - 1])])
            repeats = overlapping and last <= OVERLAP_CHARACTERS
            first, weight = (number - 1, last) if repeats else (number, 0.0)
        weight += own
    yield spans[first][0], spans[-1][1]
