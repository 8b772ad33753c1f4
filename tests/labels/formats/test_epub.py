from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given

from hanlin.errors import BadFile
from hanlin.labels.formats import epub
from hanlin.labels.found import Fault
from tests.labels.formats.test_archive import zipped
from tests.labels.formats.test_xmp import IMPRINT, INNER, LABEL, OTHER, data, joined, mutated

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:title>T</dc:title>%s</metadata><manifest/><spine/></package>"
)
ESCAPED = INNER.replace('"', "&quot;")


def book(meta: str = "", container: str = CONTAINER) -> bytes:
    parts = {"mimetype": "application/epub+zip", epub.CONTAINER: container, "OPS/book.opf": PACKAGE % meta}
    return zipped({name: text.encode() for name, text in parts.items()}, zipfile.ZIP_STORED)


def written(file: bytes) -> bytes:
    return joined(epub.write(memoryview(file), IMPRINT))


def test_the_label_is_in_the_package_document_and_all_else_stays() -> None:
    file = data("documents", "markitdown_test.epub").read_bytes()
    assert epub.read(memoryview(file)) == []
    made = written(file)
    assert written(made) == made
    (found,) = epub.read(memoryview(made))
    assert (found.label, found.place, found.faults) == (LABEL, "EPUB meta", ())
    with zipfile.ZipFile(io.BytesIO(file)) as before, zipfile.ZipFile(io.BytesIO(made)) as after:
        assert after.testzip() is None
        assert after.namelist() == before.namelist()
        assert after.infolist()[0].compress_type == zipfile.ZIP_STORED
        assert [one for one in after.namelist() if after.read(one) != before.read(one)] == ["EPUB/content.opf"]
        root = ET.fromstring(after.read("EPUB/content.opf").decode())
    metas = [one for one in root.iter() if one.get("name") == "AIGC"]
    assert [one.get("content") for one in metas] == [msgspec.json.encode(LABEL).decode()]


def test_several_labels_become_one() -> None:
    file = book(f'<meta name="AIGC" content="{ESCAPED}"/><meta property="x:AIGC">{INNER}</meta>')
    found = epub.read(memoryview(file))
    assert [one.label for one in found] == [OTHER, OTHER]
    assert [Fault.PLACE in one.faults for one in found] == [False, True]
    assert [one.label for one in epub.read(memoryview(written(file)))] == [LABEL]


@pytest.mark.parametrize("container", ["", "<container/>", CONTAINER.replace("book", "other"), "<!DOCTYPE a><a/>"])
def test_a_book_without_a_package_document_is_a_bad_file(container: str) -> None:
    for call in (epub.read, lambda view: epub.write(view, IMPRINT)):
        with pytest.raises(BadFile):
            call(memoryview(book(container=container)))


@given(mutated([book(), book(f'<meta name="AIGC" content="{ESCAPED}"/>')]))
def test_any_damage_gives_a_bad_file_or_a_result(file: bytes) -> None:
    try:
        epub.read(memoryview(file))
        made = written(file)
    except BadFile:
        return
    assert [one.label for one in epub.read(memoryview(made))] == [LABEL]
