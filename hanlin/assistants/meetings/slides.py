"""Slides out of a video: a picture is kept where what is shown changes and then stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from hanlin.errors import BadFile

EVERY_SECONDS = 2.0
"""One frame in so much time is looked at: a slide stays longer."""
CHANGED = 0.035
"""Mean difference of colours (0 to 1) of two small pictures from which they are two slides."""
STILL = 0.02
"""Below it a picture stays as it is: what moves is a film, and no slide."""
SMALL_PX = (64, 36)
WIDTH_PX = 1280
MOST_SLIDES = 300
PIXELS = 50_000_000


class Found(Struct, frozen=True):
    name: str
    """Of the file in the folder."""
    start_seconds: float
    width: int
    height: int


def extract(source: str, folder: str) -> list[Found]:
    """Write the slides of a video to `folder` as PNG, at most 300. For a sandbox. BadFile for what is no video."""
    import av

    logging.getLogger("libav").setLevel(logging.CRITICAL)
    try:
        with open(source, "rb") as file, av.open(file, metadata_errors="ignore") as container:  # noqa: PTH123
            stream: Any = container.streams.best("video")
            if stream is None:
                raise BadFile("The file has no video.", code="no_video")
            if stream.codec_context.width * stream.codec_context.height > PIXELS:
                raise BadFile(f"The video has more than {PIXELS:,} pixels a picture.", code="video_too_large")
            stream.codec_context.skip_frame = "NONKEY"
            return list(_slides(_sparse(container, stream), Path(folder)))
    except (av.FFmpegError, ValueError) as error:
        raise BadFile(f"The video cannot be read ({type(error).__name__}).", code="bad_video") from None


def _sparse(container: Any, stream: Any) -> Iterator[tuple[float, Any]]:
    """Key frames at least EVERY_SECONDS apart, with their times."""
    last = -EVERY_SECONDS
    begin = float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0
    for frame in container.decode(stream):
        if frame.time is None or frame.time - begin - last < EVERY_SECONDS:
            continue
        last = frame.time - begin
        yield last, frame


def _slides(frames: Iterator[tuple[float, Any]], folder: Path) -> Iterator[Found]:
    """A frame that differs from the last slide, and is shown again in the next frame or is the last there is."""
    shown: Any = None
    waiting: tuple[float, Any, Any] | None = None
    number = 0
    for time, frame in frames:
        small = _small(frame)
        if waiting is not None and _difference(waiting[2], small) < STILL:
            number += 1
            shown = waiting[2]
            yield _written(waiting[1], waiting[0], number, folder)
            if number == MOST_SLIDES:
                return
            waiting = None
        new = shown is None or _difference(shown, small) > CHANGED
        waiting = (time, frame, small) if new else None
    if waiting is not None:
        yield _written(waiting[1], waiting[0], number + 1, folder)


def _small(frame: Any) -> Any:
    width, height = SMALL_PX
    return frame.reformat(width, height, format="rgb24").to_ndarray().astype(np.float32) / 255


def _difference(one: Any, other: Any) -> float:
    return float(np.abs(one - other).mean())


def _written(frame: Any, time: float, number: int, folder: Path) -> Found:
    width = min(WIDTH_PX, frame.width)
    height = max(1, round(frame.height * width / frame.width))
    picture = frame.reformat(width, height, format="rgb24").to_image()
    name = f"{number}.png"
    picture.save(folder / name, "PNG", optimize=False)
    return Found(name, round(time, 2), width, height)
