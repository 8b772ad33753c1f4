"""The label in Office documents: the custom property `AIGC` (ECMA-376-1, 22.3; TC260-PG-20258A)."""

from __future__ import annotations

import posixpath
import re
from typing import Any, NamedTuple

import msgspec

from hanlin.errors import BadFile
from hanlin.labels.formats.archive import Archive, content, open_archive, patched
from hanlin.labels.formats.format import Format, Modality, Piece
from hanlin.labels.found import Found, parse
from hanlin.labels.imprint import Imprint

TYPES = "[Content_Types].xml"
RELATIONS = "_rels/.rels"
CUSTOM = "docProps/custom.xml"
_PROPERTIES_BYTES = 1024 * 1024
_ODD_PARTS = ("docProps/core.xml", "docProps/app.xml")
"""Where others put a label: as keywords, a description, a comment."""
_FMTID = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
_RELATION = f"{{{_PACKAGE}relationships}}Relationship"
_OVERRIDE = f"{{{_PACKAGE}content-types}}Override"
_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.custom-properties+xml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_STRICT = "http://purl.oclc.org/ooxml/officeDocument"
_FLAVOURS = {
    _OFFICE: ("relationships/custom-properties", "custom-properties", "docPropsVTypes"),
    _STRICT: ("relationships/customProperties", "customProperties", "docPropsVTypes"),
}
"""Transitional and strict: the ends of the type of the relation and of the two namespaces, properties and values."""


class Relation(NamedTuple):
    id: str
    kind: str
    target: str
    """Name of the part, from the root of the package."""


def read(file: memoryview) -> list[Found]:
    archive = open_archive(file)
    part = _custom_part(archive) or CUSTOM
    found = []
    if data := content(archive, part):
        for name, text in _named(tree(data)):
            found.append(parse(text, f"OOXML {part} {name}", usual=(part, name) == (CUSTOM, "AIGC")))
    for odd in _ODD_PARTS:
        if data := content(archive, odd):
            found += [parse(element.text, f"OOXML {odd}", usual=False) for element in _odd(tree(data))]
    return [one for one in found if one]


def write(file: memoryview, imprint: Imprint) -> list[Piece]:
    archive = open_archive(file)
    flavour = _STRICT if _STRICT.encode() in (content(archive, RELATIONS) or b"") else _OFFICE
    relation, properties, values = (f"{flavour}/{end}" for end in _FLAVOURS[flavour])
    parts = _cleaned(archive)
    part = _custom_part(archive)
    if part is None:
        part, parts[RELATIONS] = CUSTOM, related(archive, "", relation, CUSTOM)[1]
    if data := content(archive, part):
        root = tree(data)
    else:
        root = _element(f"{{{properties}}}Properties", {None: properties, "vt": values})
    if not data or RELATIONS in parts:
        parts[TYPES] = typed(archive, part, _MEDIA_TYPE)
    _set(root, msgspec.json.encode(imprint.label).decode(), values)
    return patched(archive, {**parts, part: _markup(root)})


def _custom_part(archive: Archive) -> str | None:
    """Name of the part with the custom properties, as the package's relations say."""
    kinds = [f"{flavour}/{ends[0]}" for flavour, ends in _FLAVOURS.items()]
    return next((one.target for one in relations(archive, RELATIONS) if one.kind in kinds), None)


def main_part(archive: Archive) -> str:
    """Name of the part that is the document. Raises BadFile when the package names none."""
    for relation in relations(archive, RELATIONS):
        if relation.kind.endswith("/officeDocument") and relation.target.lower() in archive.entries:
            return relation.target
    raise BadFile("The package has no main part.", action="Save it again in the program that made it.")


def relations(archive: Archive, part: str) -> list[Relation]:
    """The relations inside the package that a file of relations holds, in their order."""
    data = content(archive, part)
    folder = posixpath.dirname(posixpath.dirname(part))
    return [
        Relation(one.get("Id", ""), one.get("Type", ""), _target(folder, one.get("Target", "")))
        for one in (tree(data).iterchildren(_RELATION) if data else ())
        if one.get("TargetMode") != "External"
    ]


def tree(data: bytes) -> Any:
    """A part as an lxml element, without entities and without any network. Raises BadFile."""
    from lxml import etree

    if len(data) > _PROPERTIES_BYTES or b"<!DOCTYPE" in data[:4096] or b"<\0!\0D\0" in data[:4096]:
        raise BadFile("A part of the package is too long or has a DTD.", action="Save it again in its program.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise BadFile("A part of the package is not XML.", action="Save it again in its program.") from error


def related(archive: Archive, part: str, kind: str, target: str) -> tuple[str, bytes]:
    """The relations of a part (`""` is the package) with one more; returns its id and the new file of relations."""
    name = relations_of(part)
    root = tree(content(archive, name) or f'<Relationships xmlns="{_PACKAGE}relationships"/>'.encode())
    taken = {relation.get("Id") for relation in root}
    number = next(f"rId{n}" for n in range(1, len(taken) + 2) if f"rId{n}" not in taken)
    root.append(_element(_RELATION, {}, Id=number, Type=kind, Target=target))
    return number, _markup(root)


def relations_of(part: str) -> str:
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def typed(archive: Archive, part: str, media_type: str) -> bytes:
    """The file of content types with this part in it."""
    root = tree(content(archive, TYPES) or b"")
    for override in list(root.iterchildren(_OVERRIDE)):
        if override.get("PartName", "").lower() == f"/{part}".lower():
            root.remove(override)
    root.append(_element(_OVERRIDE, {}, PartName=f"/{part}", ContentType=media_type))
    return _markup(root)


def _target(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _named(root: Any) -> list[tuple[str, str]]:
    return [
        (one.get("name", ""), "".join(one.itertext()))
        for one in root.iterchildren("{*}*")
        if "AIGC" in one.get("name", "")
    ]


def _odd(root: Any) -> list[Any]:
    return [one for one in root.iter("{*}*") if one.text and "Label" in one.text and parse(one.text, "")]


def _cleaned(archive: Archive) -> dict[str, bytes]:
    """The parts with labels in odd places, without them."""
    parts = {}
    for part in _ODD_PARTS:
        root = tree(data) if (data := content(archive, part)) else None
        if root is not None and (odd := _odd(root)):
            for element in odd:
                element.text = None
            parts[part] = _markup(root)
    return parts


def _set(root: Any, text: str, values: str) -> None:
    """One property `AIGC`, in the place and with the number of the one that was there, or as the last."""
    old = [one for one in root.iterchildren("{*}*") if "AIGC" in one.get("name", "")]
    numbers = [int(one.get("pid")) for one in root.iterchildren("{*}*") if re.fullmatch(r"\d{1,9}", one.get("pid", ""))]
    place = root.index(old[0]) if old else len(root)
    kept = old[0].get("pid", "") if old else ""
    unique = [str(number) for number in numbers].count(kept) == 1
    for one in old:
        root.remove(one)
    # [MS-OLEPS] 2.18: the numbers 0 and 1 are the dictionary's and the code page's
    number = kept if unique else str(max([1, *numbers]) + 1)
    namespace = root.tag.rpartition("}")[0].lstrip("{")
    entry = _element(f"{{{namespace}}}property", {}, fmtid=_FMTID, pid=number, name="AIGC")
    entry.append(_element(f"{{{values}}}lpwstr", {}))
    entry[0].text = text
    root.insert(place, entry)


def _element(tag: str, namespaces: dict[str | None, str], **attributes: str) -> Any:
    from lxml import etree

    return etree.Element(tag, attributes, namespaces or None)


def _markup(root: Any) -> bytes:
    from lxml import etree

    markup: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return markup


def _format(name: str, media_type: str) -> Format:
    return Format(name, (media_type,), Modality.TEXT, read, write)


_OPEN = "application/vnd.openxmlformats-officedocument."
_MACRO = "application/vnd.ms-"
FORMATS = (
    _format("docx", f"{_OPEN}wordprocessingml.document"),
    _format("dotx", f"{_OPEN}wordprocessingml.template"),
    _format("docm", f"{_MACRO}word.document.macroEnabled.12"),
    _format("dotm", f"{_MACRO}word.template.macroEnabled.12"),
    _format("xlsx", f"{_OPEN}spreadsheetml.sheet"),
    _format("xltx", f"{_OPEN}spreadsheetml.template"),
    _format("xlsm", f"{_MACRO}excel.sheet.macroEnabled.12"),
    _format("xltm", f"{_MACRO}excel.template.macroEnabled.12"),
    _format("pptx", f"{_OPEN}presentationml.presentation"),
    _format("potx", f"{_OPEN}presentationml.template"),
    _format("pptm", f"{_MACRO}powerpoint.presentation.macroEnabled.12"),
    _format("potm", f"{_MACRO}powerpoint.template.macroEnabled.12"),
)
