"""The label in EPUB: `<meta name="AIGC" content="{…}"/>` in the package document (EPUB 3.3, 5.5; EPUB 2 has the same).

No guide names a place for EPUB; this is where it says of itself who made it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats.archive import Archive, content, open_archive, patched
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.formats.ooxml import tree
from hanlin.labels.found import Found, parse
from hanlin.labels.imprint import Imprint

CONTAINER = "META-INF/container.xml"


def read(file: memoryview) -> list[Found]:
    package = tree(_package(open_archive(file))[1])
    found = [parse(text, "EPUB meta", usual=name == "AIGC") for _, name, text in _labels(package)]
    return [one for one in found if one]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    from lxml import etree

    archive = open_archive(file)
    name, data = _package(archive)
    package = tree(data)
    metadata = next(package.iter("{*}metadata"), None)
    if metadata is None:
        raise BadFile("The book has no metadata.", action="Save it again in its program.")
    for element, _, _ in _labels(package):
        element.getparent().remove(element)
    namespace = metadata.tag.rpartition("}")[0].lstrip("{")
    label = etree.SubElement(metadata, f"{{{namespace}}}meta" if namespace else "meta")
    label.set("name", "AIGC")
    label.set("content", msgspec.json.encode(imprint.label).decode())
    return patched(archive, {name: etree.tostring(package, xml_declaration=True, encoding="UTF-8")})


def _package(archive: Archive) -> tuple[str, bytes]:
    """Name and bytes of the package document, as the container says (EPUB 3.3, 4.2.6.3)."""
    container = content(archive, CONTAINER)
    for root in tree(container).iter("{*}rootfile") if container else ():
        if data := content(archive, root.get("full-path", "")):
            return root.get("full-path"), data
    raise BadFile("The book has no package document.", action="Save it again in its program.")


def _labels(package: Any) -> list[tuple[Any, str, str]]:
    """Elements that are named AIGC, with their name and what they say."""
    metas = ((one, one.get("name") or one.get("property") or "") for one in package.iter("{*}meta"))
    return [(one, name, one.get("content") or one.text or "") for one, name in metas if "AIGC" in name.upper()]


FORMATS = (Format("epub", ("application/epub+zip",), Modality.TEXT, read, write),)
