"""One page of a PDF: its letters as runs, its ruling lines, whether it is a scan. Lengths in points, y downwards."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hanlin.reading.columns import Run
from hanlin.reading.document import Limits
from hanlin.reading.layout import Sheet
from hanlin.reading.package import too_large
from hanlin.reading.ruling import Rules, filled, grids

_WIDE_GAP = 1.5
"""In sizes of a letter; a wider gap parts two runs: columns, cells."""
_MOST_OBJECTS = 20_000
"""Of a page; one with more is a drawing, whose lines are no tables."""
_MOST_LETTERS = 100_000
"""Of a page; five newspaper pages have so many."""
_FORM_DEPTH = 4
_THIN = 2.5
"""Points: a rectangle thinner than this is a line."""
_FEW_LETTERS = 20
_SCAN_SHARE = 0.2
_MOST_RULES = 200
_BLANKS = np.array([9, 10, 11, 12, 13, 32, 0xA0, 0x3000])
Boxes = NDArray[np.float64]
Point = tuple[float, float]
Map = Callable[[Any, Any], tuple[Any, Any]]
"""Of numbers, or of arrays of them."""


class Print(Struct):
    sheet: Sheet
    scanned: bool


class Drawn(Struct):
    """What stands on a page beside letters."""

    rules: Rules
    image_area: float = 0
    objects: int = 0


def printed(pdf: Any, index: int, limits: Limits) -> Print:
    """Page `index` (from 0) of an open PDFium document."""
    page = pdf[index]
    try:
        width, height = page.get_size()
        to_page = _upright(page, width, height)
        drawn = _drawn(page, to_page, width, height)
        runs = _runs(page, to_page, drawn.rules, limits)
    finally:
        page.close()
    letters = [letter for run in runs for letter in run.text if not letter.isspace()]
    unreadable = sum(letter == "\ufffd" or "\ue000" <= letter <= "\uf8ff" for letter in letters)
    share = drawn.image_area / max(1.0, width * height)
    few = len(letters) < _FEW_LETTERS and (share > _SCAN_SHARE or (not letters and drawn.objects > 0))
    sheet = Sheet(index + 1, max(1.0, width), max(1.0, height), runs)
    for grid in grids(drawn.rules):
        rows, outside = filled(grid, sheet.runs)
        if sum(any(row) for row in rows) > 1:
            sheet.tables.append((grid.box, rows))
            sheet.runs = outside
    return Print(sheet, few or (len(letters) >= _FEW_LETTERS and unreadable > len(letters) / 2))


def _upright(page: Any, width: float, height: float) -> Map:
    """From the page's own space to points from the upper left, as it is shown: rotated and cropped."""
    import pypdfium2.raw as pdfium

    def device(x: float, y: float) -> Point:
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, 1_000_000, 1_000_000, 0, x, y, across, down)
        return across.value / 1e6 * width, down.value / 1e6 * height

    (x, y), (a, b), (c, d) = device(0, 0), device(1000, 0), device(0, 1000)
    a, b, c, d = (a - x) / 1000, (b - y) / 1000, (c - x) / 1000, (d - y) / 1000
    return lambda across, up: (x + a * across + c * up, y + b * across + d * up)


def _runs(page: Any, to_page: Map, rules: Rules, limits: Limits) -> list[Run]:
    """Letters as runs, in the order in which they are drawn."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    try:
        count = pdfium.FPDFText_CountChars(text)
        if count > min(limits.characters, _MOST_LETTERS):
            raise too_large(f"{count:,} characters on one page")
        boxes = (pdfium.FS_RECTF * max(1, count))()
        codes = np.array([pdfium.FPDFText_GetUnicode(text, at) for at in range(count)], np.int64)
        for at in range(count):
            pdfium.FPDFText_GetLooseCharBox(text, at, boxes[at])
        corners = np.frombuffer(boxes, np.float32).reshape(-1, 4).astype(float)
        placed = _placed(corners, to_page)
        return [_run(codes, placed, part, text) for part in _parts(codes, placed, rules)]
    finally:
        text.close()


def _placed(corners: Boxes, to_page: Map) -> Boxes:
    """Boxes as the page is shown: left, top, right, bottom."""
    x, y = to_page(corners[:, 0], corners[:, 1])
    z, w = to_page(corners[:, 2], corners[:, 3])
    return np.stack([np.minimum(x, z), np.minimum(y, w), np.maximum(x, z), np.maximum(y, w)], axis=1)


def _parts(codes: NDArray[np.int64], placed: Boxes, rules: Rules) -> list[NDArray[np.int64]]:
    """The letters of each run: a new one at a line's end, at a wide gap, at a ruling line between cells."""
    inked = np.flatnonzero((codes != 0) & ~np.isin(codes, _BLANKS) & (codes < 0x110000))
    if not len(inked):
        return []
    last, new = placed[inked[:-1]], placed[inked[1:]]
    size = np.maximum(1, last[:, 3] - last[:, 1])
    middle = (new[:, 1] + new[:, 3]) / 2
    gap = new[:, 0] - last[:, 2]
    parted = (middle < last[:, 1] - 0.3 * size) | (middle > last[:, 3] + 0.3 * size)
    parted |= (gap > _WIDE_GAP * np.minimum(size, 40)) | (new[:, 2] < last[:, 0] - _WIDE_GAP * size)
    lines = np.cumsum((codes == 10) | (codes == 13))[inked]
    parted |= lines[1:] != lines[:-1]
    if len(rules.upright) <= _MOST_RULES:
        spaced = np.diff(inked) > 1
        for x, low, high in rules.upright:
            between = (last[:, 2] - 1 <= x) & (x <= new[:, 0] + 1) & (low <= middle) & (middle <= high)
            parted |= spaced & between
    return np.split(inked, np.flatnonzero(parted) + 1)


def _run(codes: NDArray[np.int64], placed: Boxes, part: NDArray[np.int64], text: Any) -> Run:
    letters = ("\u00ad" if code in {2, 0xFFFE} else chr(code) for code in codes[part[0] : part[-1] + 1].tolist())
    words = "".join(letters).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    boxes = placed[part]
    left, top, _, _ = boxes.min(axis=0).tolist()
    _, _, right, bottom = boxes.max(axis=0).tolist()
    bold = all(_is_bold(text, int(part[at])) for at in (0, len(part) // 2, len(part) - 1))
    return Run(words, left, top, right, bottom, float((boxes[:, 3] - boxes[:, 1]).mean()), bold)


def _is_bold(text: Any, at: int) -> bool:
    import pypdfium2.raw as pdfium

    if pdfium.FPDFText_GetFontWeight(text, at) >= 600:
        return True
    name, flags = ctypes.create_string_buffer(80), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(text, at, name, 80, flags)
    return any(word in name.value for word in (b"Bold", b"bold", b"Heavy", b"Black", b"SimHei"))


def _drawn(page: Any, to_page: Map, width: float, height: float) -> Drawn:
    """Ruling lines and images, also those in forms that the page shows."""
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFPage_CountObjects(page)
    drawn = Drawn(Rules([], []), objects=count)
    if count > _MOST_OBJECTS:
        return drawn
    top = (pdfium.FPDFPage_GetObject(page, at) for at in range(count))
    left = _MOST_OBJECTS
    for kind, item, move in _objects(top, to_page, _FORM_DEPTH):
        left -= 1
        if left < 0:
            break
        if kind == pdfium.FPDF_PAGEOBJ_PATH:
            _add_path(item, move, drawn.rules, 0.95 * width, 0.95 * height)
        elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            drawn.image_area += _area(item, move)
    return drawn


def _objects(items: Iterator[Any], move: Map, depth: int) -> Iterator[tuple[int, Any, Map]]:
    import pypdfium2.raw as pdfium

    for item in items:
        kind = pdfium.FPDFPageObj_GetType(item)
        if kind == pdfium.FPDF_PAGEOBJ_FORM and depth:
            count = min(pdfium.FPDFFormObj_CountObjects(item), _MOST_OBJECTS)
            inner = (pdfium.FPDFFormObj_GetObject(item, at) for at in range(count))
            yield from _objects(inner, _through(item, move), depth - 1)
        else:
            yield kind, item, move


def _through(item: Any, move: Map) -> Map:
    """An object's own space to the page's."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, matrix):
        return move
    a, b, c, d, e, f = matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f
    return lambda x, y: move(a * x + c * y + e, b * x + d * y + f)


def _area(item: Any, move: Map) -> float:
    import pypdfium2.raw as pdfium

    edges = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(item, *edges):
        return 0
    left, bottom, right, top = (edge.value for edge in edges)
    (x, y), (z, w) = move(left, bottom), move(right, top)
    return float(abs(x - z) * abs(y - w))


def _add_path(item: Any, move: Map, rules: Rules, widest: float, highest: float) -> None:
    """A path's straight edges; those of a thin rectangle are one line, a frame around the page is none."""
    import pypdfium2.raw as pdfium

    count = pdfium.FPDFPath_CountSegments(item)
    if not 2 <= count <= 400:
        return
    points = list(_points(item, count, _through(item, move)))
    xs, ys = [x for x, _, _ in points], [y for _, y, _ in points]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    if right - left > widest and bottom - top > highest:
        return
    if bottom - top < _THIN or right - left < _THIN:
        _add_line(rules, (left, (top + bottom) / 2), (right, (top + bottom) / 2), right - left >= bottom - top)
        if bottom - top > right - left:
            _add_line(rules, ((left + right) / 2, top), ((left + right) / 2, bottom), False)
        return
    start = points[0]
    for before, after in pairwise(points):
        start = before if before[2] == pdfium.FPDF_SEGMENT_MOVETO else start
        if after[2] == pdfium.FPDF_SEGMENT_LINETO:
            _add_edge(rules, before[:2], after[:2])
    _add_edge(rules, points[-1][:2], start[:2])


def _points(item: Any, count: int, move: Map) -> Iterator[tuple[float, float, int]]:
    import pypdfium2.raw as pdfium

    x, y = ctypes.c_float(), ctypes.c_float()
    for at in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(item, at)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        yield *move(x.value, y.value), pdfium.FPDFPathSegment_GetType(segment)


def _add_edge(rules: Rules, start: Point, end: Point) -> None:
    flat, upright = abs(start[1] - end[1]) < 1, abs(start[0] - end[0]) < 1
    if flat != upright:
        _add_line(rules, start, end, flat)


def _add_line(rules: Rules, start: Point, end: Point, flat: bool) -> None:
    if flat and abs(end[0] - start[0]) > _THIN:
        rules.flat.append((start[1], min(start[0], end[0]), max(start[0], end[0])))
    elif not flat and abs(end[1] - start[1]) > _THIN:
        rules.upright.append((start[0], min(start[1], end[1]), max(start[1], end[1])))
