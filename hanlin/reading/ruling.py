"""Tables by their ruling lines: which lines meet, what cells they make, which text stands in which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hanlin.reading.columns import Run
from hanlin.reading.document import Box

_NEAR = 3.0
"""Points within which two lines are one, or meet."""
_MOST_LINES = 2000
"""Of a page in one direction; a drawing has more, and is no table."""
_MOST_CELLS = 20_000


class Rules(Struct):
    """A page's straight lines, in points, y downwards."""

    flat: list[tuple[float, float, float]]
    """(y, from x, to x)."""
    upright: list[tuple[float, float, float]]
    """(x, from y, to y)."""


class Grid(Struct):
    xs: list[float]
    ys: list[float]
    leads: list[list[tuple[int, int]]]
    """Of each place the row and column of the cell it belongs to: merged cells share one."""

    @property
    def box(self) -> Box:
        return self.xs[0], self.ys[0], self.xs[-1], self.ys[-1]


def grids(rules: Rules) -> list[Grid]:
    """Tables of at least two rows and two columns."""
    if not (2 < len(rules.flat) <= _MOST_LINES and 2 < len(rules.upright) <= _MOST_LINES):
        return []
    flat, upright = np.array(rules.flat), np.array(rules.upright)
    y, left, right = (flat[:, at, None] for at in range(3))
    x, top, bottom = (upright[None, :, at] for at in range(3))
    meet = (x > left - _NEAR) & (x < right + _NEAR) & (y > top - _NEAR) & (y < bottom + _NEAR)
    found = []
    for rows, cols in _groups(meet):
        grid = _grid(flat[rows], upright[cols])
        if grid is not None:
            found.append(grid)
    return _outermost(found)


def _groups(meet: NDArray[np.bool_]) -> list[tuple[NDArray[np.int_], NDArray[np.int_]]]:
    """Lines that hang together, by breadth-first search over who meets whom."""
    free: NDArray[np.bool_] = np.any(meet, axis=1)
    groups = []
    while free.any():
        rows, cols = np.flatnonzero(free)[:1], np.empty(0, int)
        while True:
            cols = np.flatnonzero(meet[rows].any(axis=0))
            wider = np.flatnonzero(meet[:, cols].any(axis=1))
            if len(wider) == len(rows):
                break
            rows = wider
        free[rows] = False
        groups.append((rows, cols))
    return groups


def _grid(flat: NDArray[np.float64], upright: NDArray[np.float64]) -> Grid | None:
    xs, ys = _positions(upright[:, 0]), _positions(flat[:, 0])
    rows, cols = len(ys) - 1, len(xs) - 1
    if rows < 2 or cols < 2 or rows * cols > _MOST_CELLS:
        return None
    leads = [[(row, col) for col in range(cols)] for row in range(rows)]
    for row in range(rows):
        for col in range(cols):
            if col and not _drawn(upright, xs[col], (ys[row] + ys[row + 1]) / 2):
                leads[row][col] = leads[row][col - 1]
            elif row and not _drawn(flat, ys[row], (xs[col] + xs[col + 1]) / 2):
                leads[row][col] = leads[row - 1][col]
    cells = len({lead for row in leads for lead in row})
    return Grid(xs, ys, leads) if cells >= 4 else None


def _positions(values: NDArray[np.float64]) -> list[float]:
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > _NEAR:
            found.append(float(value))
    return found


def _drawn(lines: NDArray[np.float64], at: float, across: float) -> bool:
    return bool(((abs(lines[:, 0] - at) <= _NEAR) & (lines[:, 1] <= across) & (lines[:, 2] >= across)).any())


def _outermost(found: list[Grid]) -> list[Grid]:
    """Tables that stand in no other one."""

    def within(inner: Box, outer: Box) -> bool:
        return (
            inner != outer
            and inner[0] >= outer[0] - 1
            and inner[1] >= outer[1] - 1
            and inner[2] <= outer[2] + 1
            and inner[3] <= outer[3] + 1
        )

    return [grid for grid in found if not any(within(grid.box, other.box) for other in found)]


def filled(grid: Grid, runs: Sequence[Run]) -> tuple[list[list[str]], list[Run]]:
    """The cells' texts, and the runs that stand outside the table."""
    xs, ys = np.array(grid.xs), np.array(grid.ys)
    cells: dict[tuple[int, int], list[Run]] = {}
    outside = []
    for run in runs:
        col = int(np.searchsorted(xs, (run.left + run.right) / 2)) - 1
        row = int(np.searchsorted(ys, (run.top + run.bottom) / 2)) - 1
        if 0 <= col < len(xs) - 1 and 0 <= row < len(ys) - 1:
            cells.setdefault(grid.leads[row][col], []).append(run)
        else:
            outside.append(run)
    rows = [["" for _ in row] for row in grid.leads]
    for (row, col), inside in cells.items():
        rows[row][col] = _text(inside)
    return rows, outside


def _text(runs: list[Run]) -> str:
    """Lines of one cell; runs on one line are parted by a blank."""
    text, last = "", None
    for run in sorted(runs, key=lambda each: (round((each.top + each.bottom) / 2 / max(each.height, 1)), each.left)):
        same = last is not None and abs(run.top - last.top) < 0.5 * max(run.height, 1)
        text += ("" if last is None else " " if same else "\n") + run.text.strip()
        last = run
    return text
