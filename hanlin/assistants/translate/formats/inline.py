"""Lines of marked-up text as segments: what is markup becomes markers, and comes back as it was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from hanlin.assistants.translate import markup
from hanlin.assistants.translate.formats.found import Found, bounded, worth_it
from hanlin.errors import BadFile

_PIECES = re.compile(r"(</?g\d{1,4}>|<x\d{1,4}/>)")


class Token(NamedTuple):
    """A piece of a line. `kind`: text, open, close (of a pair called `name`) or lone."""

    kind: str
    raw: str
    name: str = ""
    text: str = ""
    """Of a text: as people read it."""


class Piece(NamedTuple):
    """A stretch of a file: as it is, or with segments and how to write it with their targets."""

    raw: str
    sources: tuple[str, ...] = ()
    write: Callable[[Sequence[str]], str] = "".join
    """Given a target a source, "" where there is none."""


def sources(pieces: Iterable[Piece], place: str = "") -> list[Found]:
    return bounded([Found(place, source) for piece in pieces for source in piece.sources])


def filled(pieces: Iterable[Piece], targets: Sequence[str]) -> str:
    """The whole text with the targets in their places. BadFile when the text is not the one that was read."""
    position, written = 0, []
    for piece in pieces:
        news = targets[position : position + len(piece.sources)]
        position += len(piece.sources)
        changed = any(new and new != old for old, new in zip(piece.sources, news, strict=False))
        written.append(piece.write(news) if changed and len(news) == len(piece.sources) else piece.raw)
    if position != len(targets):
        raise BadFile(f"The file has {position} segments now, {len(targets)} were translated.", action="Start again.")
    return "".join(written)


class Line(NamedTuple):
    """A segment of a marked-up text, and what stands around it."""

    before: str
    source: str
    after: str
    raw: dict[str, str]
    """What each marker of `source` stands for."""

    def written(self, target: str, escape: Callable[[str], str]) -> str:
        """The line with a target in the place of the source."""
        pieces = (
            self.raw.get(piece, "") if _PIECES.fullmatch(piece) else escape(piece) for piece in _PIECES.split(target)
        )
        return f"{self.before}{''.join(pieces)}{self.after}"


def line(tokens: Sequence[Token]) -> Line | None:
    """The segment of a line, None when there is nothing in it to translate."""
    if not worth_it("".join(token.text for token in tokens)) or any(markup.ANY.search(token.text) for token in tokens):
        return None
    first, last = _words(tokens)
    inner = _balanced(tokens[first:last])
    raw: dict[str, str] = {}
    pieces = [_marked(token, raw) for token in inner]
    source = "".join(pieces)
    lead = source[: len(source) - len(source.lstrip())]
    trail = source[len(source.rstrip()) :]
    before = "".join(token.raw for token in tokens[:first]) + lead
    after = trail + "".join(token.raw for token in tokens[last:])
    return Line(before, source.strip(), after, raw)


def _words(tokens: Sequence[Token]) -> tuple[int, int]:
    """From which token to which the words are; a pair that opens there and closes behind stays out as a whole."""
    texts = [place for place, token in enumerate(tokens) if token.kind == "text" and token.text.strip()]
    first, last = texts[0], texts[-1] + 1
    depth = least = 0
    for token in tokens[first:last]:
        depth += (token.kind == "open") - (token.kind == "close")
        least = min(least, depth)
    while least < 0 and first > 0:
        first -= 1
        least += tokens[first].kind == "open"
        depth += tokens[first].kind == "open"
    while depth > 0 and last < len(tokens):
        depth -= tokens[last].kind == "close"
        last += 1
    return first, last


def _balanced(tokens: Iterable[Token]) -> list[Token]:
    """Openings and closings that have no partner become lone."""
    result: list[Token] = []
    opened: list[int] = []
    for token in tokens:
        if token.kind == "open":
            opened.append(len(result))
        elif token.kind == "close":
            if opened and result[opened[-1]].name == token.name:
                opened.pop()
            else:
                token = token._replace(kind="lone")  # noqa: PLW2901
        result.append(token)
    for place in opened:
        result[place] = result[place]._replace(kind="lone")
    return _without_strays(result, opened)


def _without_strays(tokens: list[Token], strays: Sequence[int]) -> list[Token]:
    """Where a stray stood between partners that are not nested now, all that is left of them becomes lone."""
    if not strays:
        return tokens
    depth: list[str] = []
    for token in tokens:
        if token.kind == "open":
            depth.append(token.name)
        elif token.kind == "close" and (not depth or depth.pop() != token.name):
            return [one if one.kind == "text" else one._replace(kind="lone") for one in tokens]
    return tokens


def _marked(token: Token, raw: dict[str, str]) -> str:
    if token.kind == "text":
        return token.text
    pairs = sum(1 for mark in raw if mark.startswith("<g"))
    if token.kind == "lone":
        mark = f"<x{sum(1 for mark in raw if mark.startswith('<x')) + 1}/>"
    elif token.kind == "open":
        mark = f"<g{pairs + 1}>"
    else:
        closed = {mark[3:-1] for mark in raw if mark.startswith("</g")}
        mark = f"</g{max(number for number in range(1, pairs + 1) if str(number) not in closed)}>"
    raw[mark] = token.raw
    return mark
