from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanlin.errors import BadFile
from hanlin.labels.formats import xmp
from hanlin.labels.formats.format import Piece
from hanlin.labels.found import Fault
from hanlin.labels.imprint import Imprint, SourceType
from hanlin.types import Label

CODE = "00119144030008867405X210001"
LABEL = Label("1", CODE, "req_1", "", CODE, "req_1", "")
IMPRINT = Imprint(LABEL, SourceType.EDITED, "Hanlin <8B> & co", "2.1")
OTHER = Label("1", "doubao", "2")
INNER = msgspec.json.encode(OTHER).decode()
RDF = f'<rdf:RDF xmlns:rdf="{xmp.RDF}">%s</rdf:RDF>'
DESCRIPTION = (
    f'<rdf:Description rdf:about="" xmlns:TC260="{xmp.NAMESPACE}" xmlns:dc="http://purl.org/dc/elements/1.1/" %s'
)
ESCAPED = INNER.replace('"', "&quot;")
ELEMENT = RDF % (DESCRIPTION % f"dc:format='image/png'><TC260:AIGC>{INNER}</TC260:AIGC></rdf:Description>")
ATTRIBUTE = RDF % (DESCRIPTION % f'dc:format="image/png" TC260:AIGC="{ESCAPED}"/>')
FORMS = {
    "element": ELEMENT,
    "attribute": ATTRIBUTE,
    "numeric entities": ATTRIBUTE.replace("&quot;", "&#34;"),
    "element with entities": ELEMENT.replace(INNER, ESCAPED),
    "declaration first, odd endings": f'<?xml version="1.0"?><?xpacket begin=""??>{ELEMENT}<?xpacket end="w"??>',
    "in xmpmeta, comments, NULs": f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- AIGC -->{ELEMENT}</x:xmpmeta>\0\0',
    "CDATA": ELEMENT.replace(INNER, f"<![CDATA[{INNER}]]>"),
    "language alternatives": ELEMENT.replace(INNER, f"<rdf:Alt><rdf:li>{INNER}</rdf:li></rdf:Alt>"),
    "cut off": ELEMENT[: ELEMENT.index("</rdf:Desc")],
}  # fmt: skip
KEYS = "".join(f"<TC260:{key}>{value}</TC260:{key}>" for key, value in json.loads(INNER).items())
BROKEN = {
    "bare quotes in an attribute": ATTRIBUTE.replace("&quot;", '"'),
    "no RDF at all": f"<TC260:AIGC>{INNER}</TC260:AIGC>",
    "an element for each key": ELEMENT.replace(INNER, f"<rdf:Description>{KEYS}</rdf:Description>"),
}


def data(*parts: str) -> Path:
    """A file of the shared data, or a skipped test."""
    path = Path(__file__).parents[3].joinpath("..", "shared", "data", *parts)
    if not path.exists():
        pytest.skip(f"{parts[-1]} is not here")
    return path


def joined(pieces: Sequence[Piece]) -> bytes:
    return b"".join(pieces)


def exiftool(file: bytes, folder: Path, ending: str) -> dict[str, Any]:
    """What an independent reader finds: `XMP-TC260:Aigc` and all else."""
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not here")
    path = folder / f"picture.{ending}"
    path.write_bytes(file)
    dump = subprocess.run(["exiftool", "-j", "-G1", "-n", "-a", path], capture_output=True, check=True).stdout
    fields: dict[str, Any] = json.loads(dump)[0]
    return fields


def seen_by_exiftool(file: bytes, folder: Path, ending: str) -> None:
    """Exiftool finds this label and IPTC's words, and nothing to warn of."""
    fields = exiftool(file, folder, ending)
    assert fields["XMP-TC260:Aigc"] == msgspec.json.encode(LABEL).decode()
    assert fields["XMP-iptcExt:DigitalSourceType"] == SourceType.EDITED
    assert fields["XMP-iptcExt:AISystemUsed"] == IMPRINT.system
    assert fields["XMP-iptcExt:AISystemVersionUsed"] == 2.1
    assert "ExifTool:Warning" not in fields


@st.composite
def mutated(draw: st.DrawFn, files: Sequence[bytes]) -> bytes:
    """One of the files with up to eight bytes changed, and perhaps cut off."""
    file = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(0, 8))):
        file[draw(st.integers(0, len(file) - 1))] = draw(st.integers(0, 255))
    return bytes(file[: draw(st.integers(0, len(file)))]) if draw(st.booleans()) else bytes(file)


def elements(packet: bytes) -> dict[str, str | None]:
    return {element.tag: element.text for element in ET.fromstring(packet.decode()).iter()}


def test_a_fresh_packet_holds_the_inner_object_and_the_whole_uri_of_the_source() -> None:
    found = elements(xmp.write(None, IMPRINT))
    assert found[f"{{{xmp.NAMESPACE}}}AIGC"] == msgspec.json.encode(LABEL).decode()
    assert found[f"{{{xmp.IPTC}}}DigitalSourceType"] == SourceType.EDITED.value
    assert found[f"{{{xmp.IPTC}}}AISystemUsed"] == "Hanlin <8B> & co"
    assert found[f"{{{xmp.IPTC}}}AISystemVersionUsed"] == "2.1"


def test_what_is_written_is_read_without_a_fault() -> None:
    (found,) = xmp.read(xmp.write(None, IMPRINT), "here")
    assert (found.label, found.place, found.faults) == (LABEL, "here", ())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_others_write_is_read(form: str) -> None:
    (found,) = xmp.read(FORMS[form].encode(), "here")
    assert found.label == OTHER
    assert found.faults == ()


@pytest.mark.parametrize("form", BROKEN)
def test_broken_forms_are_read_and_said_to_be_mended(form: str) -> None:
    (found,) = xmp.read(BROKEN[form].encode(), "here")
    assert found.label == OTHER
    assert Fault.NOT_JSON in found.faults


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_read(encoding: str) -> None:
    assert [found.label for found in xmp.read(ELEMENT.encode(encoding), "here")] == [OTHER]


def test_another_namespace_is_out_of_place() -> None:
    (found,) = xmp.read(ELEMENT.replace(xmp.NAMESPACE, "http://example.com/").encode(), "here")
    assert found.faults == (Fault.PLACE,)


@pytest.mark.parametrize("form", [*FORMS, *BROKEN])
def test_writing_into_any_form_leaves_one_label(form: str) -> None:
    packet = xmp.write((FORMS | BROKEN)[form].encode(), IMPRINT)
    assert [(found.label, found.faults) for found in xmp.read(packet, "")] == [(LABEL, ())]
    assert b"doubao" not in packet
    assert xmp.write(packet, IMPRINT) == packet


def test_other_properties_stay_and_old_words_of_the_origin_go() -> None:
    about = '<rdf:Description rdf:about="uuid:1"'
    body = f'{about} xmlns:a="http://example.com/" a:AIGCNote="mine" a:b="c"><a:d>e</a:d></rdf:Description>'
    source = "<i:DigitalSourceType>x</i:DigitalSourceType>"
    iptc = f'{about} xmlns:i="{xmp.IPTC}" i:AISystemUsed="x">{source}</rdf:Description>'
    packet = xmp.write((RDF % (body + iptc)).encode(), IMPRINT).decode()
    assert all(text in packet for text in ('a:AIGCNote="mine"', 'a:b="c"', "<a:d>e</a:d>"))
    assert packet.count("AISystemUsed>") == 2
    assert packet.count("DigitalSourceType>") == 2
    assert packet.count('rdf:about="uuid:1"') == 2


def test_several_labels_become_one() -> None:
    packet = (
        RDF % (DESCRIPTION % f'TC260:AIGC="{ESCAPED}"><TC260:AIGC>{INNER}</TC260:AIGC></rdf:Description>')
    ).encode()
    assert len(xmp.read(packet, "")) == 2
    assert [found.label for found in xmp.read(xmp.write(packet, IMPRINT), "")] == [LABEL]


def test_without_takes_the_label_and_nothing_else() -> None:
    packet = xmp.without(ELEMENT.encode())
    assert xmp.read(packet, "") == []
    assert b"image/png" in packet
    for broken in (*BROKEN.values(), ELEMENT.replace("<TC260:AIGC>", "<TC260:AIGC x>"), RDF % f"AIGC{INNER}{INNER}"):
        assert xmp.read(xmp.without(broken.encode()), "") == []


def test_entities_of_a_dtd_are_never_expanded() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "AIGC">{entities}<!ENTITY file SYSTEM "file:///etc/passwd">]>'
    packet = bomb + ELEMENT.replace(INNER, "&e11;&file;")
    assert xmp.read(packet.encode(), "") == []
    assert len(xmp.write(packet.encode(), IMPRINT)) < 2000


def test_what_xml_does_not_allow_is_left_out_or_escaped() -> None:
    packet = xmp.write(None, Imprint(Label("1", "a\uffffb", "1"), system="x\x00y\x0b"))
    assert xmp.read(packet, "")[0].label.content_producer == "a\uffffb"
    assert elements(packet)[f"{{{xmp.IPTC}}}AISystemUsed"] == "xy"


def test_a_packet_too_long_to_change_is_refused_and_still_read() -> None:
    packet = ELEMENT.encode() + b" " * xmp.PACKET_BYTES
    assert [found.label for found in xmp.read(packet, "")] == [OTHER]
    with pytest.raises(BadFile, match="expected at most"):
        xmp.write(packet, IMPRINT)


def test_hostile_text_comes_to_an_end() -> None:
    inside = ("<a/>", "<AIGC/>", "<AIGC>", "AIGC{", 'AIGC{"', "<", "&a;", "<a AIGC='", "[")
    for text in inside:
        packet = (RDF % (text * (xmp.PACKET_BYTES // 8))).encode()
        assert xmp.read(packet, "") == []
    assert xmp.read(b"AIGC{" + b"[" * 100_000, "") == []


def test_glued_labels_are_found_where_they_stand() -> None:
    text = b"\xff\xfe..AIGC" + INNER.encode() + b'..{"AIGC":' + INNER.encode() + b"}AIGC{no}"
    labels = list(xmp.glued(text, "here"))
    assert [label.found.label for label in labels] == [OTHER, OTHER]
    assert xmp.blanked(text, labels).replace(b" ", b"") == b"\xff\xfe....AIGC{no}"


def test_splicing_keeps_views_of_what_stays() -> None:
    file = memoryview(b"0123456789")
    pieces = xmp.spliced(file, [(8, 9, b""), (2, 4, b"ab"), (4, 4, b"c")])
    assert joined(pieces) == b"01abc45679"
    assert sum(isinstance(piece, memoryview) for piece in pieces) == 3
    with pytest.raises(BadFile):
        xmp.spliced(file, [(2, 6, b""), (5, 7, b"")])


def test_a_file_full_of_labels_uses_up_its_allowance() -> None:
    allowance = xmp.Allowance(10)
    assert not allowance.worth(b"nothing of that sort in a long text")
    assert allowance.worth(b"AIGC 67890")
    with pytest.raises(BadFile):
        allowance.worth(b"A\0I\0G\0C\0")


@given(mutated([text.encode() for text in (FORMS | BROKEN).values()]))
def test_any_packet_is_read_and_written(packet: bytes) -> None:
    xmp.read(packet, "")
    xmp.without(packet)
    assert [found.label for found in xmp.read(xmp.write(packet, IMPRINT), "")] == [LABEL]


@pytest.mark.parametrize("damage", [("doubao", "dou\0bao"), ("doubao", "dou\x01bao&nbsp;"), ("<rdf:Desc", "<a:b &x; ")])
def test_what_is_found_in_a_damaged_packet_does_not_stay(damage: tuple[str, str]) -> None:
    for form in (ELEMENT, ATTRIBUTE):
        damaged = form.replace(*damage).replace("image/png", "&undeclared;").encode()
        assert xmp.read(damaged, "here")
        assert xmp.read(xmp.without(damaged), "here") == []


def test_an_element_of_endless_attributes_is_not_read_as_a_tree() -> None:
    """The parser compares each with all others: 60,000 would take ten seconds."""
    many = " ".join(f'a{number}="<>"' for number in range(60_000))
    packet = ELEMENT.replace("<TC260:AIGC>", f"<b {many}/><TC260:AIGC>").encode()
    started = time.process_time()
    assert [found.label for found in xmp.read(packet, "here")] == [OTHER]
    assert time.process_time() - started < 3
