"""What all three kinds of Office document hold besides their own: DrawingML's paragraphs, charts, alternative texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hanlin.assistants.translate import markup
from hanlin.assistants.translate.formats.found import worth_it
from hanlin.assistants.translate.formats.package import Block, Package
from hanlin.assistants.translate.formats.runs import Grammar, local, stretches, translate

DRAWING = Grammar(
    run="r",
    text="t",
    properties="rPr",
    containers=frozenset(),
    breaks=frozenset({"br"}),
    ignored=frozenset({"lang", "altLang", "dirty", "err", "smtClean", "noProof", "bmk", "extLst"}),
)
CHARTS = ("drawingml.chart+xml", "drawingml.diagramData+xml", "diagramDrawing+xml", "chartex+xml")
_NAMED = frozenset({"docPr", "cNvPr"})


def paragraph(element: Any, grammar: Grammar, part: str, place: str) -> Block | None:
    """A paragraph as a block, None when there is nothing in it to translate."""
    found = stretches(element, grammar)
    if not found:
        return None
    sources = tuple(stretch.source for stretch in found)
    return Block((part,), place, sources, lambda targets: translate(element, grammar, targets))


def blocks(root: Any, part: str, place: str) -> Iterator[Block]:
    """DrawingML's paragraphs, cached texts of charts, and alternative texts, in the order of the part."""
    for element in root.iter("{*}p", "{*}docPr", "{*}cNvPr", "{*}strCache"):
        name = local(element)
        if name == "p" and "drawingml" in element.tag:
            if found := paragraph(element, DRAWING, part, place):
                yield found
        elif name in _NAMED:
            yield from _attributes(element, part, place)
        elif name == "strCache":
            yield from _cached(element, part, place)


def chart_blocks(package: Package) -> Iterator[Block]:
    """Charts and diagrams of the package."""
    for part in package.parts(*CHARTS):
        yield from blocks(package.tree(part), part, "chart")


def _attributes(element: Any, part: str, place: str) -> Iterator[Block]:
    for name in ("title", "descr"):
        if worth_it(element.get(name, "")):
            yield attribute(element, name, part, place)


def attribute(element: Any, name: str, part: str, place: str) -> Block:
    """An attribute that people read."""

    def put(targets: Sequence[str | None]) -> None:
        element.set(name, markup.plain(targets[0] or ""))

    return Block((part,), place, (element.get(name),), put)


def whole(element: Any, part: str, place: str) -> Block:
    """An element that holds one text and nothing else."""

    def put(targets: Sequence[str | None]) -> None:
        element.text = markup.plain(targets[0] or "")

    return Block((part,), place, (element.text,), put)


def _cached(cache: Any, part: str, place: str) -> Iterator[Block]:
    for value in cache.iter("{*}v"):
        if worth_it(value.text or ""):
            yield whole(value, part, place)
