"""The visible label on pictures (GB 45438-2025, 5.2): drawn on an image, or added to a file that keeps all else.

Only the pixels under the label change. What comes out of `add` is as near to the file as its kind allows: lossless
kinds keep every other pixel, JPEG keeps its quantisation tables, lossy WebP and AVIF are encoded better than they were.
Content Credentials are not carried over, for they sign the pixels: the old file becomes their parent when the new one
is signed. Nor are XMP packets of GIF and colours deeper than 8 bits (16-bit grey stays as it is).
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hanlin.errors import BadFile
from hanlin.labels.explicit.mark import OPACITY, Corner, Floats, Mark, blend, lay_out, masks

if TYPE_CHECKING:
    from PIL import Image

PIXELS = 8192 * 8192
"""Largest picture."""
FRAMES = 1000
GIF_PIXELS = PIXELS // 2
"""Largest animation: frames; and pixels of all frames together, which are held at once. Of GIF fewer, for finding each
frame's colours takes long."""
_BLACK_WHITE: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "L": ((0,), (255,)),
    "LA": ((0, 255), (255, 255)),
    "RGB": ((0, 0, 0), (255, 255, 255)),
    "RGBA": ((0, 0, 0, 255), (255, 255, 255, 255)),
    "CMYK": ((0, 0, 0, 255), (0, 0, 0, 0)),
    "YCbCr": ((0, 128, 128), (255, 128, 128)),
    "LAB": ((0, 128, 128), (255, 128, 128)),
    "I;16": ((0,), (65535,)),
    "I;16L": ((0,), (65535,)),
    "I;16B": ((0,), (65535,)),
}
"""Mode -> its black and its white."""
_BRIGHT = 140
"""Mean grey from which the plate is white and the text black."""
_FAILURES = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, AttributeError,
             ZeroDivisionError, MemoryError, RuntimeError, struct.error, zlib.error)  # fmt: skip
"""What Pillow is known to raise on broken files."""


def draw(
    image: Image.Image, language: str, *, corner: Corner = Corner.BOTTOM_RIGHT, dark: bool | None = None
) -> tuple[Image.Image, Mark]:
    """A copy of an image with the visible label, and what was drawn.

    The mode stays, but for palettes, which become RGB or RGBA. The plate is dark on dark ground and light on light
    ground unless `dark` says which. Raises BadFile when the image is too small for a label that can be read.
    """
    mark = lay_out(image.width, image.height, language, corner)
    drawn = _plain(image)
    _stamp(drawn, mark, _is_dark(drawn.crop(mark.box)) if dark is None else dark)
    return drawn, mark


def add(file: bytes, format_name: str, language: str, *, corner: Corner = Corner.BOTTOM_RIGHT) -> bytes:
    """A picture file with the visible label on every frame and page, placed as viewers turn the picture.

    `format_name` is png, jpeg, webp, gif, tiff or avif. Raises BadFile for others, for broken or oversized files and
    for pictures too small to carry a label.
    """
    return redrawn(file, format_name, language, corner=corner)


def redrawn(
    file: bytes,
    format_name: str,
    language: str | None,
    then: Callable[[Image.Image], Image.Image] | None = None,
    *,
    corner: Corner = Corner.BOTTOM_RIGHT,
) -> bytes:
    """As `add`, without a label where `language` is None, and with what `then` makes of each frame afterwards.

    One decoding and one encoding for all that changes pixels. `then` keeps size and mode.
    """
    if format_name not in _KINDS:
        raise BadFile(
            f"A visible label can be drawn on {', '.join(_KINDS)}, got {format_name!r}.",
            action="Save the picture as one of these.",
        )
    from PIL import Image

    plugins, save = _KINDS[format_name]
    try:
        with Image.open(io.BytesIO(file), formats=plugins) as image:
            _bound(image)
            frames = _frames(image, language, corner, then)
            target = io.BytesIO()
            frames[0].save(target, plugins[0], **save(image, frames, file))
            return target.getvalue()
    except (*_FAILURES, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadFile(
            f"Expected a whole {format_name} picture, got one that cannot be decoded.",
            action="Open it in an image program and save it again.",
        ) from error


def _bound(image: Image.Image) -> None:
    most, frames = GIF_PIXELS if image.format == "GIF" else PIXELS, _count(image)
    if image.width * image.height * frames > most or frames > FRAMES:
        raise BadFile(
            f"A {image.format} picture may have {most} pixels in all and {FRAMES} frames; "
            f"got {image.width} x {image.height} pixels and {frames} frames.",
            action="Make it smaller or cut it.",
        )


def _frames(
    image: Image.Image, language: str | None, corner: Corner, then: Callable[[Image.Image], Image.Image] | None
) -> list[Image.Image]:
    """Every frame or page, labelled. In an animation the plate is as on the first frame, for it must not flicker."""
    from PIL import Image

    image.load()
    back, there = _TURNS.get(image.getexif().get(0x0112, 1), (None, None))
    dark: bool | None = None
    frames = []
    for number in range(_count(image)):
        image.seek(number)
        _bound(image)  # pages have sizes of their own
        upright = image if there is None else image.transpose(Image.Transpose(there))
        frame = _plain(upright)
        if language is not None:
            mark = lay_out(frame.width, frame.height, language, corner)
            if dark is None or image.format == "TIFF":
                dark = _is_dark(frame.crop(mark.box))
            _stamp(frame, mark, dark)
        frame = frame if then is None else then(frame)
        frame.info = dict(image.info)
        frames.append(frame if back is None else frame.transpose(Image.Transpose(back)))
    if image.format == "TIFF":
        image.seek(0)  # whose tags are the file's
    return frames


def _count(image: Image.Image) -> int:
    """Frames or pages. What cameras hide behind a JPEG, a preview or a brightness map, would not match any more."""
    return 1 if image.format == "MPO" else getattr(image, "n_frames", 1)


_TURNS = {2: (0, 0), 3: (3, 3), 4: (1, 1), 5: (5, 5), 6: (2, 4), 7: (6, 6), 8: (4, 2)}
"""EXIF orientation -> PIL's transposition back to the file's, and to the viewer's."""


def _plain(image: Image.Image) -> Image.Image:
    """A copy in a mode that can be drawn on; other pixels keep their values."""
    if image.mode in _BLACK_WHITE or image.mode in ("1", "I", "F"):
        return image.copy()
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _range(image: Image.Image) -> tuple[Floats, Floats]:
    """Black and white of an image's mode; of floats and 32-bit numbers, which name none, by what it holds."""
    if image.mode in ("I", "F"):
        extrema: Any = image.getextrema()
        low, high = extrema
        pair: Any = (low, high if high > low else low + 1) if image.mode == "F" else (0, max(high, 65535))
    else:
        pair = _BLACK_WHITE.get(image.mode, ((0,), (255,)))
    return np.array(pair[0], np.float32, ndmin=1), np.array(pair[1], np.float32, ndmin=1)


def _is_dark(patch: Image.Image) -> bool:
    """Whether a plate goes better with dark here. What can be seen through is taken for dark: nobody knows its page."""
    if patch.has_transparency_data:
        return True
    low, high = _range(patch)
    is_grey = patch.mode in ("I", "F", "LAB", "YCbCr") or patch.mode.startswith("I;16")
    levels = np.atleast_3d(np.asarray(patch if is_grey else patch.convert("L"), np.float32))[..., 0]
    darkest, brightest = (low[0], high[0]) if is_grey else (0, 255)
    return float(levels.mean() - darkest) < (brightest - darkest) * _BRIGHT / 255


def _stamp(image: Image.Image, mark: Mark, dark: bool) -> None:
    """Put the label on an image itself."""
    patch = image.crop(mark.box)
    black, white = _range(image)
    colours = (black, white) if dark else (white, black)
    if image.mode == "1":
        image.paste(_labelled(patch.convert("L"), mark, colours).point(lambda grey: 255 * (grey > 127), "1"), mark.box)
    else:
        image.paste(_labelled(patch, mark, colours), mark.box)


def _labelled(patch: Image.Image, mark: Mark, colours: tuple[Floats, Floats]) -> Image.Image:
    """A patch with plate and text in two colours. What can be seen through is blended by how much of it is seen."""
    from PIL import Image

    pixels = np.atleast_3d(np.asarray(patch))
    shape = masks(mark)
    deep = pixels.astype(np.float32)
    if has_alpha := patch.mode in ("LA", "RGBA"):
        deep[..., :-1] *= deep[..., -1:] / 255
    mixed = blend(deep, shape, *colours, OPACITY)
    if has_alpha:
        mixed[..., :-1] /= np.maximum(mixed[..., -1:] / 255, 1 / 255)
    rounded = mixed if patch.mode == "F" else np.rint(mixed)
    result = np.where((shape[0] > 0)[..., np.newaxis], rounded, pixels).astype(pixels.dtype)
    return Image.frombytes(patch.mode, patch.size, result.tobytes())


def _animation(image: Image.Image, frames: list[Image.Image]) -> dict[str, Any]:
    """Save options of the frames after the first: timing and repetition as they were."""
    if len(frames) == 1:
        return {}
    durations = [frame.info.get("duration", 100) for frame in frames]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": durations}
    return options | ({"loop": image.info["loop"]} if "loop" in image.info else {})


def _common(image: Image.Image, *keys: str) -> dict[str, Any]:
    return {key: image.info[key] for key in ("icc_profile", *keys) if image.info.get(key)}


def _png(image: Any, frames: list[Image.Image], _file: bytes) -> dict[str, Any]:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    for keyword, text in image.text.items():
        if hasattr(text, "lang"):
            chunks.add_itxt(keyword, text, text.lang or "", text.tkey or "")
        else:
            chunks.add_text(keyword, text)
    options = _common(image, "exif", "dpi", "gamma", "chromaticity", "srgb") | {"pnginfo": chunks}
    animated = {"disposal": 0, "blend": 0} if len(frames) > 1 else {}  # Pillow gives whole frames
    return options | animated | _animation(image, frames)


def _jpeg(image: Any, _frames: list[Image.Image], _file: bytes) -> dict[str, Any]:
    """The encoder's own settings, and all application segments but those that the new file has or makes untrue."""
    from PIL.JpegImagePlugin import get_sampling

    kept = (
        (int(name[3:]), content)
        for name, content in image.applist
        if name.startswith("APP") and name not in ("APP0", "APP11", "APP14") and not content.startswith(b"MPF\0")
    )
    extra = b"".join(struct.pack(">BBH", 0xFF, 0xE0 + number, len(content) + 2) + content for number, content in kept)
    return {
        "qtables": image.quantization,
        "subsampling": get_sampling(image),
        "progressive": "progressive" in image.info,
        "optimize": True,
        "comment": image.info.get("comment", b""),
        "extra": extra,
    } | ({"dpi": image.info["dpi"]} if "jfif_density" in image.info and "dpi" in image.info else {})


def _webp(image: Image.Image, frames: list[Image.Image], file: bytes) -> dict[str, Any]:
    lossless = b"VP8L" in file and b"VP8 " not in file
    options = _common(image, "exif", "xmp") | {"lossless": lossless, "quality": 80 if lossless else 95, "exact": True}
    background = {"background": image.info["background"]} if len(frames) > 1 and "background" in image.info else {}
    return options | background | _animation(image, frames)


def _avif(image: Image.Image, frames: list[Image.Image], _file: bytes) -> dict[str, Any]:
    return (
        _common(image, "exif", "xmp") | {"quality": 90, "subsampling": "4:4:4", "speed": 9} | _animation(image, frames)
    )


def _tiff(image: Any, frames: list[Image.Image], _file: bytes) -> dict[str, Any]:
    described = image.getexif()
    for tag in _TIFF_STRUCTURE.intersection(described):
        del described[tag]
    options = _common(image, "dpi", "compression") | {"exif": described}
    return options | ({"save_all": True, "append_images": frames[1:]} if len(frames) > 1 else {})


_TIFF_STRUCTURE = frozenset(
    [*range(254, 267), 273, *range(277, 282), 284, 292, 293, 297, 317, *range(320, 326), 330, *range(338, 342), 347,
     *range(512, 522), *range(529, 533)]
)  # fmt: skip
"""Tags that say how a page is stored (TIFF 6.0, sections 8 to 22): the new file has its own."""


def _gif(image: Image.Image, frames: list[Image.Image], _file: bytes) -> dict[str, Any]:
    frames[:] = [_indexed(frame) for frame in frames]
    clear = any("transparency" in frame.info for frame in frames)
    options = _common(image, "comment") | {"optimize": False, "disposal": 2 if clear else 0}
    return options | _animation(image, frames)


def _indexed(frame: Image.Image) -> Image.Image:
    """A frame in at most 255 colours of its own; 255 is what can be seen through."""
    from PIL import Image

    clear = frame.getchannel("A").point(lambda alpha: 255 * (alpha < 128)) if frame.mode == "RGBA" else None
    colours = frame if frame.mode == "RGB" else frame.convert("RGB")
    indexed = colours.quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indexed.info = {key: frame.info[key] for key in ("duration", "loop") if key in frame.info}
    if clear is not None and clear.getbbox():
        indexed.paste(255, mask=clear)
        indexed.info["transparency"] = 255
    return indexed


_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Any, list[Image.Image], bytes], dict[str, Any]]]] = {
    "png": (("PNG",), _png),
    "jpeg": (("JPEG", "MPO"), _jpeg),
    "webp": (("WEBP",), _webp),
    "gif": (("GIF",), _gif),
    "tiff": (("TIFF",), _tiff),
    "avif": (("AVIF",), _avif),
}
"""Format -> Pillow's readers, of which the first writes, and the options to save with."""
