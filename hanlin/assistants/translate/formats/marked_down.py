"""Markdown: paragraphs, headings, lists, tables; code, addresses, HTML and front matter stay (CommonMark 0.31, GFM)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hanlin.assistants.translate.formats.found import Found
from hanlin.assistants.translate.formats.inline import Piece, Token, filled, line, sources
from hanlin.assistants.translate.formats.plain import decoded, encoded, joined, kept

_FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n.*?^\1[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_PREFIX = re.compile(r"(?:[ \t]*(?:>[ \t]?|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?|\d{1,9}[.)][ \t]+))*[ \t]*(?:#{1,6}[ \t]+)?")
_ALONE = re.compile(
    r"[ \t>]*(?:\r?\n|\Z)"
    r"|[ \t]{0,3}(?:\[[^\]]+\]:\s|<[!/a-zA-Z]|(?:[-*_=][ \t]*){3,}\s*\Z|\|?[ \t:|-]*-[ \t:|-]*\|[ \t:|-]*\s*\Z)"
    r"|(?: {4}|\t)(?![ \t]*(?:[-*+]|\d+[.)])[ \t])|\$\$"
)
"""Lines with nothing to translate: blank, definitions, HTML, rules, underlines, table rulers, code, formulas."""
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*\r?\n?\Z|[^|\n]+(?<!\\)\|[^|\n]+")
_CELLS = re.compile(r"(?<!\\)(\|)")
_HARD = re.compile(r"(?: {2,}|\\)\r?\n\Z")
_INLINE = re.compile(
    r"(?P<code>`+)(?:.|\n)*?(?<!`)(?P=code)(?!`)"
    r"|(?P<math>\$[^$\n]+\$)"
    r"|(?P<auto><(?:https?|mailto|ftp):?[^<>\s]*>|<[\w.+-]+@[\w.-]+>|</?[a-zA-Z][^<>\n]*>|<!--.*?-->)"
    r"|(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<note>\[\^[^\]\n]+\])"
    r"|(?P<open>!?\[)"
    r"|(?P<close>\](?:\((?:[^()\n]|\([^()\n]*\))*\)|\[[^\]\n]*\])?)"
    r"|(?P<bold>\*{1,3}|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)|~~)"
)


def extract(path: str) -> list[Found]:
    return sources(_pieces(decoded(path)[0]))


def patch(path: str, target: str, targets: list[str]) -> None:
    text, encoding = decoded(path)
    encoded(target, filled(_pieces(text), targets), kept(encoding))


def _pieces(text: str) -> Iterator[Piece]:
    """The whole text: joined, the raw forms of the pieces are it."""
    front = _FRONT.match(text)
    position = front.end() if front else 0
    yield Piece(text[:position])
    paragraph = fence = ""
    for found in _LINE.finditer(text, position):
        row = found[0]
        if fence:
            fence = "" if _closes(row, fence) else fence
            yield Piece(row)
            continue
        opened = _FENCE.match(row)
        fence = opened[1] if opened else ""
        if paragraph and (fence or _begins(row, paragraph) or _HARD.search(paragraph)):
            yield from _paragraph(paragraph)
            paragraph = ""
        if fence or (_ALONE.match(row) and not (paragraph and row[:1] in " \t")):
            yield from _paragraph(paragraph)
            paragraph = ""
            yield Piece(row)
        elif _ROW.fullmatch(row):
            yield from _row(row)
        else:
            paragraph += row
            if row.lstrip(" >").startswith("#"):
                yield from _paragraph(paragraph)
                paragraph = ""
    yield from _paragraph(paragraph)


def _closes(row: str, fence: str) -> bool:
    stripped = row.strip(" \t>\r\n")
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def _begins(row: str, paragraph: str) -> bool:
    """Whether a line begins something of its own rather than going on with a paragraph."""
    if _ALONE.match(row) or _ROW.fullmatch(row):
        return True
    own, before = (found[0].split() if (found := _PREFIX.match(text)) else [] for text in (row, paragraph))
    quoted = bool(own) and set("".join(own)) == {">"} and own == before[: len(own)]
    return bool(own) and not quoted


def _paragraph(raw: str) -> Iterator[Piece]:
    if not raw:
        return
    prefix = _PREFIX.match(raw)
    start = prefix.end() if prefix else 0
    yield Piece(raw[:start])
    body = raw[start:]
    end = len(body.rstrip(" \\\r\n")) if _HARD.search(body) else len(body.rstrip())
    yield _text(re.sub(r"(?<=\n)[ \t]*(?:>[ \t]?)+", "", body[:end]), body[:end])
    yield Piece(body[end:])


def _row(raw: str) -> Iterator[Piece]:
    for piece in _CELLS.split(raw):
        yield Piece(piece) if piece == "|" else _text(piece, piece)


def _text(text: str, raw: str) -> Piece:
    segment = line(_tokens(text))
    if segment is None:
        return Piece(raw)
    return Piece(raw, (joined(segment.source),), lambda targets: segment.written(targets[0], _escape))


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    opened: list[str] = []
    for found in _INLINE.finditer(text):
        if found.start() > position:
            tokens.append(Token("text", text[position : found.start()], text=text[position : found.start()]))
        tokens.append(_token(found, opened, text))
        position = found.end()
    return [*tokens, Token("text", text[position:], text=text[position:])]


def _token(found: re.Match[str], opened: list[str], text: str) -> Token:
    """Emphasis and links as pairs; code, HTML, footnote marks and escapes alone."""
    if found["open"]:
        opened.append("[")
        return Token("open", found[0], "[")
    if found["close"]:
        return _closing(found, opened, "[")
    if found["bold"]:
        if found[0] in opened:
            return _closing(found, opened, found[0])
        if text[found.end() : found.end() + 1].strip():
            opened.append(found[0])
            return Token("open", found[0], found[0])
    return Token("lone", found[0])


def _closing(found: re.Match[str], opened: list[str], name: str) -> Token:
    if name in opened:
        opened.remove(name)
    return Token("close", found[0], name)


def _escape(text: str) -> str:
    """A target must not open code or a table cell where its source did not."""
    return text.replace("|", "\\|").replace("`", "\\`")
