"""A mind map as SVG: a tree that grows to the right, drawn by code from data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

LEVELS = 4
COLUMN_PX, ROW_PX, GAP_PX = 230, 22, 10
LINE_UNITS = 26
"""Width of a line of a box; a Chinese character is two."""
LINES = 3
_COLOURS = ("#1e4e8c", "#2b6cb0", "#4a90c2", "#7fb3d5")


class _Box:
    """A node with its place."""

    def __init__(self, topic: str, level: int) -> None:
        self.lines = _wrapped(topic)
        self.level = level
        self.children: list[_Box] = []
        self.top = 0.0

    @property
    def height(self) -> float:
        return len(self.lines) * ROW_PX * 0.8 + 8

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def drawn(root: Mapping[str, Any]) -> str:
    """The tree of a note (`topic`, `children`) as an SVG that loads and runs nothing."""
    box = _box(root, 0)
    height = _place(box, GAP_PX)
    width = _depth(box) * COLUMN_PX + GAP_PX
    shapes = "\n".join(_shapes(box))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" width="{width}" '
        f'height="{height:.0f}" font-family="system-ui, sans-serif" font-size="13">\n{shapes}\n</svg>\n'
    )


def _box(node: Mapping[str, Any], level: int) -> _Box:
    box = _Box(str(node["topic"]), level)
    if level + 1 < LEVELS:
        box.children = [_box(child, level + 1) for child in node["children"]]
    return box


def _depth(box: _Box) -> int:
    return 1 + max((_depth(child) for child in box.children), default=0)


def _place(box: _Box, top: float) -> float:
    """Put a node in the middle of its children; the lower edge of all of it."""
    bottom = top
    for child in box.children:
        bottom = _place(child, bottom)
    below = max(bottom, top + box.height + GAP_PX)
    if box.children:
        middle = (box.children[0].middle + box.children[-1].middle) / 2
        box.top = max(top, middle - box.height / 2)
    else:
        box.top = top
    return max(below, box.top + box.height + GAP_PX)


def _shapes(box: _Box) -> list[str]:
    left = GAP_PX + box.level * COLUMN_PX
    width = COLUMN_PX - 40
    colour = _COLOURS[box.level]
    shapes = []
    for child in box.children:
        start, end = left + width, GAP_PX + child.level * COLUMN_PX
        bend = (start + end) / 2
        path = f"M{start} {box.middle:.1f}C{bend} {box.middle:.1f} {bend} {child.middle:.1f} {end} {child.middle:.1f}"
        shapes += [f'<path d="{path}" fill="none" stroke="#9ca3af"/>', *_shapes(child)]
    shapes.append(
        f'<rect x="{left}" y="{box.top:.1f}" width="{width}" height="{box.height:.1f}" rx="6" fill="#ffffff" '
        f'stroke="{colour}"/>'
    )
    for number, line in enumerate(box.lines):
        y = box.top + 17 + number * ROW_PX * 0.8
        shapes.append(f'<text x="{left + 8}" y="{y:.1f}" fill="#1f2937">{escape(line)}</text>')
    return shapes


def _wrapped(topic: str) -> list[str]:
    """At most three lines, cut between words where there are blanks."""
    lines, line = [], ""
    for word in _words(topic):
        if line and _units(line + word) > LINE_UNITS:
            lines.append(line.strip())
            line = ""
        line += word
    lines.append(line.strip())
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], lines[LINES - 1][:-1] + "…"]
    return lines


def _words(topic: str) -> Sequence[str]:
    words: list[str] = []
    for character in " ".join(topic.split()):
        joins = words and character.isascii() and words[-1][-1].isascii() and words[-1][-1] != " "
        if joins and _units(words[-1]) < LINE_UNITS:
            words[-1] += character
        else:
            words.append(character)
    return words


def _units(text: str) -> int:
    return sum(2 if ord(character) >= 0x2E80 else 1 for character in text)
