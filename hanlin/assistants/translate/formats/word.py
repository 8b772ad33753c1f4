"""DOCX: body, tables, text boxes, headers, footers, notes, comments, charts (ECMA-376-1, 17)."""

from __future__ import annotations

from collections.abc import Iterator

from hanlin.assistants.translate.formats import drawing
from hanlin.assistants.translate.formats.found import Found
from hanlin.assistants.translate.formats.package import Block, Package, extracted, filled
from hanlin.assistants.translate.formats.runs import Grammar
from hanlin.errors import BadFile

WORD = Grammar(
    run="r",
    text="t",
    properties="rPr",
    containers=frozenset({"hyperlink", "ins", "smartTag", "moveTo"}),
    breaks=frozenset({"br", "cr", "tab", "ptab"}),
    ignored=frozenset({"lang", "noProof", "rsidR", "rsidRPr", "rsidDel", "hint", "webHidden", "bCs", "iCs", "szCs"}),
)
_PARTS = (
    ("", ("document.main+xml", "document.macroEnabled.main+xml", "template.main+xml")),
    ("header", ("wordprocessingml.header+xml",)),
    ("footer", ("wordprocessingml.footer+xml",)),
    ("footnote", ("wordprocessingml.footnotes+xml",)),
    ("endnote", ("wordprocessingml.endnotes+xml",)),
    ("comment", ("wordprocessingml.comments+xml",)),
)


def extract(path: str) -> list[Found]:
    return extracted(_blocks(Package(path)))


def patch(path: str, target: str, targets: list[str]) -> None:
    package = Package(path)
    package.write(target, filled(_blocks(package), targets))


def _blocks(package: Package) -> Iterator[Block]:
    if not package.parts(*_PARTS[0][1]):
        raise BadFile("The package holds no Word document.", action="Save it again as DOCX.")
    for place, kinds in _PARTS:
        for part in package.parts(*kinds):
            yield from _in_part(package, part, place)
    yield from drawing.chart_blocks(package)


def _in_part(package: Package, part: str, place: str) -> Iterator[Block]:
    root = package.tree(part)
    for element in root.iter("{*}p"):
        if "wordprocessingml" in element.tag and (found := drawing.paragraph(element, WORD, part, place)):
            yield found
    yield from drawing.blocks(root, part, place)
