"""The label in HTML: `<meta name="AIGC" content='{…}'>` in the head.

No guide names a place for HTML; a meta element is where HTML says something of itself (HTML Living Standard, 4.2.5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import NamedTuple

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.xmp import spliced
from hanlin.labels.found import TEXT_BYTES, Found, parse
from hanlin.labels.imprint import Imprint

PLACES = 64
"""Most labels looked at in one file."""

_ATTRIBUTES = rb"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^'">]++)*+(?:>|\Z)"""
TOKEN = re.compile(
    rb"<(?=[!?/a-z])(?:!--(?P<comment>.*?)(?:-->|\Z)"
    rb"|(?P<raw>script|style|title|textarea|template|noscript|iframe|xmp)(?=[\s/>])(?P<attributes>"
    + _ATTRIBUTES
    + rb")"
    rb"(?P<content>.*?)(?:</(?P=raw)(?=[\s/>])|\Z)"
    rb"|(?P<close>/?)(?P<name>!doctype|\?xml|[a-z][a-z0-9]*+)(?=[\s/>])(?P<rest>" + _ATTRIBUTES + rb"))",
    re.IGNORECASE | re.DOTALL,
)
"""What a parser would take as one thing. What is never closed reaches to the end of the file, so that no byte is read
twice."""
_CLOSED = re.compile(rb"""(?:"[^"]*+"|'[^']*+'|[^'">]++)*+>""")
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]++)\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]++))""")
_CHARSET = re.compile(rb"charset", re.IGNORECASE)
_NAME = re.compile(rb"AIGC", re.IGNORECASE)


class _Label(NamedTuple):
    start: int
    end: int
    found: Found


def read(file: memoryview) -> list[Found]:
    return [label.found for label in _labels(as_ascii(file)[0])]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The element stands behind the one that names the encoding, else first in the head, which is made when missing.

    Raises BadFile for UTF-16 that is cut in the middle of a character.
    """
    text, restored = as_ascii(file)
    meta = b"<meta name=\"AIGC\" content='%b'/>" % _escaped(msgspec.json.encode(imprint.label))
    place, before, after = _place(text)
    edits = [(label.start, label.end, b"") for label in _labels(text)] + [(place, place, before + meta + after)]
    return restored(spliced(text, edits))


def as_ascii(file: memoryview) -> tuple[memoryview, Callable[[list[Piece]], list[Piece]]]:
    """The file in an encoding in which markup is ASCII, and the way back. Of the web's encodings only UTF-16 is not."""
    mark = bytes(file[:2])
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark)
    if encoding is None:
        return file, list
    try:
        text = bytes(file[2:]).decode(encoding, "surrogatepass")
    except UnicodeDecodeError as error:
        raise BadFile("Expected whole UTF-16 characters, got a part of one.", action="Save it as UTF-8.") from error

    def restored(pieces: list[Piece]) -> list[Piece]:
        joined = b"".join(pieces).decode("utf-8", "surrogatepass")
        return [mark, joined.encode(encoding, "surrogatepass")]

    return memoryview(text.encode("utf-8", "surrogatepass")), restored


def _labels(text: memoryview) -> list[_Label]:
    """Meta elements named AIGC, scripts and comments that hold a label."""
    labels: list[_Label] = []
    for token in TOKEN.finditer(text) if _NAME.search(text) else ():
        if len(labels) >= PLACES:
            break
        if found := _found(token):
            start = token.start() - (bytes(text[token.start() - 1 : token.start()]) == b"\n")
            labels.append(_Label(start, element_end(text, token), found))
    return labels


def _found(token: re.Match[bytes]) -> Found | None:
    if b"AIGC" not in token[0][:TEXT_BYTES].upper():
        return None
    if token["comment"] is not None:
        return parse(token["comment"], "HTML comment", usual=False)
    if token["raw"] is not None:
        script = token["raw"].lower() == b"script" and b"AIGC" in token["attributes"].upper()
        return parse(token["content"], "HTML script", usual=False) if script else None
    if token["name"].lower() != b"meta":
        return None
    attributes = _attributes(token["rest"])
    name = attributes.get("name") or attributes.get("property") or attributes.get("itemprop") or ""
    if "AIGC" not in name.upper():
        return None
    return parse(attributes.get("content", ""), "HTML meta", usual=attributes.get("name") == "AIGC")


def element_end(text: memoryview, token: re.Match[bytes]) -> int:
    """Behind the element that a token is; that of a script ends at its closing tag's name."""
    if token["raw"] is None:
        return token.end()
    closing = bytes(text[token.end() : token.end() + 64])
    return token.end() + closing.find(b">") + 1


def _attributes(text: bytes) -> dict[str, str]:
    decoded = text[: 2 * TEXT_BYTES].decode("utf-8", "replace")
    found = _ATTRIBUTE.findall(decoded)
    return {name.lower(): unescape(double or single or bare) for name, double, single, bare in reversed(found)}


def _place(text: memoryview) -> tuple[int, bytes, bytes]:
    """Where the element goes, and what has to stand before and behind it.

    Not before the element that names the encoding: that has to stand in the first 1,024 bytes.
    """
    opened: dict[str, int] = {}
    for token in _before_body(text):
        name = (token["name"] or b"").lower().decode("latin-1")
        if name and not _CLOSED.fullmatch(token["rest"]):
            break  # never closed: what follows would be swallowed
        if name == "meta" and _CHARSET.search(token["rest"]):
            return token.end(), b"\n", b""
        if name in ("!doctype", "?xml", "html", "head") and not token["close"]:
            opened.setdefault(name, token.end())
    if "head" in opened:
        return opened["head"], b"\n", b""
    if "html" in opened:
        return opened["html"], b"\n<head>\n", b"</head>"
    start = 3 if bytes(text[:3]) == b"\xef\xbb\xbf" else 0
    place = opened.get("!doctype", opened.get("?xml", start))
    return place, b"\n" if place > start else b"", b""


def _before_body(text: memoryview) -> Iterator[re.Match[bytes]]:
    for token in TOKEN.finditer(text):
        if (token["name"] or b"").lower() == b"body" or (token["close"] and token["name"].lower() == b"head"):
            return
        yield token


def _escaped(json: bytes) -> bytes:
    for character, entity in ((b"&", b"&amp;"), (b"'", b"&#39;"), (b"<", b"&lt;"), (b">", b"&gt;")):
        json = json.replace(character, entity)
    return json


FORMATS = (Format("html", ("text/html", "application/xhtml+xml"), Modality.TEXT, read, write),)
