"""The label in an XMP packet (ISO 16684-1): the property `TC260:AIGC`, and beside it what IPTC wants to know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats.format import Piece
from hanlin.labels.found import FIELDS, Fault, Found, parse
from hanlin.labels.found import TEXT_BYTES as LABEL_BYTES
from hanlin.labels.imprint import Imprint

NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PACKET_BYTES = 1024 * 1024
"""Longest packet read as a tree, which takes up to 80 times as much; in longer ones labels are looked for as text."""
TEXT_BYTES = 4 * 1024 * 1024
"""What is looked at of a packet at all."""
ATTRIBUTES = 4000
"""Most of one element that are read; the parser compares each with all others."""
LABELS = 64
"""Most fields named AIGC that are looked at in one place."""

_HINTS = tuple(
    re.compile(hint)
    for hint in (rb"AIGC", rb"A\0I\0G\0C", rb"Label[\"']", rb"L\0a\0b\0e\0l\0[\"']", rb"ContentId[\"']")
)
"""What every label holds, in UTF-8 or UTF-16; one pattern for all would be many times slower."""
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>'
_EMPTY = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>'
_ROOT = re.compile(r"<((?:[\w.-]+:)?(?:xmpmeta|xapmeta|RDF))[\s>]")
_ATTRIBUTE = re.compile(r"""\s++[^\s=<>"'/]++\s*+=\s*+(?:"[^"]*+"|'[^']*+')""")
_ATTRIBUTE_RUN = re.compile(f"(?:{_ATTRIBUTE.pattern})++")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 (2.2) does not allow."""
_ABOUT = f"{{{RDF}}}about"
_DESCRIPTION = f"{{{RDF}}}Description"
_LABEL = f"{{{NAMESPACE}}}AIGC"


class Glued(NamedTuple):
    """A label between other bytes, and where it stands among them."""

    start: int
    end: int
    found: Found


class _Field(NamedTuple):
    """An element (`attribute` is None) or an attribute whose name contains AIGC."""

    element: Any
    attribute: str | None
    text: str
    structured: bool = False
    """The seven keys are elements or attributes of their own."""

    @property
    def exact(self) -> bool:
        return (self.attribute or self.element.tag) == _LABEL


class Allowance:
    """How much text of one file is looked at, so that a hostile one ends soon."""

    def __init__(self, close_bytes: int = PACKET_BYTES * 2, glanced_bytes: int = 64 * 1024 * 1024) -> None:
        self._close_bytes = close_bytes
        self._glanced_bytes = glanced_bytes

    def worth(self, text: bytes | memoryview) -> bool:
        """Whether a text may hold a label. Raises BadFile when the file has too much text, or too much of that sort."""
        text = text[:TEXT_BYTES]
        self._glanced_bytes -= len(text)
        worth = any(hint.search(text) for hint in _HINTS)
        self._close_bytes -= len(text) if worth else 0
        if self._close_bytes < 0 or self._glanced_bytes < 0:
            raise BadFile("The file holds too much text that may be a label.", action="Remove what is not needed.")
        return worth


def read(packet: bytes | memoryview, place: str, usual: bool = True) -> list[Found]:
    """Every label in a packet, however broken; never raises.

    Element and attribute form, whatever stands before `<?xpacket?>`; entities of a DTD are never expanded. A label in
    another namespace than TC260's is out of place.
    """
    text = _text(packet)
    if "AIGC" not in text:
        return []
    tree = _tree(text)
    found = [one for field in _fields(tree) if (one := _found(field, place, usual))] if tree is not None else []
    return found or [_mended(one.found) for one in glued(text.encode(), place, usual)]


def write(existing: bytes | None, imprint: Imprint) -> bytes:
    """The packet with exactly this label and its other properties kept; a fresh one when it cannot be read.

    UTF-8, without padding. Raises BadFile when the packet is longer than `PACKET_BYTES`.
    """
    if existing is not None and len(existing) > PACKET_BYTES:
        raise BadFile(
            f"The XMP packet has {len(existing)} bytes, expected at most {PACKET_BYTES}.",
            action="Save the file without the large XMP properties first.",
        )
    tree = _tree(_text(existing)) if existing is not None else None
    return _packet(_imprinted(tree, imprint)) or _packet(_imprinted(None, imprint)) or b""


def without(packet: bytes | memoryview) -> bytes:
    """The packet without what `read` finds. Spaces stand in the place of a label that cannot be read as XML, and of the
    whole packet where one is too broken to be cut out.
    """
    clean = bytes(packet)
    tree = _tree(_text(packet))
    if tree is not None:
        _remove_labels(tree)
        clean = _packet(tree) or clean
    clean = blanked(clean, glued(clean[:TEXT_BYTES], ""))
    return b" " * len(packet) if read(clean, "") else clean


def glued(data: bytes, place: str, usual: bool = True) -> Iterator[Glued]:
    """Labels that stand in the midst of other bytes, as `AIGC{…}` or `{"AIGC":{…}}`; at most `LABELS`."""
    position = 0
    for _ in range(LABELS):
        at = data.find(b"AIGC", position)
        if at < 0:
            return
        position = at + 4
        start = at - 2 if data[max(at - 2, 0) : at] == b'{"' else at
        brace = data.find(b"{", start, at + 64)
        inner = _object(data[brace : brace + LABEL_BYTES]) if brace >= 0 else b""
        if inner and (found := parse(inner, place, usual=usual)):
            position = brace + len(inner)
            plain = not data[at + 4 : brace].strip(b'":= ')  # else it is the name of a tag, which stays
            yield Glued(start if plain else brace, position, found)


def blanked(data: bytes, labels: Iterable[Glued]) -> bytes:
    """The bytes with spaces where the labels stood."""
    blank = bytearray(data)
    for label in labels:
        blank[label.start : label.end] = b" " * (label.end - label.start)
    return bytes(blank)


def spliced(file: memoryview, edits: Iterable[tuple[int, int, bytes]]) -> list[Piece]:
    """The file with the bytes from start to end of each edit replaced; copies nothing.

    Raises BadFile when edits overlap, which they do when the file says that two of its parts lie in one place.
    """
    pieces: list[Piece] = []
    position = 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        if start < position:
            raise BadFile("Parts of the file lie in the same place.", action="Save the file anew.")
        pieces += [piece for piece in (file[position:start], new) if piece]
        position = end
    return [*pieces, file[position:]] if position < len(file) else pieces


def _object(data: bytes) -> bytes:
    """The JSON object that the bytes begin with; up to the next closing brace when it is no JSON."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        end = json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        end = text.find("}") + 1
    return text[:end].encode("utf-8", "surrogateescape")


def _text(packet: bytes | memoryview) -> str:
    data = bytes(packet[:TEXT_BYTES])
    if data[:2] in (b"\xff\xfe", b"<\0"):
        return data.decode("utf-16-le", "replace")
    if data[:2] in (b"\xfe\xff", b"\0<"):
        return data.decode("utf-16-be", "replace")
    return data.decode("utf-8", "replace")


def _tree(text: str) -> Any:
    """The XMP or RDF element with all in it, or None. What stands around it (declarations, a DTD) is never parsed."""
    from lxml import etree

    opening = _ROOT.search(text) if len(text) <= PACKET_BYTES else None
    if opening is None:
        return None
    closing = text.rfind(f"</{opening[1]}")
    end = text.find(">", closing) + 1 if closing >= 0 else 0
    markup = _NO_XML.sub("", text[opening.start() : end or len(text)])
    if any(len(_ATTRIBUTE.findall(run[0])) > ATTRIBUTES for run in _ATTRIBUTE_RUN.finditer(markup)):
        return None
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        tree = etree.fromstring(markup.encode(), parser)
    except (etree.LxmlError, ValueError):
        return None
    return tree if tree is not None and _rdf(tree) is not None and len(_fields(tree)) < LABELS else None


def _rdf(tree: Any) -> Any:
    return tree if tree.tag == f"{{{RDF}}}RDF" else tree.find(f".//{{{RDF}}}RDF")


def _fields(tree: Any) -> list[_Field]:
    elements = tree.xpath(f"(//*[contains(local-name(), 'AIGC')])[position() <= {LABELS}]")
    attributes = tree.xpath(f"(//@*[contains(local-name(), 'AIGC')])[position() <= {LABELS}]")
    return [_element(one) for one in elements] + [_Field(one.getparent(), one.attrname, str(one)) for one in attributes]


def _element(element: Any) -> _Field:
    if text := element.xpath("string()").strip():
        inner = {_local(part.tag): part.text or "" for part in element.iterdescendants("{*}*")}
    else:
        inner = {_local(name): value for part in element.iter("{*}*") for name, value in part.attrib.items()}
        text = inner.get("resource", inner.get("value", ""))
    if inner.keys() & FIELDS.keys():
        keyed = {key: inner[key] for key in FIELDS if key in inner}
        return _Field(element, None, msgspec.json.encode(keyed).decode(), structured=True)
    return _Field(element, None, text)


def _local(name: str) -> str:
    return name.rpartition("}")[2].rpartition(":")[2]


def _found(field: _Field, place: str, usual: bool) -> Found | None:
    found = parse(field.text, place, usual=usual and field.exact)
    return _mended(found) if found and field.structured else found


def _mended(found: Found) -> Found:
    return msgspec.structs.replace(found, faults=tuple(dict.fromkeys((*found.faults, Fault.NOT_JSON))))


def _imprinted(tree: Any, imprint: Imprint) -> Any:
    from lxml import etree

    tree = etree.fromstring(_EMPTY) if tree is None else tree
    rdf = _rdf(tree)
    about = next((one.get(_ABOUT, "") for one in rdf.iterchildren(_DESCRIPTION)), "")
    _remove_labels(tree)
    _remove_properties(rdf, imprint)
    for description in list(rdf.iterchildren(_DESCRIPTION)):
        if len(description) == 0 and not set(description.attrib) - {_ABOUT}:
            rdf.remove(description)
    description = etree.SubElement(rdf, _DESCRIPTION, {_ABOUT: about}, {"TC260": NAMESPACE, "Iptc4xmpExt": IPTC})
    etree.SubElement(description, _LABEL).text = _NO_XML.sub(_escaped, msgspec.json.encode(imprint.label).decode())
    for name, value in _origin(imprint).items():
        if value:
            etree.SubElement(description, f"{{{IPTC}}}{name}").text = _NO_XML.sub("", value)
    return tree


def _escaped(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"


def _origin(imprint: Imprint) -> dict[str, str]:
    """IPTC Photo Metadata 2025.1; the source type is the whole URI, never its last word alone. Left out, it stays."""
    system = {"AISystemUsed": imprint.system, "AISystemVersionUsed": imprint.version} if imprint.system else {}
    source = {"DigitalSourceType": imprint.origin.value} if imprint.origin else {}
    return source | system


def _remove_labels(tree: Any) -> None:
    """The labels, and the remains of broken ones: RDF has no text between its descriptions."""
    for field in _fields(tree):
        if not field.exact and not parse(field.text, ""):
            continue  # named AIGC, and something else
        if field.attribute is not None:
            del field.element.attrib[field.attribute]
        elif (parent := field.element.getparent()) is not None:
            parent.remove(field.element)
    rdf = _rdf(tree)
    rdf.text = None
    for description in rdf:
        description.tail = None


def _remove_properties(rdf: Any, imprint: Imprint) -> None:
    for name in _origin(imprint):
        for description in rdf.iterchildren(_DESCRIPTION):
            description.attrib.pop(f"{{{IPTC}}}{name}", None)
            for element in list(description.iterchildren(f"{{{IPTC}}}{name}")):
                description.remove(element)


def _packet(tree: Any) -> bytes | None:
    """The tree as a packet, or None when what was salvaged still is no XML (an entity nobody declares)."""
    from lxml import etree

    markup = etree.tostring(tree, encoding="unicode", with_tail=False)
    try:
        etree.fromstring(markup, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.LxmlError, ValueError):
        return None
    return f"{_HEAD}{markup}{_TAIL}".encode()
