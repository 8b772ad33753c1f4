"""HTML: texts between tags and four attributes; tags, scripts, styles, all else stay byte for byte (HTML, 13)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape, unescape

from hanlin.assistants.translate.formats.found import Found, worth_it
from hanlin.assistants.translate.formats.inline import Piece, Token, filled, line, sources
from hanlin.assistants.translate.formats.plain import decoded, encoded

_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<[!?][^>]*>"
    r"|<(?P<raw>script|style|textarea|pre|code|kbd|samp|svg|math|template|noscript|title)(?=[\s/>])(?P<head>[^>]*)>"
    r"(?P<body>.*?)(?P<end></(?P=raw)\s*>|\Z)"
    r"""|<(?P<slash>/?)(?P<tag>[a-zA-Z][\w:-]*)(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.DOTALL | re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_INLINE = frozenset(
    _WORD.findall(
        "a abbr acronym b bdi bdo big cite code del dfn em font i img ins kbd label mark q s samp small span strike "
        "strong sub sup time tt u var wbr"
    )
)
_LONE = frozenset({"img", "wbr"})
_VOID = frozenset(_WORD.findall("area base br col embed hr img input link meta source track wbr"))
_ATTRIBUTE = re.compile(r"""(?<=\s)(alt|title|placeholder|aria-label)(\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_UNTRANSLATED = re.compile(r"""\stranslate\s*=\s*["']?no\b|\sclass\s*=\s*["'][^"']*\bnotranslate\b""", re.IGNORECASE)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})""", re.IGNORECASE)


def extract(path: str) -> list[Found]:
    text, _ = decoded(path, _CHARSET)
    return sources(_pieces(text))


def patch(path: str, target: str, targets: list[str]) -> None:
    text, encoding = decoded(path, _CHARSET)
    encoded(target, filled(_pieces(text), targets), encoding)


def tokens_of(text: str) -> list[Token]:
    """A line of text with inline tags as tokens: subtitles have them too."""
    tokens, position = [], 0
    for found in _TOKEN.finditer(text):
        tokens += [_text(text[position : found.start()])] if found.start() > position else []
        tokens.append(_tag(found))
        position = found.end()
    return [*tokens, _text(text[position:])]


def _text(raw: str) -> Token:
    return Token("text", raw, text=unescape(raw))


def _tag(found: re.Match[str]) -> Token:
    name = (found["tag"] or "").lower()
    if not name or name in _LONE or found[0].endswith("/>"):
        return Token("lone", found[0])
    return Token("close" if found["slash"] else "open", found[0], name)


def _pieces(text: str) -> Iterator[Piece]:
    """The whole text: joined, the raw forms of the pieces are it."""
    pending: list[Token] = []
    position, silent = 0, Silence()
    for found in _TOKEN.finditer(text):
        if found.start() > position:
            pending.append(_worded(text[position : found.start()], silent))
        position = found.end()
        name = (found["tag"] or found["raw"] or "").lower()
        block = name not in _INLINE
        if block and not silent.name:
            yield from _flushed(pending)
            pending = []
        if silent.sees(found, name):
            pending.append(Token("lone", found[0]))
        elif block:
            yield from _block(found, name)
        else:
            pending.append(_tag(found))
    pending.append(_worded(text[position:], silent))
    yield from _flushed(pending)


class Silence:
    """Whether the reading is in an element that must not be translated; counted by tags of that element's name."""

    def __init__(self) -> None:
        self.name = ""
        self._depth = 0

    def sees(self, found: re.Match[str], name: str) -> bool:
        """Take note of a tag; whether it belongs to such an element."""
        if not self.name:
            begins = found["tag"] and not found["slash"] and name not in _VOID and not found[0].endswith("/>")
            if not begins or not _UNTRANSLATED.search(found["attributes"]):
                return False
            self.name = name
        if name == self.name:
            self._depth += -1 if found["slash"] else 1
            if self._depth == 0:
                self.name = ""
        return True


def _worded(raw: str, silent: Silence) -> Token:
    return Token("lone", raw) if silent.name else _text(raw)


def _flushed(tokens: Sequence[Token]) -> Iterator[Piece]:
    """The tokens of a line: its text and the attributes of its tags."""
    raw = "".join(token.raw for token in tokens)
    segment = line(tokens)
    values = [value for token in tokens if token.kind != "text" for value in _values(token.raw)]
    if segment is None and not values:
        yield Piece(raw)
        return
    texts = () if segment is None else (_folded(segment.source),)

    def write(targets: Sequence[str]) -> str:
        news = iter(targets)
        changed = [one if one.kind == "text" else one._replace(raw=_revalued(one.raw, news)) for one in tokens]
        text, again = next(news, ""), line(changed)
        if not text or again is None:
            return "".join(one.raw for one in changed)
        return again.written(text, written)

    yield Piece(raw, (*values, *texts), write)


def written(text: str) -> str:
    """A text as HTML."""
    return escape(text, quote=False).replace("\u00a0", "&nbsp;")


def _folded(text: str) -> str:
    """Line breaks and runs of blanks are one blank in HTML."""
    return re.sub(r"[ \t\r\n\f]+", " ", text)


def _block(found: re.Match[str], name: str) -> Iterator[Piece]:
    if name == "title" and found["raw"]:
        yield Piece(f"<{found['raw']}{found['head']}>")
        yield from _flushed([_text(found["body"])])
        yield Piece(found["end"])
    elif found["tag"]:
        yield from _flushed([Token("lone", found[0])])
    else:
        yield Piece(found[0])


def _values(tag: str) -> list[str]:
    """Attributes that people read."""
    if tag.startswith("<!"):
        return []
    return [value for found in _ATTRIBUTE.finditer(tag) if worth_it(value := unescape(found[3][1:-1]))]


def _revalued(tag: str, news: Iterator[str]) -> str:
    def put(found: re.Match[str]) -> str:
        new = next(news, "") if worth_it(unescape(found[3][1:-1])) else ""
        return f"{found[1]}{found[2]}{_quoted(new, found[3][0])}" if new else found[0]

    return tag if tag.startswith("<!") else _ATTRIBUTE.sub(put, tag)


def _quoted(text: str, quote: str) -> str:
    return quote + escape(text, quote=False).replace(quote, "&quot;" if quote == '"' else "&#39;") + quote
