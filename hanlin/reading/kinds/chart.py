"""What charts and diagrams in office documents say (DrawingML, ECMA-376 part 1, §21)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hanlin.reading.document import Block, table
from hanlin.reading.package import attribute, local

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_MOST_POINTS = 10_000


def drawn_text(element: Any) -> str:
    """The paragraphs of a text body, a line each."""
    return "\n".join(filter(None, map(paragraph_text, element.iter(f"{_A}p")))) if element is not None else ""


def paragraph_text(element: Any) -> str:
    pieces = ("\n" if local(each) == "br" else each.text or "" for each in element.iter(f"{_A}t", f"{_A}br"))
    return "".join(pieces).strip()


def chart_blocks(root: Any, page: int) -> Iterator[Block]:
    """A chart's title and axes' titles as a caption, its data as a table: a row a category, a column a series."""
    if root is None:
        return
    titles = list(filter(None, map(drawn_text, root.iter(f"{_C}title"))))
    if titles:
        yield Block("caption", "\n".join(titles), page)
    categories: dict[int, str] = {}
    columns = []
    for series in root.iter(f"{_C}ser"):
        categories |= _points(series, "cat") or _points(series, "xVal")
        columns.append((" ".join(_points(series, "tx").values()), _points(series, "val") or _points(series, "yVal")))
    numbers = sorted(categories.keys() | {number for _, values in columns for number in values})[:_MOST_POINTS]
    head = ("", *(name for name, _ in columns))
    rows = [(categories.get(number, ""), *(values.get(number, "") for _, values in columns)) for number in numbers]
    if rows:
        yield table([head, *rows], page)


def _points(series: Any, name: str) -> dict[int, str]:
    parent = series.find(f"{_C}{name}")
    if parent is None:
        return {}
    points = parent.iter(f"{_C}pt")
    return {int(attribute(point, "idx") or 0): (point.findtext(f"{_C}v") or "").strip() for point in points}


def diagram_texts(root: Any) -> list[str]:
    """The texts of a SmartArt diagram, in the order of its data."""
    return list(filter(None, map(paragraph_text, root.iter(f"{_A}p")))) if root is not None else []
