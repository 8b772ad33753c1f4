"""In which order the parts of a page are read: columns left to right, between what runs over the whole width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np
from msgspec import Struct

from hanlin.reading.document import Box

_DEPTH = 3
_FEWEST = 4
"""Lines a column has at least."""
_CROSSING = 0.25
"""Share of the lines that may run over a gutter: titles, wide captions."""


class Run(Struct):
    """Letters side by side on one line, without a wide gap."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    bold: bool = False

    @property
    def height(self) -> float:
        return self.bottom - self.top


def columns(runs: Sequence[Run], tables: Sequence[Box] = ()) -> Iterator[list[Run] | int]:
    """Stretches to read one after the other: runs of one column, or the index of a table.

    Tables come sorted by their tops; one is read after all that begins above it in its section.
    """
    boxes = [(run.left, run.top, run.right, run.bottom) for run in runs]
    gutter = _gutter(boxes) if len(runs) >= 2 * _FEWEST else None
    if gutter is None:
        yield from _between(list(runs), tables)
    else:
        yield from _sections(runs, tables, gutter, _DEPTH)


def _between(runs: list[Run], tables: Sequence[Box], numbers: Sequence[int] | None = None) -> Iterator[list[Run] | int]:
    """One column's runs, with its tables where they stand."""
    for number, box in zip(range(len(tables)) if numbers is None else numbers, tables, strict=True):
        above = [run for run in runs if (run.top + run.bottom) / 2 < box[1]]
        if above:
            yield above
            kept = set(map(id, above))
            runs = [run for run in runs if id(run) not in kept]
        yield number
    if runs:
        yield runs


def _sections(runs: Sequence[Run], tables: Sequence[Box], gutter: float, depth: int) -> Iterator[list[Run] | int]:
    """From top to bottom: what crosses the gutter ends a section, whose left side is read before its right side."""
    things: list[tuple[float, int, Run | int]] = [(run.top, _side(run.left, run.right, gutter), run) for run in runs]
    things += [(box[1], _side(box[0], box[2], gutter), number) for number, box in enumerate(tables)]
    section: dict[int, list[Run | int]] = {0: [], 1: [], 2: []}
    for _, side, thing in sorted(things, key=lambda each: each[0]):
        if (side == 0 and (section[1] or section[2])) or (side and section[0]):
            yield from _flushed(section, tables, depth)
        section[side].append(thing)
    yield from _flushed(section, tables, depth)


def _flushed(section: dict[int, list[Run | int]], tables: Sequence[Box], depth: int) -> Iterator[list[Run] | int]:
    for side in (0, 1, 2):
        numbers = [thing for thing in section[side] if isinstance(thing, int)]
        runs = [thing for thing in section[side] if not isinstance(thing, int)]
        boxes = [(run.left, run.top, run.right, run.bottom) for run in runs]
        inner = _gutter(boxes) if side and depth and not numbers and len(runs) >= 2 * _FEWEST else None
        if inner is not None:
            yield from _sections(runs, (), inner, depth - 1)
        else:
            yield from _between(runs, [tables[number] for number in numbers], numbers)
        section[side] = []


def _side(left: float, right: float, gutter: float) -> int:
    """1 left of the gutter, 2 right of it, 0 across."""
    return 1 if right <= gutter + 1 else 2 if left >= gutter - 1 else 0


def _gutter(boxes: Sequence[Box]) -> float | None:
    """X of the white stretch between two columns of running text, or None."""
    box = np.array(boxes)
    start, end = box[:, 0].min(), box[:, 2].max()
    if end - start < 50:
        return None
    bins = np.clip(((box[:, [0, 2]] - start) / (end - start) * 400).astype(int), 0, 400)
    change = np.zeros(402)
    np.add.at(change, bins[:, 0], 1)
    np.add.at(change, bins[:, 1] + 1, -1)
    covered = np.cumsum(change)[:400]
    middle = covered[80:320]
    least = middle.min()
    if least > _CROSSING * len(boxes):
        return None
    white = np.flatnonzero(middle == least)
    runs = np.split(white, np.flatnonzero(np.diff(white) > 1) + 1)
    widest = max(runs, key=len)
    gutter = start + (80 + (widest[0] + widest[-1] + 1) / 2) / 400 * (end - start)
    return float(gutter) if _is_text(boxes, gutter, 1) and _is_text(boxes, gutter, 2) else None


def _is_text(boxes: Sequence[Box], gutter: float, side: int) -> bool:
    """Lines on a side fill it, as running text does and cells do not."""
    found = [box for box in boxes if _side(box[0], box[2], gutter) == side]
    if len(found) < _FEWEST:
        return False
    width = max(box[2] for box in found) - min(box[0] for box in found)
    height = median(box[3] - box[1] for box in found)
    return width > 8 * height and median(box[2] - box[0] for box in found) > 0.6 * width
