"""PPTX: slides in their order, notes, comments, texts of layouts and masters, charts, diagrams (ECMA-376-1, 19)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hanlin.assistants.translate.formats import drawing
from hanlin.assistants.translate.formats.found import Found, worth_it
from hanlin.assistants.translate.formats.package import Block, Package, extracted, filled
from hanlin.assistants.translate.formats.runs import local
from hanlin.errors import BadFile
from hanlin.labels.formats.ooxml import main_part, relations, relations_of

_BEHIND = ("presentationml.slideLayout+xml", "presentationml.slideMaster+xml")


def extract(path: str) -> list[Found]:
    return extracted(_blocks(Package(path)))


def patch(path: str, target: str, targets: list[str]) -> None:
    package = Package(path)
    package.write(target, filled(_blocks(package), targets))


def _blocks(package: Package) -> Iterator[Block]:
    slides = _slides(package)
    if not slides:
        raise BadFile("The package holds no slides.", action="Save it again as PPTX.")
    for number, part in enumerate(slides, 1):
        yield from drawing.blocks(package.tree(part), part, f"slide {number}")
        for notes in _related(package, part, "/notesSlide"):
            yield from drawing.blocks(package.tree(notes), notes, f"slide {number}, notes")
        for comments in _related(package, part, "/comments"):
            for text in package.tree(comments).iter("{*}text"):
                if worth_it(text.text or ""):
                    yield drawing.whole(text, comments, f"slide {number}, comment")
    for part in package.parts(*_BEHIND):
        yield from _own_texts(package.tree(part), part)
    yield from drawing.chart_blocks(package)


def _slides(package: Package) -> list[str]:
    """Parts of the slides in the order in which they are shown."""
    main = main_part(package.archive)
    targets = {relation.id: relation.target for relation in relations(package.archive, relations_of(main))}
    ids = [
        next((value for name, value in slide.attrib.items() if name.endswith("}id")), "")
        for slide in package.tree(main).iter("{*}sldId")
    ]
    return [targets[one] for one in ids if one in targets and package.has(targets[one])]


def _related(package: Package, part: str, kind: str) -> list[str]:
    found = relations(package.archive, relations_of(part))
    return [one.target for one in found if one.kind.endswith(kind) and package.has(one.target)]


def _own_texts(root: Any, part: str) -> Iterator[Block]:
    """Texts that a layout or master shows on every slide; those of its placeholders are hints for who edits it."""
    for shape in root.iter("{*}sp"):
        if not any(local(element) == "ph" for element in shape.iter("{*}ph")):
            yield from drawing.blocks(shape, part, "layout")
