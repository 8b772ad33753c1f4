"""The visible label as a shape: its words, size and place on a picture or frame, and how it is blended in.

GB 45438-2025, 5.2 and 5.4: a text with both elements, on an edge or corner, legible, glyphs at least 5 % of the
shortest side. The standard leaves open which height that is, so the strictest is taken: the drawn ink of every
capital and of every Chinese character.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hanlin.errors import BadFile

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFont import FreeTypeFont

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

FONT = Path(__file__).with_name("label-font.ttf")
SHARE = 0.05
"""Least height of a glyph, of the shortest side (5.2, 5.4 f)."""
WANTED_PX, LEGIBLE_PX, LEAST_PX = 12, 10, 6
"""Ink height on pictures whose 5 % are too little to read: where it fits; before the words are broken into lines or
turned; and when nothing else fits. Below the last no label can be read at all."""
OPACITY = 0.62
"""Of the plate. White text on a black plate keeps a contrast of 4.5 over a white ground from 0.54 on, black on white
over black from 0.46 on (WCAG 2.2, 1.4.3); the rest is quiet for the eye."""
WORDINGS = {
    "zh": (("AI生成",), ("AI", "生成")),
    "en": (("AI-generated",), ("AI", "generated")),
}
"""Language -> lines of the label, the preferred first. Each holds both elements."""
_CAPITAL_EM = 0.733
"""Height of a capital in label-font.ttf, its lowest counted glyph; Chinese characters are up to 0.92."""
_PITCH_EM, _SIDE_EM, _ABOVE_EM, _RADIUS_EM = 1.16, 0.44, 0.34, 0.34
_MARGIN_SHARE = 0.025
_EDGE_OPACITY = 0.35


class Corner(StrEnum):
    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


class Mark(Struct, frozen=True):
    """One label as laid out on a picture of a known size."""

    lines: tuple[str, ...]
    font_px: int
    box: Box
    """The plate; its corners are even numbers, so that halved colour planes can be cut there too."""
    turned: bool = False
    """Written upwards, on pictures too narrow for the words."""

    @property
    def ink_px(self) -> float:
        """Height of the lowest counted glyph, by the font's outlines."""
        return self.font_px * _CAPITAL_EM


def lay_out(width: int, height: int, language: str, corner: Corner = Corner.BOTTOM_RIGHT) -> Mark:
    """Find words, size and place of the label.

    Chinese for `zh`, else English. Raises BadFile when the picture is too small for a label that can be read.
    """
    shortest = min(width, height)
    margin = max(2, round(shortest * _MARGIN_SHARE))
    for font_px, lines, turned in _attempts(shortest, language):
        size = _plate_size(lines, font_px)
        wide, high = size[::-1] if turned else size
        if wide <= width - 2 * margin and high <= height - 2 * margin:
            return Mark(lines, font_px, _placed(wide, high, (width, height, margin), corner), turned)
    raise BadFile(
        f"A picture of {width} x {height} pixels is too small for a label that can be read.",
        action="Enlarge it to at least 64 x 64 pixels.",
    )


def masks(mark: Mark) -> tuple[Floats, Floats]:
    """How much of each pixel of the box the plate and the ink cover: two arrays (height, width) of 0 to 1."""
    from PIL import Image, ImageDraw

    left, top, right, bottom = mark.box
    size = (bottom - top, right - left) if mark.turned else (right - left, bottom - top)
    plate, edge = _plate(size, mark.font_px)
    text = Image.new("L", size)
    brush, font = ImageDraw.Draw(text), _font(mark.font_px)
    for number, line in enumerate(mark.lines):
        x = round((size[0] - font.getlength(line)) / 2)
        y = _first_baseline(mark.lines, mark.font_px, size[1]) + number * round(_PITCH_EM * mark.font_px)
        brush.text((x, y), line, fill=255, font=font, anchor="ls")
    ink = np.maximum(np.asarray(text, np.float32), np.asarray(edge, np.float32) * np.float32(_EDGE_OPACITY))
    first, second = np.asarray(plate, np.float32) / np.float32(255), ink / np.float32(255)
    return (np.rot90(first), np.rot90(second)) if mark.turned else (first, second)


def _plate(size: tuple[int, int], font_px: int) -> tuple[Image.Image, Image.Image]:
    """The plate and its edge: a hairline, which sets the label apart on a ground of the plate's own colour."""
    from PIL import Image, ImageDraw

    whole = 4 * size[0], 4 * size[1]
    plate, edge = Image.new("L", whole), Image.new("L", whole)
    corners, radius = (0, 0, whole[0] - 1, whole[1] - 1), 4 * font_px * _RADIUS_EM
    ImageDraw.Draw(plate).rounded_rectangle(corners, radius, fill=255)
    ImageDraw.Draw(edge).rounded_rectangle(corners, radius, outline=255, width=4 * max(1, font_px // 24))
    return plate.resize(size, Image.Resampling.BOX), edge.resize(size, Image.Resampling.BOX)


def blend(patch: NDArray[Any], shape: tuple[Floats, Floats], ground: Floats, ink: Floats, opacity: float) -> Floats:
    """Lay plate and text of `masks` over pixels (height, width, channels); `ground` and `ink` are their colours."""
    plate, text = (mask[..., np.newaxis] for mask in shape)
    covered = patch + (ground - patch) * (plate * np.float32(opacity))
    result: Floats = covered + (ink - covered) * text
    return result


def _attempts(shortest: int, language: str) -> Iterator[tuple[int, tuple[str, ...], bool]]:
    """Font size, lines and whether turned: one line while legible, then two, then turned, then smaller."""
    asked = SHARE * shortest + 1  # the edges of a glyph are blurred: one pixel more than the standard asks
    wanted, legible, least = (ceil(max(ink, asked) / _CAPITAL_EM) for ink in (WANTED_PX, LEGIBLE_PX, LEAST_PX))
    wordings = WORDINGS["zh" if language.startswith("zh") else "en"]
    candidates = [*((lines, False) for lines in wordings), (wordings[0], True)]
    for lines, turned in candidates:
        yield from ((font_px, lines, turned) for font_px in range(wanted, legible - 1, -1))
    for font_px in range(legible - 1, least - 1, -1):
        yield from ((font_px, lines, turned) for lines, turned in candidates)


def _plate_size(lines: tuple[str, ...], font_px: int) -> tuple[int, int]:
    """Width and height, even numbers. Descenders hang into the space below and do not count."""
    font = _font(font_px)
    wide = max(font.getlength(line) for line in lines) + 2 * _SIDE_EM * font_px
    high = _ink_height(lines, font_px) + 2 * _ABOVE_EM * font_px
    return 2 * ceil(wide / 2), 2 * ceil(high / 2)


def _ink_height(lines: tuple[str, ...], font_px: int) -> int:
    """From the top of the first line's capitals to the foot of the last line."""
    font = _font(font_px)
    top, foot = font.getbbox(lines[0].upper(), anchor="ls")[1], font.getbbox(lines[-1].upper(), anchor="ls")[3]
    return int(foot - top) + (len(lines) - 1) * round(_PITCH_EM * font_px)


def _first_baseline(lines: tuple[str, ...], font_px: int, height: int) -> int:
    top = _font(font_px).getbbox(lines[0].upper(), anchor="ls")[1]
    return round((height - _ink_height(lines, font_px)) / 2 - top)


def _placed(wide: int, high: int, room: tuple[int, int, int], corner: Corner) -> Box:
    width, height, margin = room
    left = margin if corner.endswith("left") else width - margin - wide
    top = margin if corner.startswith("top") else height - margin - high
    left, top = left - left % 2, top - top % 2
    return left, top, left + wide, top + high


@lru_cache(maxsize=32)
def _font(size_px: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(FONT, size_px, layout_engine=ImageFont.Layout.BASIC)
