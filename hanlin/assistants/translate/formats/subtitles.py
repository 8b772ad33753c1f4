"""SRT and WebVTT: the words of each cue; times, settings, notes and styles stay byte for byte (W3C WebVTT, 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from hanlin.assistants.translate.checking import weight
from hanlin.assistants.translate.formats.found import Found, bounded
from hanlin.assistants.translate.formats.inline import Piece, Token, filled, line
from hanlin.assistants.translate.formats.pages import tokens_of
from hanlin.assistants.translate.formats.plain import decoded, encoded, joined, kept

LINE_WEIGHT = 42
"""Letters of one line of a subtitle (BBC and Netflix guidelines: 37 to 42); longer cues take two lines."""
_TIMES = re.compile(
    r"(?P<start>(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})[ \t]*-->[ \t]*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}[^\r\n]*"
)
_OVERRIDE = re.compile(r"(\{\\[^}]*\}|<\d[\d:.]*>)")
_BREAK = re.compile(r"(\r?\n)")


def extract(path: str) -> list[Found]:
    pieces = list(_pieces(decoded(path)[0]))
    return bounded([Found(start, source) for start, piece in pieces for source in piece.sources])


def patch(path: str, target: str, targets: list[str]) -> None:
    text, encoding = decoded(path)
    encoded(target, filled((piece for _, piece in _pieces(text)), targets), kept(encoding))


def _pieces(text: str) -> Iterator[tuple[str, Piece]]:
    """(start, piece): joined, the raw forms of the pieces are the text."""
    position = 0
    found = list(_TIMES.finditer(text))
    is_vtt = text.lstrip("\ufeff").startswith("WEBVTT")
    for times, following in zip(found, [*found[1:], None], strict=False):
        begin = min(_after_line(text, times.end()), len(text))
        end = max(begin, min(_cue_end(text, begin), following.start() if following else len(text)))
        yield "", Piece(text[position:begin])
        yield times["start"], _cue(text[begin:end], is_vtt=is_vtt)
        position = end
    yield "", Piece(text[position:])


def _after_line(text: str, position: int) -> int:
    found = _BREAK.match(text, position)
    return found.end() if found else len(text)


def _cue_end(text: str, begin: int) -> int:
    """A cue ends at a blank line."""
    found = re.compile(r"(?:^|\r?\n)[ \t]*(?=\r?\n|\Z)").search(text, begin)
    return found.start() if found else len(text)


def _cue(raw: str, *, is_vtt: bool) -> Piece:
    tokens = _tokens(raw, is_vtt=is_vtt)
    segment = line(tokens)
    if segment is None:
        return Piece(raw)
    newline = "\r\n" if "\r\n" in raw else "\n"
    put = _escaped if is_vtt else _inert
    return Piece(raw, (joined(segment.source),), lambda targets: segment.written(_wrapped(targets[0], newline), put))


def _tokens(raw: str, *, is_vtt: bool) -> list[Token]:
    tokens: list[Token] = []
    for piece in _OVERRIDE.split(raw):
        if _OVERRIDE.fullmatch(piece):
            tokens.append(Token("lone", piece))
        elif piece:
            tokens += [_voiced(_literal(token, is_vtt)) for token in tokens_of(piece) if token.raw]
    return tokens


def _literal(token: Token, is_vtt: bool) -> Token:
    """SRT has no character references: `&amp;` is five characters there."""
    return token if is_vtt or token.kind != "text" else token._replace(text=token.raw)


def _voiced(token: Token) -> Token:
    """WebVTT's `<v Name>` is mostly never closed."""
    return token._replace(kind="lone") if token.kind == "open" and token.name == "v" else token


def _wrapped(text: str, newline: str) -> str:
    """A long cue in two lines of about the same length, broken between words."""
    if "\n" in text:  # both languages, a line each
        return text.replace("\n", newline)
    if weight(text) <= LINE_WEIGHT:
        return text
    places = [place.start() for place in re.finditer(r"(?<=[\s，。！？；、])(?![^<]*>)|\s(?![^<]*>)", text)]
    if not places:
        return text
    middle = min(places, key=lambda place: abs(weight(text[:place]) - weight(text[place:])))
    return f"{text[:middle].rstrip()}{newline}{text[middle:].lstrip()}"


def _inert(text: str) -> str:
    """A blank line or an arrow would end the cue."""
    return re.sub(r"\n\s*\n", "\n", text).replace("-->", "→")


def _escaped(text: str) -> str:
    return escape(_inert(text), quote=False)
