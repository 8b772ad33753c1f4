"""The label in Markdown: a mapping `AIGC` in the YAML front matter (TC260-PG-20258A, 6.5).

The few shapes of YAML that labels come in are read by hand; all other lines are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.xmp import spliced
from hanlin.labels.found import FIELDS, TEXT_BYTES, Fault, Found, parse
from hanlin.labels.imprint import Imprint

FRONT_BYTES = 256 * 1024
"""Where front matter has to end."""
BLOCKS = 8
"""Most front matters looked at, one under the other."""
PLACE = "Markdown front matter"

_BOM = b"\xef\xbb\xbf"
_FENCE = re.compile(rb"---[ \t]*+(?:\r?\n|\Z)")
_CLOSING = re.compile(rb"^(?:---|\.\.\.)[ \t]*+(?:\r?\n|\Z)", re.MULTILINE)
_LINE = re.compile(rb"[^\n]*+(?:\n|\Z)")
_BLANK = re.compile(rb"(?:[ \t]*+\r?\n)*+")
_KEY = re.compile(
    rb"""(?:"[^"\n]*+"|'[^'\n]*+'"""
    rb"""|(?:[^\s#"'\[\]{},>|*&!%@`:-]|-[^\s:])(?:[^\n:]|:(?![\s{"']))*+)[ \t]*+:(?=\s|\Z|[{"'])"""
)
_INSIDE = re.compile(rb"[ \t#\]}\r\n]|-[ \t\r\n]|\Z")
"""How a line of a mapping may begin that does not begin a key: it belongs to the key above, or says nothing."""
_IN_BLOCK = re.compile(r"""\s*+["']?(\w{1,64}+)["']?[ \t]*+:(.*)""")
_IN_FLOW = re.compile(r"""["']?(\w{1,64}+)["']?\s{0,16}:\s{0,16}("(?:[^"\\]|\\.)*+"|'(?:[^']|'')*+'|[^,}\n]*+)""")
_INTEGER = re.compile(r"(?:0|-?[1-9]\d{0,17})\Z")
_BLOCK_SCALAR = re.compile(r"[|>][+-]?\d?[ \t]*(?:#.*)?\Z")


class _Entry(NamedTuple):
    """A top-level key with all lines that belong to it, in bytes of the file."""

    key: str
    start: int
    end: int


class _Block(NamedTuple):
    """One front matter: from its opening fence to behind its closing one."""

    start: int
    end: int
    entries: tuple[_Entry, ...]
    closing: int
    """Where the closing fence begins."""

    @property
    def labels(self) -> list[_Entry]:
        return [entry for entry in self.entries if "AIGC" in entry.key.upper()]


def read(file: memoryview) -> list[Found]:
    found = []
    for number, block in enumerate(_blocks(file)):
        for entry in block.labels:
            text = bytes(file[entry.start : entry.end][:TEXT_BYTES]).decode("utf-8", "replace")
            found.append(_label(text.partition(":")[2], usual=number == 0 and entry.key == "AIGC"))
    return [one for one in found if one]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    """The label goes into the first front matter that holds other keys, else into one of its own at the beginning.

    Raises BadFile for UTF-16.
    """
    if bytes(file[:2]) in (b"\xff\xfe", b"\xfe\xff"):
        raise BadFile("Expected Markdown in UTF-8, got UTF-16.", action="Save it as UTF-8.")
    blocks = list(_blocks(file))
    kept = [block for block in blocks if not block.labels or len(block.entries) > len(block.labels)]
    ends = [block.start for block in blocks[1:]] + [block.end for block in blocks[-1:]]
    edits = [(block.start, end, b"") for block, end in zip(blocks, ends, strict=True) if block not in kept]
    edits += [(entry.start, entry.end, b"") for block in kept for entry in block.labels]
    newline = _newline(file)
    new = newline.join([*_lines(imprint), b""])
    if kept:
        place = kept[0].labels[0].start if kept[0].labels else kept[0].closing
    else:
        place = _start(file)
        new = b"---" + newline + new + b"---" + newline + (b"" if blocks else newline)
    return spliced(file, [*edits, (place, place, new)])


def body_start(file: memoryview) -> int:
    """Where the text begins, behind all front matter."""
    return max((block.end for block in _blocks(file)), default=_start(file))


def _lines(imprint: Imprint) -> list[bytes]:
    """Every value quoted: bare, `1` would be a number, and so would a code of digits."""
    values = zip(FIELDS, msgspec.structs.astuple(imprint.label), strict=True)
    return [b"AIGC:", *(f"  {key}: ".encode() + msgspec.json.encode(value) for key, value in values)]


def _start(file: memoryview) -> int:
    return len(_BOM) if bytes(file[:3]) == _BOM else 0


def _newline(file: memoryview) -> bytes:
    return b"\r\n" if bytes(file[:FRONT_BYTES]).partition(b"\n")[0].endswith(b"\r") else b"\n"


def _blocks(file: memoryview) -> Iterator[_Block]:
    """Front matters at the beginning; those after the first only when they hold a label."""
    data, position = bytes(file[:FRONT_BYTES]), _start(file)
    for number in range(BLOCKS):
        block = _block(data, position)
        if block is None or (number and not block.labels):
            return
        yield block
        blank = _BLANK.match(data, block.end)
        position = blank.end() if blank else block.end


def _block(data: bytes, start: int) -> _Block | None:
    """None when what stands there is no mapping: a thematic break begins as front matter does."""
    fence = _FENCE.match(data, start)
    closing = _CLOSING.search(data, fence.end()) if fence else None
    if fence is None or closing is None:
        return None
    entries: list[_Entry] = []
    for line in _LINE.finditer(data, fence.end(), closing.start()):
        if key := _KEY.match(line[0]):
            name = key[0][:-1].strip().strip(b"\"'").decode("utf-8", "replace")
            entries.append(_Entry(name, line.start(), line.end()))
        elif not _INSIDE.match(line[0]):
            return None
        elif entries and line[0].strip() and not line[0].startswith(b"#"):
            entries[-1] = entries[-1]._replace(end=line.end())
    return _Block(start, closing.end(), tuple(entries), closing.start())


def _label(value: str, *, usual: bool) -> Found | None:
    """What stands behind `AIGC:`: a block or flow mapping, JSON, or one of them in a scalar."""
    text = value.strip()
    first, _, rest = text.partition("\n")
    if _BLOCK_SCALAR.match(first.rstrip()):
        text = rest.strip()
    elif len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = _unquoted(text)
    found = parse(text, PLACE, usual=usual)
    if found and Fault.NOT_JSON not in found.faults:
        return found
    found = parse(msgspec.json.encode(_pairs(text)), PLACE, usual=usual)
    return msgspec.structs.replace(found, text=text) if found else None


def _pairs(text: str) -> dict[str, object]:
    if text.startswith("{"):
        return {key: _value(scalar) for key, scalar in _IN_FLOW.findall(text)}
    lines = (_IN_BLOCK.match(line) for line in text.split("\n"))
    return {line[1]: _value(line[2]) for line in lines if line}


def _value(scalar: str) -> object:
    """A scalar as YAML's core schema takes it, as far as labels go: text, an integer or nothing."""
    text = scalar.strip()
    if text[:1] in ('"', "'"):
        end = text.rfind(text[0])
        return _unquoted(text[: end + 1]) if end else text
    text = re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    if _INTEGER.match(text):
        return int(text)
    return None if text in ("", "~", "null") else text


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    try:
        return msgspec.json.decode(text, type=str)
    except msgspec.DecodeError:
        return text[1:-1]


FORMATS = (Format("md", ("text/markdown", "text/x-markdown"), Modality.TEXT, read, write),)
