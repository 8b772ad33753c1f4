"""A picture file as the few plain images that are looked at."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from hanlin.errors import BadFile

if TYPE_CHECKING:
    from PIL import Image

PIXELS = 8192 * 8192
"""Of all frames together, for each must be decoded to reach the next; as for visible labels."""
FRAMES = 1000
_LOOKED_AT = 4
"""Frames of an animation, spread over it."""
_PIECES = 8
"""Of one file. Screenshots of whole conversations are that much longer than wide."""
_SIDE = 1280
"""Longest side of what is looked at; print in a page of this height can still be read."""
_OVERLAP = 64
"""Two lines of print, so that none is cut in half in both pieces."""
_KINDS = ("PNG", "JPEG", "WEBP", "GIF")
_FAILURES = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, AttributeError,
             ZeroDivisionError, RuntimeError, struct.error, zlib.error)  # fmt: skip
"""What Pillow is known to raise on broken files."""


class Frame(NamedTuple):
    whole: Image.Image
    """RGB, no side longer than 1280."""
    pieces: tuple[Image.Image, ...]
    """Cuts of a picture that is much longer than wide, or wider than long, at a size to read; none of others."""


def frames(picture: bytes) -> Iterator[Frame]:
    """The frames to look at, upright, on white where they are transparent. Raises BadFile."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(picture), formats=_KINDS) as image:
            count = _bound(image)
            chosen = sorted({number * (count - 1) // (_LOOKED_AT - 1) for number in range(_LOOKED_AT)})
            for number in chosen:
                image.seek(number)
                upright = ImageOps.exif_transpose(_on_white(image))
                yield Frame(_smaller(upright, _SIDE / max(upright.size)), _cut(upright, _PIECES // len(chosen)))
    except (*_FAILURES, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadFile(
            "Expected a whole PNG, JPEG, WebP or GIF picture, got one that cannot be decoded.",
            action="Open it in an image program and save it again.",
        ) from error


def _bound(image: Image.Image) -> int:
    """The number of frames. Raises BadFile when there are more pixels than are looked at."""
    count = int(getattr(image, "n_frames", 1))
    if image.width * image.height * count > PIXELS or count > FRAMES:
        raise BadFile(
            f"A picture may have {PIXELS} pixels in all and {FRAMES} frames; "
            f"got {image.width} x {image.height} pixels and {count} frames.",
            action="Make it smaller or cut it.",
        )
    return count


def _on_white(image: Image.Image) -> Image.Image:
    """An RGB copy; exif data stays with it."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    pixels = image.convert("RGBA")
    ground = Image.new("RGB", pixels.size, (255, 255, 255))
    ground.paste(pixels, mask=pixels.getchannel("A"))
    ground.info = image.info
    return ground


def _smaller(image: Image.Image, scale: float) -> Image.Image:
    from PIL import Image

    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _cut(image: Image.Image, most: int) -> tuple[Image.Image, ...]:
    """At most so many overlapping pieces along the longer side; () when the whole can be read as it is."""
    long, short = max(image.size), min(image.size)
    if long <= _SIDE or long < 2 * short:
        return ()
    step = _SIDE - _OVERLAP
    scale = min(1.0, _SIDE / short, (most * step + _OVERLAP) / long)
    reduced = _smaller(image, scale)
    starts = range(0, max(1, max(reduced.size) - _OVERLAP), step)
    if image.width > image.height:
        return tuple([reduced.crop((at, 0, min(at + _SIDE, reduced.width), reduced.height)) for at in starts])
    return tuple([reduced.crop((0, at, reduced.width, min(at + _SIDE, reduced.height))) for at in starts])
