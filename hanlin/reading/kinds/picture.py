"""Pictures: a scanned page a frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hanlin.errors import BadFile
from hanlin.reading.document import Document, Limits, Page
from hanlin.reading.package import broken, too_large

_READ = ("PNG", "JPEG", "WEBP", "TIFF")


def read_picture(path: str, limits: Limits) -> Document:
    with opened(path, limits) as picture:
        pages = tuple(
            Page(number, float(picture.width), float(picture.height), scanned=True)
            for number in _frames(picture, limits)
        )
    return Document("", "picture", pages, ())


@contextmanager
def opened(path: str, limits: Limits) -> Iterator[Any]:
    """A Pillow image whose size has been checked; what breaks in it is a BadFile."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # counted here, before a pixel is unpacked
    try:
        with Image.open(path, formats=_READ) as picture:
            _check(picture, limits)
            yield picture
    except BadFile:
        raise
    except Exception as error:
        raise broken("a whole picture") from error


def _check(picture: Any, limits: Limits) -> None:
    width, height = picture.size
    if width * height > limits.pixels:
        raise too_large(f"a picture of {width:,} × {height:,} pixels")


def seek(picture: Any, frame: int) -> bool:
    """Go to a frame (from 1) that is a page: any of TIFF's; of a moving picture the first. False when there is none."""
    if frame == 1 or picture.format == "TIFF":
        try:
            picture.seek(frame - 1)
        except EOFError:
            return False
        return True
    return False


def _frames(picture: Any, limits: Limits) -> Iterator[int]:
    number = 1
    while seek(picture, number):
        if number > limits.pages:
            raise too_large(f"more than {limits.pages:,} frames")
        _check(picture, limits)
        yield number
        number += 1
