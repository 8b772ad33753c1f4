from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx  # type: ignore[import-untyped, unused-ignore]
import msgspec
import openpyxl
import pptx
import pytest
from hypothesis import given
from openpyxl.packaging.custom import BoolProperty, IntProperty, StringProperty

from hanlin.errors import BadFile
from hanlin.labels.formats import ooxml
from hanlin.labels.found import Fault
from tests.labels.formats.test_archive import zipped
from tests.labels.formats.test_xmp import IMPRINT, INNER, LABEL, OTHER, data, exiftool, joined, mutated

TEXT = msgspec.json.encode(LABEL).decode()
SHARED = [
    "docling_docx_comments.docx", "docling_textbox.docx", "docling_word_sample.docx", "markitdown_test.docx",
    "docling_powerpoint_sample.pptx", "docling_pptx_chart.pptx", "markitdown_test.pptx",
    "docling_xlsx_01.xlsx", "kreuzberg_excel_multi_sheet.xlsx", "markitdown_test.xlsx",
]  # fmt: skip


def word(text: str = "Hello") -> bytes:
    document, file = docx.Document(), io.BytesIO()
    document.add_paragraph(text)
    document.save(file)
    return file.getvalue()


def slides(count: int = 3) -> bytes:
    presentation, file = pptx.Presentation(), io.BytesIO()
    for number in range(count):
        presentation.slides.add_slide(presentation.slide_layouts[0]).shapes.title.text = f"Slide {number}"
    presentation.save(file)
    return file.getvalue()


def workbook(**properties: str) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["a", 1])
    book.active["C1"] = "=SUM(B:B)"
    for name, value in properties.items():
        book.custom_doc_props.append(StringProperty(name=name, value=value))
    book.save(file)
    return file.getvalue()


def written(file: bytes) -> bytes:
    return joined(ooxml.write(memoryview(file), IMPRINT))


def changed(file: bytes, parts: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()} | parts)


def part(file: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return archive.read(name)


@pytest.mark.parametrize("made", [word, slides, workbook])
def test_a_label_is_read_back_without_a_fault_and_a_second_replaces_it(made: object) -> None:
    assert callable(made)
    file = made()
    assert ooxml.read(memoryview(file)) == []
    once = written(file)
    (found,) = ooxml.read(memoryview(once))
    assert (found.label, found.place, found.faults) == (LABEL, "OOXML docProps/custom.xml AIGC", ())
    assert written(once) == once


@pytest.mark.parametrize("name", SHARED)
def test_real_documents_keep_every_part_but_the_three_that_name_the_label(name: str, tmp_path: Path) -> None:
    """And Office's own libraries and exiftool read what was written."""
    file = data("documents", name).read_bytes()
    made = written(file)
    with zipfile.ZipFile(io.BytesIO(file)) as before, zipfile.ZipFile(io.BytesIO(made)) as after:
        assert after.testzip() is None
        names = before.namelist()
        differing = {name for name in after.namelist() if name not in names or before.read(name) != after.read(name)}
        assert differing <= {ooxml.TYPES, ooxml.RELATIONS, "docProps/custom.xml"}
        assert [name for name in after.namelist() if name in names] == names
    {"docx": docx.Document, "pptx": pptx.Presentation, "xlsx": openpyxl.load_workbook}[name[-4:]](io.BytesIO(made))
    assert exiftool(made, tmp_path, name[-4:])["XML:AIGC"] == TEXT


def test_openpyxl_reads_the_label_and_the_properties_that_were_there() -> None:
    book = openpyxl.load_workbook(io.BytesIO(written(workbook(Client="Zhang & Co", AIGC=INNER, Note="x"))))
    assert {one.name: one.value for one in book.custom_doc_props.props} == {
        "Client": "Zhang & Co",
        "AIGC": TEXT,
        "Note": "x",
    }


def test_numbers_of_properties_stay_and_never_repeat() -> None:
    book, file = openpyxl.load_workbook(io.BytesIO(workbook(A="1"))), io.BytesIO()
    book.custom_doc_props.append(IntProperty(name="B", value=5))
    book.custom_doc_props.append(BoolProperty(name="C", value=True))
    book.save(file)
    root = ooxml.tree(part(written(file.getvalue()), "docProps/custom.xml"))
    assert [(one.get("name"), one.get("pid")) for one in root] == [("A", "2"), ("B", "3"), ("C", "4"), ("AIGC", "5")]
    assert {one.get("fmtid") for one in root} == {"{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"}


def test_several_and_odd_labels_become_one() -> None:
    core = b'<c:core xmlns:c="urn:c" xmlns:d="urn:d"><c:keywords>AIGC%s</c:keywords><d:title>T</d:title></c:core>'
    file = changed(workbook(AIGC=INNER, myAIGC=INNER), {"docProps/core.xml": core % INNER.encode()})
    found = ooxml.read(memoryview(file))
    assert [one.label for one in found] == [OTHER] * 3
    assert [Fault.PLACE in one.faults for one in found] == [False, True, True]
    made = written(file)
    assert [one.label for one in ooxml.read(memoryview(made))] == [LABEL]
    assert b"<d:title>T</d:title>" in part(made, "docProps/core.xml")


def test_a_property_that_only_speaks_of_aigc_is_no_label() -> None:
    assert ooxml.read(memoryview(workbook(AIGC="see the policy", Label="1"))) == []


def test_a_strict_document_gets_strict_names() -> None:
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"'
        ' Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="word/document.xml"/>'
        "</Relationships>"
    )
    types = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    file = zipped({ooxml.TYPES: types.encode(), ooxml.RELATIONS: relations.encode(), "word/document.xml": b"<d/>"})
    made = written(file)
    assert b"http://purl.oclc.org/ooxml/officeDocument/customProperties" in part(made, "docProps/custom.xml")
    assert b"ooxml/officeDocument/relationships/customProperties" in part(made, ooxml.RELATIONS)
    assert [one.label for one in ooxml.read(memoryview(made))] == [LABEL]


def test_properties_in_another_part_are_found_by_their_relation() -> None:
    file = written(word())
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        parts = {name.replace("docProps/custom", "docProps/custom2"): archive.read(name) for name in archive.namelist()}
    parts[ooxml.RELATIONS] = parts[ooxml.RELATIONS].replace(b'"docProps/custom.xml"', b'"/docProps/custom2.xml"')
    parts[ooxml.TYPES] = parts[ooxml.TYPES].replace(b"docProps/custom.xml", b"docProps/custom2.xml")
    (found,) = ooxml.read(memoryview(zipped(parts)))
    assert (found.label, found.faults) == (LABEL, (Fault.PLACE,))
    assert [one.label for one in ooxml.read(memoryview(written(zipped(parts))))] == [LABEL]


def test_properties_that_no_relation_names_are_read_and_named() -> None:
    file = workbook(Client="Zhang", AIGC=INNER)
    relations = part(file, ooxml.RELATIONS).replace(b"custom-properties", b"other")
    made = written(changed(file, {ooxml.RELATIONS: relations}))
    assert [one.label for one in ooxml.read(memoryview(changed(file, {ooxml.RELATIONS: relations})))] == [OTHER]
    assert [one.label for one in ooxml.read(memoryview(made))] == [LABEL]
    book = openpyxl.load_workbook(io.BytesIO(made))
    assert book.custom_doc_props["Client"].value == "Zhang"


@pytest.mark.parametrize(
    "properties",
    [
        b"<!DOCTYPE p [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><Properties>&b;</Properties>",
        b"<Properties>" + b" " * 2_000_000 + b"</Properties>",
        b"<Properties>",
        b"\xff\xfe\0",
    ],
)
def test_hostile_properties_are_a_bad_file(properties: bytes) -> None:
    file = changed(written(word()), {"docProps/custom.xml": properties})
    with pytest.raises(BadFile):
        ooxml.read(memoryview(file))
    with pytest.raises(BadFile):
        written(file)


@given(mutated([written(workbook()), changed(workbook(AIGC=INNER), {})]))
def test_any_damage_gives_a_bad_file_or_a_result(file: bytes) -> None:
    try:
        ooxml.read(memoryview(file))
        made = written(file)
    except BadFile:
        return
    assert [one.label for one in ooxml.read(memoryview(made))] == [LABEL]
